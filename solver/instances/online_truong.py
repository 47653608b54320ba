"""Two classes, one of which cannot wait: the advance booking model of Truong.

Truong, "Optimal advance scheduling", Management Science 61(7), 2015: urgent patients
are seen on the day that they come, beyond the day's slots at a cost; regular ones may
be seen on any later day, and each day's wait costs. How many regular ones are seen on a
day is decided before its urgent ones are known. She shows that telling the regular ones
their day at once costs nothing more than keeping them in a queue, so that the best is
known from a queue alone (`benchmarks.online_queue`).

In the terms of `online_models`: who comes on a day is known at its end; the urgent are
seen on day 1 or in overtime, the regular from day 2 on, whose urgent patients nobody
knows yet. Her numbers were not available to us; those here are ours.

What the adapter drops: days that are not alike, several kinds of capacity, costs beyond
the slots that grow faster than in proportion.
"""

from __future__ import annotations

import numpy as np

from solver.bidprices import DemandToCome
from solver.instances.online_models import Floats, OnlineModel, Rule, simulate
from solver.instances.online_policies import learnt_forecast, worth_of_room
from solver.problem import Ints
from solver.tuning import Effort, tuned

FIRST_DAY = 2
"""For the regular."""


def truong_like(load: float, *, wait_cost: float) -> OnlineModel:
    """Return ten slots a day, four of nine patients urgent.

    Parameters
    ----------
    load
        Share of the slots that is asked for.
    wait_cost
        Cost of a regular patient's day beyond the first possible one; overtime is 100.
    """
    return OnlineModel(
        f"Truong-like, load {load}, a day's wait {wait_cost:g}",
        slots=10,
        horizon=40,
        arrivals=np.array([4.0, 5.0]) * load / 0.9,
        target=np.array([1, FIRST_DAY]),
        late_cost=np.array([100.0, wait_cost]),
        overtime_cost=100.0,
    )


def by_priced_room(model: OnlineModel, forecast: DemandToCome) -> Rule:
    """Return our rule: the day whose wait and room's worth to the urgent cost least.

    Overtime if that is cheaper still.
    """
    score = _only_tomorrow(model)
    ahead = np.arange(model.horizon + 1)[FIRST_DAY:, None]
    waits = model.late_cost[1] * (ahead - FIRST_DAY)
    score[1, FIRST_DAY:] = waits + worth_of_room(model, forecast)[1, FIRST_DAY:]
    return Rule(score, np.full(2, model.overtime_cost))


def as_soon_as_possible(model: OnlineModel) -> Rule:
    """Return: the first free day, with no thought of the urgent."""
    score = _only_tomorrow(model)
    score[1, FIRST_DAY:] = np.arange(model.horizon + 1)[FIRST_DAY:, None]
    return Rule(score, np.full(2, np.inf))


def learnt_by_counting(model: OnlineModel, arrivals: Ints) -> DemandToCome:
    """Return the demand to come that our rule brings about under itself."""
    return learnt_forecast(model, by_priced_room, arrivals)


def tuned_to_cost_least(
    model: OnlineModel, arrivals: Ints, effort: Effort | None = None
) -> DemandToCome:
    """Return the demand to come by which our rule costs least on `arrivals`."""

    def of(numbers: Floats) -> DemandToCome:
        mean = np.zeros((1, 2, model.horizon + 1))
        mean[0, 0, FIRST_DAY:] = numbers
        return DemandToCome(mean, np.ones(1, np.int64))

    def cost(numbers: Floats) -> float:
        rule = by_priced_room(model, of(numbers))
        return float(simulate(model, rule, arrivals).cost.mean())

    counted = learnt_by_counting(model, arrivals).mean[0, 0, FIRST_DAY:]
    return of(tuned(cost, np.maximum(counted, model.arrivals[0] / 10), effort))


def _only_tomorrow(model: OnlineModel) -> Floats:
    """Return scores by which the urgent go to day 1 and nobody else anywhere."""
    score = np.full((2, model.horizon + 1, model.slots), np.inf)
    score[0, 1] = 0.0
    return score
