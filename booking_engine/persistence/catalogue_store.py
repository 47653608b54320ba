"""The catalogue in the database, and one shared copy of it for each engine.

A replacement raises the number in one small row. A unit of work reads that row once
and takes the shared copy if the numbers agree, so processes notice each other's
replacements without reading the catalogue again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import (
    JSON,
    CompoundSelect,
    Engine,
    Table,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)

from booking_engine.domain.catalogue import Catalogue
from booking_engine.persistence import catalogue_documents as documents
from booking_engine.persistence import rows
from booking_engine.persistence.documents import Document
from booking_engine.persistence.session import Session
from booking_engine.persistence.statements import Statement

Reader = Callable[[dict[str, Any]], Any]

_VERSION: Final = rows.table_of(rows.CatalogueVersionRow)
_PARTS: Final[dict[str, tuple[Table, Reader]]] = {
    "organisations": (rows.table_of(rows.OrganisationRow), documents.organisation_of),
    "sites": (rows.table_of(rows.SiteRow), documents.site_of),
    "scanners": (rows.table_of(rows.ScannerRow), documents.scanner_of),
    "contracts": (rows.table_of(rows.ContractRow), documents.contract_of),
    "procedures": (rows.table_of(rows.ProcedureRow), documents.procedure_of),
    "places": (rows.table_of(rows.PlaceRow), documents.place_of),
    "templates": (rows.table_of(rows.SessionTemplateRow), documents.template_of),
}
_ROW_ID: Final = 1

_IS_IT: Final = _VERSION.c.id == _ROW_ID
VERSION_NOW: Final = Statement(lambda _: select(_VERSION.c.version).where(_IS_IT))
"""Finds the catalogue's number; see `number_of`."""
_RAISE_VERSION: Final = Statement(
    lambda _: update(_VERSION).where(_IS_IT).values(version=_VERSION.c.version + 1)
)
_FIRST_VERSION: Final = Statement(
    lambda _: insert(_VERSION).values(id=_ROW_ID, version=1)
)


def _deleting(table: Table) -> Statement:
    return Statement(lambda _: delete(table))


def _inserting(table: Table) -> Statement:
    values = {c.name: bindparam(c.name, type_=c.type) for c in table.c}
    return Statement(lambda _: insert(table).values(values))


_DELETE: Final = {part: _deleting(table) for part, (table, _) in _PARTS.items()}
_INSERT: Final = {part: _inserting(table) for part, (table, _) in _PARTS.items()}


def _all_parts(_: str) -> CompoundSelect[Any]:
    # One statement, so that no replacement can come between the parts.
    return union_all(
        select(
            literal("version").label("part"),
            _VERSION.c.version.label("number"),
            cast(null(), JSON).label("data"),
        ),
        *(
            select(literal(part), table.c.position, table.c.data)
            for part, (table, _) in _PARTS.items()
        ),
    ).order_by("part", "number")


_ALL: Final = Statement(_all_parts)


def number_of(found: Sequence[Any]) -> int:
    """Return the number that `VERSION_NOW` found; 0 before the first catalogue."""
    return int(found[0].version) if found else 0


class CatalogueCache:
    """The newest catalogue that this process has seen, with its number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._catalogue = Catalogue()

    def find(self, version: int) -> Catalogue | None:
        """Return the catalogue of that number, or ``None`` if it is not this one."""
        with self._lock:
            return self._catalogue if version == self._version else None

    def keep(self, version: int, catalogue: Catalogue) -> Catalogue:
        """Return the shared copy of that number: the first that was kept."""
        with self._lock:
            if version == self._version:
                return self._catalogue
            if version > self._version:
                self._version, self._catalogue = version, catalogue
            return catalogue


_caches: WeakKeyDictionary[Engine, CatalogueCache] = WeakKeyDictionary()
_caches_lock = threading.Lock()


def cache_of(engine: Engine) -> CatalogueCache:
    """Return the copy that all units of work of `engine` share."""
    with _caches_lock:
        return _caches.setdefault(engine, CatalogueCache())


def read_catalogue(
    session: Session, cache: CatalogueCache, number: int | None = None
) -> Catalogue:
    """Return the catalogue as the session's transaction sees it.

    Parameters
    ----------
    number
        Its number, if the transaction has read it (`VERSION_NOW`).
    """
    if number is None:
        number = number_of(session.rows(VERSION_NOW))
    known = cache.find(number)
    if known is not None:
        return known
    version = 0
    parts: dict[str, list[Any]] = {part: [] for part in _PARTS}
    for part, number, data in session.rows(_ALL):
        if part == "version":
            version = number
        else:
            parts[part].append(_PARTS[part][1](data))
    return cache.keep(version, Catalogue.of(**parts))


def write_catalogue(session: Session, catalogue: Catalogue) -> None:
    """Store the catalogue in place of the one before, under the next number."""
    # First the number: its row makes a second writer wait for the first.
    if session.change(_RAISE_VERSION, [{}]) == 0:
        session.insert(_FIRST_VERSION, [{}])
    for part, values in _documents(catalogue).items():
        session.insert(_DELETE[part], [{}])
        listed = [
            {"key": key, "position": position, "data": data}
            for position, (key, data) in enumerate(values)
        ]
        if listed:
            session.insert(_INSERT[part], listed)


def _documents(
    catalogue: Catalogue,
) -> dict[str, Iterable[tuple[str, Document]]]:
    return {
        "organisations": [
            (o.code, documents.organisation_document(o))
            for o in catalogue.organisations.values()
        ],
        "sites": [
            (s.code, documents.site_document(s)) for s in catalogue.sites.values()
        ],
        "scanners": [
            (s.id, documents.scanner_document(s)) for s in catalogue.scanners.values()
        ],
        "contracts": [
            (c.id, documents.contract_document(c)) for c in catalogue.contracts.values()
        ],
        "procedures": [
            (p.code, documents.procedure_document(p))
            for p in catalogue.procedures.values()
        ],
        "places": [
            (p.outward_code, documents.place_document(p))
            for p in catalogue.places.values()
        ],
        "templates": [
            (str(position), documents.template_document(template))
            for position, template in enumerate(catalogue.templates)
        ],
    }
