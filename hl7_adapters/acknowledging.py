"""Who is told what became of a message, when, and with which code.

In original mode one answer on the connection says all: AA, AE or AR, after the commit.
In enhanced mode (HL7 2.5.1 section 2.9.3) that answer says only that the message is
safe, CA, or is not, CE or CR; what was done about it is told, if the sender asks, by a
message of its own on our line to that partner. MSH-15 and MSH-16 of each message say
what its sender wants (table 0155).

Two rules keep anything from being lost. Where nobody would be told that a message was
refused, the commit acknowledgement refuses it instead. Where an application answer is
wanted and there is no line to that partner, the answer on the connection is that of
original mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hl7_adapters.ack import INTERNAL_ERROR, RETRYABLE, Answer
from hl7_adapters.conditions import Reply
from hl7_adapters.destination import AckMode, Commit
from hl7_adapters.er7 import Message
from hl7_adapters.profile import Profile

ANSWERS: Final = frozenset({"ACK", "ORR", "ORG", "ORI", "SRR", "SQR", "MCF"})
"""Messages (MSH-9.1) that answer one of ours: an answer is never answered."""
REQUESTS: Final = frozenset({"SRM", "SQM"})
"""Messages that ask for an appointment or for openings: AE 207 says that none is free,
and to send the same again would not change that."""
_TO_ACCEPT: Final = 15
_TO_APPLY: Final = 16

ALWAYS, ON_ERROR, ON_SUCCESS, NEVER = "AL", "ER", "SU", "NE"
"""Table 0155; anything else in either field is taken for AL."""

PASSING: Final = frozenset({"206", "207"})
"""A record that is locked, a fault of ours: not accepted yet, and worth a repeat."""

_AS_APPLICATION: Final = {Commit.CA: "AA", Commit.CE: "AE", Commit.CR: "AR"}


@dataclass(frozen=True, slots=True)
class AckPlan:
    """How one message is answered.

    Parameters
    ----------
    code
        MSA-1 of the answer on the connection; ``None``: nobody waits for one.
    whole
        Whether that answer says all; else only whether the message is safe.
    later
        Whether the application answer goes out as a message of its own.
    """

    code: str | None
    whole: bool = True
    later: bool = False


def plan_ack(
    request: Message | None,
    profile: Profile | None,
    answer: Answer,
    *,
    refused: bool = False,
    reachable: bool = True,
) -> AckPlan:
    """Return how a message is answered, by mode, by what it asks for, by what it got.

    Parameters
    ----------
    request, profile
        The message and its sender's profile; ``None`` where they are not known.
    refused
        Whether something that the message asks for will not be done; a rule of ours
        refuses and still answers AA.
    reachable
        Whether there is a way to the sender besides this connection.
    """
    original = AckPlan(answer.reply.value)
    if request is None or profile is None or profile.ack.mode is AckMode.ORIGINAL:
        return original
    to_accept, to_apply = _asked(request, _TO_ACCEPT), _asked(request, _TO_APPLY)
    if not to_accept and not to_apply:
        return original
    wanted = request.type[0] not in ANSWERS and _wants(
        to_apply or NEVER, success=answer.reply is Reply.AA and not refused
    )
    if wanted and not (reachable and profile.outgoing is not None):
        return original
    commit = commit_of(
        answer, profile, told_later=wanted, asks=request.type[0] in REQUESTS
    )
    code: str | None = commit.value
    if profile.ack.mode is AckMode.ENHANCED_BUT_AA:
        code = _AS_APPLICATION[commit]
    if not _wants(to_accept or ALWAYS, success=commit is Commit.CA):
        code = None
    return AckPlan(
        code, whole=commit is not Commit.CA, later=commit is Commit.CA and wanted
    )


def commit_of(
    answer: Answer, profile: Profile, *, told_later: bool, asks: bool = False
) -> Commit:
    """Return the commit acknowledgement of a message (HL7 2.5.1 section 2.9.3.2).

    Parameters
    ----------
    told_later
        Whether an application answer will say what was wrong with it.
    asks
        Whether the message is a request, whose refusal is an answer like another.
    """
    if answer.reply is Reply.AA:
        return Commit.CA
    theirs = profile.ack.commit.get(answer.error)
    if theirs is not None:
        return theirs
    if answer.reply is Reply.AR:
        return Commit.CR
    if answer == INTERNAL_ERROR or (answer.error in PASSING and not asks):
        return Commit.CE
    if told_later:
        return Commit.CA
    return Commit.CE if answer.error in RETRYABLE and not asks else Commit.CR


def wants_answer(request: Message, profile: Profile) -> bool:
    """Return whether a sender wants more than an acknowledgement of an order."""
    if profile.ack.mode is AckMode.ORIGINAL:
        return profile.ack.order_answers
    if not _asked(request, _TO_ACCEPT) and not _asked(request, _TO_APPLY):
        return profile.ack.order_answers
    return _wants(_asked(request, _TO_APPLY) or NEVER, success=None)


def _asked(request: Message, number: int) -> str:
    """Return MSH-15 or MSH-16; empty where it is absent or null."""
    return request.header.value(number).strip().upper()


def _wants(when: str, *, success: bool | None) -> bool:
    """Return whether a sender wants to be told; ``None``: in any case at all."""
    if when == NEVER:
        return False
    if success is None:
        return True
    if when == ON_ERROR:
        return not success
    return success or when != ON_SUCCESS
