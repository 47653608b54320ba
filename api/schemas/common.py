"""What all schemas share: times as people in England write them, pages, problems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

from booking_engine.domain.clock import LONDON

Item = TypeVar("Item")
MOST: Final = 200
"""Items of one page."""
YEARS: Final = range(2000, 2200)
"""Of any instant from outside; beyond, calculations with it could fail."""
_PLAIN: Final = r"^[^\x00-\x1f\x7f]*$"


def _text_only(value: object) -> object:
    """Refuse numbers, which pydantic would read as seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("give an RFC 3339 time with offset")  # noqa: TRY004
    return value


def london(instant: datetime) -> str:
    """Return an instant in RFC 3339 with London's offset."""
    return instant.astimezone(LONDON).isoformat(timespec="seconds")


def _in_utc(instant: datetime) -> datetime:
    if instant.year not in YEARS:
        raise ValueError(f"give a year from {YEARS.start} to {YEARS.stop - 1}")
    return instant.astimezone(UTC)


InstantIn = Annotated[
    AwareDatetime, BeforeValidator(_text_only), AfterValidator(_in_utc)
]
"""An instant from outside: with offset, kept in UTC."""


def _whole_minute(instant: datetime) -> datetime:
    if instant.second or instant.microsecond:
        raise ValueError("give a time to the minute, such as 2026-12-02T09:20:00Z")
    return instant


MinuteIn = Annotated[InstantIn, AfterValidator(_whole_minute)]
"""When an appointment or a closure begins or ends: diaries count in minutes."""
Instant = Annotated[
    datetime,
    PlainSerializer(london, return_type=str),
    Field(json_schema_extra={"format": "date-time"}),
]
"""An instant to the outside: RFC 3339 with Europe/London's offset."""
Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=_PLAIN
    ),
]
"""Why, coded or in a few words; stored, and told to partners: no patient data."""
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_PLAIN)
]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=_PLAIN)
]


class Body(BaseModel):
    """A request's body: unknown members are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(BaseModel):
    """A response's body, read from domain values by attribute."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class PageOf(Document, Generic[Item]):
    """A page of a list; follow `next` until it is null."""

    items: list[Item]
    next: str | None = Field(
        description="Address of the next page, also in the Link header."
    )


class Violation(BaseModel):
    """One thing that is wrong: a field or a rule, and how."""

    field: str | None = None
    rule: str | None = None
    line: int | None = None
    column: int | None = None
    message: str


class ProblemDocument(BaseModel):
    """What is answered instead (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/slot.taken",
                    "title": "Slot taken",
                    "status": 409,
                    "detail": "MR2 is taken from 09:00 to 09:30; choose another time.",
                    "code": "slot.taken",
                    "instance": "urn:request:3f0c6d",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; programs decide by it.")
    instance: str | None = None
    violations: list[Violation] | None = None


def example(**values: Any) -> ConfigDict:
    """Return a request body's configuration with one example."""
    return ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [values]}
    )
