"""England's imaging estate and waiting list, read from the files that describe them.

Three comma-separated files in one directory: ``hospitals.csv`` (sites with
coordinates), ``scanners_by_provider.csv`` (estimated scanners or rooms, activity of a
year and one site for each provider and test) and a file of monthly waiting lists by
provider and test, ``dm01_imaging_*.csv`` (weeks waited in fourteen bands).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from solver.instances.invalid import InvalidInstance

TESTS = ("MRI", "CT", "US", "DEXA")
"""Tests that the estate has scanners or rooms for."""
WAITING_FILES = "dm01_imaging_*.csv"
BANDS = (*(f"weeks_{w:02}_{w + 1:02}" for w in range(13)), "weeks_13_plus")
REPORTED_LATELY_DAYS = 190
"""A provider that did not report the month counts with its last report this recent."""
NOT_GENERAL = "SPAMEDICA"
"""Providers whose ultrasound is of eyes only; they are no part of a general estate."""

T = TypeVar("T")

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True)
class Provision:
    """One provider's rooms for one test.

    Parameters
    ----------
    provider, test, region
        Codes.
    independent
        Whether the provider is not an NHS organisation.
    rooms
        Scanners or rooms; 0 where there is hardly any activity.
    yearly
        Tests done in a year from the waiting list.
    site
        Where its rooms are, or None if not known.
    """

    provider: str
    test: str
    region: str
    independent: bool
    rooms: int
    yearly: int
    site: Point | None


@dataclass(frozen=True, slots=True)
class WaitingList:
    """How many wait at one provider for one test, by completed weeks waited."""

    provider: str
    test: str
    region: str
    bands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NationalData:
    """What the files say.

    Parameters
    ----------
    estate, waiting
        Rooms and waiting lists by provider and test.
    independent_sites
        Hospitals of the independent sector.
    month
        Last day of the month of the waiting lists.
    source
        The directory.
    """

    estate: tuple[Provision, ...]
    waiting: tuple[WaitingList, ...]
    independent_sites: tuple[Point, ...]
    month: date
    source: Path


def read_national_data(directory: Path) -> NationalData:
    """Read the three files; the waiting lists are those of the last month there is.

    Left out are tests without an estate (barium enema) and providers of eye
    ultrasound. Raises `InvalidInstance` for a missing file, column or number.
    """
    found = sorted(directory.glob(WAITING_FILES))
    if not found:
        raise InvalidInstance(
            directory / WAITING_FILES,
            field="",
            row=None,
            found="does not exist",
            remedy="Give a directory with one file of monthly waiting lists.",
        )
    waiting, month = _waiting(found[-1])
    return NationalData(
        estate=tuple(_estate(directory / "scanners_by_provider.csv")),
        waiting=waiting,
        independent_sites=tuple(_independent_sites(directory / "hospitals.csv")),
        month=month,
        source=directory,
    )


class _Row:
    """One row of a file, whose values are converted with errors that name them."""

    def __init__(self, file: Path, number: int, values: dict[str, str]) -> None:
        self._file, self._number, self._values = file, number, values

    def text(self, column: str) -> str:
        value = self._values.get(column)
        if value is None:
            raise self._error(column, "is missing", "Add the column.")
        return value

    def whole(self, column: str) -> int:
        value = self._converted(column, int, "a whole number from 0 on")
        if value < 0:
            raise self._error(column, f"is {value}", "Give 0 or more.")
        return value

    def day(self, column: str) -> date:
        return self._converted(column, date.fromisoformat, "a date, YYYY-MM-DD")

    def point(self) -> Point | None:
        """Return the coordinates, or None if they are blank."""
        if not self.text("latitude"):
            return None
        kind = "degrees"
        return (
            self._converted("latitude", float, kind),
            self._converted("longitude", float, kind),
        )

    def _converted(self, column: str, convert: Callable[[str], T], kind: str) -> T:
        value = self.text(column)
        try:
            return convert(value)
        except ValueError as error:
            raise self._error(column, f"is {value!r}", f"Give {kind}.") from error

    def _error(self, column: str, found: str, remedy: str) -> InvalidInstance:
        return InvalidInstance(
            self._file, field=column, row=self._number, found=found, remedy=remedy
        )


def _rows(file: Path) -> Iterator[_Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for number, values in enumerate(csv.DictReader(lines), start=2):
                yield _Row(file, number, values)
    except FileNotFoundError as error:
        raise InvalidInstance(
            file, field="", row=None, found="does not exist", remedy="Add the file."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInstance(
            file,
            field="",
            row=None,
            found=f"is not comma-separated UTF-8: {error}",
            remedy="Export the file again.",
        ) from error


def _estate(file: Path) -> Iterator[Provision]:
    for row in _rows(file):
        test, name = row.text("test_code"), row.text("provider_name")
        if test not in TESTS or (test == "US" and NOT_GENERAL in name.upper()):
            continue
        yield Provision(
            provider=row.text("provider_code"),
            test=test,
            region=row.text("region_code"),
            independent=row.text("sector") != "NHS",
            rooms=row.whole("scanners"),
            yearly=row.whole("waiting_list_activity"),
            site=row.point(),
        )


def _waiting(file: Path) -> tuple[tuple[WaitingList, ...], date]:
    """Return each provider's newest list that is recent enough, and the month."""
    newest: dict[tuple[str, str], tuple[date, WaitingList]] = {}
    for row in _rows(file):
        test, name = row.text("test_code"), row.text("provider_name")
        if test not in TESTS or (test == "US" and NOT_GENERAL in name.upper()):
            continue
        key, period = (row.text("provider_code"), test), row.day("period")
        if key in newest and newest[key][0] >= period:
            continue
        bands = tuple(row.whole(band) for band in BANDS)
        listed = WaitingList(*key, row.text("region_code"), bands)
        newest[key] = period, listed
    if not newest:
        raise InvalidInstance(
            file, field="", row=None, found="has no rows", remedy="Add the months."
        )
    month = max(period for period, _ in newest.values())
    return (
        tuple(
            listed
            for key, (period, listed) in sorted(newest.items())
            if (month - period).days <= REPORTED_LATELY_DAYS and any(listed.bands)
        ),
        month,
    )


def _independent_sites(file: Path) -> Iterator[Point]:
    for row in _rows(file):
        site = row.point()
        if row.text("sector") == "Independent" and site is not None:
            yield site
