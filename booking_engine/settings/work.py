"""The parts about what the service does: store, plan, send, clean up and watch."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from booking_engine.domain.messages import MessageOutcome
from booking_engine.settings.endpoints import is_loopback
from booking_engine.settings.section import Section

MEMORY_URL: Final = "memory:"
"""As database URL: nothing is kept; for demonstrations and tests."""

KeptDays = Annotated[int, Field(ge=30, le=36500)]


class DatabaseSettings(Section):
    """Where everything is stored.

    Parameters
    ----------
    url
        An SQLAlchemy URL of SQLite or PostgreSQL, or ``memory:``.
    """

    url: str = Field(
        default="sqlite:///var/booking-engine.db", min_length=1, repr=False
    )


class PlanSection(Section):
    """Planning runs.

    Parameters
    ----------
    at
        Time of the nightly run, in UTC (local times near 01:30 come twice in autumn);
        none: only on request.
    seconds, work
        When a run stops; see `PlanSettings`. At least one is needed.
    target_gap
        Stop once the certified gap is this small.
    """

    at: time | None = time(2, 10)
    seconds: float | None = Field(default=30.0, gt=0)
    work: int | None = Field(default=None, ge=0)
    target_gap: float = Field(default=0.005, ge=0)
    seed: int = 1
    workers: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _ends(self) -> Self:
        """Refuse a run that would never stop."""
        if self.seconds is None and self.work is None:
            raise ValueError("a run needs seconds or work to stop; set one of them")
        return self


class RelaySettings(Section):
    """Messages going out.

    Parameters
    ----------
    batch
        Most deliveries taken up at once.
    first_wait_seconds, longest_wait_seconds
        The wait before the first repeat is doubled each time, up to the longest.
    idle_seconds
        Pause when nothing is due.
    """

    batch: int = Field(default=200, ge=1)
    first_wait_seconds: float = Field(default=2.0, gt=0)
    longest_wait_seconds: float = Field(default=300.0, gt=0)
    idle_seconds: float = Field(default=0.5, gt=0)


class JobSettings(Section):
    """What runs by itself.

    Parameters
    ----------
    expire_holds_seconds
        How often lapsed holds are released.
    urgent_seconds
        How often waiting urgent orders are looked for; arrivals are seen at once.
    urgent_tier
        Orders of this tier or a more urgent one are booked on arrival: 0 immediate,
        1 inpatient, 2 suspected cancer, 3 urgent, 4 routine; -1: none.
    urgent_retry_seconds
        How long an order that found no slot is left alone.
    diary_days
        How far ahead sessions are generated from their templates.
    """

    expire_holds_seconds: float = Field(default=30.0, gt=0)
    urgent_seconds: float = Field(default=5.0, gt=0)
    urgent_tier: int = Field(default=2, ge=-1, le=4)
    urgent_retry_seconds: float = Field(default=300.0, gt=0)
    diary_days: int = Field(default=56, ge=1, le=400)


class RetentionSettings(Section):
    """How long messages are kept; by default for ever.

    At least 30 days: a sender's repeats are recognised by what is kept.

    Parameters
    ----------
    messages_days
        Inbound messages, from their receipt.
    messages_days_by_outcome
        Likewise by outcome, such as ``{duplicate: 30}``.
    deliveries_days
        Outgoing messages that were delivered or skipped, from their event.
    """

    messages_days: KeptDays | None = None
    messages_days_by_outcome: dict[MessageOutcome, KeptDays] = Field(
        default_factory=dict
    )
    deliveries_days: KeptDays | None = None


class WatchSettings(Section):
    """The watch over the partners' feeds; each profile has its own thresholds.

    Parameters
    ----------
    every_seconds
        How often it looks.
    window_minutes
        The time over which rates and latencies are taken.
    webhook
        Told of every alert, as JSON; none: nobody is. Other machines only by https.
    """

    every_seconds: float = Field(default=60.0, gt=0)
    window_minutes: float = Field(default=30.0, gt=0)
    webhook: str | None = Field(default=None, repr=False)

    @field_validator("webhook")
    @classmethod
    def _can_be_called(cls, url: str | None) -> str | None:
        """Refuse what is no address, or would travel readable."""
        if url is None:
            return None
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        if not host or not (secure or (parts.scheme == "http" and is_loopback(host))):
            raise ValueError("give an https address, or http to this machine")
        return url


class LogSettings(Section):
    """What is written to standard error.

    Parameters
    ----------
    format
        ``json`` for machines, ``console`` for people.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
