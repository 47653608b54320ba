"""Which of two messages was sent first, whatever came first."""

from __future__ import annotations

from datetime import datetime


def is_older(sent_at: datetime, last: datetime | None) -> bool:
    """Return whether a message was sent before the last one that was applied.

    Some senders write whole minutes: within the minute, what comes later is later.
    """
    return last is not None and sent_at < last.replace(second=0, microsecond=0)
