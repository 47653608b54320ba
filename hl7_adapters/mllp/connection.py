"""One sender's connection to a listener: bytes in, frames queued, answers out."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from hl7_adapters.mllp.framing import Deframer, Event, Frame, Garbage, Stray
from hl7_adapters.mllp.received import Endpoint, Fault, Received

if TYPE_CHECKING:
    from datetime import datetime

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS: Final = 1.0
"""Longest wait for the other side's end of TLS."""


class Waiting(NamedTuple):
    """Something received that is to be handled, and where its answer goes."""

    connection: Connection
    received: Received
    framed: bool


class Owner(Protocol):
    """What a connection needs of its listener."""

    def now(self) -> datetime:
        """Return the present instant."""

    def joined(self, connection: Connection) -> bool:
        """Note a new connection; whether there is room for it."""

    def left(self, connection: Connection) -> None:
        """Forget a connection."""

    def arrived(self, waiting: list[Waiting]) -> None:
        """Queue what a connection received."""

    def holds(self, connection: Connection, change: int) -> None:
        """Note by how many bytes its unfinished frame grew or shrank."""

    def is_crowded(self, endpoint: Endpoint) -> bool:
        """Whether so much waits to be handled that no more should be read."""


class Connection(asyncio.Protocol):
    """One sender's connection; lives in the event loop's thread.

    Attributes
    ----------
    doomed
        Set once a frame was left unanswered: nothing further of it is handled.
    has_delivered
        Whether it has sent a whole frame.
    open_bytes
        Of the frame that is not finished.
    """

    def __init__(
        self,
        owner: Owner,
        loop: asyncio.AbstractEventLoop,
        number: int,
        endpoint: Endpoint,
    ) -> None:
        self.endpoint = endpoint
        self._owner = owner
        self._limits = endpoint.limits
        self._loop = loop
        self._number = number
        self._deframer = Deframer(self._limits.max_bytes, raw_ok=self._limits.raw_ok)
        self._transport: asyncio.Transport | None = None
        self._unanswered = 0
        self._waiting_bytes = 0
        self._write_blocked = False
        self._read_ended = False
        self._last_at = loop.time()
        self._frame_from: float | None = None
        self._closed_at: float | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._early: list[bytes] = []  # decrypted before the handshake was reported
        self._port = 0
        self._names: tuple[str, ...] = ()
        self.gone: asyncio.Future[None] = loop.create_future()
        self.peer = ""
        self.doomed = False
        self.has_delivered = False
        self.open_bytes = 0

    # Called by asyncio ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the listener, or close where it is full."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.peer = f"{peer[0]}:{peer[1]}" if peer else "unknown"
        own = transport.get_extra_info("sockname")
        self._port = own[1] if own else 0
        if sock := transport.get_extra_info("socket"):
            keep_alive(sock)
        if not self._owner.joined(self):
            self.doomed = True
            self._transport.abort()
        elif self.endpoint.tls is not None:
            # Here and not in the server, so that who never ends its handshake counts.
            self._transport.pause_reading()
            self._handshake = self._loop.create_task(self._secure(self.endpoint.tls))

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the listener."""
        if self.gone.done():  # a failed handshake was reported already
            return
        self._owner.left(self)
        self._note_open(0)
        if self._deframer.in_frame:
            log.warning(
                "connection lost inside a frame",
                extra={"event": "mllp.truncated", "peer": self.peer},
            )
        if exc is not None:
            log.info(
                "connection lost",
                extra={
                    "event": "mllp.lost",
                    "peer": self.peer,
                    "error": type(exc).__name__,
                },
            )
        self._transport = None
        self.gone.set_result(None)

    def eof_received(self) -> bool:
        """Keep a half-closed connection until what it sent is answered."""
        self._queue(self._deframer.flush())
        self._read_ended = True
        # TLS has no half-close.
        return self._unanswered > 0 and self.endpoint.tls is None

    def pause_writing(self) -> None:
        """Read no more from a sender that does not take its answers."""
        self._write_blocked = True
        self._adjust_reading()

    def resume_writing(self) -> None:
        """Read on."""
        self._write_blocked = False
        self._last_at = self._loop.time()
        self._adjust_reading()

    def data_received(self, data: bytes) -> None:
        """Queue the frames that these bytes complete."""
        if self.doomed:
            return
        if self._handshake is not None:
            self._early.append(data)
            return
        self._last_at = self._loop.time()
        self._queue(self._deframer.feed(data))
        if not self._deframer.in_frame:
            self._frame_from = None
        elif self._frame_from is None:
            self._frame_from = self._last_at
        if self._deframer.held != self.open_bytes:
            self._note_open(self._deframer.held)

    # Called by the listener ----------------------------------------------------------

    def answer(self, block: bytes, size: int) -> None:
        """Write one answer, or none if it is empty.

        Parameters
        ----------
        size
            Of the frame that is done with it, in bytes.
        """
        self._unanswered -= 1
        self._waiting_bytes -= size
        self._last_at = self._loop.time()
        if self._frame_from is not None:
            self._frame_from = self._last_at  # it may have waited for us to read on
        if self._transport is None or self._transport.is_closing():
            return
        if block:
            self._transport.write(block)
        if self._read_ended and not self._unanswered:
            self._transport.close()
        else:
            self._adjust_reading()

    def stop_reading(self) -> None:
        """Read no more; answers are still written."""
        self._read_ended = True
        self._adjust_reading()

    def read_on(self) -> None:
        """Read again what had to wait for others."""
        if self._frame_from is not None:
            self._frame_from = self._loop.time()
        self._adjust_reading()

    def close(self) -> None:
        """Close once the answers written so far are on their way."""
        if self._handshake is not None:
            self.abort()
        elif self._transport is not None:
            self._closed_at = self._closed_at or self._loop.time()
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._handshake is not None:
            self._handshake.cancel()
        if self._transport is not None:
            self._transport.abort()

    def give_up_frame(self) -> None:
        """Refuse the open frame, to make room for others."""
        log.warning(
            "unfinished frame refused for want of room",
            extra={
                "event": "mllp.no_room",
                "peer": self.peer,
                "bytes": self.open_bytes,
            },
        )
        self._queue(self._deframer.give_up())
        self._note_open(self._deframer.held)

    def check(self, at: float) -> None:
        """Close where the sender is idle or stuck in a frame; settle stray bytes."""
        if self._transport is None or self._handshake is not None:
            return
        if self._transport.is_closing():
            begun = self._closed_at
            if begun is not None and at - begun >= self._limits.frame_seconds:
                self.abort()  # it does not take what is left
            return
        silence = at - self._last_at
        if self._deframer.has_stray and silence >= self._limits.settle_seconds:
            self._queue(self._deframer.flush())
        begun = self._frame_from
        if self._write_blocked and silence >= self._limits.frame_seconds:
            log.warning(
                "answers not read", extra={"event": "mllp.unread", "peer": self.peer}
            )
            self.abort()
        if self._unanswered:
            return
        if begun is not None and at - begun >= self._limits.frame_seconds:
            self._give_up("frame not completed", "mllp.frame_timeout")
        elif silence >= self._limits.idle_seconds:
            self._give_up("connection idle", "mllp.idle")

    # Own -----------------------------------------------------------------------------

    async def _secure(self, context: ssl.SSLContext) -> None:
        """Shake hands; what came meanwhile is read afterwards."""
        plain, secured = self._transport, None
        problem = ""
        try:
            if plain is not None:
                secured = await self._loop.start_tls(
                    *(plain, self, context),
                    server_side=True,
                    ssl_handshake_timeout=self._limits.handshake_seconds,
                    ssl_shutdown_timeout=SHUTDOWN_SECONDS,
                )
        except (OSError, ssl.SSLError) as error:  # a timeout is an OSError
            problem = getattr(error, "reason", None) or type(error).__name__
        except asyncio.CancelledError:
            problem = "closed by us"
        self._handshake = None
        if problem or (secured is None and not self.gone.done()):
            log.log(
                logging.WARNING if problem else logging.INFO,
                "TLS handshake failed",
                extra={
                    "event": "mllp.handshake_failed",
                    "peer": self.peer,
                    "problem": problem or "closed by the other side",
                },
            )
            self.connection_lost(None)
            return
        if secured is not None and not self.gone.done():
            self._transport = secured
            self._names = _certificate_names(secured.get_extra_info("peercert"))
            self._adjust_reading()
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)
        if self._read_ended:
            self._queue(self._deframer.flush())

    def _give_up(self, text: str, event: str) -> None:
        log.info(text, extra={"event": event, "peer": self.peer})
        self.close()

    def _queue(self, events: list[Event]) -> None:
        if not events:
            return
        now = self._owner.now()
        waiting = [self._waiting(event, now) for event in events]
        self._unanswered += len(waiting)
        self._waiting_bytes += sum([len(item.received.frame) for item in waiting])
        self._frame_from = None
        self._owner.arrived(waiting)
        self._adjust_reading()

    def _waiting(self, event: Event, now: datetime) -> Waiting:
        fault, framed = None, True
        if isinstance(event, Frame):
            payload, framed = event.payload, event.framed
            self.has_delivered = True
        elif isinstance(event, Garbage):
            payload, fault = event.head, _FAULTS[event.stray]
        else:
            payload, fault = event.head, Fault.TOO_LONG
        received = Received(
            *(payload, self.peer, self._number, now, self._port, fault, self._names),
            partner=self.endpoint.partner,
        )
        return Waiting(self, received, framed)

    def _note_open(self, size: int) -> None:
        change, self.open_bytes = size - self.open_bytes, size
        if change:
            self._owner.holds(self, change)

    def _adjust_reading(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        limits = self._limits
        full = (
            self._unanswered >= limits.unanswered
            or self._waiting_bytes >= limits.max_bytes
            or self._owner.is_crowded(self.endpoint)
        )
        if full or self._write_blocked or self._read_ended:
            transport.pause_reading()
        else:
            transport.resume_reading()


_FAULTS: Final = {
    Stray.BEFORE_FRAME: Fault.BEFORE_FRAME,
    Stray.RESTARTED: Fault.RESTARTED,
    Stray.UNFRAMED: Fault.UNFRAMED,
}


def keep_alive(sock: socket.socket) -> None:
    """Let the system notice a peer that vanished, within about three minutes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("KEEPIDLE", 60), ("KEEPINTVL", 20), ("KEEPCNT", 6)):
        option = getattr(socket, f"TCP_{name}", None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _certificate_names(certificate: dict[str, object] | None) -> tuple[str, ...]:
    """Return the names in what `ssl.SSLSocket.getpeercert` gives."""
    if not certificate:
        return ()
    names: list[str] = []
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate["subject"])
    for part in subject:
        names += [value for key, value in part if key == "commonName"]
    others = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    names += [value for _, value in others]
    return tuple(dict.fromkeys(names))
