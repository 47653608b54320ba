"""Who provides scanning and where: organisations, sites, scanners, contracts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from booking_engine.domain.identifiers import (
    ContractId,
    OrganisationCode,
    PartnerId,
    ScannerId,
    SiteCode,
)
from booking_engine.domain.vocabulary import Capability, Modality, Trait

Degrees = float | NDArray[np.float64]
"""One number, or a column of them."""
EARTH_RADIUS_KM = 6371.0
ROAD_FACTOR = (
    1.35  # road km per straight-line km (default of the NHS domain notes, 8.3)
)


class Sector(StrEnum):
    """Who runs it."""

    NHS = "nhs"
    INDEPENDENT = "independent"


@dataclass(frozen=True, slots=True)
class Organisation:
    """A trust or an independent-sector provider.

    Parameters
    ----------
    closed_on
        First day on which it takes no more orders, or ``None``.
    """

    code: OrganisationCode
    name: str
    sector: Sector
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place with scanners.

    Parameters
    ----------
    diary_partner
        The partner whose system owns this site's diary: bookings are told to it.
    latitude, longitude
        WGS84 degrees.
    """

    code: SiteCode
    name: str
    organisation: OrganisationCode
    latitude: float
    longitude: float
    diary_partner: PartnerId


@dataclass(frozen=True, slots=True)
class Scanner:
    """One machine in one room.

    Parameters
    ----------
    max_weight_kg
        Table limit.
    contract
        The contract under which its time is bought, or ``None`` for a trust's own.
    """

    id: ScannerId
    name: str
    site: SiteCode
    modality: Modality
    capabilities: Capability = Capability.NONE
    max_weight_kg: int = 200
    contract: ContractId | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms under which an independent provider scans NHS patients.

    Parameters
    ----------
    excludes
        Traits of patients and exams that the contract does not cover.
    ceiling, floor
        Most exams between `starts_on` and `ends_on` (inclusive), and the number that
        is paid whether used or not: a sunk cost.
    price
        Marginal price of an exam above the floor, in pounds.
    """

    id: ContractId
    provider: OrganisationCode
    starts_on: date
    ends_on: date
    ceiling: int
    floor: int = 0
    price: int = 0
    excludes: Trait = Trait.NONE


@dataclass(frozen=True, slots=True)
class Place:
    """The middle of a postcode district.

    Parameters
    ----------
    outward_code
        Such as ``M13``.
    """

    outward_code: str
    latitude: float
    longitude: float


def road_km(
    from_lat: Degrees, from_lon: Degrees, to_lat: Degrees, to_lon: Degrees
) -> Degrees:
    """Return the estimated road distance in kilometres: haversine times 1.35.

    Works alike on single places and on columns of them, in degrees.
    """
    lat1, lon1 = np.radians(from_lat), np.radians(from_lon)
    lat2, lon2 = np.radians(to_lat), np.radians(to_lon)
    half = (
        np.sin((lat2 - lat1) / 2) ** 2
        + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    )
    kilometres: Degrees = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half)) * ROAD_FACTOR
    return kilometres
