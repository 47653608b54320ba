"""Application answers: what the answer to a message says besides that it was taken.

An acknowledgement says that a message is safe. Some messages ask for more: a request
for an appointment wants the appointment, an order may want to know whether it was
accepted. A responder writes the segments that follow MSA and ERR.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received
from booking_engine.domain.errors import DomainError
from hl7_adapters.er7 import FieldValue, Message
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.profile import Profile


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one command of a message: done, or refused for good.

    Parameters
    ----------
    received
        What the handler returned; ``None`` if the command was refused.
    refusal
        Why; ``None`` if it was carried out.
    asked
        The order of the message that asked for it; ``None`` if it was none.
    """

    command: object
    received: Received | None = None
    refusal: DomainError | None = None
    asked: OrderGroup | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The application part of an answer.

    Parameters
    ----------
    kind
        MSH-9 of the answer: message code, trigger event, structure.
    segments
        What follows MSA and ERR; the first value of each is the segment's name.
    """

    kind: tuple[str, str, str]
    segments: tuple[tuple[FieldValue, ...], ...] = ()


Responder: TypeAlias = Callable[
    [Message, Profile, Sequence[Result], UnitOfWork], Response | None
]
"""Called inside the transaction, after all commands, with no results where the message
was refused as a whole; ``None``: a plain ACK. `responders` lists them all."""
