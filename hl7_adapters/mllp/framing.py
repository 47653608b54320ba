"""MLLP framing without I/O: bytes in any portions become frames.

A block is ``VT payload FS CR``. Senders deviate from that, and `Deframer` copes: it
needs no CR after FS, drops what stands outside a frame, starts again where a frame
begins inside another, and keeps its memory bounded whatever arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

VT: Final = 0x0B  # MLLP release 1: start block
FS: Final = 0x1C  # MLLP release 1: end block
CR: Final = 0x0D

MAX_BYTES: Final = 16 * 1024 * 1024  # a report with a PDF inside, doubled
KEPT_BYTES: Final = 4096  # of what is refused; enough for the header to be answered

_START: Final = bytes([VT])
_END: Final = bytes([FS])
_SIGNALS: Final = frozenset({b"\x06", b"\x15"})  # MLLP release 2 ack and nak blocks
_SILENT: Final = b"\r\n\t \x00\x1c"  # outside a frame these mean nothing


class Stray(Enum):
    """Why bytes belong to no frame."""

    BEFORE_FRAME = "before_frame"
    """They stand between frames; the frame after them is intact."""
    RESTARTED = "restarted"
    """The frame was given up by its sender, who began another."""
    UNFRAMED = "unframed"
    """No frame followed."""


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """One payload; `framed` is false for a message sent without MLLP at all."""

    payload: bytes
    framed: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Garbage:
    """Bytes outside any complete frame: the first few, and how many there were."""

    head: bytes
    size: int
    stray: Stray


@dataclass(frozen=True, slots=True, repr=False)
class TooLong:
    """A frame over the limit, reported once; what follows up to the next VT is lost."""

    head: bytes


Event: TypeAlias = Frame | Garbage | TooLong


def frame(payload: bytes) -> bytes:
    """Return the payload as one MLLP block."""
    return b"\x0b%b\x1c\r" % payload


class _State(Enum):
    OUTSIDE = 1
    INSIDE = 2
    ENDED = 3  # behind FS, where a CR should come
    SKIPPING = 4  # in a frame that is too long


class Deframer:
    """Cuts one connection's bytes into frames, in time linear in their number.

    Parameters
    ----------
    max_bytes
        Longest payload accepted, in bytes.
    raw_ok
        Whether a message without any framing counts as one, a deviation to be agreed
        with a partner. It ends at the next VT or at `flush`.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, *, raw_ok: bool = False) -> None:
        self._max_bytes = max_bytes
        self._raw_ok = raw_ok
        self._state = _State.OUTSIDE
        self._held = bytearray()  # of the open frame, or of what stands outside
        self._held_size = 0  # bytes seen outside, kept or not

    @property
    def in_frame(self) -> bool:
        """Whether a frame has begun and neither ended nor been given up."""
        return self._state is _State.INSIDE

    @property
    def held(self) -> int:
        """Bytes kept of what is not complete."""
        return len(self._held)

    @property
    def has_stray(self) -> bool:
        """Whether `flush` would report something."""
        return self._state is _State.OUTSIDE and bool(self._held.strip(_SILENT))

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return what they complete, in order."""
        events: list[Event] = []
        at = 0
        while at < len(data):
            match self._state:
                case _State.INSIDE:
                    at = self._inside(data, at, events)
                case _State.ENDED:
                    # One byte that should be CR; a letter may begin a raw message.
                    if data[at] != VT and not data[at : at + 1].isalnum():
                        at += 1
                    self._state = _State.OUTSIDE
                case _:
                    at = self._outside(data, at, events)
        return events

    def flush(self) -> list[Event]:
        """Return what stands outside a frame, since no more bytes will come soon."""
        events: list[Event] = []
        if self._state is _State.OUTSIDE:
            self._report_outside(Stray.UNFRAMED, events)
        return events

    def give_up(self) -> list[Event]:
        """Refuse the open frame as too long, to make room; nothing outside a frame."""
        if self._state is not _State.INSIDE:
            return []
        head = bytes(self._held[:KEPT_BYTES])
        self._held.clear()
        self._state = _State.SKIPPING
        return [TooLong(head)]

    def _outside(self, data: bytes, at: int, events: list[Event]) -> int:
        start = data.find(_START, at)
        end = len(data) if start < 0 else start
        if self._state is _State.OUTSIDE:
            if not self._held:
                while at < end and data[at] in _SILENT:
                    at += 1
            limit = self._max_bytes if self._raw_ok else KEPT_BYTES
            self._held += data[at : min(end, at + limit - len(self._held))]
            self._held_size += end - at
        if start < 0:
            return end
        if self._state is _State.OUTSIDE:
            self._report_outside(Stray.BEFORE_FRAME, events)
        self._state = _State.INSIDE
        return start + 1

    def _report_outside(self, stray: Stray, events: list[Event]) -> None:
        held, size = bytes(self._held), self._held_size
        self._held.clear()
        self._held_size = 0
        if not held.strip(_SILENT):
            return
        if self._raw_ok and held.lstrip(_SILENT)[:3].upper() == b"MSH":
            whole = size == len(held)
            events.append(
                Frame(held, framed=False) if whole else TooLong(held[:KEPT_BYTES])
            )
            return
        events.append(Garbage(held[:KEPT_BYTES], size, stray))

    def _inside(self, data: bytes, at: int, events: list[Event]) -> int:
        end = data.find(_END, at)
        stop = len(data) if end < 0 else end
        again = data.find(_START, at, stop)
        if again >= 0:
            stop = again
        if len(self._held) + stop - at > self._max_bytes:
            room = max(0, KEPT_BYTES - len(self._held))
            head = bytes(self._held[:KEPT_BYTES]) + data[at : at + room]
            events.append(TooLong(head[: self._max_bytes]))
            self._held.clear()
            self._state = _State.SKIPPING
            return stop  # at a VT, at the FS, or at the end
        if again < 0 and end >= 0 and not self._held:  # the whole frame at once
            payload = data[at:end]
        else:
            self._held += data[at:stop]
            if again < 0 and end < 0:
                return stop
            payload = bytes(self._held)
            self._held.clear()
        if again >= 0:
            if payload.strip(_SILENT):
                events.append(
                    Garbage(payload[:KEPT_BYTES], len(payload), Stray.RESTARTED)
                )
            return again + 1
        if payload not in _SIGNALS:
            events.append(Frame(payload))
        self._state = _State.ENDED
        return end + 1
