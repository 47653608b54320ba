"""An MLLP server that answers many connections with one commit.

Three parties: an event loop in its own thread reads and writes sockets; one intake
thread takes every frame that is waiting, calls `handle` once for all of them and hands
the answers back; the caller starts and stops. An answer is written only after `handle`
has returned, so whatever it commits is safe before the sender hears of it.

There is one queue and one intake thread, hence frames of a connection are handled and
answered in the order in which they came.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
import traceback
from collections import deque
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from hl7_adapters.mllp.connection import Connection, Waiting
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.received import (
    Endpoint,
    Fault,
    Handle,
    HandleFrames,
    ListenerLimits,
    Received,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Future
    from datetime import datetime

__all__ = [
    "Endpoint",
    "Fault",
    "Handle",
    "HandleFrames",
    "ListenerLimits",
    "MllpListener",
    "Received",
]

log = logging.getLogger(__name__)

Answer: TypeAlias = "bytes | tuple[bytes, ...] | None"


def _not_bound(endpoint: Endpoint, error: OSError) -> str:
    """Return which address cannot be listened on, why, and what to do."""
    known = (error.errno or 0) > 0  # a name that is not found has a number of its own
    reason = os.strerror(error.errno) if known and error.errno else error.strerror
    instead = endpoint.setting and f", or set {endpoint.setting} to another address"
    return (
        f"MLLP cannot listen on {endpoint.host}:{endpoint.port} ({reason}); end what"
        f" uses it{instead}"
    )


_ADMITTANCE: Final = 5
"""Turns of the loop from accepting a connection to noting it."""


class MllpListener:
    """Listens on one endpoint, or several beside each other.

    Parameters
    ----------
    endpoint
        Where to listen; port 0 picks a free one, see `address`.
    handle
        Stores and answers a batch; called from one thread only. If it raises, the
        connections of the batch are closed unanswered, so that the senders send again.
    now
        The clock for `Received.received_at`.
    beside
        Further endpoints. What comes to them shares the batches of the first.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        handle: HandleFrames,
        *,
        now: Callable[[], datetime],
        beside: Sequence[Endpoint] = (),
    ) -> None:
        self.endpoints = (endpoint, *beside)
        self._handle = handle
        self._now = now
        self.addresses = [(each.host, each.port) for each in self.endpoints]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[asyncio.Server] = []
        self._numbers = itertools.count(1)
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._unfinished_bytes = 0
        self._waiting_bytes = 0
        self._waiting: deque[Waiting] = deque()
        self._arrival = threading.Condition()
        self._stopping = False
        self._loop_thread = threading.Thread(
            target=self._run_loop, name="mllp-loop", daemon=True
        )
        self._intake_thread = threading.Thread(
            target=self._run_intake, name="mllp-intake", daemon=True
        )

    # The caller's side ---------------------------------------------------------------

    def start(self) -> None:
        """Bind and begin to serve; raises OSError where the address is taken."""
        self._loop = asyncio.new_event_loop()
        self._loop_thread.start()
        try:
            self._in_loop(self._open()).result()
        except BaseException:
            self._in_loop(self._stop_reading()).result()
            self._in_loop(self._close(0)).result()
            self._end_loop()
            raise
        self._intake_thread.start()
        for (host, port), endpoint in zip(self.addresses, self.endpoints, strict=True):
            log.info(
                "listening",
                extra={
                    "event": "mllp.listening",
                    "host": host,
                    "port": port,
                    "tls": endpoint.tls is not None,
                },
            )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first endpoint; certain once it is started."""
        return self.addresses[0]

    def stop(self, drain_seconds: float = 5.0) -> None:
        """Stop reading, answer what was received, then close; safe to call twice.

        Parameters
        ----------
        drain_seconds
            How long to wait for frames already received to be answered.
        """
        if self._loop is None:
            return
        deadline = monotonic() + drain_seconds
        self._in_loop(self._stop_reading()).result()
        with self._arrival:
            self._stopping = True
            self._arrival.notify()
        self._intake_thread.join(drain_seconds)
        left = max(0.0, deadline - monotonic())
        self._in_loop(self._close(left)).result()
        self._end_loop()
        log.info("stopped", extra={"event": "mllp.stopped", "port": self.address[1]})

    def now(self) -> datetime:
        """Return the present instant by the clock that was passed in."""
        return self._now()

    @property
    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the listener does not run; call start() first")
        return self._loop

    def _in_loop(self, work: Coroutine[object, object, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(work, self._running)

    def _end_loop(self) -> None:
        loop = self._running
        loop.call_soon_threadsafe(loop.stop)
        self._loop_thread.join()
        self._loop = None
        loop.close()

    # The event loop's side -----------------------------------------------------------

    def _run_loop(self) -> None:
        loop = self._running
        asyncio.set_event_loop(loop)
        loop.run_forever()

    async def _open(self) -> None:
        for at, endpoint in enumerate(self.endpoints):
            try:
                server = await self._running.create_server(
                    partial(self._connection, endpoint), endpoint.host, endpoint.port
                )
            except OSError as error:
                raise OSError(_not_bound(endpoint, error)) from error
            self._servers.append(server)
            bound = server.sockets[0].getsockname()
            self.addresses[at] = (bound[0], bound[1])
        self._sweep()

    def _connection(self, endpoint: Endpoint) -> Connection:
        return Connection(self, self._running, next(self._numbers), endpoint)

    async def _stop_reading(self) -> None:
        for server in self._servers:
            for listening in server.sockets:
                self._running.remove_reader(listening.fileno())
        for _ in range(_ADMITTANCE):  # else a connection just accepted would leak
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.stop_reading()

    async def _close(self, seconds: float) -> None:
        gone = [connection.gone for connection in self._connections]
        for connection in tuple(self._connections):
            connection.close()
        if gone:
            await asyncio.wait(gone, timeout=seconds)
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:  # lets the aborted transports report
            await asyncio.wait([each.gone for each in self._connections], timeout=0.1)
        for server in self._servers:
            await server.wait_closed()

    def _sweep(self) -> None:
        """Look for connections that are idle or stuck, now and then again."""
        shortest = min(
            min(limits.idle_seconds, limits.frame_seconds, limits.settle_seconds)
            for limits in (endpoint.limits for endpoint in self.endpoints)
        )
        for connection in tuple(self._connections):
            connection.check(self._running.time())
        self._running.call_later(min(1.0, max(0.02, shortest / 4)), self._sweep)

    def joined(self, connection: Connection) -> bool:
        """Note a new connection; whether there is room for it."""
        if self._stopping or not self._has_room(connection.endpoint):
            log.warning(
                "connection refused",
                extra={"event": "mllp.refused", "peer": connection.peer},
            )
            return False
        self._connections[connection] = None
        return True

    def _has_room(self, endpoint: Endpoint) -> bool:
        """Whether one more may join; makes room where somebody only sits there.

        Else whoever opens connections and says nothing keeps the others out.
        """
        if self.is_crowded(endpoint):
            return False
        there = [each for each in self._connections if each.endpoint is endpoint]
        if len(there) < endpoint.limits.connections:
            return True
        silent = next((each for each in there if not each.has_delivered), None)
        if silent is None:
            return False
        log.warning(
            "silent connection closed to make room",
            extra={"event": "mllp.made_room", "peer": silent.peer},
        )
        self._connections.pop(silent, None)
        silent.abort()
        return True

    def left(self, connection: Connection) -> None:
        """Forget a connection; frames received from it are handled all the same."""
        self._connections.pop(connection, None)

    def arrived(self, waiting: list[Waiting]) -> None:
        """Queue what a connection received."""
        self._waiting_bytes += sum([len(item.received.frame) for item in waiting])
        with self._arrival:
            self._waiting.extend(waiting)
            self._arrival.notify()

    def holds(self, connection: Connection, change: int) -> None:
        """Note by how many bytes an unfinished frame grew; make room if needed."""
        self._unfinished_bytes += change
        if self._unfinished_bytes > connection.endpoint.limits.held_bytes:
            longest = max(
                self._connections, key=lambda each: each.open_bytes, default=connection
            )
            longest.give_up_frame()

    def is_crowded(self, endpoint: Endpoint) -> bool:
        """Whether so much waits to be handled that no more should be read."""
        return self._waiting_bytes >= endpoint.limits.held_bytes

    def _deliver(self, batch: list[Waiting], answers: Sequence[Answer]) -> None:
        for (connection, received, framed), answer in zip(batch, answers, strict=True):
            fault, size = received.fault, len(received.frame)
            if answer is None:
                connection.doomed = True
                connection.close()
            elif fault is not None and not fault.is_answered:
                connection.answer(b"", size)
            else:
                payloads = answer if isinstance(answer, tuple) else (answer,)
                blocks = [frame(p) if p and framed else p for p in payloads]
                connection.answer(b"".join(blocks), size)
        self._forget(batch)

    def _forget(self, done: list[Waiting]) -> None:
        """Give back the room of frames; read on where that was waited for."""
        crowded = [each for each in self.endpoints if self.is_crowded(each)]
        self._waiting_bytes -= sum([len(item.received.frame) for item in done])
        if crowded:
            for connection in self._connections:
                connection.read_on()

    # The intake thread's side --------------------------------------------------------

    def _run_intake(self) -> None:
        while batch := self._next_batch():
            answers = self._answers(batch)
            self._call(partial(self._deliver, batch, answers))

    def _call(self, work: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:  # else it was stopped without waiting for this batch
            loop.call_soon_threadsafe(work)

    def _next_batch(self) -> list[Waiting]:
        """Return all that waits, at most one batch; nothing once it is time to end."""
        batch: list[Waiting] = []
        with self._arrival:
            while not batch:
                while not self._waiting:
                    if self._stopping:
                        return []
                    self._arrival.wait()
                while self._waiting and len(batch) < self.endpoints[0].limits.batch:
                    item = self._waiting.popleft()
                    # What follows an unanswered frame must not overtake its resend.
                    if item.connection.doomed:
                        self._call(partial(self._forget, [item]))
                    else:
                        batch.append(item)
        return batch

    def _answers(self, batch: list[Waiting]) -> Sequence[Answer]:
        refused: list[Answer] = [None] * len(batch)
        try:
            answers = self._handle([item.received for item in batch])
            if len(answers) == len(batch):
                for item, answer in zip(batch, answers, strict=True):
                    if answer is None:
                        item.connection.doomed = True
                return answers
            problem = "handle returned a wrong number of answers"
        except Exception as error:  # noqa: BLE001 - a process loop goes on
            # The text of an error may hold patient data; its place does not.
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__} at {place.name}, line {place.lineno}"
        for item in batch:
            item.connection.doomed = True
        log.error(
            "intake failed; connections closed unanswered",
            extra={
                "event": "mllp.intake_failed",
                "problem": problem,
                "frames": len(batch),
            },
        )
        return refused
