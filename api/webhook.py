"""Posts a small JSON document to an address that the configuration names."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

_SUCCESS: Final = range(200, 300)


class Webhook:
    """One address; each call is one attempt, bounded in time. No redirect is followed.

    Parameters
    ----------
    url
        http or https.
    timeout
        For connecting and for each wait, in seconds.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._secure = parts.scheme == "https"
        path = parts.path or "/"
        self._target = f"{path}?{parts.query}" if parts.query else path
        self._timeout = timeout

    def post(self, document: Mapping[str, object]) -> bool:
        """Send a document; whether it was taken (any status from 200 to 299)."""
        kind = (
            http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        )
        connection = kind(self._host, self._port, timeout=self._timeout)
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        try:
            connection.request("POST", self._target, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return self._failed(type(error).__name__)
        finally:
            connection.close()
        return status in _SUCCESS or self._failed(str(status))

    def _failed(self, why: str) -> bool:
        # Its path may hold a secret.
        log.warning(
            "webhook did not take an alert; the next turn tries again",
            extra={"event": "webhook.failed", "host": self._host, "why": why},
        )
        return False
