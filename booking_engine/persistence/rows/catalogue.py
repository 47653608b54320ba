"""The tables of the catalogue: each row is a key, a place in order, and JSON."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from booking_engine.persistence.rows.base import Row


class ReferenceRow(Row):
    """A part of the catalogue: its key, its place in order, and all of it as JSON."""

    key: str = Field(primary_key=True)
    position: int
    data: dict[str, Any] = Field(sa_type=JSON)


class OrganisationRow(ReferenceRow, table=True):
    """An organisation."""

    __tablename__ = "organisation"


class SiteRow(ReferenceRow, table=True):
    """A site."""

    __tablename__ = "site"


class ScannerRow(ReferenceRow, table=True):
    """A scanner."""

    __tablename__ = "scanner"


class ContractRow(ReferenceRow, table=True):
    """A contract."""

    __tablename__ = "contract"


class ProcedureRow(ReferenceRow, table=True):
    """A procedure."""

    __tablename__ = "procedure"


class PlaceRow(ReferenceRow, table=True):
    """A postcode district."""

    __tablename__ = "place"


class SessionTemplateRow(ReferenceRow, table=True):
    """A weekly pattern of sessions; its key is its position."""

    __tablename__ = "session_template"


class CatalogueVersionRow(Row, table=True):
    """One row that counts replacements of the catalogue, so that caches notice."""

    __tablename__ = "catalogue_version"

    id: int = Field(primary_key=True)
    version: int
