"""Slots for an exam of which another of its visit is booked: those beside it first."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.siblings import exams_of, sibling_of
from booking_engine.application.slots import SlotSearch, search_slots
from booking_engine.domain.clock import LONDON, local_date
from booking_engine.domain.decisions import Reasons
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.exam_pairs import Timed, room_beside
from booking_engine.domain.exams import exam_of
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.linked_exams import Beside
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Interval
from booking_engine.domain.vocabulary import Priority


def search_linked(
    order: ImagingOrder,
    uow: UnitOfWork,
    context: Context,
    *,
    limit: int,
    days: int | None = None,
) -> SlotSearch:
    """Return the best free slots, first those on the day and at the site of a sibling.

    Of one that is not routine they come first only while they make it no later beyond
    its target than the best slot does. Otherwise as `search_slots`.
    """
    found = search_slots(order, uow, context, limit=limit, days=days)
    beside = sibling_of(order, uow, context)
    if beside is None or not found.options:
        return found
    window = _window(order, beside, uow, context)
    there = search_slots(
        order,
        uow,
        context,
        limit=limit,
        days=days,
        within=[window] if window[0] < window[1] else [],
        scanners=_at_site(beside, uow),
    )
    best = found.options[0].chosen.terms
    near = [
        replace(one, visit_with=exams_of([beside.order]))
        for one in there.options
        # Room kept for more urgent orders is not taken for the sake of a journey.
        if not one.chosen.reserved
        and (
            order.content.priority is Priority.ROUTINE
            or one.chosen.terms.lateness <= best.lateness
        )
    ]
    taken = {_slot(one) for one in near}
    day = local_date(beside.starts_at)
    latest = window[1] - timedelta(minutes=exam_minutes(order, uow.catalogue()))
    rest = [
        one
        for one in found.options
        if _slot(one) not in taken
        # On the sibling's day only where the table of exams has room for it.
        and (
            local_date(one.chosen.starts_at) != day
            or window[0] <= one.chosen.starts_at <= latest
        )
    ]
    return replace(found, options=tuple([*near, *rest][:limit]), beside=beside)


def _window(
    order: ImagingOrder, beside: Beside, uow: UnitOfWork, context: Context
) -> Interval:
    """Return when on the sibling's day the exam may be, by the policy's exam pairs."""
    catalogue = uow.catalogue()
    exam, other = (
        Timed(exam_of(one.content, catalogue), exam_minutes(one, catalogue))
        for one in (order, beside.order)
    )
    begins, ends = _day_of(beside)
    after, before = room_beside(
        context.policy.exam_pairs, exam, other, beside.starts_at
    )
    return max(begins, after or begins), min(ends, before or ends)


def _slot(one: Reasons) -> tuple[ScannerId, datetime]:
    return one.chosen.scanner, one.chosen.starts_at


def _at_site(beside: Beside, uow: UnitOfWork) -> Container[ScannerId]:
    scanners: Sequence[ScannerId] = [
        one.id for one in uow.catalogue().scanners.values() if one.site == beside.site
    ]
    return frozenset(scanners)


def _day_of(beside: Beside) -> Interval:
    """Return the local day of the sibling's appointment."""
    day = local_date(beside.starts_at)
    midnight = datetime(day.year, day.month, day.day, tzinfo=LONDON)
    after = day + timedelta(days=1)
    return midnight, datetime(after.year, after.month, after.day, tzinfo=LONDON)
