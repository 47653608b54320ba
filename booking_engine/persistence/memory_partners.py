"""Profiles and mappings in memory."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import MappingId, PartnerId
from booking_engine.domain.mappings import CodeMapping, StoredProfile
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryPartnerData:
    """Profiles and mappings that came over the API."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def version(self) -> int:
        """Return a number that grows with every change of any of them."""
        return self._unit.tables.partner_version

    def profile(self, partner: PartnerId) -> StoredProfile | None:
        """Return the newest version of a partner's profile, or ``None``."""
        return next(iter(self.profile_versions(partner)), None)

    def profiles(self) -> list[StoredProfile]:
        """Return the newest version of each profile, by partner."""
        newest = {
            partner: profile
            for (partner, _), profile in sorted(self._unit.tables.profiles.items())
        }
        return list(newest.values())

    def profile_versions(self, partner: PartnerId) -> list[StoredProfile]:
        """Return every version of a partner's profile, newest first."""
        found = [
            profile
            for profile in self._unit.tables.profiles.values()
            if profile.partner == partner
        ]
        return sorted(found, key=lambda profile: profile.version, reverse=True)

    def add_profile(self, profile: StoredProfile) -> None:
        """Store a new version."""
        profiles = self._unit.own("profiles")
        key = profile.partner, profile.version
        if key in profiles:
            self._unit.refuse_existing()
            return
        profiles[key] = profile
        self._unit.tables.partner_version += 1

    def mappings(self, partner: PartnerId | None = None) -> list[CodeMapping]:
        """Return the mappings of a partner or of all, oldest first."""
        found = [
            mapping
            for mapping in self._unit.tables.mappings.values()
            if partner in (None, mapping.partner)
        ]
        return sorted(found, key=lambda mapping: mapping.id)

    def mapping(self, mapping_id: MappingId) -> CodeMapping:
        """Return one mapping; raises `NotKnown`."""
        try:
            return self._unit.tables.mappings[mapping_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Mapping", mapping_id)) from None

    def add_mapping(self, mapping: CodeMapping) -> None:
        """Store a new mapping."""
        mappings = self._unit.own("mappings")
        if mapping.id in mappings:
            self._unit.refuse_existing()
            return
        mappings[mapping.id] = mapping
        self._unit.tables.partner_version += 1

    def save_mapping(self, mapping: CodeMapping) -> None:
        """Store a mapping that ends; see `sql` for the rule."""
        before = self._unit.tables.mappings.get(mapping.id)
        version = self._unit.next_version(
            "Mapping", mapping.id, mapping.version, before
        )
        self._unit.own("mappings")[mapping.id] = replace(mapping, version=version)
        self._unit.tables.partner_version += 1
