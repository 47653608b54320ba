"""The allocation problem as columns: orders, the scanners each may use, openings.

An *opening* is one contiguous stretch of free, staffed time on one scanner, of
one list type. A frozen booking is simply time that is not free, so it never
appears here. Orders by scanners are stored in compressed rows ("pairs"); days run
inside a pair, because the cost of waiting depends on the order and the day alone.
Nothing of size orders x openings is ever built (optimisation.md section 1 of the
design notes: England would need 320 million entries).

All quantities are integers in fixed units, so that re-runs are bit-identical and
the bound is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from solver.rules import Rules

Ints = NDArray[np.int64]
"""One column of the problem: a one-dimensional array of 64-bit integers."""

NO_GROUP = -1
"""In `Orders.patient` and `Openings.contract`: belongs to no group."""

PATIENT_GAP_MINUTES = 0
"""Least time between two exams of one patient on one day."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders to place; every column has shape ``(orders,)``.

    Parameters
    ----------
    key
        The caller's name of each order; unique. Results are reported under it.
    tier
        Clinical tier, 0 the most urgent. Reported and used by the baselines; the
        optimiser sees urgency through the costs only.
    patient
        Orders with the same non-negative number belong to one patient and may not
        overlap in time; `NO_GROUP` where the patient has one order.
    earliest_day, latest_day
        First and last day allowed, counted from the problem's first day; inclusive.
    earliest_minute, latest_minute
        Minutes of the day, from midnight, between which the whole exam must lie;
        0 and 1440 where any time will do.
    list_mask
        Bit mask of the list types that the order may use: it fits an opening when
        ``list_mask & opening.list_bit != 0``.
    wait_cost
        Cost of each day between the problem's first day and the exam.
    target_day, late_cost
        Each day beyond `target_day` costs `late_cost` more. May be negative where
        the target has passed already.
    breach_day, breach_cost
        From `breach_day` on, `breach_cost` is added once.
    unplaced_cost
        Cost of leaving the order without a slot in this plan; high but finite.
    """

    key: tuple[str, ...]
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


@dataclass(frozen=True, slots=True)
class Pairs:
    """The scanners that each order may use, in compressed rows.

    Pairs ``start[j]`` to ``start[j + 1]`` belong to order ``j``.

    Parameters
    ----------
    start
        Shape ``(orders + 1,)``, non-decreasing, from 0 to the number of pairs.
    scanner
        Shape ``(pairs,)``. Row number of the scanner.
    minutes
        Shape ``(pairs,)``. Table time on that scanner with changeover; positive.
    cost
        Shape ``(pairs,)``. Cost of travel, provider and continuity; not negative.
    """

    start: Ints
    scanner: Ints
    minutes: Ints
    cost: Ints


@dataclass(frozen=True, slots=True)
class Openings:
    """Free time, sorted by scanner, then begin; shape ``(openings,)`` throughout.

    Openings ``scanner_start[s]`` to ``scanner_start[s + 1]`` are those of scanner
    ``s``.

    Parameters
    ----------
    key
        The caller's name of each opening; unique.
    scanner_start
        Shape ``(scanners + 1,)``.
    day
        Day of the opening, counted from the problem's first day; an opening lies
        within one day.
    begin_minute
        Where it begins, in minutes from midnight of its day.
    minutes
        Its length; positive.
    list_bit
        The list type as a mask with one bit set.
    cost
        Added for every exam placed here (for example an out-of-hours list).
    contract
        Row number of the contract that the exams count against, or `NO_GROUP`.
    """

    key: tuple[str, ...]
    scanner_start: Ints
    day: Ints
    begin_minute: Ints
    minutes: Ints
    list_bit: Ints
    cost: Ints
    contract: Ints


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything the solver and the checker know.

    Parameters
    ----------
    orders, pairs, openings
        The columns.
    contract_ceiling
        Shape ``(contracts,)``. The most exams that each contract still allows.
    scanner_key
        The caller's name of each scanner; unique.
    policy_version
        Name of the published weights that the costs were made with.
    rules
        What is asked for beyond one order, one slot; nothing by default.
    """

    orders: Orders
    pairs: Pairs
    openings: Openings
    contract_ceiling: Ints
    scanner_key: tuple[str, ...]
    policy_version: str = field(default="unversioned")
    rules: Rules = field(default_factory=Rules)
