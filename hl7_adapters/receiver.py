"""From frames to acknowledgements: read, look for repeats, carry out, store, answer.

A batch of frames shares one transaction, since the cost of an order is the commit. An
acknowledgement leaves only after the commit that stored its message, what the message
did, and the acknowledgement itself; a sender that was answered is never asked again,
and one that was not sends again and is recognised.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from booking_engine.application.commands import (
    CancelOrder,
    ChangeOrder,
    ReceiveOrder,
)
from booking_engine.application.ports import MessageKey, PlacerKey
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.clock import LONDON, Clock
from booking_engine.domain.errors import (
    DomainError,
    DuplicateOrder,
    NotKnown,
    StoreUnavailable,
)
from booking_engine.domain.identifiers import Actor, Ids, MessageId, OrderId
from booking_engine.domain.messages import InboundMessage, MessageOutcome
from hl7_adapters.ack import (
    ACCEPTED,
    DEFAULT_VERSION,
    INTERNAL_ERROR,
    RETRYABLE,
    Answer,
    answer_to,
    build_ack,
)
from hl7_adapters.dialect import RULES, Condition, Reply
from hl7_adapters.frames import FrameReader, ReadFrame, log_failure, storable
from hl7_adapters.inbound import WHEN_UNKNOWN
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile import Profile
from hl7_adapters.responding import RESPONDERS, Response, Result

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession, Dispatcher

log = logging.getLogger(__name__)

ACTOR: Final = Actor("interface:hl7")
NO_ANSWER: Final = b""
"""For the listener: stored, but the sender does not wait for an answer."""

_O = MessageOutcome
_R = ReceivedAs
_OUTCOMES: Final = {
    _R.HELD: _O.HELD,
    _R.REFUSED: _O.REFUSED,
    _R.CREATED: _O.PROCESSED,
    _R.CHANGED: _O.PROCESSED,
    _R.CANCELLED: _O.PROCESSED,
    _R.DUPLICATE: _O.DUPLICATE,
    _R.IGNORED_OLDER: _O.IGNORED,
}
"""What became of a request to the message's outcome; of several the first counts."""
_RANKS: Final = {outcome: rank for rank, outcome in enumerate(_OUTCOMES.values())}


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of one frame."""

    answer: Answer
    outcome: MessageOutcome
    order_ids: tuple[OrderId, ...] = ()
    response: Response | None = None


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
        profiles: Iterable[Profile],
        *,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._dispatcher = dispatcher
        self._reader = FrameReader(profiles, clock=clock)
        self._ids = ids
        self._clock = clock

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

    def _together(self, frames: Sequence[ReadFrame]) -> list[bytes | None]:
        """Process all frames in one transaction."""
        answers: list[bytes | None] = []
        stored: list[InboundMessage] = []
        with self._dispatcher.session(ACTOR) as session:
            uow = session.uow
            uow.messages.prefetch({f.key for f in frames if f.key is not None})
            uow.orders.prefetch(
                {key for f in frames for key in _placer_keys(f.mapped.commands)}
            )
            seen: dict[MessageKey, InboundMessage] = {}
            for frame in frames:
                message = self._process(frame, session, seen)
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
            done = _refused(error, frame)
        except Exception as error:  # noqa: BLE001 - the answer says so, with 207
            log_failure("message not processed", error)
            done = _Done(INTERNAL_ERROR, _O.FAILED)
        try:
            with self._dispatcher.session(ACTOR) as session:
                message = self._file(frame, done)
                session.uow.messages.add(message)
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
    ) -> InboundMessage:
        """Carry out and store one message, or return the one that it repeats."""
        earlier = None
        if frame.key is not None:
            earlier = seen.get(frame.key) or session.uow.messages.by_key(frame.key)
        if earlier is not None and earlier.digest == frame.digest:
            if earlier.error_code not in RETRYABLE:
                return earlier
            message = self._file(frame, self._carry_out(frame, session))
            if message.error_code == earlier.error_code:
                return earlier  # refused as before: one record of it is enough
        else:
            done = _reused(frame) if earlier is not None else None
            message = self._file(frame, done or self._carry_out(frame, session))
        session.uow.messages.add(message)
        return message

    def _carry_out(self, frame: ReadFrame, session: CommandSession) -> _Done:
        """Run the commands of a message.

        What a resend could mend undoes the whole message. What a rule refuses for good
        is answered AA, so the sender never asks again: it must not take the other
        orders of the message with it.
        """
        if frame.refusal is not None:
            return _Done(frame.refusal, frame.outcome)
        if frame.profile is not None:
            actor = Actor(f"interface:{frame.profile.id}")
            if session.context.actor != actor:
                session.context = replace(session.context, actor=actor)
        try:
            with session.uow.savepoint():
                return self._run_each(frame, session)
        except StoreUnavailable:
            raise  # nothing of this transaction can be stored any more
        except _CommandRefused as refused:
            return refused.done
        except DomainError as error:
            return _refused(error, frame)
        except Exception as error:  # noqa: BLE001 - the answer says so, with 207
            log_failure("message not processed", error)
            return _Done(INTERNAL_ERROR, _O.FAILED)

    def _run_each(self, frame: ReadFrame, session: CommandSession) -> _Done:
        """Run the commands; only what is refused for good is left out."""
        results: list[Result] = []
        refused: _Done | None = None
        for command in frame.mapped.commands:
            try:
                with session.uow.savepoint():
                    results.append(Result(command, session.handle(command)))
            except StoreUnavailable:
                raise
            except DomainError as error:
                done = _refused(error, frame, command)
                if done.answer.reply is not Reply.AA:
                    raise _CommandRefused(done) from error
                refused = done
                results.append(Result(command, refusal=error))
        done = refused or _Done(ACCEPTED, _outcome_of(results))
        order_ids = [
            each for r in results if r.received for each in r.received.order_ids
        ]
        return replace(
            done,
            order_ids=tuple(dict.fromkeys(order_ids)),
            response=_response(frame, results, session),
        )

    def _file(self, frame: ReadFrame, done: _Done) -> InboundMessage:
        """Return the record of a message, with its acknowledgement."""
        message_id = MessageId(self._ids("M"))
        received, profile, answer = frame.received, frame.profile, done.answer
        unanswered = received.fault is not None and not received.fault.is_answered
        ack = NO_ANSWER
        if not unanswered:
            ack = build_ack(
                frame.message,
                answer,
                control_id=message_id,
                at=self._clock.now(),
                zone=LONDON if profile is None else profile.zone,
                default_version=(
                    DEFAULT_VERSION if profile is None else profile.version
                ),
                response=done.response,
            )
        # What was repaired or dropped on the way must be seen by somebody.
        text = answer.text or "; ".join(frame.mapped.warnings)
        kind = "" if frame.message is None else "^".join(frame.message.type)
        return InboundMessage(
            id=message_id,
            received_at=received.received_at,
            peer=received.peer,
            partner=None if profile is None else profile.id,
            sender=frame.sender,
            control_id=frame.control_id,
            kind=storable(kind),
            digest=frame.digest,
            raw=received.frame,
            ack=ack,
            outcome=done.outcome,
            error_code=answer.error,
            error_text=text.replace("\0", ""),
            order_ids=done.order_ids,
        )


class _CommandRefused(Exception):
    """One command was refused so that the whole message must be; says how."""

    def __init__(self, done: _Done) -> None:
        super().__init__(done.answer.error)
        self.done = done


def _placer_keys(commands: Iterable[object]) -> Iterable[PlacerKey]:
    for command in commands:
        if isinstance(command, CancelOrder):
            if command.partner is not None:
                yield command.partner, command.placer_authority, command.placer_number
        elif isinstance(command, ReceiveOrder | ChangeOrder):
            content = command.content
            if content.placer_number:
                yield command.partner, content.placer_authority, content.placer_number


def _outcome_of(results: Iterable[Result]) -> MessageOutcome:
    outcomes = [_OUTCOMES[r.received.kind] for r in results if r.received is not None]
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


def _refused(
    error: DomainError, frame: ReadFrame, command: object | None = None
) -> _Done:
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
            location="ORC^1^2",
        )
    return _Done(answer, _O.REFUSED)


def _reused(frame: ReadFrame) -> _Done | None:
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
    return _Done(answer, _O.REFUSED)


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
