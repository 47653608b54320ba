"""What one frame says, as far as that can be known without the database."""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from booking_engine.application.ports import MessageKey
from booking_engine.domain.clock import Clock
from booking_engine.domain.identifiers import Actor, MessageId
from booking_engine.domain.messages import MessageOutcome
from hl7_adapters.ack import INTERNAL_ERROR, Answer, answer_to
from hl7_adapters.admission import Admission
from hl7_adapters.conditions import Reply
from hl7_adapters.er7 import SEQUENCE_ERROR, DecodeError, Message, decode, read_again
from hl7_adapters.inbound import Mapped, MappingError, to_commands
from hl7_adapters.mllp.received import Fault, Received
from hl7_adapters.profile import Profile
from hl7_adapters.profile_source import Senders, senders_of

log = logging.getLogger(__name__)

LONGEST_KEY: Final = 199  # MSH-10 in the latest versions; longer ones are cut to store
NOTHING: Final = Mapped()

FAULT_TEXTS: Final = {
    Fault.TOO_LONG: "the frame is longer than is accepted; send it in parts",
    Fault.TOO_MANY: "the batch holds more messages than are accepted; send it in parts",
    Fault.UNFRAMED: "no MLLP frame; begin with 0B and end with 1C 0D",
}


@dataclass(frozen=True, slots=True)
class Replay:
    """That a frame is no new message but one that is carried out again.

    Parameters
    ----------
    message_id
        The name under which it is stored.
    of, digest
        The original and the digest of its bytes.
    by, reason
        Who wants it, and why.
    """

    message_id: MessageId
    of: MessageId
    digest: str
    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class ReadFrame:
    """One frame as far as it can be understood without the database.

    Parameters
    ----------
    refusal, outcome
        The answer that is certain already, if any, and how it is filed.
    """

    received: Received
    digest: str
    message: Message | None = None
    profile: Profile | None = None
    sender: str = ""
    control_id: str = ""
    mapped: Mapped = NOTHING
    refusal: Answer | None = None
    outcome: MessageOutcome = MessageOutcome.REFUSED
    replay: Replay | None = None

    @property
    def key(self) -> MessageKey | None:
        """What a repeat is recognised by; none where the header does not say."""
        return (self.sender, self.control_id) if self.control_id else None


class FrameReader:
    """Decodes frames, finds their sender's profile, and maps them.

    Parameters
    ----------
    profiles
        Of all partners: fixed, or asked anew for each frame.
    clock
        Tells what lies in the past.
    """

    def __init__(self, profiles: Iterable[Profile] | Senders, *, clock: Clock) -> None:
        self._senders = senders_of(profiles)
        self._admission = Admission(self._senders.everybody)
        self._admitted = self._senders.owners
        self._clock = clock

    def read(self, received: Received) -> ReadFrame:
        """Decode and map one frame; never fails, whatever the bytes."""
        digest = hashlib.sha256(received.frame).hexdigest()
        try:
            message = decode(received.frame)
        except DecodeError as error:
            return ReadFrame(
                *(received, digest),
                refusal=answer_to(error),
                outcome=MessageOutcome.UNREADABLE,
            )
        try:
            return self._understood(received, digest, message)
        except Exception as error:  # noqa: BLE001 - a fault of ours; the bytes are kept
            log_failure("message not understood", error)
            return ReadFrame(
                *(received, digest, message),
                refusal=INTERNAL_ERROR,
                outcome=MessageOutcome.FAILED,
            )

    def _admit(
        self, received: Received, sender: tuple[str, str]
    ) -> tuple[Profile | None, Answer | None]:
        owners = self._senders.owners
        if owners is not self._admitted:  # profiles or codes have changed
            self._admission = Admission(self._senders.everybody)
            self._admitted = owners
        return self._admission.admit(received, sender)

    def _understood(
        self, received: Received, digest: str, message: Message
    ) -> ReadFrame:
        profile, not_admitted = self._admit(received, message.sender)
        if profile is not None and profile.charset:
            message = read_again(message, profile.charset)
        if received.fault is not None:
            # No key: the whole message that follows a broken one is not its repeat.
            return ReadFrame(
                *(received, digest, message, profile),
                refusal=Answer(
                    Reply.AR,
                    SEQUENCE_ERROR,
                    text=FAULT_TEXTS.get(received.fault, "not a frame"),
                ),
                outcome=MessageOutcome.UNREADABLE,
            )
        sender = storable("|".join(message.sender))
        control_id = storable(message.control_id)
        mapped, refusal, outcome = NOTHING, not_admitted, MessageOutcome.REFUSED
        if profile is not None and not_admitted is not None:
            # Neither key nor profile: it must not pass for a message of the partner.
            profile, control_id = None, ""
        elif profile is not None:
            try:
                mapped = to_commands(message, profile, now=self._clock.now())
            except MappingError as error:
                refusal = answer_to(error)
                if error.kind is Reply.AA:
                    outcome = MessageOutcome.IGNORED
        return ReadFrame(
            *(received, digest, message, profile, sender, control_id),
            *(mapped, refusal, outcome),
        )


def storable(text: str) -> str:
    r"""Return a key as a database can hold it; ``\X00\`` is NUL in disguise."""
    return text.replace("\0", "")[:LONGEST_KEY]


def log_failure(text: str, error: Exception, frames: int = 1) -> None:
    """Log where something failed; the exception's own text may quote a message."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    log.error(
        text,
        extra={
            "event": "hl7.failed",
            "error": type(error).__name__,
            "where": ", ".join(f"{f.filename}:{f.lineno}" for f in last),
            "frames": frames,
        },
    )
