"""What is stored of each partner: profile, mappings, alerts, how its feed goes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from booking_engine.domain.alerts import Alert, AlertId, Answers, FeedReading
from booking_engine.domain.identifiers import (
    MappingId,
    PartnerId,
)
from booking_engine.domain.mappings import CodeMapping, StoredProfile


class PartnerData(Protocol):
    """Profiles and mappings that came over the API."""

    def version(self) -> int:
        """Return a number that grows with every change of any of them."""
        ...

    def profile(self, partner: PartnerId) -> StoredProfile | None:
        """Return the newest version of a partner's profile, or ``None``.

        Open for writing, a unit keeps all profiles to itself from here on.
        """
        ...

    def profiles(self) -> list[StoredProfile]:
        """Return the newest version of each profile, by partner."""
        ...

    def profile_versions(self, partner: PartnerId) -> list[StoredProfile]:
        """Return every version of a partner's profile, newest first."""
        ...

    def add_profile(self, profile: StoredProfile) -> None:
        """Store a new version."""
        ...

    def mappings(self, partner: PartnerId | None = None) -> list[CodeMapping]:
        """Return the mappings of a partner or of all, oldest first.

        Open for writing, a unit keeps those of the partner to itself from here on, so
        that two never give one code two meanings.
        """
        ...

    def mapping(self, mapping_id: MappingId) -> CodeMapping:
        """Return one mapping; raises `NotKnown`."""
        ...

    def add_mapping(self, mapping: CodeMapping) -> None:
        """Store a new mapping."""
        ...

    def save_mapping(self, mapping: CodeMapping) -> None:
        """Store a mapping that ends; optimistic as `Orders.save`."""
        ...


class Alerts(Protocol):
    """Alerts; at most one of a partner's condition is open."""

    def add(self, alert: Alert) -> None:
        """Store a new alert.

        Flushing raises `StaleVersion` if one of this condition is open already.
        """
        ...

    def save(self, alert: Alert) -> None:
        """Store a changed alert; optimistic as `Orders.save`."""
        ...

    def get(self, alert_id: AlertId) -> Alert:
        """Return one alert; raises `NotKnown`."""
        ...

    def open(self) -> list[Alert]:
        """Return the open alerts, oldest first."""
        ...

    def untold(self, since: datetime, *, limit: int) -> list[Alert]:
        """Return alerts raised or cleared since then of which the webhook was not told.

        Oldest first.
        """
        ...


class Traffic(Protocol):
    """What the stored messages say of each partner's feed."""

    def readings(
        self, partners: Iterable[PartnerId], since: datetime
    ) -> dict[PartnerId, FeedReading]:
        """Return how each feed stands, in one query.

        Parameters
        ----------
        since
            Begin of the window in which our answers are counted. How long they took is
            not in it, and neither are the partner's answers: see `heard`.
        """
        ...

    def heard(self, since: datetime) -> dict[PartnerId, Answers]:
        """Return how the partners answered us since then, to the last 5,000 attempts.

        Partners that answered nothing are left out, and so are attempts without any
        answer.
        """
        ...

    def volume(
        self, partner: PartnerId, begin: datetime, end: datetime
    ) -> tuple[int, int]:
        """Return how many messages came up to `end`, and how many we refused."""
        ...

    def sample(
        self, partner: PartnerId, begin: datetime, end: datetime, *, most: int
    ) -> list[bytes]:
        """Return the bytes of at most so many messages, evenly over the time."""
        ...
