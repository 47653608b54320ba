"""After a breakdown: new places for those who lost theirs, and for as few others.

There is an answer at once: the displaced, those with most at stake first, each into
the place that is cheapest at the prices of the plan; nobody else moves. In the
background `improve_repair` looks for a better one in which a few neighbours make room
(`repair_model`), and `frontier` lays out how much each further move would buy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from solver.check import violations
from solver.costs import terms_of, whole_terms
from solver.kin import kin_of
from solver.layout import FAR, Columns, columns
from solver.losses import Damage
from solver.make_room import make_room
from solver.packing import packed_bound
from solver.plan import PRICE_SCALE, UNPLACED, Certificate, Plan
from solver.problem import Ints
from solver.repair_kernels import place, seat, stakes
from solver.repair_model import Answer, Searched
from solver.repair_neighbours import neighbourhood
from solver.repair_options import (
    Neighbourhood,
    Places,
    cost_of,
    room_prices_of,
)
from solver.search import NO_START, empty

MOVE_COST = 40
"""What moving a patient who was not affected costs, in cost units."""
DAYS = 7
"""How many days from a displaced exam the neighbours are that may be moved."""
MOST_MOVABLE = 1000
"""Most neighbours that may move in one search."""
GAP = 0.001
"""A repair this close to the best of its neighbourhood counts as proved."""
ROOM_SHARE, SEARCH_SHARE, CHECK_SHARE = 0.5, 0.85, 0.06
"""Most of the time that ejections take before there are prices, of the rest that the
exact search takes, and what is left for the checker."""
FRONTIER = (0, 1, 2, 4, 8, 16)
"""Numbers of neighbours moved that a person is shown."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One answer to a loss.

    Parameters
    ----------
    places
        Where everybody is now.
    moved
        Rows of the orders that moved although they were not affected.
    unplaced
        Rows of the displaced that have no place.
    breaches
        How many of the displaced and moved are at or beyond their breach day, or have
        no place.
    cost
        Cost of the displaced and the moved by the problem's terms, in cost units.
    charged
        Cost of the moves, in cost units.
    bound
        Least cost, moves included, of any answer in the neighbourhood that was
        searched, over all its orders; None where nothing is proved.
    gap
        How far from `bound` the answer may be, as a share of it; None likewise.
    seconds
        Wall time used.
    """

    places: Places
    moved: Ints
    unplaced: Ints
    breaches: int
    cost: int
    charged: int
    bound: int | None
    gap: float | None
    seconds: float


def repair_at_once(damage: Damage) -> Repair:
    """Place the displaced at the present prices; move nobody else."""
    began = monotonic()
    c = columns(damage.problem)
    x = empty(c)
    kin = kin_of(c)
    start = np.full(c.tier.shape[0], NO_START, np.int64)
    seat(c, x, start, damage.opening, damage.pair, damage.start_minute)
    rows = damage.displaced.copy()
    best = np.full(rows.shape[0], FAR, np.int64)
    prices = (
        damage.minute_price,
        damage.exam_price,
        room_prices_of(c, damage.room_price),
    )
    stakes(c, *prices, rows, best)
    rows = rows[np.argsort(best - c.unplaced_cost[rows] * PRICE_SCALE, kind="stable")]
    place(c, x, kin, start, *prices, rows)
    places = Places(x.opening, x.pair, np.where(x.opening >= 0, start, 0))
    return _told(damage, c, places, None, MOVE_COST, monotonic() - began)


def improve_repair(
    damage: Damage,
    first: Repair,
    *,
    may_move: NDArray[np.bool_] | None = None,
    most_moves: int | None = None,
    move_cost: int = MOVE_COST,
    gains_count: bool = True,
    days: int = DAYS,
    most_movable: int = MOST_MOVABLE,
    seconds: float = 2.0,
    workers: int = 1,
    seed: int = 1,
) -> Repair:
    """Return a repair that is at least as good, moves included.

    Parameters
    ----------
    damage, first
        What was lost, and an answer to it; it is kept if nothing better is found.
    may_move
        Shape ``(orders,)``. Patients who may be asked to move; None for all.
    most_moves
        Most neighbours that may move; None for any number.
    move_cost
        Price of each move, in cost units.
    gains_count
        As in `Neighbourhood`.
    days
        Neighbours are those within so many days of a displaced exam, on a scanner that
        a displaced order may use.
    most_movable
        Most neighbours to consider: those that another free place would cost least.
    seconds
        Wall time of the search; it ends earlier if the answer is proved to `GAP`.
    workers, seed
        Threads and seed of the exact search.
    """
    began = monotonic()
    c = columns(damage.problem)
    hood = neighbourhood(
        damage,
        c,
        may_move=may_move,
        most_moves=most_moves,
        move_cost=move_cost,
        gains_count=gains_count,
        days=days,
        most_movable=most_movable,
    )
    searched = Searched(c, hood, damage.minute_price, damage.exam_price)
    answer = searched.at_least(first.places)
    if answer.gap > GAP:
        start = first.places
        if hood.movable.size:
            start = make_room(
                c,
                hood,
                first.places,
                until=began + seconds * ROOM_SHARE,
                enough=searched.least,
                seed=seed,
            )
        left = (seconds - (monotonic() - began)) * SEARCH_SHARE
        answer = searched.best(start, seconds=left, gap=GAP, workers=workers, seed=seed)
        if answer.gap > GAP and hood.movable.size:
            until = began + seconds * (1 - CHECK_SHARE)
            more = make_room(c, hood, answer.places, until=until, seed=seed + 1)
            answer = searched.judged(more, answer.bound)
    found = _told(damage, c, answer.places, answer, move_cost, monotonic() - began)
    worse = cost_of(c, hood, found.places) > cost_of(c, hood, first.places)
    if worse or broken(damage, found.places):
        return replace(first, seconds=monotonic() - began)
    return found


def frontier(
    damage: Damage,
    first: Repair,
    *,
    may_move: NDArray[np.bool_] | None = None,
    steps: Sequence[int] = FRONTIER,
    move_cost: int = MOVE_COST,
    gains_count: bool = True,
    most_movable: int = MOST_MOVABLE,
    seconds: float = 2.0,
    workers: int = 1,
    seed: int = 1,
) -> list[Repair]:
    """Return repairs that move more and more neighbours and cost less and less.

    Each is the best found with at most so many moves, where a move itself is as good as
    free: what it is worth is for a person to say. One that moves more without costing
    less is left out.

    Parameters
    ----------
    steps
        Numbers of neighbours that may move, ascending.
    gains_count, most_movable
        As for `improve_repair`.
    seconds
        Wall time of each step.
    """
    c = columns(damage.problem)
    whole = neighbourhood(
        damage,
        c,
        may_move=may_move,
        most_moves=None,
        move_cost=0,
        gains_count=gains_count,
        days=DAYS,
        most_movable=most_movable,
    )
    found: list[Repair] = []
    best = first
    least: int | None = None
    for most in steps:
        repair = improve_repair(
            damage,
            best,
            may_move=may_move,
            most_moves=most,
            move_cost=min(move_cost, 1),
            gains_count=gains_count,
            most_movable=most_movable,
            seconds=seconds,
            workers=workers,
            seed=seed,
        )
        cost = cost_of(c, whole, repair.places)
        if least is None or cost < least:
            found.append(repair)
            best, least = repair, cost
    return found


def cheapest_of(
    damage: Damage,
    repairs: Sequence[Repair],
    *,
    move_cost: int = MOVE_COST,
    gains_count: bool = True,
) -> Repair:
    """Return the repair that costs least at this price of a move; the first of equals.

    A search has no more than its time, so one that may move fewer can have found more.
    """
    c = columns(damage.problem)
    movable = np.flatnonzero(damage.opening != UNPLACED)
    everybody = Neighbourhood(
        damage.displaced,
        movable,
        Places(damage.opening, damage.pair, damage.start_minute),
        move_cost,
        None,
        gains_count,
        damage.room_price,
    )
    costs = [cost_of(c, everybody, one.places) for one in repairs]
    best = repairs[int(np.argmin(costs))]
    return replace(best, charged=move_cost * best.moved.shape[0])


def repaired_plan(damage: Damage, places: Places, seconds: float = 0.0) -> Plan:
    """Return the plan with its certificate: the bound of the prices after the loss."""
    c = columns(damage.problem)
    scaled = packed_bound(c, damage.minute_price, damage.exam_price)
    return Plan(
        opening=places.opening,
        pair=places.pair,
        start_minute=places.start_minute,
        terms=whole_terms(
            damage.problem, c, places.opening, places.pair, places.start_minute
        ),
        certificate=Certificate(
            damage.minute_price, damage.exam_price, -(-scaled // PRICE_SCALE)
        ),
        seconds=seconds,
    )


def broken(damage: Damage, places: Places) -> bool:
    """Tell whether the checker finds a broken rule in the places."""
    prices = Certificate(damage.minute_price, damage.exam_price, 0)
    terms = terms_of(columns(damage.problem), places.opening, places.pair)
    plan = Plan(
        places.opening, places.pair, places.start_minute, terms, prices, seconds=0.0
    )
    return bool(violations(damage.problem, plan))


def _told(
    damage: Damage,
    c: Columns,
    places: Places,
    answer: Answer | None,
    move_cost: int,
    seconds: float,
) -> Repair:
    """Return the answer with what a person wants to know of it."""
    stayed = damage.opening != UNPLACED
    differs = (places.opening != damage.opening) | (
        places.start_minute != damage.start_minute
    )
    moved = np.flatnonzero(stayed & differs)
    concerned = np.concatenate([damage.displaced, moved])
    nowhere = places.opening[concerned] == UNPLACED
    seen = concerned[~nowhere]
    late = c.day[places.opening[seen]] >= c.breach_day[seen]
    return Repair(
        places=places,
        moved=moved,
        unplaced=concerned[nowhere],
        breaches=int(nowhere.sum() + late.sum()),
        cost=_cost(c, places, concerned),
        charged=move_cost * moved.shape[0],
        bound=None if answer is None else answer.bound,
        gap=None if answer is None else answer.gap,
        seconds=seconds,
    )


def _cost(c: Columns, places: Places, rows: Ints) -> int:
    """Return what `rows` cost where they are."""
    at = np.full(c.tier.shape[0], UNPLACED, np.int64)
    at[rows] = places.opening[rows]
    there = terms_of(c, at, places.pair)
    nowhere = at == UNPLACED
    nowhere[rows] = False
    return there.total - int(c.unplaced_cost[nowhere].sum())
