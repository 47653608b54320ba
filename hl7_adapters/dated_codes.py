"""Codes whose meaning begins or ends on a day, as a profile writes them.

Beside the short form ``code: X`` a table of a profile may say ``code: {to: X, from:
2026-01-01, until: 2026-03-31}``, or a list of such. Both days are whole days where the
partner's clocks are, the first and the last on which the code means it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from booking_engine.domain.identifiers import ProcedureCode, SiteCode
from booking_engine.domain.vocabulary import PatientSetting, Priority, WaitingListType
from hl7_adapters.dialect import Strict, folded

V = TypeVar("V")

DATED: Final = ("procedures", "urgency", "sites", "patient_classes", "list_types")
"""The tables of a profile whose codes may have days."""
_TABLES: Final = frozenset((*DATED, "safety", "needs", "controls", "policies"))


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant until just before another; ``None``: without end."""

    begins: datetime | None = None
    ends: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Return whether an instant lies in it."""
        return (self.begins is None or self.begins <= at) and (
            self.ends is None or at < self.ends
        )

    def edges(self) -> Iterator[datetime]:
        """Yield the instants at which it begins and ends."""
        yield from (edge for edge in (self.begins, self.ends) if edge is not None)


class DatedCode(Strict, Generic[V]):
    """What a code means on some days."""

    model_config = ConfigDict(populate_by_name=True)

    to: V
    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("until lies before from; exchange them")
        return self

    def span(self, zone: ZoneInfo) -> Span:
        """Return the days as instants: midnight to midnight of the zone's clocks."""
        return Span(
            None if self.first is None else _midnight(self.first, zone),
            None if self.last is None else _midnight(self.last + _DAY, zone),
        )


_DAY: Final = timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


_Listed: Final = BeforeValidator(_listed)


class DatedCodes(Strict):
    """The codes with days of all tables, by table and folded code."""

    procedures: dict[str, Annotated[tuple[DatedCode[ProcedureCode], ...], _Listed]] = (
        Field(default_factory=dict)
    )
    urgency: dict[str, Annotated[tuple[DatedCode[Priority], ...], _Listed]] = Field(
        default_factory=dict
    )
    sites: dict[str, Annotated[tuple[DatedCode[SiteCode], ...], _Listed]] = Field(
        default_factory=dict
    )
    patient_classes: dict[
        str, Annotated[tuple[DatedCode[PatientSetting], ...], _Listed]
    ] = Field(default_factory=dict)
    list_types: dict[
        str, Annotated[tuple[DatedCode[WaitingListType], ...], _Listed]
    ] = Field(default_factory=dict)

    @field_validator(*DATED)
    @classmethod
    def _one_meaning_a_day(
        cls, table: dict[str, tuple[DatedCode[Any], ...]]
    ) -> dict[str, tuple[DatedCode[Any], ...]]:
        for code, entries in table.items():
            listed = sorted(entries, key=lambda entry: entry.first or date.min)
            for before, after in pairwise(listed):
                if (before.last or date.max) >= (after.first or date.min):
                    day = after.first or "every day"
                    raise ValueError(
                        f"{code!r} has two meanings on {day}; end one before the other"
                        " begins"
                    )
        return folded(table)


def split_dated(data: Any) -> Any:
    """Return a profile's data with the codes that have days in a part of their own.

    Raises
    ------
    ValueError
        A code stands in both forms.
    """
    if not isinstance(data, dict):
        return data
    if "dated" in data:
        raise ValueError("'dated' is not written; give a code its days where it stands")
    # A table of which every line is commented out is an empty one.
    plain = {k: v for k, v in data.items() if v is not None or k not in _TABLES}
    dated: dict[str, Any] = {}
    for name in DATED:
        table = plain.get(name)
        if not isinstance(table, dict):
            continue
        found = {c: v for c, v in table.items() if isinstance(v, dict | list)}
        if found:
            dated[name] = found
            plain[name] = {c: v for c, v in table.items() if c not in found}
            twice = {c.casefold() for c in found} & {c.casefold() for c in plain[name]}
            if twice:
                raise ValueError(
                    f"{min(twice)!r} is given twice with different meanings"
                )
    return {**plain, "dated": dated} if dated else plain
