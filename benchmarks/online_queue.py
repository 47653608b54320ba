"""The best possible rule of Truong's two-class model, exactly, by its queue."""

from __future__ import annotations

import numpy as np

from solver.bidprices import expected_excess
from solver.instances.online_models import Floats, OnlineModel

LONGEST_QUEUE = 150
"""Regular patients; beyond it they go into overtime."""
SPAN = 1e-7
"""Of the values' change in one day when the average cost is known well enough."""
MOST_DAYS = 20_000


def least_with_a_queue(model: OnlineModel) -> float:
    """Return the cost a day in the long run of the best rule there is.

    Of those who wait, the rule sees so many on the next day whose urgent patients are
    not known yet, and the rest wait another day. Who may change a patient's day as long
    as it has not come can do whatever a rule can that tells it at once; so this is a
    bound for all rules. By Truong's theorem the best rule that tells it reaches it.

    Parameters
    ----------
    model
        Two classes, as `solver.instances.online_truong.truong_like` returns them.

    Raises
    ------
    ArithmeticError
        The values did not settle within `MOST_DAYS`.
    """
    waiting = np.arange(LONGEST_QUEUE + 1)
    seen = waiting[None, :]
    left = waiting[:, None] - seen
    now = (
        model.overtime_cost * _beyond_the_slots(model)
        + model.late_cost[1] * np.maximum(left, 0)
    ) + np.where(left < 0, np.inf, 0.0)
    chances = _chances(float(model.arrivals[1]))
    value = np.zeros(LONGEST_QUEUE + 1)
    come = np.minimum(waiting[:, None] + np.arange(chances.shape[0]), LONGEST_QUEUE)
    outside = np.maximum(
        0, waiting[:, None] + np.arange(chances.shape[0]) - LONGEST_QUEUE
    )
    for _ in range(MOST_DAYS):
        after = (value[come] + model.overtime_cost * outside) @ chances
        new = (now + after[np.maximum(left, 0)]).min(axis=1)
        change = new - value
        if np.ptp(change) < SPAN:
            return float(change.mean())
        value = new - new.min()
    raise ArithmeticError(f"{model.name}: not settled after {MOST_DAYS} days")


def _beyond_the_slots(model: OnlineModel) -> Floats:
    """Return the patients expected beyond the slots if so many regular are seen."""
    seen = np.arange(LONGEST_QUEUE + 1)
    urgent = np.array(model.arrivals[0])
    excess = expected_excess(urgent, model.slots + 1)
    within = excess[np.maximum(model.slots - seen, 0)]
    return np.asarray(within + np.maximum(0, seen - model.slots))


def _chances(mean: float) -> Floats:
    """Return the Poisson chances of 0, 1, 2 ... arrivals, the rest with the last."""
    chances = [np.exp(-mean)]
    while 1 - sum(chances) > SPAN / 1000:
        chances.append(chances[-1] * mean / len(chances))
    chances[-1] += 1 - sum(chances)
    return np.array(chances)
