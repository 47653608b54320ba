"""Profiles and mappings in the database."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy import bindparam, func, select

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import MappingId, PartnerId
from booking_engine.domain.mappings import CodeMapping, StoredProfile
from booking_engine.persistence import refusals
from booking_engine.persistence.locks import lock_numbers
from booking_engine.persistence.mapping import (
    mapping_of,
    mapping_row,
    profile_of,
    profile_row,
)
from booking_engine.persistence.statements import Statement
from booking_engine.persistence.transaction import Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_PROFILE: Final = TABLES[Kind.PROFILE]
_MAPPING: Final = TABLES[Kind.MAPPING]
_VERSION: Final = TABLES[Kind.PARTNER_VERSION]
_ONE: Final = "mapping"

_VERSION_NOW: Final = Statement(lambda _: select(_VERSION.c.version))
_NEWEST: Final = (
    select(_PROFILE.c.partner, func.max(_PROFILE.c.version).label("version"))
    .group_by(_PROFILE.c.partner)
    .subquery()
)
_PROFILES: Final = Statement(
    lambda _: (
        select(_PROFILE)
        .join(
            _NEWEST,
            (_NEWEST.c.partner == _PROFILE.c.partner)
            & (_NEWEST.c.version == _PROFILE.c.version),
        )
        .order_by(_PROFILE.c.partner)
    )
)
_VERSIONS: Final = Statement(
    lambda _: (
        select(_PROFILE)
        .where(_PROFILE.c.partner == bindparam("partner"))
        .order_by(_PROFILE.c.version.desc())
    )
)
_MAPPINGS: Final = Statement(lambda _: select(_MAPPING).order_by(_MAPPING.c.id))
_MAPPINGS_OF: Final = Statement(
    lambda _: (
        select(_MAPPING)
        .where(_MAPPING.c.partner == bindparam("partner"))
        .order_by(_MAPPING.c.id)
    )
)
_ONE_MAPPING: Final = Statement(
    lambda _: select(_MAPPING).where(_MAPPING.c.id == bindparam("id"))
)


class SqlPartnerData:
    """Profiles and mappings that came over the API."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def version(self) -> int:
        """Return a number that grows with every change of any of them."""
        self._transaction.settle(Kind.PARTNER_VERSION)
        found = self._transaction.tuples(_VERSION_NOW)
        return found[0][0] if found else 0

    def profile(self, partner: PartnerId) -> StoredProfile | None:
        """Return the newest version of a partner's profile, or ``None``."""
        return next(iter(self.profile_versions(partner)), None)

    def profiles(self) -> list[StoredProfile]:
        """Return the newest version of each profile, by partner."""
        self._transaction.settle(Kind.PROFILE)
        return [profile_of(row) for row in self._transaction.rows(_PROFILES)]

    def profile_versions(self, partner: PartnerId) -> list[StoredProfile]:
        """Return every version of a partner's profile, newest first."""
        t = self._transaction
        t.settle(Kind.PROFILE)
        # One lock for all: two profiles must not claim one sender at the same moment.
        numbers = lock_numbers(t, "profile", [("",)])
        found = t.locked_rows(_VERSIONS, numbers, partner=partner)
        return [profile_of(row) for row in found]

    def add_profile(self, profile: StoredProfile) -> None:
        """Store a new version."""
        self._transaction.write(Write(Kind.PROFILE, profile_row(profile)))
        self._count()

    def mappings(self, partner: PartnerId | None = None) -> list[CodeMapping]:
        """Return the mappings of a partner or of all, oldest first."""
        t = self._transaction
        t.settle(Kind.MAPPING)
        if partner is None:
            return t.identify(_ONE, t.rows(_MAPPINGS), mapping_of)
        numbers = lock_numbers(t, "mapping", [(partner,)])
        found = t.locked_rows(_MAPPINGS_OF, numbers, partner=partner)
        return t.identify(_ONE, found, mapping_of)

    def mapping(self, mapping_id: MappingId) -> CodeMapping:
        """Return one mapping; raises `NotKnown`."""
        t = self._transaction
        known: CodeMapping | None = t.recall(_ONE, mapping_id)
        if known is not None:
            return known
        for one in t.identify(_ONE, t.rows(_ONE_MAPPING, id=mapping_id), mapping_of):
            return one
        raise NotKnown(refusals.not_stored("Mapping", mapping_id))

    def add_mapping(self, mapping: CodeMapping) -> None:
        """Store a new mapping."""
        t = self._transaction
        t.write(Write(Kind.MAPPING, mapping_row(mapping)))
        t.remember(_ONE, mapping.id, mapping)
        self._count()

    def save_mapping(self, mapping: CodeMapping) -> None:
        """Store a mapping that ends; see `transaction` for the rule on versions."""
        t = self._transaction
        replaces, version = t.next_version(_ONE, mapping.id, mapping.version)
        stored = replace(mapping, version=version)
        row = mapping_row(stored)
        t.write(Write(Kind.MAPPING, row, changes=True, replaces=replaces))
        t.remember(_ONE, mapping.id, stored)
        self._count()

    def _count(self) -> None:
        self._transaction.write(Write(Kind.PARTNER_VERSION, {}))
