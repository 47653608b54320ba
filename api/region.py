"""Reads a region: its sites, scanners, contracts, procedures and weekly lists.

The format is described in `region_file`. What is read is checked as a whole: every name
leads somewhere, every contract and procedure can be used, no two lists overlap.

Errors::

    RegionError   a file cannot be used; says where, what is wrong and what to do
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from api.region_file import TABLES, WEEKDAYS, RegionFile, SessionEntry
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import (
    Contract,
    Organisation,
    Place,
    Scanner,
    Site,
)
from booking_engine.domain.schedule import SessionTemplate
from booking_engine.domain.vocabulary import Capability
from hl7_adapters.yaml_source import SourceError, YamlSource, read_yaml

Location = tuple[str | int, ...]


class RegionError(Exception):
    """A region cannot be used.

    Parameters
    ----------
    file, line, column
        Where; counted from 1.
    path
        The key, such as ``scanners.R0A02-MR1.site``.
    problem
        What is wrong and what to do.
    """

    def __init__(
        self, file: Path, position: tuple[int, int], path: str, problem: str
    ) -> None:
        self.file = file
        self.line, self.column = position
        self.path = path
        self.problem = problem
        where = f"{path}: " if path else ""
        super().__init__(f"{file}:{self.line}:{self.column}: {where}{problem}")


# Loading -------------------------------------------------------------------------


def load_region(path: Path, *, partners: Collection[str] | None = None) -> Catalogue:
    """Read a region and check that its parts fit together.

    Parameters
    ----------
    path
        A file, or a directory of ``*.yaml`` files.
    partners
        The ids of all profiles; ``None`` leaves diary partners unchecked.

    Raises
    ------
    RegionError
        The first problem, by file and line; or the first name that leads nowhere.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise RegionError(path, (1, 1), "", "holds no *.yaml file; add one")
    region = _Region()
    for file in files:
        source = _source(file)
        try:
            region.add(file, source, RegionFile.model_validate(source.value))
        except ValidationError as error:
            raise _first_problem(file, source, error) from error
    _check_names(region, partners)
    _check_sense(region)
    _check_overlaps(region)
    return _catalogue(region)


