"""One message carried out: its commands run, and what became of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from booking_engine.application.commands import (
    CancelOrder,
    ChangeOrder,
    HoldOrder,
    LiftHold,
    ReplaceOrders,
)
from booking_engine.application.diary_commands import EndEntry, RecordEntry
from booking_engine.application.naming import Named
from booking_engine.application.ports import PlacerKey
from booking_engine.application.received import ReceivedAs
from booking_engine.application.request_commands import (
    RequestAppointment,
    RequestChange,
    RequestEnding,
    RequestMove,
)
from booking_engine.domain.errors import (
    DomainError,
    DuplicateOrder,
    NotKnown,
    StoreUnavailable,
)
from booking_engine.domain.identifiers import Actor, OrderId
from booking_engine.domain.messages import MessageOutcome
from hl7_adapters.ack import ACCEPTED, INTERNAL_ERROR, Answer, answer_to
from hl7_adapters.conditions import RULES, Condition, Reply
from hl7_adapters.frames import ReadFrame, log_failure
from hl7_adapters.inbound import WHEN_UNKNOWN
from hl7_adapters.request_answers import REQUESTS, as_asked
from hl7_adapters.responders import RESPONDERS
from hl7_adapters.responding import Response, Result

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession

log = logging.getLogger(__name__)

_O = MessageOutcome
_R = ReceivedAs
OUTCOMES: Final = {
    _R.PARKED: _O.PARKED,
    _R.HELD: _O.HELD,
    _R.REFUSED: _O.REFUSED,
    _R.CREATED: _O.PROCESSED,
    _R.CHANGED: _O.PROCESSED,
    _R.CANCELLED: _O.PROCESSED,
    _R.DISCONTINUED: _O.PROCESSED,
    _R.HELD_ON_REQUEST: _O.PROCESSED,
    _R.RELEASED: _O.PROCESSED,
    _R.REPLACED: _O.PROCESSED,
    _R.NUMBERED: _O.PROCESSED,
    _R.STATUS_REPORTED: _O.PROCESSED,
    _R.STATUS_RECORDED: _O.PROCESSED,
    _R.ANSWER_RECORDED: _O.PROCESSED,
    _R.RECORDED: _O.PROCESSED,
    _R.DUPLICATE: _O.DUPLICATE,
    _R.IGNORED_OLDER: _O.IGNORED,
}
"""What became of a request to the message's outcome; of several the first counts."""
_KEY_PLACES: Final[dict[type, str]] = {
    RecordEntry: "SCH^1^2",
    EndEntry: "SCH^1^2",
    RequestAppointment: "ARQ^1^24",
    RequestMove: "ARQ^1^2",
    RequestChange: "ARQ^1^2",
    RequestEnding: "ARQ^1^2",
}
"""Where the key stands that was not known; of all others, in ORC-2."""
_RANKS: Final = {outcome: rank for rank, outcome in enumerate(OUTCOMES.values())}


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """The order that a message waits for, by number as sent, and when it was sent."""

    key: PlacerKey
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one frame.

    Parameters
    ----------
    waits_for
        The order without which it cannot be carried out, where it may wait for it.
    """

    answer: Answer
    outcome: MessageOutcome
    order_ids: tuple[OrderId, ...] = ()
    response: Response | None = None
    waits_for: WaitsFor | None = None


def carry_out(frame: ReadFrame, session: CommandSession) -> Done:
    """Run the commands of a message.

    What a resend could mend undoes the whole message. What a rule refuses for good
    is answered AA, so the sender never asks again: it must not take the other
    orders of the message with it.
    """
    done = _carried_out(frame, session)
    if done.response is None and done.answer.reply is Reply.AE:
        return replace(done, response=_response(frame, [], session))
    return done


def _carried_out(frame: ReadFrame, session: CommandSession) -> Done:
    if frame.refusal is not None:
        return Done(frame.refusal, frame.outcome)
    if frame.profile is not None:
        actor = Actor(f"interface:{frame.profile.id}")
        if session.context.actor != actor:
            session.context = replace(session.context, actor=actor)
    try:
        with session.uow.savepoint():
            return _run_each(frame, session)
    except StoreUnavailable:
        raise  # nothing of this transaction can be stored any more
    except _CommandRefused as error:
        return error.done
    except DomainError as error:
        return refused(error, frame)
    except Exception as error:  # noqa: BLE001 - the answer says so, with 207
        log_failure("message not processed", error)
        return Done(INTERNAL_ERROR, _O.FAILED)


def _run_each(frame: ReadFrame, session: CommandSession) -> Done:
    """Run the commands; only what is refused for good is left out."""
    results: list[Result] = []
    refusals: list[Answer] = []
    for command, asked in zip_longest(frame.mapped.commands, frame.mapped.asked):
        try:
            with session.uow.savepoint():
                received = session.handle(command)
            results.append(Result(command, received, asked=asked))
        except StoreUnavailable:
            raise
        except DomainError as error:
            done = refused(error, frame, command)
            waits_for = _waits_for(error, command, frame)
            if waits_for is not None:
                done = Done(ACCEPTED, _O.PARKED, waits_for=waits_for)
                raise _CommandRefused(done) from error
            if done.answer.reply is not Reply.AA:
                raise _CommandRefused(done) from error
            refusals.append(done.answer)
            results.append(Result(command, refusal=error, asked=asked))
    answer, outcome = ACCEPTED, _O.REFUSED
    if refusals:
        first, *further = refusals
        answer = replace(first, further=tuple(further))
    else:
        outcome = _outcome_of(results)
    order_ids = [each for r in results if r.received for each in r.received.order_ids]
    return Done(
        answer,
        outcome,
        order_ids=tuple(dict.fromkeys(order_ids)),
        response=_response(frame, results, session),
    )


def _waits_for(
    error: DomainError, command: object, frame: ReadFrame
) -> WaitsFor | None:
    """Return what a command on an unknown order may wait for; ``None``: it may not."""
    if not isinstance(error, NotKnown):
        return None
    if frame.profile is None or not frame.profile.park_minutes:
        return None
    named: Named | None = None
    if isinstance(command, ReplaceOrders):
        named = command.replaced[0]
    elif isinstance(command, CancelOrder | ChangeOrder | HoldOrder | LiftHold):
        named = command.named
    else:
        return None
    if named is None or not named.number:
        return None
    key = (named.partner, named.authority, named.shared or named.number)
    return WaitsFor(key, command.sent_at)


class _CommandRefused(Exception):
    """One command was refused, or must wait, so that the whole message must; how."""

    def __init__(self, done: Done) -> None:
        super().__init__(done.answer.error)
        self.done = done


def _outcome_of(results: Iterable[Result]) -> MessageOutcome:
    outcomes = [OUTCOMES[r.received.kind] for r in results if r.received is not None]
    return min(outcomes, key=_RANKS.__getitem__, default=_O.IGNORED)


def _response(
    frame: ReadFrame, results: list[Result], session: CommandSession
) -> Response | None:
    """Return what the answer says besides that the message was taken, if anything."""
    if frame.message is None or frame.profile is None:
        return None
    responder = RESPONDERS.get(frame.message.type[0])
    if responder is None:
        return None
    return responder(frame.message, frame.profile, results, session.uow)


def refused(
    error: DomainError, frame: ReadFrame, command: object | None = None
) -> Done:
    """Return what a refusal of the domain means to this partner."""
    answer = answer_to(error)
    condition: Condition | None = None
    if isinstance(error, DuplicateOrder):
        condition = Condition.DUPLICATE_ORDER
    elif isinstance(error, NotKnown):
        condition = WHEN_UNKNOWN.get(type(command))
    if condition is not None and frame.profile is not None:
        answer = replace(
            answer,
            reply=frame.profile.reply(condition),
            error=RULES[condition].error,
            location=_KEY_PLACES.get(type(command), "ORC^1^2"),
        )
    if isinstance(command, REQUESTS):
        answer = as_asked(error, answer)
    return Done(answer, _O.REFUSED)


def reused(frame: ReadFrame) -> Done | None:
    """Return the refusal of a control id that was used before, if wanted.

    By default the message is processed as new: senders start their numbers again after
    a failure, and to refuse would lose orders.
    """
    log.warning(
        "control id used before with other content",
        extra={"event": "hl7.reused_control_id", "sender": frame.sender},
    )
    condition = Condition.REUSED_CONTROL_ID
    if frame.profile is None or frame.profile.reply(condition) is Reply.AA:
        return None
    text = "this control id was used for another message"
    reply = frame.profile.reply(condition)
    answer = Answer(reply, RULES[condition].error, "MSH^1^10", text)
    return Done(answer, _O.REFUSED)
