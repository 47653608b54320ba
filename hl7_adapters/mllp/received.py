"""What a listener hands over, and what it bears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from hl7_adapters.mllp.framing import MAX_BYTES

if TYPE_CHECKING:
    import ssl
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
    TOO_MANY = "too_many"
    """A batch of more messages than are taken at once, likewise."""

    @property
    def is_answered(self) -> bool:
        """Whether the sender waits for an answer to it."""
        return self not in {Fault.BEFORE_FRAME, Fault.RESTARTED}


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
        Common and alternative names in the sender's certificate; empty where it showed
        none, None where it came over no connection, such as a replay.
    partner
        Whose port it came to; empty for a port of everybody.
    note
        What a person should know of how it came; no patient data.
    """

    frame: bytes
    peer: str
    connection_id: int
    received_at: datetime
    port: int
    fault: Fault | None = None
    certificate_names: tuple[str, ...] | None = None
    partner: str = ""
    note: str = ""


Handle: TypeAlias = Callable[[Sequence[Received]], Sequence[bytes | None]]
"""Returns one answer for each: a payload, empty for none, None to close instead."""
HandleFrames: TypeAlias = Callable[
    [Sequence[Received]], Sequence[bytes | tuple[bytes, ...] | None]
]
"""Likewise; several payloads each go into a frame of their own."""


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """What one endpoint bears.

    Parameters
    ----------
    batch
        Most frames handed over at once.
    connections
        Most connections. A further one takes the place of the oldest that has not sent
        a whole frame yet; where there is none it is closed at once.
    unanswered
        Frames of one connection that may wait before it is no longer read.
    max_bytes
        Longest frame, in bytes; a connection with as much waiting is no longer read.
    held_bytes
        Most bytes of unfinished frames in all; beyond it the longest is refused. As
        much again may wait to be handled.
    idle_seconds
        A connection without traffic is closed after this.
    frame_seconds
        Longest time from the first to the last byte of a frame, and longest time that
        a sender may leave its answers unread.
    handshake_seconds
        Longest time for the TLS handshake.
    settle_seconds
        Silence after which bytes outside a frame are taken for all there is.
    raw_ok
        Whether messages without MLLP framing are accepted, and answered alike.
    """

    batch: int = 200
    connections: int = 200
    unanswered: int = 50
    max_bytes: int = MAX_BYTES
    held_bytes: int = 16 * MAX_BYTES
    idle_seconds: float = 900.0
    frame_seconds: float = 120.0
    handshake_seconds: float = 10.0
    settle_seconds: float = 2.0
    raw_ok: bool = False

    def __post_init__(self) -> None:
        """Refuse limits under which nothing would ever be received."""
        if min(self.batch, self.connections, self.unanswered, self.max_bytes) < 1:
            raise ValueError("every limit of a listener must be at least 1")


DEFAULT_LIMITS: Final = ListenerLimits()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address to listen on.

    Parameters
    ----------
    port
        0 picks a free one.
    tls
        Context for a TLS server, or None for plain TCP.
    partner
        Whose port it is; empty for everybody's.
    setting
        What sets the address, such as ``--port``: for who must choose another.
    """

    host: str = "127.0.0.1"
    port: int = 0
    limits: ListenerLimits = DEFAULT_LIMITS
    tls: ssl.SSLContext | None = None
    partner: str = ""
    setting: str = ""
