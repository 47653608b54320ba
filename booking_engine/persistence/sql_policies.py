"""Versions of the policy in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.published_policy import PublishedPolicy
from booking_engine.persistence import mapping, refusals
from booking_engine.persistence.statements import Statement
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_POLICY: Final = TABLES[Kind.POLICY]

_ONE: Final = Statement(
    lambda _: select(_POLICY).where(_POLICY.c.id == bindparam("version"))
)
_ALL: Final = Statement(
    lambda _: select(_POLICY).order_by(
        _POLICY.c.in_force_since.desc(), _POLICY.c.id.desc()
    )
)


class SqlPolicies:
    """Versions of the policy."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, policy: PublishedPolicy) -> None:
        """Store a version; one that is stored already is left as it is."""
        self._transaction.write(Write(Kind.POLICY, mapping.policy_row(policy)))

    def get(self, version: str) -> PublishedPolicy:
        """Return one version; raises `NotKnown`."""
        self._transaction.settle(Kind.POLICY)
        for row in self._transaction.rows(_ONE, version=version):
            return mapping.policy_of(row)
        raise NotKnown(refusals.not_stored("Policy version", version))

    def all(self) -> list[PublishedPolicy]:
        """Return every version, the one that came into force last first."""
        self._transaction.settle(Kind.POLICY)
        return [mapping.policy_of(row) for row in self._transaction.rows(_ALL)]

    def take_effect(self, version: str, since: datetime) -> None:
        """Note that a stored version takes the place of another."""
        row = {"id": version, "in_force_since": since}
        self._transaction.write(Write(Kind.POLICY, row, changes=True))
