"""HTTP as httptools reads it, with an end to how long a request's head may be.

httptools itself keeps whatever a client sends as address or header until the head is
whole: one connection without a key could fill the memory.
"""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES: Final = 65_536
"""Longest request line with headers; proxies and other servers take 8 to 64 KiB."""


class BoundedHttp(HttpToolsProtocol):
    """One connection; what is neither a whole head nor body may only be so long."""

    _unfinished = 0  # bytes since the last head or part of a body

    def data_received(self, data: bytes) -> None:
        """Read on; refuse and close where a head, or what ends a body, has no end."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished <= MOST_HEAD_BYTES or self.transport.is_closing():
            return
        # There is none before the first request, whatever its type says.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.send_400_response("The head of the request is too long.")
        else:  # an answer is under way
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Note that a head is whole."""
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note that a part of the body came."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._unfinished = 0
        super().on_message_complete()
