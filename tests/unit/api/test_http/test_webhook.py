"""The webhook is told of each alert once, and of nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from watching_post import Post

from api.webhook import Webhook
from booking_engine.settings import SettingsError, load_settings


@contextmanager
def receiving(statuses: list[int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve an address that answers with these statuses, then with 204."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = statuses.pop(0) if statuses else 204
            if status == 204:
                came.append(json.loads(body))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?key=secret", came
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_the_webhook_is_told_once_and_again_until_it_takes_it(
    sqlite_url: str, make_post: Callable[..., Post], caplog: pytest.LogCaptureFixture
):
    with receiving([500, 302]) as (hook, came):
        post = make_post(sqlite_url, webhook=hook)
        post.message()
        post.tick(31)
        assert came == []
        post.tick()
        assert came == []
        post.tick(60)
        post.message()
        post.tick(10)

    assert [one["event"] for one in came] == ["raised", "cleared"]
    raised, cleared = came
    assert raised["alert"] == cleared["alert"]
    assert raised["condition"] == "silent_feed"
    assert raised["cleared_at"] is None
    assert cleared["cleared_at"] is not None
    assert "secret" not in caplog.text


def test_nobody_behind_the_webhook_is_no_fault():
    assert not Webhook("http://127.0.0.1:9/x", timeout=0.5).post({"a": 1})


@pytest.mark.parametrize(
    "url", ["http://example.test/x", "ftp://127.0.0.1/x", "nonsense", "https://"]
)
def test_only_an_address_that_can_be_trusted_is_called(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BOOKING_WATCH__WEBHOOK", url)
    with pytest.raises(SettingsError, match="https"):
        load_settings()
