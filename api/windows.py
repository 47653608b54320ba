"""The window of time that a list of sessions or closures is asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Query

from api.schemas.common import InstantIn
from booking_engine.domain.errors import InvalidValue

_LONGEST: Final = timedelta(days=62)
_WEEK: Final = timedelta(days=7)

WindowStart = Annotated[InstantIn | None, Query(description="Now, by default.")]
WindowEnd = Annotated[InstantIn | None, Query(description="A week later, by default.")]


def window_of(
    starts_from: datetime | None, starts_to: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """Return the window's begin and end; by default the week from `now` on.

    Raises
    ------
    InvalidValue
        It is empty, or longer than 62 days.
    """
    begin = starts_from or now
    end = starts_to or begin + _WEEK
    if not begin < end <= begin + _LONGEST:
        raise InvalidValue(
            f"The window must be positive and at most {_LONGEST.days} days; choose"
            " starts_from and starts_to."
        )
    return begin, end
