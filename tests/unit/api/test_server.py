"""The HTTP server on a real socket."""

import asyncio
import http.client
import time
from contextlib import closing

from fastapi import FastAPI
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from api.server import HttpServer

KERNEL_WAITS = 0.04
"""Seconds for which Linux holds back an acknowledgement, to send data with it."""


def test_a_kept_connection_is_answered_at_once():
    """Not when the client's delayed acknowledgement lets the rest of it go."""
    app = FastAPI()
    app.get("/")(lambda: {"answer": "x" * 100})
    server = HttpServer(app, "127.0.0.1", 0)
    server.start()
    try:
        took = []
        with closing(http.client.HTTPConnection(*server.address)) as connection:
            for _ in range(40):
                began = time.perf_counter()
                connection.request("GET", "/")
                connection.getresponse().read()
                took.append(time.perf_counter() - began)
    finally:
        server.stop()
    # The kernel is patient only once it knows the connection.
    assert min(took[20:]) < KERNEL_WAITS / 2


def test_requests_are_read_and_awaited_by_compiled_code():
    """Half of a short request's time went into doing both in Python."""
    loops = []
    app = FastAPI()

    @app.get("/")
    async def look():
        loops.append(type(asyncio.get_running_loop()).__module__)

    server = HttpServer(app, "127.0.0.1", 0)
    server.start()
    try:
        with closing(http.client.HTTPConnection(*server.address)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
    finally:
        server.stop()

    assert loops == ["uvloop"]
    assert AutoHTTPProtocol.__name__ == "HttpToolsProtocol"
