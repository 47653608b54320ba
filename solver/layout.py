"""The problem as the kernels see it: bare columns, and the rules for one option.

An *option* is an order in one opening by one of its pairs. The three rules below are
all that the optimiser knows about options; `check` states them again, separately.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined
from solver.problem import Ints, Problem
from solver.rules import Weights

FAR = 2**62
"""Beyond every cost, price and day."""


class Columns(NamedTuple):
    """All columns of a `Problem`, flat, because kernels take no dataclasses.

    The last six are empty where nothing asks for them. In openings with changeovers:
    each order's family or -1, each opening's kind, and by kind the class of each family
    and the least minutes of changeover of each set of classes (see `families`). Where
    idle stretches cost something: what one costs by its minutes, the last entry for any
    that is long enough, and by opening 1 if it is cut out beside an exam in its place,
    so that it is used even when empty (see `waste`).
    """

    tier: Ints
    patient: Ints
    earliest_day: Ints
    latest_day: Ints
    earliest_minute: Ints
    latest_minute: Ints
    list_mask: Ints
    wait_cost: Ints
    target_day: Ints
    late_cost: Ints
    breach_day: Ints
    breach_cost: Ints
    unplaced_cost: Ints
    pair_start: Ints
    pair_scanner: Ints
    pair_minutes: Ints
    pair_cost: Ints
    scanner_start: Ints
    day: Ints
    begin: Ints
    minutes: Ints
    list_bit: Ints
    opening_cost: Ints
    contract: Ints
    ceiling: Ints
    family: Ints
    kind: Ints
    class_of: NDArray[np.int64]
    path: NDArray[np.int64]
    waste: Ints
    beside: Ints


def columns(problem: Problem) -> Columns:
    """Return the columns of `problem`; nothing is copied that is already in place."""
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    raw = (
        orders.tier,
        orders.patient,
        orders.earliest_day,
        orders.latest_day,
        orders.earliest_minute,
        orders.latest_minute,
        orders.list_mask,
        orders.wait_cost,
        orders.target_day,
        orders.late_cost,
        orders.breach_day,
        orders.breach_cost,
        orders.unplaced_cost,
        pairs.start,
        pairs.scanner,
        pairs.minutes,
        pairs.cost,
        openings.scanner_start,
        openings.day,
        openings.begin_minute,
        openings.minutes,
        openings.list_bit,
        openings.cost,
        openings.contract,
        problem.contract_ceiling,
    )
    none, no_table = np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
    given = (np.require(c, np.int64, ("C", "W", "A")) for c in raw)
    waste = _waste(problem.rules.weights)
    beside = np.zeros(openings.day.shape[0] if waste.size else 0, np.int64)
    return Columns(*(*given, none, none, no_table, no_table, waste, beside))


def _waste(weights: Weights) -> Ints:
    """Return what an idle stretch costs, by its minutes from 0 to `gap_minutes`."""
    if not weights.gap_minutes or not weights.gap_cost:
        return np.zeros(0, np.int64)
    table = np.arange(weights.gap_minutes + 1, dtype=np.int64) * weights.gap_cost
    table[-1] = 0
    return table


@inlined
def first_opening(c: Columns, j: int, p: int) -> int:
    """Return the first opening of pair `p`'s scanner on or after the earliest day."""
    scanner = c.pair_scanner[p]
    low: int
    high: int
    low, high = c.scanner_start[scanner], c.scanner_start[scanner + 1]
    while low < high:
        middle = (low + high) // 2
        if c.day[middle] < c.earliest_day[j]:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def day_cost(c: Columns, j: int, day: int) -> int:
    """Return what order `j` costs by its day alone; it never falls with the day."""
    cost: int = c.wait_cost[j] * day
    if day > c.target_day[j]:
        cost += c.late_cost[j] * (day - c.target_day[j])
    if day >= c.breach_day[j]:
        cost += c.breach_cost[j]
    return cost


@inlined
def fits(c: Columns, j: int, p: int, b: int) -> bool:
    """Tell whether opening `b`, if empty, has a start for order `j` by pair `p`.

    The caller has seen to the scanner and the days.
    """
    if c.list_mask[j] & c.list_bit[b] == 0:
        return False
    start = max(c.begin[b], c.earliest_minute[j])
    end = min(c.begin[b] + c.minutes[b], c.latest_minute[j])
    enough: bool = end - start >= c.pair_minutes[p]
    return enough
