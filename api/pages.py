"""Pages of lists: how many, from where, and the address of the next one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request, Response
from pydantic import TypeAdapter

from api.schemas.common import MOST, PageOf
from booking_engine.application.views import Page
from booking_engine.domain.errors import InvalidValue

Item = TypeVar("Item")
Shown = TypeVar("Shown")

Limit = Annotated[int, Query(ge=1, le=MOST, description="Most items to return.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="Opaque; take `next` as it is given."),
]


def shown(
    page: Page[Any], kind: type[Shown], request: Request, response: Response
) -> PageOf[Shown]:
    """Return a page for the outside, with the address of the next one.

    The Link header (RFC 8288) says the same as `next`.
    """
    following = None
    if page.next_cursor is not None:
        url = request.url.include_query_params(cursor=page.next_cursor)
        following = f"{url.path}?{url.query}"
        response.headers["Link"] = f'<{following}>; rel="next"'
    items = TypeAdapter(list[kind]).validate_python(  # type: ignore[valid-type]
        page.items, from_attributes=True
    )
    return PageOf(items=items, next=following)


def page_of(
    items: Sequence[Item],
    key: Callable[[Item], str],
    *,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """Return the page of a short list in memory that begins after `cursor`.

    Parameters
    ----------
    key
        Unique, and what the list is sorted by.

    Raises
    ------
    InvalidValue
        The cursor is none of ours.
    """
    rest = sorted(items, key=key)
    if cursor is not None:
        after = _decoded(cursor)
        rest = [item for item in rest if key(item) > after]
    following = None
    if len(rest) > limit:
        following = base64.urlsafe_b64encode(key(rest[limit - 1]).encode()).decode()
    return Page(tuple(rest[:limit]), following)


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor.encode("ascii"), b"-_", validate=True).decode()
    except (UnicodeError, binascii.Error) as error:
        raise InvalidValue(
            "The cursor does not belong to this list; start from the first page."
        ) from error
