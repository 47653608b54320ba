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
import threading
import traceback
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from hl7_adapters.mllp.connection import Connection, Waiting
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.received import (
    DEFAULT_LIMITS,
    Fault,
    Handle,
    ListenerLimits,
    Received,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Future
    from datetime import datetime

__all__ = ["Fault", "Handle", "ListenerLimits", "MllpListener", "Received"]

log = logging.getLogger(__name__)


class MllpListener:
    """Listens on one endpoint.

    Parameters
    ----------
    endpoint
        Host and port; port 0 picks a free one, see `address`.
    handle
        Stores and answers a batch; called from one thread only. If it raises, the
        connections of the batch are closed unanswered, so that the senders send again.
    now
        The clock for `Received.received_at`.
    limits
        See `ListenerLimits`.
    tls
        Context for a TLS server, or None for plain TCP.
    """

    def __init__(
        self,
        endpoint: tuple[str, int],
        handle: Handle,
        *,
        now: Callable[[], datetime],
        limits: ListenerLimits = DEFAULT_LIMITS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._handle = handle
        self._tls = tls
        self._now = now
        self.limits = limits
        self.address: tuple[str, int] = endpoint
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._numbers = itertools.count(1)
        self._connections: set[Connection] = set()
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
            self._end_loop()
            raise
        self._intake_thread.start()
        log.info(
            "listening", extra={"event": "mllp.listening", "port": self.address[1]}
        )

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
        host, port = self._endpoint
        loop = self._running
        self._server = await loop.create_server(
            lambda: Connection(self, loop, next(self._numbers)),
            host,
            port,
            ssl=self._tls,
        )
        bound = self._server.sockets[0].getsockname()
        self.address = (bound[0], bound[1])
        self._sweep()

    async def _stop_reading(self) -> None:
        if self._server is not None:
            self._server.close()
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
        if self._server is not None:
            await self._server.wait_closed()

    def _sweep(self) -> None:
        """Look for connections that are idle or stuck, now and then again."""
        limits = self.limits
        shortest = min(limits.idle_seconds, limits.frame_seconds, limits.settle_seconds)
        for connection in tuple(self._connections):
            connection.check(self._running.time())
        self._running.call_later(min(1.0, max(0.02, shortest / 4)), self._sweep)

    def joined(self, connection: Connection) -> bool:
        """Note a new connection; whether there is room for it."""
        if self._stopping or len(self._connections) >= self.limits.connections:
            log.warning(
                "connection refused",
                extra={"event": "mllp.refused", "peer": connection.peer},
            )
            return False
        self._connections.add(connection)
        return True

    def left(self, connection: Connection) -> None:
        """Forget a connection; frames received from it are handled all the same."""
        self._connections.discard(connection)

    def arrived(self, waiting: list[Waiting]) -> None:
        """Queue what a connection received."""
        with self._arrival:
            self._waiting.extend(waiting)
            self._arrival.notify()

    def _deliver(self, batch: list[Waiting], answers: Sequence[bytes | None]) -> None:
        for (connection, received, framed), answer in zip(batch, answers, strict=True):
            fault = received.fault
            if fault is not None and not fault.is_answered and answer is not None:
                connection.answer(b"")
            elif answer is None:
                connection.doomed = True
                connection.close()
            else:
                connection.answer(frame(answer) if answer and framed else answer)

    # The intake thread's side --------------------------------------------------------

    def _run_intake(self) -> None:
        while batch := self._next_batch():
            answers = self._answers(batch)
            loop = self._loop
            if loop is None:  # stopped without waiting for this batch
                return
            loop.call_soon_threadsafe(self._deliver, batch, answers)

    def _next_batch(self) -> list[Waiting]:
        """Return all that waits, at most one batch; nothing once it is time to end."""
        batch: list[Waiting] = []
        with self._arrival:
            while not batch:
                while not self._waiting:
                    if self._stopping:
                        return []
                    self._arrival.wait()
                while self._waiting and len(batch) < self.limits.batch:
                    item = self._waiting.popleft()
                    # What follows an unanswered frame must not overtake its resend.
                    if not item.connection.doomed:
                        batch.append(item)
        return batch

    def _answers(self, batch: list[Waiting]) -> Sequence[bytes | None]:
        refused: list[bytes | None] = [None] * len(batch)
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
