"""Visits and days beside a booked sibling, written into the columns of a snapshot.

A snapshot without any is left as it is, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np

from booking_engine.application.snapshot import Ints, Links, Snapshot
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import LONDON, local_date
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.exam_pairs import ExamPair, Timed, links_of, room_beside
from booking_engine.domain.exams import exam_of
from booking_engine.domain.linked_exams import Arranged, Beside, Way
from booking_engine.domain.vocabulary import Priority
from solver.plan import UNPLACED, Plan
from solver.problem import Orders, Pairs
from solver.rules import NO_LIMIT, Rules, Visits
from solver.rules import Links as ExamLinks

DAY_MINUTES: Final = 1440


def with_links(
    plain: Snapshot,
    ways: Iterable[Arranged],
    catalogue: Catalogue,
    pairs: Sequence[ExamPair] = (),
) -> Snapshot:
    """Return the snapshot in which linked exams are planned as arranged.

    Parameters
    ----------
    plain
        In which every order is planned by itself.
    ways
        Of its orders; those planned alone may be left out.
    pairs
        Which exams come in an order, and with what gap.
    """
    rows = {order.id: row for row, order in enumerate(plain.orders)}
    arranged = {
        rows[one.order.id]: one
        for one in ways
        if one.way in (Way.TOGETHER, Way.BESIDE) and one.order.id in rows
    }
    if not arranged:
        return plain
    sites = {code: number for number, code in enumerate(catalogue.sites)}
    place = [sites[one.site] for one in catalogue.scanners.values()]
    exams = {
        order.id: Timed(
            exam_of(order.content, catalogue), exam_minutes(order, catalogue)
        )
        for one in arranged.values()
        for order in (one.order, *one.others)
    }
    where = np.array(place, dtype=np.int64)
    return _tied(Links(plain, arranged, sites, where, tuple(pairs), exams))


def parted(snapshot: Snapshot, plan: Plan) -> Snapshot | None:
    """Return the snapshot in which those who cannot wait are no longer linked.

    These are the exams that the plan leaves out although they may not be left for the
    next run. ``None``: there is none, and the plan stands.
    """
    links = snapshot.links
    if links is None:
        return None
    left = {
        row
        for row, one in links.arranged.items()
        if plan.opening[row] == UNPLACED and not one.can_wait
    }
    if not left:
        return None
    kept = {row: one for row, one in links.arranged.items() if row not in left}
    return _tied(replace(links, arranged=kept)) if kept else links.plain


def visit_rows(snapshot: Snapshot) -> list[list[int]]:
    """Return the rows of the orders of each visit, by its first row."""
    if snapshot.links is None:
        return []
    row_of = {order.id: row for row, order in enumerate(snapshot.orders)}
    visits: dict[tuple[int, ...], None] = {}
    for row, one in sorted(snapshot.links.arranged.items()):
        if one.way is Way.TOGETHER:
            rows = sorted((row, *(row_of[other.id] for other in one.others)))
            visits[tuple(rows)] = None
    return [list(rows) for rows in visits]


def _tied(links: Links) -> Snapshot:
    """Return the plain snapshot with its links in the columns."""
    plain = links.plain
    tied = replace(plain, links=links)
    keep = _pairs_kept(links)
    problem = plain.problem
    return replace(
        tied,
        problem=replace(
            problem,
            orders=_day_windows(links, problem.orders),
            pairs=_only(problem.pairs, keep),
            rules=_rules(links, visit_rows(tied), problem.rules),
        ),
        pair_km=plain.pair_km[keep],
    )


def _rules(links: Links, visits: Sequence[Sequence[int]], others: Rules) -> Rules:
    """Return the rules of the visits beside those that are asked for anyhow."""
    if not visits:
        return others
    lengths = [len(rows) for rows in visits]
    ones = np.ones(len(visits), dtype=np.int64)
    return replace(
        others,
        visits=Visits(
            start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            order=np.array([row for rows in visits for row in rows], dtype=np.int64),
            same_day=ones,
            same_place=ones.copy(),
        ),
        links=_gaps(links, visits),
        scanner_place=links.place,
    )


def _gaps(links: Links, visits: Sequence[Sequence[int]]) -> ExamLinks:
    """Return which exam of a visit follows which, as the table of pairs says."""
    orders = links.plain.orders
    rows = [
        (visit[a], visit[b], pair.least_minutes, pair.most_minutes)
        for visit in visits
        for a, b, pair in links_of(
            links.pairs, [links.exams[orders[row].id].procedure for row in visit]
        )
    ]
    table = np.array(
        [(a, b, low, NO_LIMIT if most is None else most) for a, b, low, most in rows],
        dtype=np.int64,
    ).reshape(-1, 4)
    return ExamLinks(*(table[:, column].copy() for column in range(4)))


def _day_windows(links: Links, orders: Orders) -> Orders:
    """Return the orders, those beside a sibling on its day, urgent visits in time."""
    earliest, latest = orders.earliest_day.copy(), orders.latest_day.copy()
    begin, end = orders.earliest_minute.copy(), orders.latest_minute.copy()
    today = links.plain.today.toordinal()
    for row, one in links.arranged.items():
        if one.beside is not None:
            day = local_date(one.beside.starts_at).toordinal() - today
            # Never wider than its own: then it has no day, and is planned alone.
            earliest[row] = max(earliest[row], day)
            latest[row] = min(latest[row], day)
            after, before = room_beside(
                links.pairs,
                links.exams[one.order.id],
                links.exams[one.beside.order.id],
                one.beside.starts_at,
            )
            if after is not None:
                begin[row] = max(begin[row], _minute(after, one.beside))
            if before is not None:
                end[row] = min(end[row], _minute(before, one.beside))
        elif one.order.content.priority is not Priority.ROUTINE:
            latest[row] = min(latest[row], orders.target_day[row])
    return replace(
        orders,
        earliest_day=earliest,
        latest_day=latest,
        earliest_minute=begin,
        latest_minute=end,
    )


def _minute(instant: datetime, beside: Beside) -> int:
    """Return the minute of the sibling's local day, kept within that day."""
    local = instant.astimezone(LONDON)
    days = (local.date() - local_date(beside.starts_at)).days
    return min(max(0, days * DAY_MINUTES + local.hour * 60 + local.minute), DAY_MINUTES)


def _pairs_kept(links: Links) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which pairs are left, shape ``(pairs,)``: a sibling's site alone."""
    pairs = links.plain.problem.pairs
    keep = np.ones(pairs.scanner.shape[0], dtype=np.bool_)
    for row, one in links.arranged.items():
        if one.beside is not None:
            span = slice(pairs.start[row], pairs.start[row + 1])
            there = links.site_number[one.beside.site]
            keep[span] = links.place[pairs.scanner[span]] == there
    return keep


def _only(pairs: Pairs, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Pairs:
    before: Ints = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
    return Pairs(
        start=before[pairs.start],
        scanner=pairs.scanner[keep],
        minutes=pairs.minutes[keep],
        cost=pairs.cost[keep],
    )
