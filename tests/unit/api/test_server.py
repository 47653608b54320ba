"""The HTTP server on a real socket."""

import asyncio
import http.client
import json
import socket
import time
from contextlib import closing, suppress

import pytest
from fastapi import FastAPI, Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http_protocol import BoundedHttp
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


@pytest.fixture
def served():
    """A server of one page, which says what it is awaited on and how much it got."""
    app = FastAPI()

    @app.post("/")
    async def look(request: Request):
        loop = type(asyncio.get_running_loop()).__module__
        return {"loop": loop, "got": len(await request.body())}

    server = HttpServer(app, "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()


def answer_to(server, *parts):
    """Return all that comes back, until the server closes."""
    with socket.create_connection(server.address, timeout=5) as connection:
        with suppress(OSError):  # it may close before it has heard all of it
            for part in parts:
                connection.sendall(part)
        found = b""
        with suppress(ConnectionResetError):
            while some := connection.recv(65_536):
                found += some
    return found


def test_requests_are_read_and_awaited_by_compiled_code(served):
    """Half of a short request's time went into doing both in Python."""
    with closing(http.client.HTTPConnection(*served.address)) as connection:
        connection.request("POST", "/", b"x")
        assert json.load(connection.getresponse()) == {"loop": "uvloop", "got": 1}
    assert issubclass(BoundedHttp, HttpToolsProtocol)


@pytest.mark.parametrize(
    "begun", [b"POST /", b"POST / HTTP/1.1\r\nHost: x\r\nX-Long: "]
)
def test_a_head_without_an_end_is_refused(served, begun):
    found = answer_to(served, begun, *[b"a" * 10_000] * 20)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"too long" in found


def test_what_ends_a_body_must_end_too(served):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = answer_to(served, head + b"1\r\nx\r\n0\r\nX-Long: ", *[b"a" * 10_000] * 20)
    assert b"200" not in found


def test_long_bodies_and_many_requests_on_one_connection_are_served(served):
    with closing(http.client.HTTPConnection(*served.address)) as connection:
        for size in (500_000, 0, 500_000):
            connection.request("POST", "/", b"x" * size)
            assert json.load(connection.getresponse())["got"] == size
