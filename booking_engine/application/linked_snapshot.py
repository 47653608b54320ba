"""Visits and days beside a booked sibling, written into the columns of a snapshot.

A snapshot without any is left as it is, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from booking_engine.application.snapshot import Ints, Links, Snapshot
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import local_date
from booking_engine.domain.linked_exams import Arranged, Way
from booking_engine.domain.vocabulary import Priority
from solver.plan import UNPLACED, Plan
from solver.problem import Orders, Pairs
from solver.rules import Rules, Visits


def with_links(
    plain: Snapshot, ways: Iterable[Arranged], catalogue: Catalogue
) -> Snapshot:
    """Return the snapshot in which linked exams are planned as arranged.

    Parameters
    ----------
    plain
        In which every order is planned by itself.
    ways
        Of its orders; those planned alone may be left out.
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
    return _tied(Links(plain, arranged, sites, np.array(place, dtype=np.int64)))


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
            rules=_rules(links, visit_rows(tied)),
        ),
        pair_km=plain.pair_km[keep],
    )


def _rules(links: Links, visits: Sequence[Sequence[int]]) -> Rules:
    if not visits:
        return Rules()
    lengths = [len(rows) for rows in visits]
    ones = np.ones(len(visits), dtype=np.int64)
    return Rules(
        visits=Visits(
            start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            order=np.array([row for rows in visits for row in rows], dtype=np.int64),
            same_day=ones,
            same_place=ones.copy(),
        ),
        scanner_place=links.place,
    )


def _day_windows(links: Links, orders: Orders) -> Orders:
    """Return the orders, those beside a sibling on its day, urgent visits in time."""
    earliest, latest = orders.earliest_day.copy(), orders.latest_day.copy()
    today = links.plain.today.toordinal()
    for row, one in links.arranged.items():
        if one.beside is not None:
            day = local_date(one.beside.starts_at).toordinal() - today
            # Never wider than its own: then it has no day, and is planned alone.
            earliest[row] = max(earliest[row], day)
            latest[row] = min(latest[row], day)
        elif one.order.content.priority is not Priority.ROUTINE:
            latest[row] = min(latest[row], orders.target_day[row])
    return replace(orders, earliest_day=earliest, latest_day=latest)


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
