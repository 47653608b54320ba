"""The network as one value: organisations, sites, scanners, contracts, procedures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import (
    ContractId,
    OrganisationCode,
    ProcedureCode,
    ScannerId,
    SiteCode,
)
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import (
    Contract,
    Organisation,
    Place,
    Scanner,
    Site,
)
from booking_engine.domain.schedule import SessionTemplate


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that changes seldom, read as a whole and shared between threads."""

    organisations: dict[OrganisationCode, Organisation] = field(default_factory=dict)
    sites: dict[SiteCode, Site] = field(default_factory=dict)
    scanners: dict[ScannerId, Scanner] = field(default_factory=dict)
    contracts: dict[ContractId, Contract] = field(default_factory=dict)
    procedures: dict[ProcedureCode, Procedure] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    templates: tuple[SessionTemplate, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        organisations: Iterable[Organisation] = (),
        sites: Iterable[Site] = (),
        scanners: Iterable[Scanner] = (),
        contracts: Iterable[Contract] = (),
        procedures: Iterable[Procedure] = (),
        places: Iterable[Place] = (),
        templates: Iterable[SessionTemplate] = (),
    ) -> Catalogue:
        """Build a catalogue from its parts."""
        return cls(
            organisations={o.code: o for o in organisations},
            sites={s.code: s for s in sites},
            scanners={s.id: s for s in scanners},
            contracts={c.id: c for c in contracts},
            procedures={p.code: p for p in procedures},
            places={p.outward_code: p for p in places},
            templates=tuple(templates),
        )

    def procedure(self, code: ProcedureCode) -> Procedure:
        """Return the procedure.

        Raises
        ------
        NotKnown
            No such code.
        """
        try:
            return self.procedures[code]
        except KeyError:
            raise NotKnown(
                f"Procedure {code} is not in the catalogue; add it or map the code."
            ) from None

    def scanner(self, scanner_id: ScannerId) -> Scanner:
        """Return the scanner.

        Raises
        ------
        NotKnown
            No such scanner.
        """
        try:
            return self.scanners[scanner_id]
        except KeyError:
            raise NotKnown(f"Scanner {scanner_id} is not in the catalogue.") from None

    def site_of(self, scanner_id: ScannerId) -> Site:
        """Return the site at which a scanner stands."""
        return self.sites[self.scanner(scanner_id).site]

    def contract_of(self, scanner: Scanner) -> Contract | None:
        """Return the contract under which the scanner's time is bought, if any."""
        return None if scanner.contract is None else self.contracts[scanner.contract]

    def site_is_closed(self, site: SiteCode, on: date) -> bool:
        """Return whether the site's organisation takes no more orders on `on`."""
        closed_on = self.organisations[self.sites[site].organisation].closed_on
        return closed_on is not None and on >= closed_on
