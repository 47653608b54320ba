"""What the rules ask of every scanner of a network, as columns kept for the day.

They depend on the catalogue and the local day alone, so one search after another looks
at the same; only the way from the patient's home is new with each order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.eligibility import (
    SCANNER_RULES,
    OrderFacts,
    ScannerFacts,
    home_of,
    order_columns,
    scanner_columns,
    scanner_facts,
)
from booking_engine.domain.identifiers import ContractId, OrganisationCode, ScannerId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.resources import road_km

Ints = NDArray[np.int64]
Degrees = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScannerColumns:
    """The scanners of a catalogue on one local day; columns of shape ``(scanners,)``.

    Parameters
    ----------
    catalogue, day
        What they were made of.
    ids
        By row, in the catalogue's order.
    facts
        What the rules ask; `travel_km` is 0.
    latitude, longitude
        Of each one's site, in degrees.
    organisation
        The row of its organisation in the catalogue.
    pounds
        The marginal price of an exam there; 0 without contract.
    """

    catalogue: Catalogue
    day: date
    ids: tuple[ScannerId, ...]
    facts: ScannerFacts
    latitude: Degrees
    longitude: Degrees
    organisation: Ints
    pounds: Ints

    def kilometres(self, orders: Sequence[ImagingOrder]) -> Ints:
        """Return whole road kilometres, shape ``(orders, scanners)``; 0 if unknown."""
        homes = [home_of(order, self.catalogue) for order in orders]
        if not homes or not self.ids:
            return np.zeros((len(homes), len(self.ids)), dtype=np.int64)
        known = np.array([home is not None for home in homes], dtype=np.bool_)
        at = np.array([home or (0.0, 0.0) for home in homes], dtype=np.float64)
        here = self.latitude[None, :], self.longitude[None, :]
        road = road_km(at[:, :1], at[:, 1:], *here)
        return np.where(known[:, None], np.rint(road), 0).astype(np.int64)

    def other_organisation(self, orders: Sequence[ImagingOrder]) -> Ints:
        """Return 1 where a scanner is not the asking site's, ``(orders, scanners)``."""
        catalogue = self.catalogue
        numbers = _numbers(catalogue)
        ours = np.array(
            [
                numbers[catalogue.sites[o.content.site].organisation]
                if o.content.site in catalogue.sites
                else -1
                for o in orders
            ],
            dtype=np.int64,
        )
        differs: Ints = (ours[:, None] != self.organisation[None, :]).astype(np.int64)
        return differs

    def allowed(
        self, facts: Sequence[OrderFacts], kilometres: Ints
    ) -> tuple[NDArray[np.bool_], Ints]:
        """Ask every scanner rule of every order.

        Parameters
        ----------
        kilometres
            Shape ``(orders, scanners)``.

        Returns
        -------
        tuple
            Whether a scanner will do, ``(orders, scanners)``, and how many each rule
            took out, ``(orders, scanner rules)``.
        """
        columns = order_columns(facts)
        wide = OrderFacts(
            **{
                name: np.asarray(getattr(columns, name))[:, None]
                for name in OrderFacts.__slots__
            }
        )
        across = replace(self.facts, travel_km=kilometres)
        alive = np.ones(kilometres.shape, dtype=np.bool_)
        excluded = np.zeros((len(facts), len(SCANNER_RULES)), dtype=np.int64)
        for number, (_, holds) in enumerate(SCANNER_RULES):
            passed = alive & holds(wide, across)
            excluded[:, number] = (alive & ~passed).sum(axis=1)
            alive = passed
        return alive, excluded


class KeptColumns:
    """The columns made last: one search after another asks for the same."""

    def __init__(self) -> None:
        self._newest: ScannerColumns | None = None

    def of(self, catalogue: Catalogue, day: date) -> ScannerColumns:
        """Return the columns of a catalogue's scanners on a local day."""
        kept = self._newest
        # The store gives the same object until the network is replaced.
        if kept is None or kept.catalogue is not catalogue or kept.day != day:
            kept = self._newest = columns_of(catalogue, day)
        return kept


def columns_of(catalogue: Catalogue, day: date) -> ScannerColumns:
    """Make the columns of a catalogue's scanners on a local day."""
    scanners = list(catalogue.scanners.values())
    sites = [catalogue.sites[scanner.site] for scanner in scanners]
    numbers = _numbers(catalogue)
    return ScannerColumns(
        catalogue=catalogue,
        day=day,
        ids=tuple(catalogue.scanners),
        facts=scanner_columns(
            [scanner_facts(one, catalogue, today=day, travel=0) for one in scanners]
        ),
        latitude=np.array([site.latitude for site in sites], dtype=np.float64),
        longitude=np.array([site.longitude for site in sites], dtype=np.float64),
        organisation=np.array(
            [numbers[site.organisation] for site in sites], dtype=np.int64
        ),
        pounds=np.array(
            [_pounds(catalogue, scanner.contract) for scanner in scanners],
            dtype=np.int64,
        ),
    )


def _numbers(catalogue: Catalogue) -> dict[OrganisationCode, int]:
    return {code: number for number, code in enumerate(catalogue.organisations)}


def _pounds(catalogue: Catalogue, contract: ContractId | None) -> int:
    return 0 if contract is None else catalogue.contracts[contract].price
