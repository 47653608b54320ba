"""Opaque page cursors: where a page ended, as URL-safe base64 of a JSON list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from booking_engine.domain.errors import InvalidValue

Reader = Callable[[str], Any]
"""Reads one part of a cursor back; raises `ValueError` on nonsense."""


def read_instant(text: str) -> datetime:
    """Return the aware instant, in UTC, that `text` states in ISO 8601.

    Raises
    ------
    ValueError
        It is no instant, or one without an offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(UTC)


BY_TIER: Final[tuple[Reader, ...]] = (int, date.fromisoformat, str)
"""Worklist: tier, breach day, order."""
BY_INSTANT: Final[tuple[Reader, ...]] = (read_instant, str)
"""Other lists: instant, identifier."""

BY_SEQUENCE: Final[tuple[Reader, ...]] = (int,)
"""Deliveries: sequence."""


def encode_cursor(key: Sequence[object]) -> str:
    """Return the cursor that stands for the sort key of a page's last item."""
    parts = [part.isoformat() if isinstance(part, date) else str(part) for part in key]
    packed = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(cursor: str | None, readers: Sequence[Reader]) -> tuple[Any, ...]:
    """Return the sort key that `cursor` stands for; empty for the first page.

    Raises
    ------
    InvalidValue
        It was not made by `encode_cursor` for this list.
    """
    if cursor is None:
        return ()
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return tuple(read(part) for read, part in zip(readers, parts, strict=True))
    except (ValueError, TypeError, RecursionError, OverflowError):
        # Base64's own error is a ValueError; what is no list of texts, a TypeError.
        raise InvalidValue(
            "The cursor does not belong to this list; start from the first page."
        ) from None


def checked_limit(limit: int) -> int:
    """Return `limit`.

    Raises
    ------
    InvalidValue
        It is below 1: such a page could never lead on.
    """
    if limit < 1:
        raise InvalidValue(f"A page of {limit} items is not possible; ask for 1.")
    return limit
