"""Numbers above zero under which a simulation costs least: the cross-entropy method.

Each round draws samples around the present centre, runs the simulation with each and
moves centre and spread to those that cost least (Rubinstein, "The cross-entropy method
for combinatorial and continuous optimization", 1999). Draws are made on logarithms, so
that all numbers stay above zero. The simulation must meet every sample with the same
random numbers: then small differences of cost are differences between the samples.

Here the numbers are the demand to come that prices are made from. Learnt by counting
(`bidprices.learnt`), it prices a day by itself; tuned, it also makes up for what such a
price does not see, as the other days that an order could take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search, and how widely.

    Parameters
    ----------
    rounds
        How often centre and spread move.
    samples
        Simulations a round.
    elite
        Of the samples, those that count: the cheapest, the cheapest of them most.
    spread
        Standard deviation of the first round's draws, of logarithms.
    least_spread
        It does not shrink below this, so that the search goes on.
    pace
        Share of the way to the elite's centre and spread that a round goes; above 0,
        at most 1.
    seed
        Of the draws.
    """

    rounds: int = 25
    samples: int = 60
    elite: int = 15
    spread: float = 0.4
    least_spread: float = 0.02
    pace: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no search can be made of."""
        if not (
            self.rounds >= 0
            and 1 <= self.elite <= self.samples
            and 0 < self.pace <= 1
            and 0 <= self.least_spread <= self.spread
        ):
            raise ValueError(
                f"{self}; give rounds of 0 or more, an elite of 1 to all samples, a"
                " pace above 0 and at most 1, and a spread not below the least"
            )


def tuned(
    cost: Callable[[Floats], float], start: Floats, effort: Effort | None = None
) -> Floats:
    """Return the numbers found to cost least, `start` if nothing costs less.

    Parameters
    ----------
    cost
        Simulates with an array like `start` and returns what is to be least.
    start
        Shape ``(numbers,)``, above zero: the first centre.
    effort
        Of the search; None for the default.

    Raises
    ------
    ValueError
        A number of `start` is not above zero, or not finite.
    """
    by = Effort() if effort is None else effort
    if not (np.isfinite(start).all() and (start > 0).all()):
        worst = int(np.argmin(np.where(np.isfinite(start), start, -np.inf)))
        raise ValueError(
            f"start[{worst}] is {start[worst]}; give finite numbers above 0"
        )
    rng = np.random.default_rng(by.seed)
    centre, spread = np.log(start), np.full(start.shape, by.spread)
    # Ranks weigh as in evolution strategies: the first most, the last hardly at all.
    weight = np.log(by.elite + 0.5) - np.log(np.arange(1, by.elite + 1))
    weight /= weight.sum()
    best, least = start, cost(start)
    for _ in range(by.rounds):
        drawn = centre + spread * rng.standard_normal((by.samples, start.shape[0]))
        costs = np.array([cost(np.exp(one)) for one in drawn])
        elite = drawn[np.argsort(costs, kind="stable")[: by.elite]]
        mean = weight @ elite
        centre = centre + by.pace * (mean - centre)
        wide = np.sqrt(weight @ (elite - mean) ** 2)
        spread = np.maximum(by.least_spread, spread + by.pace * (wide - spread))
        # The centre is steadier than the luckiest sample.
        if (here := cost(np.exp(centre))) < least:
            best, least = np.exp(centre), here
    return best
