"""What a listener hands over, and what it bears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from hl7_adapters.mllp.framing import MAX_BYTES

if TYPE_CHECKING:
    from datetime import datetime


class Fault(Enum):
    """Why what was received is no frame."""

    BEFORE_FRAME = "before_frame"
    """Bytes between frames. Stored, never answered: the frame after them is."""
    RESTARTED = "restarted"
    """A frame the sender gave up. Stored, never answered: its successor is."""
    UNFRAMED = "unframed"
    """Bytes with no frame behind them. To be refused."""
    TOO_LONG = "too_long"
    """A frame over the limit, of which only the head was kept. To be refused."""

    @property
    def is_answered(self) -> bool:
        """Whether the sender waits for an answer to it."""
        return self in {Fault.UNFRAMED, Fault.TOO_LONG}


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """One frame, or one fault, as it came in.

    Parameters
    ----------
    frame
        The payload; of a fault only the first bytes.
    peer
        Address of the sender, ``host:port``.
    connection_id
        Number of the connection, unique in this listener.
    received_at
        When the last byte came.
    port
        Port of ours that it came to.
    fault
        None for a frame.
    certificate_names
        Common and alternative names in the sender's certificate, where TLS asked.
    """

    frame: bytes
    peer: str
    connection_id: int
    received_at: datetime
    port: int
    fault: Fault | None = None
    certificate_names: tuple[str, ...] = ()


Handle: TypeAlias = Callable[[Sequence[Received]], Sequence[bytes | None]]
"""Returns one answer for each: a payload, empty for none, None to close instead."""


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """What one listener bears.

    Parameters
    ----------
    batch
        Most frames handed over at once.
    connections
        Most connections; a further one is closed at once.
    unanswered
        Frames of one connection that may wait before it is no longer read.
    max_bytes
        Longest frame, in bytes.
    idle_seconds
        A connection without traffic is closed after this.
    frame_seconds
        Longest time from the first to the last byte of a frame.
    settle_seconds
        Silence after which bytes outside a frame are taken for all there is.
    raw_ok
        Whether messages without MLLP framing are accepted, and answered alike.
    """

    batch: int = 200
    connections: int = 200
    unanswered: int = 50
    max_bytes: int = MAX_BYTES
    idle_seconds: float = 900.0
    frame_seconds: float = 120.0
    settle_seconds: float = 2.0
    raw_ok: bool = False

    def __post_init__(self) -> None:
        """Refuse limits under which nothing would ever be received."""
        if min(self.batch, self.connections, self.unanswered, self.max_bytes) < 1:
            raise ValueError("every limit of a listener must be at least 1")


DEFAULT_LIMITS: Final = ListenerLimits()
