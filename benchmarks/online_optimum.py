"""The best possible rule of a small diary with two classes, and the cost of any other.

With few slots and days all diaries can be listed, so that the average cost a day of the
best rule and of a given one follow from relative value iteration, without simulation.
A day's orders are booked one by one, the urgent first, as in the models: the rule that
is best may look at the whole diary and at how many still wait.
"""

from __future__ import annotations

import math

import numpy as np

from solver.instances.online_models import Floats, OnlineModel, Rule
from solver.problem import Ints

TAIL = 1e-10
"""Arrivals beyond this chance are counted with the last number kept."""
SPAN = 1e-7
"""Of the values' change in one day when the average cost is known well enough."""
MOST_DAYS = 20_000


def small_diary(load: float) -> OnlineModel:
    """Return a diary of 3 slots and 5 days: urgent by tomorrow, routine in 4 days."""
    return OnlineModel(
        f"3 slots, two classes, load {load}",
        slots=3,
        horizon=5,
        arrivals=np.array([1.2, 1.8]) * load,
        target=np.array([1, 4]),
        late_cost=np.array([30.0, 10.0]),
        overtime_cost=100.0,
    )


def average_cost(
    model: OnlineModel, rule: Rule | None = None, *, within_target: bool = False
) -> float:
    """Return the cost a day in the long run: of `rule`, or of the best rule there is.

    Parameters
    ----------
    model
        Two classes; the diaries, ``(slots + 1) ** horizon``, are listed in memory.
    rule
        The rule to follow; None for the best.
    within_target
        Whether the best may not book beyond a class's target, as ours may not.

    Raises
    ------
    ArithmeticError
        The values did not settle within `MOST_DAYS`.
    """
    diaries = _diaries(model)
    after, day_cost = _moves(model, diaries)
    if within_target:
        beyond = np.arange(model.horizon + 1) > model.target[:, None]
        day_cost[beyond] = np.inf
    tomorrow = _rolled(model, diaries)
    chances = [_chances(mean) for mean in model.arrivals]
    chosen = None if rule is None else _chosen(model, rule, diaries)
    value = np.zeros(diaries.shape[0])
    for _ in range(MOST_DAYS):
        new = np.zeros_like(value)
        # Last comes the routine order that finds the diary as it then is.
        routine = [value[tomorrow]]
        for _ in chances[1][1:]:
            routine.append(_booked(routine[-1], after[1], day_cost[1], chosen, 1))
        for some, chance in zip(routine, chances[1], strict=True):
            urgent = some
            for count, other in enumerate(chances[0]):
                if count:
                    urgent = _booked(urgent, after[0], day_cost[0], chosen, 0)
                new += chance * other * urgent
        change = new - value
        if np.ptp(change) < SPAN:
            return float(change.mean())
        value = new - new.min()
    raise ArithmeticError(f"{model.name}: not settled after {MOST_DAYS} days")


def _diaries(model: OnlineModel) -> Ints:
    """Return all diaries, shape ``(diaries, horizon)``: slots taken from tomorrow."""
    sides = [np.arange(model.slots + 1)] * model.horizon
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(
        -1, model.horizon
    )


def _row(model: OnlineModel, diaries: Ints) -> Ints:
    weight = (model.slots + 1) ** np.arange(model.horizon)[::-1]
    return np.asarray(diaries @ weight, np.int64)


def _rolled(model: OnlineModel, diaries: Ints) -> Ints:
    """Return the row of each diary a day later."""
    later = np.roll(diaries, -1, axis=1)
    later[:, -1] = 0
    return _row(model, later)


def _moves(model: OnlineModel, diaries: Ints) -> tuple[Ints, Floats]:
    """Return where each day leads and what it costs; day 0 is overtime.

    Both have shape ``(classes, horizon + 1, diaries)``; a full day costs infinitely.
    """
    here = np.arange(diaries.shape[0])
    after = np.tile(here, (2, model.horizon + 1, 1))
    cost = np.full(after.shape, model.overtime_cost)
    for n in range(1, model.horizon + 1):
        free = diaries[:, n - 1] < model.slots
        step = (model.slots + 1) ** (model.horizon - n)
        after[:, n] = np.where(free, here + step, here)
        late = model.late_cost * np.maximum(0, n - model.target)
        cost[:, n] = np.where(free[None, :], late[:, None], np.inf)
    return after, cost


def _chances(mean: float) -> list[float]:
    """Return the Poisson chances of 0, 1, 2 ... arrivals, the rest with the last."""
    chances = [math.exp(-mean)]
    while 1 - sum(chances) > TAIL:
        chances.append(chances[-1] * mean / len(chances))
    chances[-1] += 1 - sum(chances)
    return chances


def _chosen(model: OnlineModel, rule: Rule, diaries: Ints) -> Ints:
    """Return the day that `rule` takes in each diary, shape ``(classes, diaries)``."""
    scores = np.empty((2, model.horizon + 1, diaries.shape[0]))
    scores[:, 0] = rule.overtime[:, None]
    for n in range(1, model.horizon + 1):
        taken = diaries[:, n - 1]
        score = rule.score[:, n, np.minimum(taken, model.slots - 1)]
        scores[:, n] = np.where(taken < model.slots, score, np.inf)
    # Overtime comes last among equals, the earlier day first.
    days = np.append(np.arange(1, model.horizon + 1), 0)
    return np.asarray(days[np.argmin(scores[:, days], axis=1)], np.int64)


def _booked(
    value: Floats, after: Ints, cost: Floats, chosen: Ints | None, kind: int
) -> Floats:
    """Return the value of each diary before one more order is booked."""
    each = cost + value[after]
    if chosen is None:
        return np.asarray(each.min(axis=0))
    return np.asarray(each[chosen[kind], np.arange(value.shape[0])])
