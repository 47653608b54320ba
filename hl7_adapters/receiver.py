"""From frames to acknowledgements: read, look for repeats, carry out, store, answer.

A batch of frames shares one transaction, since the cost of an order is the commit. An
acknowledgement leaves only after the commit that stored its message, what the message
did, and the acknowledgement itself; a sender that was answered is never asked again,
and one that was not sends again and is recognised.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from booking_engine.application.commands import (
    AskStatus,
    CancelOrder,
    ChangeOrder,
    HoldOrder,
    LiftHold,
    ReceiveOrder,
    RecordAnswer,
    RecordStatus,
    ReplaceOrders,
)
from booking_engine.application.patient_commands import (
    MergePatients,
    UpdatePatient,
)
from booking_engine.application.ports import MessageKey, PlacerKey
from booking_engine.domain.clock import Clock
from booking_engine.domain.errors import DomainError, StoreUnavailable
from booking_engine.domain.identifiers import Actor, Ids, PatientKey
from booking_engine.domain.messages import InboundMessage, MessageOutcome
from booking_engine.domain.register import keys_of
from hl7_adapters.ack import INTERNAL_ERROR, RETRYABLE
from hl7_adapters.carrying_out import Done, carry_out, refused, reused
from hl7_adapters.filing import Filed, Filing
from hl7_adapters.frames import FrameReader, ReadFrame, Replay, log_failure
from hl7_adapters.mllp.received import Received
from hl7_adapters.parking import Waiting
from hl7_adapters.profile import Profile
from hl7_adapters.profile_source import Senders

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession, Dispatcher

log = logging.getLogger(__name__)

ACTOR: Final = Actor("interface:hl7")


class Receiver:
    """Answers the frames that a listener hands over.

    Parameters
    ----------
    dispatcher
        Runs the commands and owns the transaction.
    profiles
        Of all partners; a sender in none of them is refused (AR 207) and kept.
    ids
        Names messages ("M"); the name is also the acknowledgement's control id.
    clock
        The time in acknowledgements.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        profiles: Iterable[Profile] | Senders,
        *,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._dispatcher = dispatcher
        self._reader = FrameReader(profiles, clock=clock)
        self._filing = Filing(ids, clock)

    def handle(self, batch: Sequence[Received]) -> list[bytes | None]:
        """Carry out and store a batch; return one answer for each frame.

        Returns
        -------
        list
            An acknowledgement; empty where nobody waits for one; ``None`` where
            nothing could be stored, so that the sender must send again.
        """
        frames = [self._reader.read(received) for received in batch]
        try:
            return self._together(frames)
        except Exception as error:  # noqa: BLE001 - one bad frame must not stop the rest
            log_failure("batch not stored; trying one by one", error, len(frames))
        answers: list[bytes | None] = []
        for frame in frames:
            # Once even a bare message cannot be stored, the rest would only wait.
            lost = bool(answers) and answers[-1] is None
            answers.append(None if lost else self._alone(frame))
        return answers

    def replay(self, received: Received, replay: Replay) -> bool:
        """Carry out a stored message again, and store what comes of it as a new one.

        Nobody waits for the answer: it is stored with the message that `replay` names.
        The same bytes are no repeat here, but an order that exists is still found.

        Returns
        -------
        bool
            Whether it was stored.
        """
        frame = replace(self._reader.read(received), replay=replay)
        return self._alone(frame) is not None

    def _together(self, frames: Sequence[ReadFrame]) -> list[bytes | None]:
        """Process all frames in one transaction."""
        answers: list[bytes | None] = []
        stored: list[InboundMessage] = []
        with self._dispatcher.session(ACTOR) as session:
            uow = session.uow
            uow.prefetch(
                messages={f.key for f in frames if f.key is not None},
                orders={k for f in frames for k in _placer_keys(f.mapped.commands)},
                patients={k for f in frames for k in _patient_keys(f.mapped.commands)},
            )
            seen: dict[MessageKey, InboundMessage] = {}
            waiting = Waiting(frames, session, self._reader)
            for frame in frames:
                message = self._process(frame, session, seen, waiting)
                if frame.key is not None:
                    seen[frame.key] = message
                answers.append(message.ack)
                stored.append(message)
            session.commit()
        for message in stored:
            _log_answer(message)
        return answers

    def _alone(self, frame: ReadFrame) -> bytes | None:
        """Process one frame in its own transaction; if that fails, store that."""
        try:
            return self._together([frame])[0]
        except StoreUnavailable as error:
            log_failure("store unavailable; closing unanswered", error)
            return None
        except DomainError as error:
            done = refused(error, frame)
        except Exception as error:  # noqa: BLE001 - the answer says so, with 207
            log_failure("message not processed", error)
            done = Done(INTERNAL_ERROR, MessageOutcome.FAILED)
        try:
            with self._dispatcher.session(ACTOR) as session:
                message = _store(self._filing.record(frame, done), session)
                session.commit()
        except Exception as error:  # noqa: BLE001 - unanswered, the sender sends again
            log_failure("message not stored; closing unanswered", error)
            return None
        _log_answer(message)
        return message.ack

    def _process(
        self,
        frame: ReadFrame,
        session: CommandSession,
        seen: dict[MessageKey, InboundMessage],
        waiting: Waiting,
    ) -> InboundMessage:
        """Carry out and store one message, or return the one that it repeats."""
        earlier = None
        if frame.key is not None and frame.replay is None:
            earlier = seen.get(frame.key) or session.uow.messages.by_key(frame.key)
        if earlier is not None and earlier.digest == frame.digest:
            if earlier.error_code not in RETRYABLE:
                return earlier
            done = carry_out(frame, session)
            filed = self._filing.record(frame, done)
            if filed.message.error_code == earlier.error_code:
                return earlier  # refused as before: one record of it is enough
        else:
            refusal = reused(frame) if earlier is not None else None
            done = refusal or carry_out(frame, session)
            filed = self._filing.record(frame, done)
        message = _store(filed, session)
        waiting.add(message, frame, done)
        waiting.follow(frame)
        return message


def _store(filed: Filed, session: CommandSession) -> InboundMessage:
    session.uow.messages.add(filed.message)
    if filed.later is not None:
        session.uow.outbox.queue(filed.later)
    return filed.message


def _placer_keys(commands: Iterable[object]) -> Iterable[PlacerKey]:
    for command in commands:
        if isinstance(command, ReceiveOrder):
            content = command.content
            yield command.partner, content.placer_authority, content.placer_number
        elif isinstance(command, ReplaceOrders):
            for named in command.replaced:
                yield named.placer_key
            yield from _placer_keys(command.replacements)
        elif isinstance(command, _NAMING) and command.named is not None:
            yield command.named.placer_key


_NAMING: Final = (
    ChangeOrder,
    CancelOrder,
    HoldOrder,
    LiftHold,
    RecordStatus,
    AskStatus,
    RecordAnswer,
)
"""Commands about one order that is named by numbers."""


def _patient_keys(commands: Iterable[object]) -> Iterable[PatientKey]:
    for command in commands:
        if isinstance(command, ReceiveOrder | ChangeOrder):
            yield from keys_of(command.content.patient)
        elif isinstance(command, MergePatients):
            yield from command.survivor
            yield from command.discarded
        elif isinstance(command, UpdatePatient):
            yield from command.keys


def _log_answer(message: InboundMessage) -> None:
    if log.isEnabledFor(logging.INFO):
        log.info(
            "message answered",
            extra={
                "event": "hl7.answered",
                "message_id": message.id,
                "partner": message.partner,
                "outcome": message.outcome.value,
                "error_code": message.error_code,
            },
        )
