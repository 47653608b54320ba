"""Whether any scanner of the network could scan a patient, before an order is made.

The engine's own rules decide later; here they only keep the generator from asking for
what nobody can do.
"""

from __future__ import annotations

from dataclasses import dataclass

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import SiteCode
from booking_engine.domain.patients import Needs
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import Scanner
from booking_engine.domain.vocabulary import Capability, ListType, Modality, Trait

_ADULT = 18


@dataclass(frozen=True, slots=True)
class _Place:
    """A scanner with lists, and what its contract leaves out."""

    scanner: Scanner
    excludes: Trait


class Fitness:
    """What the scanners of one catalogue can do.

    Attributes
    ----------
    inpatient_sites
        Where inpatients can be scanned by MRI, CT and ultrasound.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        with_lists = {template.scanner for template in catalogue.templates}
        self._by_modality: dict[Modality, list[_Place]] = {m: [] for m in Modality}
        for scanner in catalogue.scanners.values():
            if scanner.id in with_lists:
                contract = catalogue.contract_of(scanner)
                excludes = Trait.NONE if contract is None else contract.excludes
                place = _Place(scanner, excludes)
                self._by_modality[scanner.modality].append(place)
        wards: dict[SiteCode, set[Modality]] = {}
        for template in catalogue.templates:
            if template.list_type is ListType.INPATIENT:
                scanner = catalogue.scanner(template.scanner)
                wards.setdefault(scanner.site, set()).add(scanner.modality)
        every = {Modality.MR, Modality.CT, Modality.US}
        self.inpatient_sites = frozenset(
            site for site, modalities in wards.items() if modalities >= every
        )

    def fits(
        self,
        procedure: Procedure,
        needs: Needs,
        *,
        age: int,
        device: bool,
        only_site: SiteCode | None,
    ) -> bool:
        """Return whether some scanner could do it.

        Parameters
        ----------
        age
            In whole years.
        device
            Whether the patient has a cardiac device.
        only_site
            The site of an inpatient; None: anywhere.
        """
        required = procedure.needs | needs.capabilities
        traits = needs.traits
        if procedure.contrast:
            required |= Capability.CONTRAST_COVER
            traits |= Trait.CONTRAST
        if age < _ADULT:
            required |= Capability.PAEDIATRIC
            traits |= Trait.UNDER_18
        if device:
            required |= Capability.CARDIAC_DEVICE
            traits |= Trait.CARDIAC_DEVICE
        if only_site is not None:
            traits |= Trait.INPATIENT
        return any(
            (required & ~place.scanner.capabilities) == 0
            and (traits & place.excludes) == 0
            and (needs.weight_kg or 0) <= place.scanner.max_weight_kg
            and only_site in (None, place.scanner.site)
            for place in self._by_modality[procedure.modality]
        )
