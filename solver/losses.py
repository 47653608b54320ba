"""What is left of a problem and its plan when free time is lost.

A breakdown or a closure takes stretches out of openings. An opening then becomes
none, one or two shorter ones; the exams that overlap a lost stretch are displaced, and
every other exam stays where it is, to the minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.plan import UNPLACED, Plan
from solver.problem import Ints, Openings, Problem


@dataclass(frozen=True, slots=True)
class Loss:
    """Time that is no longer free.

    Parameters
    ----------
    opening
        Row of the opening that loses it.
    begin_minute, end_minute
        The lost stretch, in minutes from midnight of the opening's day; what of it
        lies outside the opening does not matter.
    """

    opening: int
    begin_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A problem after losses, and what stays of the plan for it.

    Parameters
    ----------
    problem
        As it stands now: same orders, pairs and scanners, fewer minutes.
    origin
        Shape ``(openings,)``. For each opening its row in the problem before.
    opening, pair, start_minute
        Shape ``(orders,)``. Where everybody stays; `UNPLACED` for the displaced and
        for those who had no place before.
    displaced
        Rows of the orders whose exam overlaps a lost stretch.
    day
        Shape ``(orders,)``. Day on which each order was placed before, or -1.
    minute_price, exam_price
        The plan's prices, by the rows of `problem`.
    room_price
        Shape ``(classes, openings)``, or None. What a minute of free time is worth to
        more urgent orders that are still to come, by the class of who would take it;
        the last class stands for all beyond. In 1 / `PRICE_SCALE` cost units.
    """

    problem: Problem
    origin: Ints
    opening: Ints
    pair: Ints
    start_minute: Ints
    displaced: Ints
    day: Ints
    minute_price: Ints
    exam_price: Ints
    room_price: NDArray[np.int64] | None = None


def scanner_losses(
    problem: Problem, scanner: int, day: int, begin: int = 0, end: int = 1440
) -> list[Loss]:
    """Return the losses of one scanner on one day between two minutes of it."""
    starts = problem.openings.scanner_start
    rows = np.arange(starts[scanner], starts[scanner + 1])
    return [Loss(int(b), begin, end) for b in rows[problem.openings.day[rows] == day]]


def damaged(problem: Problem, plan: Plan, losses: Sequence[Loss]) -> Damage:
    """Take `losses` out of `problem`, and out of `plan` the exams they overlap.

    Raises
    ------
    ValueError
        A loss names no opening of the problem, or ends before it begins; or the
        problem asks for more than one order, one slot (see `solver.rules`), which a
        repair does not look at: solve again with the bookings that stay frozen.
    """
    if problem.rules.asked:
        raise ValueError(
            "The problem has visits, bookings, shared resources or other rules that a"
            " repair does not keep; solve again, with the bookings that stay frozen."
        )
    openings = problem.openings
    lost = _by_opening(len(openings.key), losses)
    parts = [
        (b, begin, end)
        for b, (first, minutes) in enumerate(
            zip(openings.begin_minute.tolist(), openings.minutes.tolist(), strict=True)
        )
        for begin, end in _left(first, first + minutes, lost.get(b, []))
    ]
    column = np.array(parts, np.int64).reshape(-1, 3)
    origin, begins, ends = (np.ascontiguousarray(column[:, i]) for i in range(3))
    now = replace(problem, openings=_openings(openings, origin, begins, ends))

    placed = np.flatnonzero(plan.opening != UNPLACED)
    start = plan.start_minute[placed]
    end = start + problem.pairs.minutes[plan.pair[placed]]
    at = plan.opening[placed]
    hit = np.zeros(placed.shape[0], np.bool_)
    for b, stretches in lost.items():
        here = at == b
        for since, until in stretches:
            hit |= here & (start < until) & (end > since)
    stay, displaced = placed[~hit], placed[hit]
    first_part = np.searchsorted(origin, plan.opening[stay])
    # At most a few parts an opening: step on to the part that the exam lies in.
    part = first_part.copy()
    while True:
        further = plan.start_minute[stay] >= ends[part] if part.size else part > 0
        if not further.any():
            break
        part[further] += 1
    opening = np.full(plan.opening.shape, UNPLACED, np.int64)
    pair = opening.copy()
    opening[stay], pair[stay] = part, plan.pair[stay]
    day = np.full(plan.opening.shape, -1, np.int64)
    day[placed] = openings.day[plan.opening[placed]]
    return Damage(
        problem=now,
        origin=origin,
        opening=opening,
        pair=pair,
        start_minute=np.where(opening != UNPLACED, plan.start_minute, 0),
        displaced=displaced,
        day=day,
        minute_price=plan.certificate.minute_price[origin],
        exam_price=plan.certificate.exam_price,
    )


def _by_opening(
    openings: int, losses: Sequence[Loss]
) -> dict[int, list[tuple[int, int]]]:
    """Return the lost stretches of each opening, in the order of time."""
    lost: dict[int, list[tuple[int, int]]] = {}
    for loss in losses:
        if not 0 <= loss.opening < openings:
            raise ValueError(
                f"A loss names opening {loss.opening}; the problem has {openings}."
            )
        if loss.end_minute < loss.begin_minute:
            raise ValueError(
                f"The loss of opening {loss.opening} ends at {loss.end_minute}, before"
                f" it begins at {loss.begin_minute}; swap them."
            )
        lost.setdefault(loss.opening, []).append((loss.begin_minute, loss.end_minute))
    return {b: sorted(stretches) for b, stretches in lost.items()}


def _left(
    begin: int, end: int, stretches: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return what the stretches leave of the time from `begin` to `end`."""
    left = []
    for since, until in stretches:
        if since >= until:
            continue
        if since > begin:
            left.append((begin, min(since, end)))
        begin = max(begin, until)
    left.append((begin, end))
    return [(b, e) for b, e in left if e > b]


def _openings(openings: Openings, origin: Ints, begins: Ints, ends: Ints) -> Openings:
    """Return the columns of the parts."""
    rows = len(openings.key)
    columns: dict[str, Any] = {
        field.name: getattr(openings, field.name)[origin]
        for field in fields(openings)
        if field.name not in {"key", "scanner_start"}
        and isinstance(getattr(openings, field.name), np.ndarray)
        and getattr(openings, field.name).shape[:1] == (rows,)
    }
    columns["begin_minute"], columns["minutes"] = begins, ends - begins
    second = np.zeros(origin.shape[0], np.bool_)
    second[1:] = origin[1:] == origin[:-1]
    columns["key"] = tuple(
        f"{openings.key[b]}+{begin}" if again else openings.key[b]
        for b, begin, again in zip(
            origin.tolist(), begins.tolist(), second.tolist(), strict=True
        )
    )
    columns["scanner_start"] = np.searchsorted(origin, openings.scanner_start).astype(
        np.int64
    )
    return replace(openings, **columns)
