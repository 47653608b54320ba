"""Statements: written in SQLAlchemy, compiled once for each engine, sent by the driver.

Building and compiling a statement costs more than running it, and SQLAlchemy does part
of that again for every call. So a `Statement` is built once, at the first use on each
kind of engine; after that, running it is its fixed text and a tuple of values. Each
value passes through the codec of its column: on SQLite, instants and days are text of
one fixed format, documents are JSON.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    CompoundSelect,
    Date,
    Delete,
    Dialect,
    Insert,
    Select,
    String,
    Update,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.types import TypeEngine
from sqlmodel.sql.sqltypes import UTCDateTime

AnyStatement = Select[Any] | CompoundSelect[Any] | Insert | Update | Delete
Codec = Callable[[Any], Any]

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
NO_LIMIT: Final = 2**62
"""More rows than there are, for a statement whose limit is a parameter."""

_DIALECTS: Final[dict[str, Dialect]] = {
    SQLITE: SQLiteDialect_pysqlite(paramstyle="qmark"),
    POSTGRESQL: PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}
_INSTANTS_CACHED: Final = 1 << 14
"""A diary names each instant many times: an end is the next one's start."""


def to_json(value: Any) -> str:
    """Return `value` as the JSON that is stored or sent; bytes are hexadecimal.

    Raises
    ------
    TypeError
        An instant without an offset, which the database would take for one of UTC, or
        something that has no form in JSON.
    """
    return orjson.dumps(value, _plain, orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return _aware(value).isoformat()
    return value.isoformat() if isinstance(value, date) else bytes.hex(value)


def _aware(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("An instant without an offset cannot be stored.")
    return value


def _instant_to_text(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = _aware(value).astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


@lru_cache(_INSTANTS_CACHED)
def _instant_of_text(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def _in_utc(value: datetime) -> datetime:
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def array_text(values: Iterable[object]) -> str:
    """Return a list as PostgreSQL writes one; the driver's own way takes far longer."""
    texts = [str(value) for value in values]
    if any('"' in text or "\\" in text for text in texts):
        texts = [t.replace("\\", "\\\\").replace('"', '\\"') for t in texts]
    joined = '","'.join(texts)
    return f'{{"{joined}"}}' if texts else "{}"


_ENCODERS: Final[dict[str, tuple[tuple[type[TypeEngine[Any]], Codec], ...]]] = {
    SQLITE: (
        (UTCDateTime, _instant_to_text),
        (Date, date.isoformat),
        (JSON, to_json),
    ),
    POSTGRESQL: ((UTCDateTime, _aware), (JSON, to_json), (ARRAY, array_text)),
}
_DECODERS: Final[dict[str, tuple[tuple[type[TypeEngine[Any]], Codec], ...]]] = {
    SQLITE: (
        (UTCDateTime, _instant_of_text),
        (Date, lru_cache(_INSTANTS_CACHED)(date.fromisoformat)),
        (JSON, json.loads),
        (Boolean, bool),
    ),
    # The driver reads days, documents and truth values itself.
    POSTGRESQL: ((UTCDateTime, _in_utc),),
}

INSTANT_OF: Final[dict[str, Codec]] = {
    SQLITE: _instant_of_text,
    POSTGRESQL: _in_utc,
}
"""What reads an instant as the driver of each kind of engine has it."""


def _codec(
    known: Iterable[tuple[type[TypeEngine[Any]], Codec]], of: TypeEngine[Any]
) -> Codec | None:
    return next((codec for kind, codec in known if isinstance(of, kind)), None)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement for one kind of engine.

    Parameters
    ----------
    sql
        Its text, with the driver's placeholders.
    names
        Of the values, in the order of the placeholders.
    constants
        Values that the statement itself brings.
    encoders, decoders
        Position and codec of each value or column that needs one.
    make
        Makes a row, with its columns as attributes, of a sequence of values.
    """

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    encoders: tuple[tuple[int, Codec], ...]
    decoders: tuple[tuple[int, Codec], ...]
    make: Callable[[Iterable[Any]], Any]
    _take: Callable[[Mapping[str, Any]], Sequence[Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the fastest way of taking the values."""
        names = self.names
        take: Callable[[Mapping[str, Any]], Sequence[Any]] = (
            itemgetter(*names)
            if len(names) > 1
            else lambda values: [values[name] for name in names]
        )
        object.__setattr__(self, "_take", take)

    def bind(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the values as the driver takes them."""
        if self.constants:
            values = {**self.constants, **values}
        taken = list(self._take(values))
        for position, encode in self.encoders:
            value = taken[position]
            if value is not None:
                taken[position] = encode(value)
        return taken

    def bind_all(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Any]]:
        """Return the values of many rows as the driver takes them."""
        if len(rows) == 1 or self.constants:
            return [self.bind(row) for row in rows]
        columns: list[Sequence[Any]] = list(zip(*map(self._take, rows), strict=True))
        for position, encode in self.encoders:
            columns[position] = _encoded(columns[position], encode)
        return list(zip(*columns, strict=True))

    def read(self, found: Iterable[Sequence[Any]]) -> list[Any]:
        """Return the driver's rows with their columns decoded and named."""
        make, decoders = self.make, self.decoders
        if not decoders:
            return [make(row) for row in found]
        read: list[Any] = []
        for row in found:
            values = list(row)
            for position, decode in decoders:
                value = values[position]
                if value is not None:
                    values[position] = decode(value)
            read.append(make(values))
        return read


def _encoded(values: Iterable[Any], encode: Codec) -> list[Any]:
    """Return a column as the driver takes it; rows in turn often share their value."""
    found: list[Any] = []
    before = after = None
    for value in values:
        if value is not before:
            before, after = value, None if value is None else encode(value)
        found.append(after)
    return found


class Statement:
    """A statement that is compiled at its first use on each kind of engine.

    Parameters
    ----------
    build
        Returns the statement for ``sqlite`` or ``postgresql``. What varies from call
        to call is a named `bindparam` in it.
    """

    def __init__(self, build: Callable[[str], AnyStatement]) -> None:
        self._build = build
        self._compiled: dict[str, Compiled] = {}

    def on(self, dialect: str) -> Compiled:
        """Return the statement for a kind of engine."""
        compiled = self._compiled.get(dialect)
        if compiled is None:
            # Two threads may both compile it, with the same result.
            compiled = _compile(self._build(dialect), dialect)
            self._compiled[dialect] = compiled
        return compiled


def _compile(statement: AnyStatement, dialect: str) -> Compiled:
    compiled = statement.compile(dialect=_DIALECTS[dialect])
    assert not compiled.post_compile_params, "the text would differ from call to call"
    names: list[str] = list(compiled.positiontup or ())
    binds = compiled.binds
    # A constant passes through its codec at each use, as the values do.
    constants = {
        name: binds[name].effective_value for name in names if not binds[name].required
    }
    columns = (
        list(statement.selected_columns)
        if isinstance(statement, Select | CompoundSelect)
        else []
    )
    row = namedtuple("row", [c.key or "_" for c in columns], rename=True)  # type: ignore[misc]  # noqa: PYI024 - the columns are known only now
    return Compiled(
        sql=str(compiled),
        names=tuple(names),
        constants=constants,
        encoders=_codecs(_ENCODERS[dialect], [binds[name].type for name in names]),
        decoders=_codecs(_DECODERS[dialect], [column.type for column in columns]),
        make=row._make,
    )


def _codecs(
    known: Iterable[tuple[type[TypeEngine[Any]], Codec]],
    types: Sequence[TypeEngine[Any]],
) -> tuple[tuple[int, Codec], ...]:
    found = ((position, _codec(known, one)) for position, one in enumerate(types))
    return tuple((position, codec) for position, codec in found if codec is not None)


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that `column` is in the list of texts called `name`.

    The list travels as one value, so the statement's text is always the same and no
    engine's limit on parameters is met.
    """
    if dialect == POSTGRESQL:
        return column == any_(bindparam(name, type_=ARRAY(String)))
    packed = func.json_each(bindparam(name, type_=JSON)).table_valued("value")
    return column.in_(select(packed.c.value))
