"""A stand-in for the other end: a RIS that listens, keeps and acknowledges.

It serves demonstrations, ``booking-engine hl7 listen`` and tests. By a seeded behaviour
it can also be slow, refuse messages, say nothing or drop the connection, as real
systems do.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Self

from hl7_adapters.ack import ERROR_TEXTS
from hl7_adapters.er7 import DecodeError, FieldValue, Message, decode, encode
from hl7_adapters.mllp.listener import Endpoint, MllpListener, Received

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

FIRST_WITH_STRUCTURE: Final = (2, 5)  # MSH-9.3 in acknowledgements, HL7 2.5 on


_COMMIT: Final = {"AA": "CA", "AE": "CE", "AR": "CR"}  # HL7 table 0008


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a stand-in answers.

    Parameters
    ----------
    refuse_share
        Share of messages refused, between 0 and 1.
    refuse_code, refuse_error
        MSA-1 of a refusal, and its error code of table 0357 (such as 207) or none.
    drop_share
        Share of messages answered by closing the connection, between 0 and 1.
    silent_share
        Share of messages that are never answered; the connection stays open.
    delay_seconds, longest_delay_seconds
        Wait before each answer, evenly between the two where the second is longer; one
        answer at a time.
    mode
        ``enhanced`` answers with commit acknowledgements (CA, CE, CR).
    seed
        Decides which messages meet which fate.
    """

    refuse_share: float = 0.0
    drop_share: float = 0.0
    silent_share: float = 0.0
    delay_seconds: float = 0.0
    longest_delay_seconds: float = 0.0
    refuse_code: Literal["AE", "AR"] = "AE"
    refuse_error: str = ""
    mode: Literal["original", "enhanced"] = "original"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        shares = (self.refuse_share, self.drop_share, self.silent_share)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError("shares must not be negative nor exceed 1 in sum")

    def fate(self, draw: float) -> Literal["dropped", "silent", "refused", "accepted"]:
        """Return what becomes of a message, by a number from 0 up to 1."""
        if draw < self.drop_share:
            return "dropped"
        if draw < self.drop_share + self.silent_share:
            return "silent"
        if draw < self.drop_share + self.silent_share + self.refuse_share:
            return "refused"
        return "accepted"


POLITE: Final = Behaviour()