def _source(file: Path) -> YamlSource:
    try:
        source = read_yaml(file)
    except SourceError as error:
        raise RegionError(file, (error.line, error.column), "", str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RegionError(
            file, (1, 1), "", f"cannot be read as UTF-8 text: {type(error).__name__}"
        ) from error
    if not isinstance(source.value, dict):
        raise RegionError(file, (1, 1), "", "a region is a mapping; begin with sites:")
    return source


_REMEDIES: Final = {
    "missing": "add it",
    "string_too_short": "write a value or leave the key out",
    "extra_forbidden": "this key is not known; correct or remove it",
}


def _first_problem(file: Path, source: YamlSource, error: ValidationError) -> Exception:
    """Return the first problem in the file, by line; what is missing comes last.

    A key that was misspelt is reported as unknown, not as missing.
    """
    found: list[tuple[bool, int, int, RegionError]] = []
    for item in error.errors(include_url=False, include_input=False):
        location = item["loc"]
        text = item["msg"].removeprefix("Value error, ")
        remedy = _REMEDIES.get(item["type"])
        name = ".".join(str(step) for step in location if step != "[key]")
        problem = f"{text}; {remedy}" if remedy else text
        position = source.position(location)
        error_here = RegionError(file, position, name, problem)
        found.append((item["type"] == "missing", *position, error_here))
    return min(found, key=lambda each: each[:3])[3]


@dataclass(slots=True)
class _Region:
    """All files together, and where each entry stands."""

    tables: dict[str, dict[Any, Any]] = field(
        default_factory=lambda: {name: {} for name in TABLES}
    )
    sessions: list[SessionEntry] = field(default_factory=list)
    origins: dict[Location, tuple[Path, YamlSource, Location]] = field(
        default_factory=dict
    )

    def add(self, file: Path, source: YamlSource, part: RegionFile) -> None:
        """Take in one file; an entry that another file has already is refused."""
        for name in TABLES:
            for key, entry in getattr(part, name).items():
                where = (name, key)
                if where in self.origins:
                    other = self.origins[where][0].name
                    raise RegionError(
                        file,
                        source.position(where),
                        f"{name}.{key}",
                        f"stands in {other} already; keep one of them",
                    )
                self.origins[where] = file, source, where
                self.tables[name][key] = entry
        for at, session in enumerate(part.sessions):
            where = ("sessions", len(self.sessions))
            self.origins[where] = file, source, ("sessions", at)
            self.sessions.append(session)

    def problem(self, entry: Location, key: Location, text: str) -> RegionError:
        """Return the error to raise about a key of an entry."""
        file, source, at = self.origins[entry]
        location = (*at, *key)
        path = ".".join(map(str, location))
        return RegionError(file, source.position(location), path, text)


# Checks -----------------------------------------------------------------------------

_REFERENCES: Final = (
    ("sites", "organisation", "organisations"),
    ("contracts", "provider", "organisations"),
    ("scanners", "site", "sites"),
    ("scanners", "contract", "contracts"),
)
"""Table, key, and the table in which its value must stand."""


def _check_names(region: _Region, partners: Collection[str] | None) -> None:
    """Refuse names that lead nowhere."""
    for table, key, target in _REFERENCES:
        known = region.tables[target]
        for name, entry in region.tables[table].items():
            value = getattr(entry, key)
            if value is not None and value not in known:
                raise region.problem(
                    (table, name),
                    (key,),
                    f"{value!r} is not in {target}; correct it or add it there",
                )
    for name, site in region.tables["sites"].items():
        if partners is not None and site.diary_partner not in partners:
            raise region.problem(
                ("sites", name),
                ("diary_partner",),
                f"no profile has the id {site.diary_partner!r}; correct it or add the"
                " profile",
            )
    for at, session in enumerate(region.sessions):
        for number, name in enumerate(session.scanners):
            if name not in region.tables["scanners"]:
                raise region.problem(
                    ("sessions", at),
                    ("scanners", number),
                    f"{name!r} is not in scanners; correct it or add it there",
                )


def _check_sense(region: _Region) -> None:
    """Refuse contracts, procedures and sessions that could never be used."""
    scanners = region.tables["scanners"]
    _check_contracts(region)
    for name, procedure in region.tables["procedures"].items():
        cover = Capability.CONTRAST_COVER if procedure.contrast else Capability.NONE
        needed = procedure.needs | cover
        if not any(
            scanner.modality is procedure.modality
            and needed & ~scanner.capabilities == 0
            for scanner in scanners.values()
        ):
            raise region.problem(
                ("procedures", name),
                (),
                "no scanner has its modality and needs; correct them or add a scanner",
            )
    for at, session in enumerate(region.sessions):
        if session.ends <= session.starts:
            raise region.problem(
                ("sessions", at), ("ends",), "is not after starts; split at midnight"
            )


def _check_contracts(region: _Region) -> None:
    """Refuse contracts that contradict themselves or buy nothing."""
    sites, scanners = region.tables["sites"], region.tables["scanners"]
    contracts = region.tables["contracts"]
    for name, scanner in scanners.items():
        owner = sites[scanner.site].organisation
        if scanner.contract and contracts[scanner.contract].provider != owner:
            raise region.problem(
                ("scanners", name),
                ("contract",),
                f"{scanner.contract} is with {contracts[scanner.contract].provider},"
                f" but the scanner stands at {owner}; correct one of them",
            )
    used = {scanner.contract for scanner in scanners.values()}
    for name, contract in contracts.items():
        if name not in used:
            raise region.problem(
                ("contracts", name), (), "no scanner names it; add one or remove it"
            )
        if contract.ends_on < contract.starts_on:
            raise region.problem(
                ("contracts", name), ("ends_on",), "lies before starts_on; correct it"
            )
        if contract.ceiling < contract.floor:
            raise region.problem(
                ("contracts", name), ("ceiling",), "is below floor; correct one of them"
            )


def _check_overlaps(region: _Region) -> None:
    """Refuse two lists at one time on one scanner."""
    taken: dict[tuple[ScannerId, int], list[tuple[time, time, int]]] = {}
    for at, session in enumerate(region.sessions):
        for name in session.scanners:
            for day in sorted(session.weekdays):
                others = taken.setdefault((name, day), [])
                for starts, ends, other in others:
                    if session.starts < ends and starts < session.ends:
                        file, source, place = region.origins["sessions", other]
                        line, _ = source.position(place)
                        raise region.problem(
                            ("sessions", at),
                            (),
                            f"overlaps on {name}, {WEEKDAYS[day]}, with the session at"
                            f" {file.name}:{line}; change one of them",
                        )
                others.append((session.starts, session.ends, at))


# The domain's words -----------------------------------------------------------------


def _catalogue(region: _Region) -> Catalogue:
    parts = {name: list(table.items()) for name, table in region.tables.items()}
    return Catalogue.of(
        organisations=[
            Organisation(code, **dict(entry)) for code, entry in parts["organisations"]
        ],
        sites=[Site(code, **dict(entry)) for code, entry in parts["sites"]],
        scanners=[Scanner(name, **dict(entry)) for name, entry in parts["scanners"]],
        contracts=[Contract(name, **dict(entry)) for name, entry in parts["contracts"]],
        procedures=[
            Procedure(code, **dict(entry)) for code, entry in parts["procedures"]
        ],
        places=[Place(code, **dict(entry)) for code, entry in parts["places"]],
        templates=_templates(region),
    )


def _templates(region: _Region) -> Iterator[SessionTemplate]:
    for session in region.sessions:
        for name in session.scanners:
            yield SessionTemplate(
                scanner=name,
                weekdays=session.weekdays,
                starts=session.starts,
                ends=session.ends,
                list_type=session.list,
                release_hours=session.release_hours,
                contract=region.tables["scanners"][name].contract,
            )
