"""What every table has in common: naming, keys that count, partial indexes."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Index, Integer, MetaData, Table, text
from sqlmodel import SQLModel

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

COUNTER = BigInteger().with_variant(Integer, "sqlite")
"""Counting keys; SQLite counts by itself only in a column called INTEGER."""


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index over the rows that satisfy `where`, on either engine."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


EMPTY: Final[dict[str, Any]] = {"server_default": text("''")}
"""For columns that came later: the rows stored before have nothing there."""


class Row(SQLModel):
    """What every table has in common: one metadata with a naming convention."""

    metadata: ClassVar[MetaData] = metadata


def table_of(row: type[Row]) -> Table:
    """Return the table behind a row class."""
    return metadata.tables[str(row.__tablename__)]
