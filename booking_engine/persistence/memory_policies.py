"""Versions of the policy in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.published_policy import PublishedPolicy
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryPolicies:
    """Versions of the policy."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, policy: PublishedPolicy) -> None:
        """Store a version; one that is stored already is left as it is."""
        self._unit.own("policies").setdefault(policy.version, policy)

    def get(self, version: str) -> PublishedPolicy:
        """Return one version; raises `NotKnown`."""
        try:
            return self._unit.tables.policies[version]
        except KeyError:
            raise NotKnown(refusals.not_stored("Policy version", version)) from None

    def all(self) -> list[PublishedPolicy]:
        """Return every version, the one that came into force last first."""
        return sorted(
            self._unit.tables.policies.values(),
            key=lambda policy: (policy.in_force_since, policy.version),
            reverse=True,
        )

    def take_effect(self, version: str, since: datetime) -> None:
        """Note that a stored version takes the place of another."""
        stored = self._unit.tables.policies.get(version)
        if stored is None:
            self._unit.refuse(NotKnown(refusals.not_stored("Policy version", version)))
            return
        self._unit.own("policies")[version] = replace(stored, in_force_since=since)
