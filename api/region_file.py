"""The file format of a region: what may stand in it, key by key.

A region is one YAML file, or a directory whose ``*.yaml`` files are taken together.
Each file holds any of these sections; within a section, the key is the code or name::

    organisations:
      R0A: {name: Manchester University, sector: nhs}    # nhs or independent
      NX9: {name: Closed Ltd, sector: independent, closed_on: 2025-04-01}
    sites:
      R0A02:
        name: Manchester Royal Infirmary
        organisation: R0A
        latitude: 53.461674                # WGS84 degrees
        longitude: -2.224891
        diary_partner: r0a                 # id of the profile that is told of bookings
    contracts:
      SPIRE-26:
        provider: NT3
        starts_on: 2026-04-01
        ends_on: 2027-03-31                # inclusive
        ceiling: 1200                      # most exams between the two
        floor: 600                         # paid whether used or not
        price: 120                         # pounds for each exam above the floor
        excludes: [under_18, inpatient]    # `Trait`, in lower case
    scanners:
      R0A02-MR1:
        name: MRI 1
        site: R0A02
        modality: MR                       # MR, CT, US or DEXA
        capabilities: [contrast_cover]     # `Capability`, in lower case
        max_weight_kg: 200
        contract: SPIRE-26                 # where its time is bought
    procedures:
      CTCHE:
        name: CT chest with contrast
        modality: CT
        minutes: 15                        # table time with changeover
        needs: [cardiac]                   # `Capability`
        contrast: true
        ionising: true
        notice_days: 1
        preparation: Drink water as usual.
        questions: [contrast_allergy]      # `Question`
        guideline: CT-CHEST v3             # absent: a person vets every one
    places:
      M13: {latitude: 53.4611, longitude: -2.2243}       # middle of a district
    sessions:                              # a list: the weekly pattern, local time
      - scanners: [R0A02-MR1, R0A02-CT1]
        weekdays: [mon, thu]
        starts: 08:00
        ends: 14:00                        # on the same day
        list: cancer                       # general (if absent), cancer, inpatient...
        release_hours: 48                  # before the start; absent: never

A session is bought under its scanner's contract. A key that is not known is an error,
as is a name that leads nowhere; a section may be spread over several files.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from enum import IntFlag
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from booking_engine.domain.identifiers import (
    ContractId,
    OrganisationCode,
    PartnerId,
    ProcedureCode,
    ScannerId,
    SiteCode,
)
from booking_engine.domain.resources import Sector
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import Capability, ListType, Modality, Trait

F = TypeVar("F", bound=IntFlag)

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _mask(kind: type[F]) -> Callable[[object], F]:
    """Return a reader of a list of names as one mask of `kind`."""

    def read(value: object) -> F:
        mask = kind(0)
        for name in value if isinstance(value, list) else [value]:
            member = kind.__members__.get(str(name).upper())
            if member is None:
                known = ", ".join(m.lower() for m in kind.__members__)
                raise ValueError(f"{name!r} is not known; choose from {known}")
            mask |= member
        return mask

    return read


def _weekdays(value: object) -> frozenset[int]:
    names = value if isinstance(value, list) else [value]
    unknown = [name for name in names if name not in WEEKDAYS]
    if unknown or not names:
        raise ValueError(f"write weekdays as a list of {', '.join(WEEKDAYS)}")
    return frozenset(map(WEEKDAYS.index, names))


Text = Annotated[str, Field(min_length=1)]
Capabilities = Annotated[Capability, PlainValidator(_mask(Capability))]
Traits = Annotated[Trait, PlainValidator(_mask(Trait))]
Lists = Annotated[ListType, PlainValidator(_mask(ListType))]
Weekdays = Annotated[frozenset[int], PlainValidator(_weekdays)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class Strict(BaseModel):
    """A part of the file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OrganisationEntry(Strict):
    """One of ``organisations``."""

    name: Text
    sector: Sector
    closed_on: date | None = None


class SiteEntry(Strict):
    """One of ``sites``."""

    name: Text
    organisation: OrganisationCode
    latitude: Latitude
    longitude: Longitude
    diary_partner: PartnerId


class ContractEntry(Strict):
    """One of ``contracts``."""

    provider: OrganisationCode
    starts_on: date
    ends_on: date
    ceiling: int = Field(ge=0)
    floor: int = Field(default=0, ge=0)
    price: int = Field(default=0, ge=0)
    excludes: Traits = Trait.NONE


class ScannerEntry(Strict):
    """One of ``scanners``."""

    name: Text
    site: SiteCode
    modality: Modality
    capabilities: Capabilities = Capability.NONE
    max_weight_kg: int = Field(default=200, ge=1)
    contract: ContractId | None = None


class ProcedureEntry(Strict):
    """One of ``procedures``."""

    name: Text
    modality: Modality
    minutes: int = Field(ge=1, le=24 * 60)
    needs: Capabilities = Capability.NONE
    contrast: bool = False
    ionising: bool = False
    notice_days: int = Field(default=1, ge=0)
    preparation: str = ""
    questions: tuple[Question, ...] = ()
    guideline: Text | None = None


class PlaceEntry(Strict):
    """One of ``places``."""

    latitude: Latitude
    longitude: Longitude


class SessionEntry(Strict):
    """One of ``sessions``: the same list on several scanners and weekdays."""

    scanners: tuple[ScannerId, ...] = Field(min_length=1)
    weekdays: Weekdays
    starts: time
    ends: time
    list: Lists = ListType.GENERAL
    release_hours: int | None = Field(default=None, ge=0)


class RegionFile(Strict):
    """One file; every section may be missing."""

    organisations: dict[OrganisationCode, OrganisationEntry] = Field(
        default_factory=dict
    )
    sites: dict[SiteCode, SiteEntry] = Field(default_factory=dict)
    contracts: dict[ContractId, ContractEntry] = Field(default_factory=dict)
    scanners: dict[ScannerId, ScannerEntry] = Field(default_factory=dict)
    procedures: dict[ProcedureCode, ProcedureEntry] = Field(default_factory=dict)
    places: dict[str, PlaceEntry] = Field(default_factory=dict)
    sessions: list[SessionEntry] = Field(default_factory=list)


TABLES: Final = tuple(name for name in RegionFile.model_fields if name != "sessions")
"""The sections whose entries have names."""
