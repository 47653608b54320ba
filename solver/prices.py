"""Prices for minutes and contract exams, and the bound that they prove.

Visit the orders in random order; let each take the option that is cheapest at the
prices of the moment; raise the price of what it took; let all other prices sink. The
path average of these prices is near the optimum of the relaxation in which openings
have minutes but no clock. Updating after each order, not after each pass, keeps
orders from herding to one cheap opening.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.chance import seeded, shuffle
from solver.clock import Clock
from solver.compiled import kernel
from solver.layout import Columns, day_cost, first_opening, fits
from solver.plan import PRICE_SCALE
from solver.problem import Ints

Floats = NDArray[np.float64]

PASSES, FEWEST_PASSES = 110, 20
LAST_STEP = 3.4e-4
"""The last step as a share of the first; it shrinks by the same factor each pass."""
TIMED_PASSES = 4
"""Passes after which the clock says how many there will be time for."""
FIRST_SCALE, WARM_SCALE = 1.0, 0.02
"""First steps, as shares of the median ``unplaced_cost / minutes``."""
LEVEL_STEPS, LEAST_LEVEL_STEP = 64, 50
"""First step of the common level as a share of the price level, and the last step."""
LONGER, SHORTER, LONGEST = 1.25, 0.5, 200.0
"""Factors on the step of an exam price that went on in, or changed, its direction."""
MEMORY = 0.35
"""Weight of the newest pass in the path average."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in 1 / `PRICE_SCALE` cost units, and the bound they prove.

    Parameters
    ----------
    minute
        Shape ``(openings,)``; per minute; not negative.
    exam
        Shape ``(contracts,)``; per exam; not negative.
    scaled_bound
        Lower bound on the cost of every plan, in 1 / `PRICE_SCALE` cost units.
    """

    minute: Ints
    exam: Ints
    scaled_bound: int

    @property
    def bound(self) -> int:
        """The bound in whole cost units, rounded up, because costs are whole."""
        return -(-self.scaled_bound // PRICE_SCALE)


@kernel
def cheapest(c: Columns, minute_price: Ints, exam_price: Ints, j: int) -> int:
    """Return the least reduced cost of order `j`, unplaced included, scaled."""
    best: int = c.unplaced_cost[j] * PRICE_SCALE
    for p in range(c.pair_start[j], c.pair_start[j + 1]):
        d = c.pair_minutes[p]
        last = c.scanner_start[c.pair_scanner[p] + 1]
        for b in range(first_opening(c, j, p), last):
            if c.day[b] > c.latest_day[j]:
                break
            reduced = (c.pair_cost[p] + day_cost(c, j, c.day[b])) * PRICE_SCALE
            if reduced >= best:
                # Only the fairness guard's prices make later days cheaper.
                if c.wait_cost[j] < 0:
                    continue
                break
            reduced += c.opening_cost[b] * PRICE_SCALE + minute_price[b] * d
            if c.contract[b] >= 0:
                reduced += exam_price[c.contract[b]]
            if reduced < best and fits(c, j, p, b):
                best = reduced
    return best


@kernel
def evaluate(c: Columns, minute_price: Ints, exam_price: Ints) -> int:
    """Return the bound that the prices prove, in 1 / `PRICE_SCALE` cost units."""
    total = 0
    for j in range(c.tier.shape[0]):
        total += cheapest(c, minute_price, exam_price, j)
    for b in range(c.day.shape[0]):
        total -= minute_price[b] * c.minutes[b]
    for k in range(c.ceiling.shape[0]):
        total -= exam_price[k] * c.ceiling[k]
    return total


@kernel
def _sink(
    price: Floats, area: Floats, seen: Ints, row: int, now: int, rate: float
) -> float:
    """Bring one price up to `now`, adding to the area under its path."""
    old, elapsed = float(price[row]), float(now - seen[row])
    if old > rate * elapsed:
        new = old - rate * elapsed
        area[row] += 0.5 * (old + new) * elapsed
    else:
        new = 0.0
        if rate > 0.0:
            area[row] += 0.5 * old * (old / rate)
    price[row] = new
    seen[row] = now
    return new


@kernel
def _one_pass(  # noqa: C901, PLR0912
    c: Columns,
    visit: Ints,
    minute: Floats,
    exam: Floats,
    minute_area: Floats,
    exam_area: Floats,
    minute_seen: Ints,
    exam_seen: Ints,
    minute_step: float,
    exam_step: Floats,
) -> None:
    """Visit every order once; leave the prices at the end and the areas under them."""
    n = visit.shape[0]
    minute_seen[:] = 0
    exam_seen[:] = 0
    minute_area[:] = 0.0
    exam_area[:] = 0.0
    for t in range(n):
        j = visit[t]
        best = float(c.unplaced_cost[j])
        chosen, chosen_minutes = -1, 0
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            d = c.pair_minutes[p]
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                reduced = float(c.pair_cost[p] + day_cost(c, j, c.day[b]))
                if reduced >= best:
                    break
                reduced += c.opening_cost[b]
                now = minute[b] - minute_step * (t - minute_seen[b]) / n
                if now > 0.0:
                    reduced += now * d
                k = c.contract[b]
                if k >= 0 and c.ceiling[k] == 0:
                    continue
                if k >= 0:
                    reduced += max(0.0, exam[k] - exam_step[k] * (t - exam_seen[k]) / n)
                if reduced < best and fits(c, j, p, b):
                    best, chosen, chosen_minutes = reduced, b, d
        if chosen >= 0:
            _sink(minute, minute_area, minute_seen, chosen, t, minute_step / n)
            minute[chosen] += minute_step * chosen_minutes / c.minutes[chosen]
            k = c.contract[chosen]
            if k >= 0:
                _sink(exam, exam_area, exam_seen, k, t, exam_step[k] / n)
                exam[k] += exam_step[k] / c.ceiling[k]
    for b in range(minute.shape[0]):
        _sink(minute, minute_area, minute_seen, b, n, minute_step / n)
        minute_area[b] /= n
    for k in range(exam.shape[0]):
        if c.ceiling[k] == 0:
            exam_area[k] = exam[k]
        else:
            _sink(exam, exam_area, exam_seen, k, n, exam_step[k] / n)
            exam_area[k] /= n


class _Gain:
    """Longer steps for prices that keep going one way, so that none lags behind."""

    def __init__(self, price: Floats) -> None:
        self.value = np.ones_like(price)
        self._price = price.copy()
        self._way = np.zeros_like(price)

    def follow(self, price: Floats) -> None:
        """Take note of where the prices went in the last pass."""
        way = np.sign(price - self._price)
        onward = (way == self._way) & (way != 0.0)
        self.value = np.where(onward, self.value * LONGER, self.value * SHORTER)
        self.value = np.clip(self.value, 1.0, LONGEST)
        self._price, self._way = price.copy(), way


class _Path:
    """The moving prices and the best bound met so far."""

    def __init__(self, c: Columns, seed: int, start: Prices) -> None:
        self.c = c
        self.state = seeded(seed)
        self.visit = np.arange(c.tier.shape[0], dtype=np.int64)
        self.best = start
        # No exam of a closed contract is worth more than leaving any order unplaced.
        self.closed = int(c.unplaced_cost.max(initial=0)) * PRICE_SCALE
        self.mean_minutes = float(c.pair_minutes.mean()) if c.pair_minutes.size else 1.0
        self.minute = start.minute / PRICE_SCALE
        self.exam = start.exam / PRICE_SCALE
        self.exam[self.c.ceiling == 0] = self.closed / PRICE_SCALE
        self.minute_area = np.zeros_like(self.minute)
        self.exam_area = np.zeros_like(self.exam)
        self.exam_gain = _Gain(self.exam)
        self.average: tuple[Floats, Floats] | None = None

    def advance(self, step: float) -> None:
        """Make one pass, and fold its average into the path average."""
        shuffle(self.state, self.visit)
        _one_pass(
            self.c,
            self.visit,
            self.minute,
            self.exam,
            self.minute_area,
            self.exam_area,
            np.zeros(self.minute.shape[0], np.int64),
            np.zeros(self.exam.shape[0], np.int64),
            step,
            step * self.mean_minutes * self.exam_gain.value,
        )
        self.exam_gain.follow(self.exam)
        if self.average is None:
            self.average = self.minute_area.copy(), self.exam_area.copy()
        else:
            minute, exam = self.average
            minute += MEMORY * (self.minute_area - minute)
            exam += MEMORY * (self.exam_area - exam)

    def evaluate(self) -> int:
        """Return the bound at the path average, and keep it if it is the best."""
        minute, exam = self.average or (self.minute, self.exam)
        prices = proved(self.c, minute * PRICE_SCALE, exam * PRICE_SCALE)
        if prices.scaled_bound > self.best.scaled_bound:
            self.best = prices
        return prices.scaled_bound


def proved(c: Columns, minute: Floats | Ints, exam: Floats | Ints) -> Prices:
    """Round the prices to whole numbers that are not negative; evaluate them."""
    whole_minute = np.maximum(np.rint(minute), 0).astype(np.int64)
    whole_exam = np.maximum(np.rint(exam), 0).astype(np.int64)
    bound = int(evaluate(c, whole_minute, whole_exam))
    return Prices(whole_minute, whole_exam, bound)


def find_prices(
    c: Columns, *, seed: int, clock: Clock, warm: Prices | None = None
) -> Prices:
    """Return good prices for the problem, at best the optimum of its relaxation.

    Parameters
    ----------
    c
        The problem.
    seed
        Seed of the visiting order.
    clock
        Stops the passes early; without a wall-clock limit their number is fixed.
    warm
        Prices of an earlier run over the same openings, to start from.
    """
    nothing = proved(c, np.zeros(c.day.shape[0]), np.zeros(c.ceiling.shape[0]))
    if c.tier.shape[0] == 0 or c.day.shape[0] == 0 or c.pair_minutes.shape[0] == 0:
        return nothing
    if warm is not None and warm.scaled_bound > nothing.scaled_bound:
        path, step = _Path(c, seed, warm), WARM_SCALE * _price_level(c)
    else:
        path = _Path(c, seed, nothing)
        step = FIRST_SCALE * _price_level(c)
    passes, number = PASSES, 0
    while number < passes and not (clock.expired() and number):
        path.advance(step)
        number += 1
        if number == TIMED_PASSES and clock.seconds is not None:
            each = max(clock.elapsed(), 1e-9) / TIMED_PASSES
            passes = min(PASSES, max(FEWEST_PASSES, int(clock.seconds / each) - 1))
        step *= LAST_STEP ** (1.0 / passes)
    path.evaluate()
    return _raised(c, path.best, clock)


def _raised(c: Columns, prices: Prices, clock: Clock) -> Prices:
    """Raise all minute prices by the same amount as long as the bound gains.

    Where slightly more is asked for than there is, only the level of all prices
    together decides who stays out, and the passes are slow to find it.
    """
    best, step = prices, max(1, int(_price_level(c) * PRICE_SCALE) // LEVEL_STEPS)
    longer = True
    while step >= LEAST_LEVEL_STEP and not clock.expired():
        tried = proved(c, best.minute + step, best.exam)
        if tried.scaled_bound > best.scaled_bound:
            best = tried
            step = step * 2 if longer else step // 2
        else:
            longer = False
            step //= 2
    return best


def _price_level(c: Columns) -> float:
    """Return the median price per minute at which orders give up, in cost units."""
    has_pair = c.pair_start[1:] > c.pair_start[:-1]
    minutes = c.pair_minutes[c.pair_start[:-1][has_pair]]
    level = float(np.median(c.unplaced_cost[has_pair] / minutes))
    return max(level, 1.0 / PRICE_SCALE)
