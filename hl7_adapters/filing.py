"""The record of one message, with what answers it: at once, and later if wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from booking_engine.domain.clock import LONDON, Clock
from booking_engine.domain.identifiers import DeliveryId, Ids, MessageId
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
    MessageOutcome,
)
from hl7_adapters.ack import ACCEPTED, DEFAULT_VERSION, build_ack
from hl7_adapters.acknowledging import plan_ack
from hl7_adapters.carrying_out import Done
from hl7_adapters.frames import ReadFrame, storable
from hl7_adapters.search_keys import found_by, printable

NO_ANSWER: Final = b""
"""For the listener: stored, but the sender does not wait for an answer."""
ASKS: Final = ("AL", "NE")
"""MSH-15 and MSH-16 of an application answer: say that it came, and no more."""
_NOT_DONE: Final = frozenset({MessageOutcome.REFUSED, MessageOutcome.FAILED})
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Filed:
    """A message as it is stored, and the application answer that follows, if any."""

    message: InboundMessage
    later: Delivery | None = None


class Filing:
    """Makes the records of messages.

    Parameters
    ----------
    ids
        Names messages ("M") and answers ("X"); the name of a message is also its
        acknowledgement's control id.
    clock
        The time in acknowledgements.
    """

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock

    def record(self, frame: ReadFrame, done: Done) -> Filed:
        """Return the record of a message, with its acknowledgement and answer."""
        if frame.replay is None:
            message_id = MessageId(self._ids("M"))
        else:
            message_id = frame.replay.message_id
        received, profile, answer = frame.received, frame.profile, done.answer
        ack, later = self._answers(frame, done, message_id)
        found = found_by(frame.message, profile, frame.mapped.sent_at)
        replay = frame.replay
        waited = self._clock.now() - received.received_at
        kind = "" if frame.message is None else "^".join(frame.message.type)
        message = InboundMessage(
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
            error_text=answer.text.replace("\0", ""),
            order_ids=done.order_ids,
            warnings=tuple(
                [
                    printable(text)
                    for text in (received.note, *frame.mapped.warnings)
                    if text
                ]
            ),
            sent_at=found.sent_at,
            order_control=found.order_control,
            keys=found.keys,
            latency_us=max(0, waited // _MICROSECOND),
            fault="" if received.fault is None else received.fault.value,
            replay_of=None if replay is None else replay.of,
            replayed_by=None if replay is None else replay.by,
            replay_reason="" if replay is None else replay.reason,
            edited=replay is not None and replay.digest != frame.digest,
        )
        return Filed(message, later)

    def _answers(
        self, frame: ReadFrame, done: Done, message_id: MessageId
    ) -> tuple[bytes, Delivery | None]:
        """Return what goes back on the connection, and what goes out besides."""
        fault = frame.received.fault
        if fault is not None and not fault.is_answered:
            return NO_ANSWER, None
        plan = plan_ack(
            frame.message,
            frame.profile,
            done.answer,
            refused=done.outcome in _NOT_DONE,
            # Carried out again, it is answered to whoever asked for that.
            reachable=frame.replay is None,
        )
        ack = NO_ANSWER
        if plan.code is not None:
            said = done if plan.whole else Done(ACCEPTED, done.outcome)
            ack = self._written(frame, said, control_id=message_id, code=plan.code)
        if not plan.later or frame.profile is None:
            return ack, None
        number = DeliveryId(self._ids("X"))
        payload = self._written(frame, done, control_id=number, asks=ASKS)
        return ack, Delivery(
            id=number,
            event_id=None,
            order_id=done.order_ids[0] if done.order_ids else None,
            destination=frame.profile.id,
            status=DeliveryStatus.PENDING,
            created_at=self._clock.now(),
            payload=payload,
            answers=message_id,
        )

    def _written(
        self,
        frame: ReadFrame,
        done: Done,
        *,
        control_id: str,
        code: str = "",
        asks: tuple[str, str] = ("", ""),
    ) -> bytes:
        profile = frame.profile
        return build_ack(
            frame.message,
            done.answer,
            control_id=control_id,
            at=self._clock.now(),
            zone=LONDON if profile is None else profile.zone,
            default_version=DEFAULT_VERSION if profile is None else profile.version,
            response=done.response,
            code=code,
            asks=asks,
        )
