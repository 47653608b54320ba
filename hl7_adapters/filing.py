"""The record of one message, with the acknowledgement that answers it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from booking_engine.domain.clock import LONDON, Clock
from booking_engine.domain.identifiers import Ids, MessageId
from booking_engine.domain.messages import InboundMessage
from hl7_adapters.ack import DEFAULT_VERSION, build_ack
from hl7_adapters.carrying_out import Done
from hl7_adapters.frames import ReadFrame, storable
from hl7_adapters.search_keys import found_by, printable

NO_ANSWER: Final = b""
"""For the listener: stored, but the sender does not wait for an answer."""
_MICROSECOND: Final = timedelta(microseconds=1)


class Filing:
    """Makes the records of messages.

    Parameters
    ----------
    ids
        Names messages ("M"); the name is also the acknowledgement's control id.
    clock
        The time in acknowledgements.
    """

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock

    def record(self, frame: ReadFrame, done: Done) -> InboundMessage:
        """Return the record of a message, with its acknowledgement."""
        if frame.replay is None:
            message_id = MessageId(self._ids("M"))
        else:
            message_id = frame.replay.message_id
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
        found = found_by(frame.message, profile, frame.mapped.sent_at)
        replay = frame.replay
        waited = self._clock.now() - received.received_at
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
            error_text=answer.text.replace("\0", ""),
            order_ids=done.order_ids,
            warnings=tuple([printable(text) for text in frame.mapped.warnings]),
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