@dataclass(frozen=True, slots=True)
class Counts:
    """What a stand-in has done so far, in messages."""

    received: int = 0
    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    silent: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class _Kept:
    """The messages and counts, guarded by one lock."""

    messages: deque[Message]
    counts: Counts = field(default_factory=Counts)
    changed: threading.Condition = field(default_factory=threading.Condition)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class StandIn:
    """A receiving system on one address.

    Parameters
    ----------
    host, port
        Where to listen; port 0 picks a free one, see `address`.
    behaviour
        How it answers.
    on_message
        Called with each readable message before it is answered.
    on_frame
        Called with the bytes of everything that is to be answered, readable or not.
    keep
        How many messages to keep for `messages`; the oldest go first.
    now
        The clock, for the time in acknowledgements.
    tls
        Context for a TLS server, or None for plain TCP.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        behaviour: Behaviour = POLITE,
        on_message: Callable[[Message], None] | None = None,
        on_frame: Callable[[bytes], None] | None = None,
        keep: int = 1000,
        now: Callable[[], datetime] = _utc_now,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._behaviour = behaviour
        self._on_message = on_message
        self._on_frame = on_frame
        self._now = now
        self._random = random.Random(behaviour.seed)
        self._kept = _Kept(deque(maxlen=keep))
        self._numbers = itertools.count(1)
        self._listener = MllpListener(
            Endpoint(host, port, tls=tls, setting="--host and --port"),
            self._answers,
            now=now,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen."""
        self._listener.start()

    def stop(self, drain_seconds: float = 1.0) -> None:
        """Answer what was received, then close."""
        self._listener.stop(drain_seconds)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        return self._listener.address

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages kept, oldest first, whatever was answered."""
        with self._kept.changed:
            return tuple(self._kept.messages)

    @property
    def counts(self) -> Counts:
        """What it has done so far."""
        with self._kept.changed:
            return self._kept.counts

    def wait_for(self, received: int, timeout_seconds: float) -> bool:
        """Wait until so many messages have come in all; whether they did in time."""
        with self._kept.changed:
            return self._kept.changed.wait_for(
                lambda: self._kept.counts.received >= received, timeout_seconds
            )

    def _answers(self, batch: Sequence[Received]) -> list[bytes | None]:
        return [self._answer(received) for received in batch]

    def _answer(self, received: Received) -> bytes | None:
        if self._on_frame is not None:
            self._on_frame(received.frame)
        try:
            message = decode(received.frame)
        except DecodeError as error:
            self._count("unreadable")
            return self._refuse_unreadable(error)
        if received.fault is not None:
            self._count("unreadable")
            return self._acknowledge(message, "AR", received.fault.value)
        if self._on_message is not None:
            self._on_message(message)
        behaviour = self._behaviour
        self._wait()
        fate = behaviour.fate(self._random.random())
        self._count(fate, message)
        if fate == "dropped":
            return None
        if fate == "silent":
            return b""
        if fate == "refused":
            code, number = behaviour.refuse_code, behaviour.refuse_error
            return self._acknowledge(message, code, "refused by behaviour", number)
        return self._acknowledge(message, "AA")

    def _wait(self) -> None:
        seconds = self._behaviour.delay_seconds
        longest = self._behaviour.longest_delay_seconds
        if longest > seconds:
            seconds = self._random.uniform(seconds, longest)
        if seconds:
            time.sleep(seconds)

    def _count(self, what: str, message: Message | None = None) -> None:
        kept = self._kept
        with kept.changed:
            counts = kept.counts
            changes = {what: getattr(counts, what) + 1, "received": counts.received + 1}
            kept.counts = replace(counts, **changes)
            if message is not None:
                kept.messages.append(message)
            kept.changed.notify_all()

    def _acknowledge(
        self, message: Message, code: str, text: str = "", error: str = ""
    ) -> bytes:
        if self._behaviour.mode == "enhanced":
            code = _COMMIT[code]
        return acknowledge(
            message,
            code,
            text=text,
            error=error,
            control_id=f"PEER{next(self._numbers):08d}",
            at=self._now(),
        )

    def _refuse_unreadable(self, error: DecodeError) -> bytes:
        stamp = f"{self._now().astimezone(UTC):%Y%m%d%H%M%S+0000}"
        header = ("MSH", None, None, None, None, None, None, stamp, None, "ACK")
        number = f"PEER{next(self._numbers):08d}"
        return encode(
            [(*header, number, "P", "2.4"), ("MSA", "AR", None, error.text[:80])]
        )


def acknowledge(
    message: Message,
    code: str,
    *,
    control_id: str,
    at: datetime,
    text: str = "",
    error: str = "",
) -> bytes:
    """Return an acknowledgement of `message`.

    Parameters
    ----------
    code
        MSA-1: AA, AE or AR; CA, CE or CR in enhanced mode (HL7 table 0008).
    control_id
        MSH-10 of the acknowledgement itself; unique at its sender.
    at
        The present instant, aware.
    text
        MSA-3, for people; no patient data.
    error
        Code of table 0357, told in an ERR segment; none without it.
    """
    header = message.header
    event = message.type[1]
    numbers = [int(part) for part in message.version.split(".") if part.isdecimal()]
    kind: tuple[str, ...] = ("ACK", event) if event else ("ACK",)
    detailed = tuple(numbers) >= FIRST_WITH_STRUCTURE
    if event and detailed:
        kind = (*kind, "ACK")
    sender = tuple(header.value(3, part) for part in (1, 2, 3))
    facility = tuple(header.value(4, part) for part in (1, 2, 3))
    application = tuple(header.value(5, part) for part in (1, 2, 3))
    ours = tuple(header.value(6, part) for part in (1, 2, 3))
    stamp = f"{at.astimezone(UTC):%Y%m%d%H%M%S+0000}"
    charset = header.value(18)
    return encode(
        [
            (
                *("MSH", None, None, application, ours, sender, facility, stamp, None),
                *(kind, control_id, header.value(11), message.version or "2.4"),
                *(None, None, None, None, None, charset),
            ),
            ("MSA", code, message.control_id, text),
            *(_error_segments(error, detailed=detailed) if error else ()),
        ],
        charset=message.charset,
    )


def _error_segments(error: str, *, detailed: bool) -> tuple[tuple[FieldValue, ...]]:
    """Return ERR with ERR-3 from 2.5 on, with ERR-1.4 before."""
    coded = (error, ERROR_TEXTS.get(error, ""), "HL70357")
    if detailed:
        return (("ERR", None, None, coded, "E"),)
    return (("ERR", (None, None, None, coded)),)
