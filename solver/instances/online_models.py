"""One scanner's diary with classes of urgency: the published online booking models.

Patrick, Puterman & Queyranne, "Dynamic multi-priority patient scheduling for a
diagnostic resource", Operations Research 56(6), 2008, book CT by classes with targets
from a diary of equal slots. Arrivals of a day are known at its end and are booked then,
by priority, onto days 1 (tomorrow) to the horizon or into overtime. The parameters here
are like theirs, not theirs: their printed tables were not available to us.

What the adapter drops: lengths, capabilities, travel, providers, patients who cancel or
fail to attend. One exam is one slot, and all slots of a day are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.problem import Ints

Floats = NDArray[np.float64]

OVERTIME = 0
"""As the day of a booking: outside the diary."""


@dataclass(frozen=True, slots=True)
class OnlineModel:
    """A diary and who asks for it; one entry per class, the most urgent first.

    Parameters
    ----------
    name
        For tables.
    slots
        Slots a day.
    horizon
        Furthest day ahead that can be booked.
    arrivals
        Shape ``(classes,)``. Mean orders a day; Poisson.
    target
        Shape ``(classes,)``. Days within which the class is to be seen.
    late_cost
        Shape ``(classes,)``. Cost of each day beyond the target.
    overtime_cost
        Cost of an exam outside the diary.
    """

    name: str
    slots: int
    horizon: int
    arrivals: Floats
    target: Ints
    late_cost: Floats
    overtime_cost: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A booking rule that looks at each day of the diary by itself.

    Parameters
    ----------
    score
        Shape ``(classes, horizon + 1, slots)``. Score of a day so far ahead with so
        many slots taken; the least wins, the earlier day of equals; infinite where
        the class may not go. Day 0 is not used.
    overtime
        Shape ``(classes,)``. Score of overtime; a day must be below it.
    by_priority
        Whether a day's orders are booked by class; otherwise as they came, which is
        taken to be in turn from each class.
    """

    score: Floats
    overtime: Floats
    by_priority: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule did.

    Parameters
    ----------
    cost
        Shape ``(replications,)``. Cost a day.
    overtime_share
        Shape ``(classes,)``. Share of the class that was seen outside the diary.
    mean_wait
        Shape ``(classes,)``. Days waited, of those in the diary.
    late_share
        Shape ``(classes,)``. Share of the class that was seen beyond its target.
    rates
        Shape ``(classes, horizon + 1)``. Bookings a day by days ahead.
    """

    cost: Floats
    overtime_share: Floats
    mean_wait: Floats
    late_share: Floats
    rates: Floats


def ppq_like() -> OnlineModel:
    """Return the CT-like model: loose targets, no slack."""
    return OnlineModel(
        "PPQ-like, load 1.0",
        slots=10,
        horizon=30,
        arrivals=np.array([5.0, 3.0, 2.0]),
        target=np.array([7, 14, 21]),
        late_cost=np.array([30.0, 20.0, 10.0]),
        overtime_cost=100.0,
    )


def nhs_like(load: float) -> OnlineModel:
    """Return the NHS-like model: urgent by tomorrow, most within six weeks."""
    return OnlineModel(
        f"NHS-like, load {load}",
        slots=10,
        horizon=60,
        arrivals=np.array([2.0, 3.0, 5.0]) * load,
        target=np.array([1, 10, 42]),
        late_cost=np.array([30.0, 20.0, 10.0]),
        overtime_cost=100.0,
    )


def arrivals_of(model: OnlineModel, *, replications: int, days: int, seed: int) -> Ints:
    """Return how many of each class arrive, the same for every rule.

    Each replication and class has a stream of its own, so that neither the number of
    replications nor another class changes it.

    Returns
    -------
    Ints
        Shape ``(replications, days, classes)``.
    """
    seen = np.empty((replications, days, model.target.shape[0]), np.int64)
    for r in range(replications):
        for i, mean in enumerate(model.arrivals):
            stream = np.random.Generator(np.random.Philox(seed=[seed, r, i]))
            seen[r, :, i] = stream.poisson(mean, days)
    return seen


def simulate(model: OnlineModel, rule: Rule, arrivals: Ints) -> Outcome:
    """Book all arrivals by `rule` from an empty diary.

    Parameters
    ----------
    arrivals
        As `arrivals_of` returns them.
    """
    replications, days, classes = arrivals.shape
    cost = np.zeros(replications)
    booked = np.zeros((classes, model.horizon + 1), np.int64)
    _book(
        arrivals,
        rule.score,
        rule.overtime,
        rule.by_priority,
        _furthest(rule),
        model.slots,
        model.target,
        model.late_cost,
        model.overtime_cost,
        np.zeros(model.horizon + 2, np.int64),
        np.zeros(classes, np.int64),
        cost,
        booked,
    )
    ahead = np.arange(model.horizon + 1)
    asked = np.maximum(arrivals.sum(axis=(0, 1)), 1)
    inside = np.maximum(booked[:, 1:].sum(axis=1), 1)
    late = np.where(ahead > model.target[:, None], booked, 0).sum(axis=1)
    rates = booked / (replications * days)
    rates[:, OVERTIME] = 0.0
    return Outcome(
        cost=cost / days,
        overtime_share=booked[:, OVERTIME] / asked,
        mean_wait=booked @ ahead / inside,
        late_share=late / asked,
        rates=rates,
    )


def _furthest(rule: Rule) -> Ints:
    """Return the furthest day that each class may go to, so that none beyond is asked.

    Simulation takes its time over days; most classes may go to few of them.
    """
    ahead = np.arange(rule.score.shape[1])
    allowed = np.isfinite(rule.score).any(axis=2)
    return np.asarray(np.where(allowed, ahead, 0).max(axis=1), np.int64)


@inlined
def _best_day(
    score: Floats, overtime: float, furthest: int, slots: int, taken: Ints
) -> int:
    """Return the day of the least score, the earlier of equals, or `OVERTIME`."""
    best, at = overtime, 0
    for n in range(1, furthest + 1):
        if taken[n] < slots and score[n, taken[n]] < best:
            best, at = score[n, taken[n]], n
    return at


@kernel
def _book(
    arrivals: Ints,
    score: Floats,
    overtime: Floats,
    by_priority: bool,  # noqa: FBT001 - kernels take no keywords
    furthest: Ints,
    slots: int,
    target: Ints,
    late_cost: Floats,
    overtime_cost: float,
    taken: Ints,
    left: Ints,
    cost: Floats,
    booked: Ints,
) -> None:
    """Book day after day; ``taken[n]`` are the slots taken `n` days ahead."""
    horizon = score.shape[1] - 1
    classes = arrivals.shape[2]
    for r in range(arrivals.shape[0]):
        taken[:] = 0
        for day in range(arrivals.shape[1]):
            waiting = 0
            for i in range(classes):
                left[i] = arrivals[r, day, i]
                waiting += left[i]
            turn = 0
            while waiting > 0:
                while left[turn] == 0:
                    turn = (turn + 1) % classes
                i = turn
                left[i] -= 1
                waiting -= 1
                if not by_priority:
                    turn = (turn + 1) % classes
                at = _best_day(score[i], overtime[i], furthest[i], slots, taken)
                booked[i, at] += 1
                if at == 0:
                    cost[r] += overtime_cost
                else:
                    taken[at] += 1
                    if at > target[i]:
                        cost[r] += late_cost[i] * (at - target[i])
            for n in range(1, horizon + 1):
                taken[n] = taken[n + 1]
