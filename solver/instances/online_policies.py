"""Booking rules for the online models: published ones, simple ones and ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from solver.bidprices import (
    LARGEST_MEAN,
    DemandToCome,
    RoomPrices,
    learnt,
    room_prices,
)
from solver.instances.online_models import (
    Floats,
    OnlineModel,
    Rule,
    simulate,
)
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.tuning import Effort, tuned

NEVER = 1e9
"""Score of overtime where it is the last resort."""

QUANTILE = 0.95
EARLINESS = 0.003
"""Share of the overtime cost that a day sooner is worth, before it is tuned."""
SOME = 0.02
"""Exams to come that tuning begins from where none were counted."""
LONGER = 10.0
"""What a day's longer mean wait in a class counts a day, in tuning: more than it can
gain."""


class Between(Enum):
    """How the 2008 policy chooses among days that it holds to be equally good.

    Its value of a slot is the same on all days to the first class's target, so the
    paper leaves open where in between that class goes.
    """

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class BidPrice:
    """Our rule, as learnt for one model.

    Parameters
    ----------
    forecast
        Demand to come per class and lead time, that the prices are made from.
    earliness
        What a day sooner is worth, as a share of the overtime cost: a slot that is
        passed over may be lost when its day comes.
    """

    forecast: DemandToCome
    earliness: float

    def scaled(self, factor: float) -> BidPrice:
        """Return the same rule with a forecast that is wrong by `factor`."""
        wrong = DemandToCome(self.forecast.mean * factor, self.forecast.unit_minutes)
        return replace(self, forecast=wrong)


def published_2008(model: OnlineModel, between: Between) -> Rule:
    """Return the policy of the paper, derived again from its affine programme.

    Tomorrow first; class 1 then any day to its target, class i from its target
    backwards; overtime only when all these days are full.
    """
    score = _nowhere(model)
    for i, target in enumerate(model.target.tolist()):
        for n in range(1, target + 1):
            forwards = i == 0 and between is Between.EARLIEST
            score[i, n] = 0 if n == 1 else (n if forwards else target - n + 1)
    return Rule(score, np.full(score.shape[0], NEVER))


def earliest_within_target(model: OnlineModel) -> Rule:
    """Return: the first free day to the target, else overtime."""
    score = _nowhere(model)
    for i, target in enumerate(model.target.tolist()):
        score[i, 1 : target + 1] = np.arange(1, target + 1)[:, None]
    return Rule(score, np.full(score.shape[0], NEVER))


def first_come_first_served(model: OnlineModel) -> Rule:
    """Return: the first free day for whoever comes, overtime beyond the horizon."""
    score = _nowhere(model)
    score[:, 1:] = np.arange(1, model.horizon + 1)[None, :, None]
    return Rule(score, np.full(score.shape[0], NEVER), by_priority=False)


def protection_level(model: OnlineModel, forecast: DemandToCome) -> Rule:
    """Return: the first day to the target that leaves the quantile of higher demand.

    If there is none, the last free day to the target, and overtime only then.
    """
    prices = _priced(model, forecast)
    score = earliest_within_target(model).score
    left = model.slots - 1 - np.arange(model.slots)
    kept = left[None, None, :] < prices.reserve[0][:, :, None]
    kept_score = 2 * model.horizon - score
    score = np.where(kept & np.isfinite(score), kept_score, score)
    return Rule(score, np.full(score.shape[0], NEVER))


def bid_price(model: OnlineModel, ours: BidPrice) -> Rule:
    """Return our rule: the day to the target where the room is worth least to others.

    The clinical target comes before the price: overtime only if no day to the target
    is free, and no day beyond it.
    """
    worth = worth_of_room(model, ours.forecast)
    sooner = ours.earliness * model.overtime_cost * np.arange(model.horizon + 1)
    within = earliest_within_target(model).score < np.inf
    score = np.where(within, worth + sooner[None, :, None], np.inf)
    return Rule(score, np.full(score.shape[0], NEVER))


def worth_of_room(model: OnlineModel, forecast: DemandToCome) -> Floats:
    """Return what one slot is worth to those to come, in cost units.

    Returns
    -------
    Floats
        Shape ``(classes, horizon + 1, slots)``: by who would take it, how far ahead
        the day is and how many of its slots are taken already.
    """
    lost = _priced(model, forecast).lost[0]
    rooms = lost.shape[2]
    room = model.slots - np.arange(model.slots)
    after, before = (np.minimum(r, rooms - 1) for r in (room - 1, room))
    return np.asarray((lost[:, :, after] - lost[:, :, before]) / PRICE_SCALE)


def learnt_forecast(
    model: OnlineModel,
    rule: Callable[[OnlineModel, DemandToCome], Rule],
    arrivals: Ints,
) -> DemandToCome:
    """Return the demand to come that `rule` brings about under itself.

    Parameters
    ----------
    arrivals
        To learn from; not those that the rule is measured on.
    """

    def booked(forecast: DemandToCome) -> Floats:
        return simulate(model, rule(model, forecast), arrivals).rates[None]

    shape = (1, model.target.shape[0], model.horizon + 1)
    return learnt(booked, np.ones(1, np.int64), shape=shape)


def learnt_bid_price(
    model: OnlineModel, arrivals: Ints, effort: Effort | None = None
) -> BidPrice:
    """Return our rule, learnt and tuned on `arrivals` alone.

    Demand to come is learnt first, then tuned with the earliness to cost least while
    no class waits longer than under the policy of 2008.
    """
    published = published_2008(model, Between.EARLIEST)
    allowed = simulate(model, published, arrivals).mean_wait

    def first(model: OnlineModel, forecast: DemandToCome) -> Rule:
        return bid_price(model, BidPrice(forecast, EARLINESS))

    # Of the last class nobody asks how much is to come, nor of days beyond all targets.
    shape = model.target.shape[0] - 1, int(model.target.max())
    counted = learnt_forecast(model, first, arrivals).mean[0, :-1, 1 : shape[1] + 1]

    def of(numbers: Floats) -> BidPrice:
        mean = np.zeros((1, model.target.shape[0], model.horizon + 1))
        mean[0, :-1, 1 : shape[1] + 1] = numbers[:-1].reshape(shape)
        mean = np.minimum(mean, LARGEST_MEAN)
        return BidPrice(DemandToCome(mean, np.ones(1, np.int64)), float(numbers[-1]))

    def cost(numbers: Floats) -> float:
        seen = simulate(model, bid_price(model, of(numbers)), arrivals)
        longer = np.maximum(0.0, seen.mean_wait - allowed).sum()
        return float(seen.cost.mean() + LONGER * longer)

    start = np.append(np.maximum(counted, SOME), EARLINESS)
    return of(tuned(cost, start, effort))


def _priced(model: OnlineModel, forecast: DemandToCome) -> RoomPrices:
    return room_prices(
        forecast,
        displaced_cost=np.full(model.target.shape[0], model.overtime_cost),
        quantile=QUANTILE,
    )


def _nowhere(model: OnlineModel) -> Floats:
    """Return scores by which no class may go anywhere."""
    return np.full((model.target.shape[0], model.horizon + 1, model.slots), np.inf)
