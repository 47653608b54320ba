"""The HTTP server in a thread: bound at once, drained when stopped.

uvicorn takes uvloop where it is installed, as our locks have it. Windows has neither it
nor httptools; there uvicorn takes h11, which bounds a request's head by itself.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from time import monotonic, sleep
from typing import Final

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

log = logging.getLogger(__name__)

AT_A_TIME: Final = max(4, 2 * (os.cpu_count() or 1))
"""Requests that threads work on at once; the others wait in the order they came.

More only take the interpreter from each other: 32 clients that book on two cores were
answered 112 times a second with forty threads (p99 576 ms), 122 times with four (428).
"""
_PROTOCOL: Final = (
    "auto" if sys.platform == "win32" else "api.http_protocol:BoundedHttp"
)
_START_SECONDS: Final = 15.0
_DRAIN_SECONDS: Final = 5


class _Server(uvicorn.Server):
    """Answers at most so many requests at a time; the others wait their turn."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        current_default_thread_limiter().total_tokens = AT_A_TIME
        await super().serve(sockets)


class HttpServer:
    """Serves one application on one address.

    Parameters
    ----------
    app
        What is served.
    host, port
        Where; port 0 picks a free one, see `address`.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._endpoint = (host, port)
        self.address: tuple[str, int] = (host, port)
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_PROTOCOL,
                log_config=None,
                access_log=False,  # it would log queries, which may name patients
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bind and begin to serve; raises OSError where the address is taken."""
        family = socket.AF_INET6 if ":" in self._endpoint[0] else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. asyncio sets it only where the protocol is named,
        # and without it each answer waits 40 ms for the client's delayed ACK.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            bound.bind(self._endpoint)
        except OSError as error:
            bound.close()
            host, port = self._endpoint
            raise OSError(
                f"the API cannot listen on {host}:{port} ({error.strerror}); end what"
                " uses it, or set http.host and http.port to another address"
            ) from error
        self._socket = bound
        host, port = bound.getsockname()[:2]
        self.address = (host, port)
        self._thread = threading.Thread(
            target=self._server.run, args=([bound],), name="http", daemon=True
        )
        self._thread.start()
        deadline = monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or monotonic() > deadline:
                raise OSError(f"the HTTP server on {host}:{port} did not start")
            sleep(0.01)
        log.info("serving HTTP", extra={"event": "http.serving", "port": port})

    def stop(self) -> None:
        """Finish what is being answered, then close; safe to call twice."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_DRAIN_SECONDS + 5)
            self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
