"""A dive: orders are settled few by few, while worths and lifts follow.

Each round improves the worths of the options that are left by some sweeps, measures
every option's lift, strikes out those that no plan as cheap as wanted can use, and
settles the orders whose next best option would cost most. A dive ends with a plan, or
as soon as the bound of what is left says that none will be cheap enough.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.chance import below, shuffle
from solver.compiled import inlined, kernel
from solver.lifts import NEVER, Field, lift, sweep

SWEEPS = 8
"""Sweeps of a round."""
PATH_MEMORY = 0.3
"""Weight of the newest sweep in the path average of the worths."""
RARELY = 0.2
"""Weight of an option that no sweep takes, beside 1 for one that all take."""
NEXT, DONE, TOO_DEAR = 0, 1, 2
"""State of a dive: under way, a plan found, given up."""
TINY = 1e-6
DRAWS = 2**20


class Manner(NamedTuple):
    """How a dive goes about it.

    Parameters
    ----------
    step
        Subgradient step of the worths, in cost units.
    spread
        Lift up to which an option is kept though its order has two better ones.
    part
        Share of the open orders that a round settles.
    noise
        Most by which chance raises an order's turn, as a share.
    """

    step: float
    spread: float
    part: float
    noise: float


@kernel
def dive(  # noqa: C901
    f: Field,
    random: NDArray[np.uint64],
    manner: Manner,
    most: float,
    settled: float,
    budget: int,
) -> tuple[int, float, int]:
    """Settle orders until all are, or it is too dear, or the budget is used up.

    Parameters
    ----------
    f
        Changed; a dive whose budget was used up goes on from it.
    random
        Chance.
    manner
        Steps and shares.
    most
        Cost above which a plan is of no use.
    settled
        Cost of the orders that are settled already.
    budget
        Cells of knapsack tables after which to stop for the time being.

    Returns
    -------
    tuple
        State, cost of the orders that are settled, cells used.
    """
    cells = 0
    orders = f.worth.shape[0]
    left = 0
    for j in range(orders):
        if f.is_open[j]:
            left += 1
    while left > 0:
        if cells >= budget:
            return NEXT, settled, cells
        for j in range(orders):
            f.average[j] = f.worth[j]
        for _ in range(SWEEPS):
            shuffle(random, f.visit)
            cells += sweep(f, manner.step)
            for j in range(orders):
                f.average[j] += PATH_MEMORY * (f.worth[j] - f.average[j])
        for j in range(orders):
            f.worth[j] = f.average[j]
        slack = most - settled - lift(f)
        for b in range(f.room.shape[0]):
            cells += 3 * f.kept[b] * (f.room[b] + 1)
        if slack < -TINY:
            return TOO_DEAR, settled, cells
        _rank(f, random, slack, manner.noise)
        quota = max(1, ceil(manner.part * left))
        gone, cost = _settle(f, quota)
        left -= gone
        settled += cost
        _strike(f, slack, manner.spread)
        if settled > most + TINY:
            return TOO_DEAR, settled, cells
    return DONE, settled, cells


@inlined
def _rank(f: Field, random: NDArray[np.uint64], slack: float, noise: float) -> None:
    """Write each open order's turn into `average`: the highest is settled first.

    Less than 0 for an order that is settled; `NEVER` and more for one of which only
    one option is cheap enough, having no place being one too.
    """
    for j in range(f.worth.shape[0]):
        if not f.is_open[j]:
            f.average[j] = -1.0
            continue
        regret = f.second[j] - max(0.0, f.least[j])
        if f.second[j] > slack:
            regret = NEVER / RARELY
        sure = RARELY
        if f.where[j] >= 0:
            sure += f.often[f.where[j]]
        chance = 1.0 + noise * below(random, DRAWS) / DRAWS
        f.average[j] = max(0.0, regret) * sure * chance


@inlined
def _settle(f: Field, quota: int) -> tuple[int, float]:
    """Settle the orders whose turn it is; return how many, and their cost."""
    gone, cost = 0, 0.0
    while True:
        j = np.argmax(f.average)
        turn = f.average[j]
        if turn < 0.0 or (gone >= quota and turn < NEVER):
            break
        f.average[j] = -1.0
        i = f.where[j]
        if i < 0:
            f.is_open[j] = False
            gone += 1
            cost += f.nowhere[j]
            continue
        b = _opening(f, i)
        if f.length[i] <= f.room[b]:
            f.room[b] -= f.length[i]
            f.at[j], f.is_open[j] = f.ident[i], False
            gone += 1
            cost += f.cost[i]
    return gone, cost


@inlined
def _opening(f: Field, i: int) -> int:
    """Return the opening of option `i`: the last that begins there or before."""
    low, high = 0, f.first.shape[0] - 1
    while low < high:
        middle = (low + high + 1) // 2
        if f.first[middle] <= i:
            low = middle
        else:
            high = middle - 1
    return low


@inlined
def _strike(f: Field, slack: float, spread: float) -> None:
    """Strike out the options that are settled, too long or too dear."""
    f.options[:] = 0
    for b in range(f.room.shape[0]):
        n = f.first[b]
        for i in range(n, n + f.kept[b]):
            j = f.row[i]
            near = f.within[i] <= max(spread, f.second[j])
            if not f.is_open[j] or f.length[i] > f.room[b]:
                continue
            if not near or f.within[i] > slack + TINY:
                continue
            f.row[n], f.length[n], f.cost[n] = j, f.length[i], f.cost[i]
            f.ident[n], f.often[n] = f.ident[i], f.often[i]
            f.options[j] += 1
            n += 1
        f.kept[b] = n - f.first[b]
