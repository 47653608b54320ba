"""Contracts with a floor: exams that are paid for in any case, others at a price.

The search knows ceilings and costs by opening, but not a cost that begins with the
floor. So each contract is decided beforehand, at the prices: if one exam more than the
floor is worth less than it costs, the floor is its ceiling; otherwise each of its exams
costs the price, less what the floor has paid for already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from solver.layout import Columns
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Problem


def offers(
    problem: Problem, c: Columns, price: Callable[[Columns], Prices]
) -> tuple[Columns, Prices, Prices]:
    """Return the columns to search, prices for them, and the certificate's prices.

    Parameters
    ----------
    problem, c
        The problem and its columns.
    price
        Finds prices for columns.
    """
    floor, cost = problem.rules.contract_floor, problem.rules.contract_price
    if not cost.size:
        prices = price(c)
        return c, prices, prices
    floor = np.minimum(floor, c.ceiling)
    capped = np.where(cost > 0, floor, c.ceiling)
    first = price(c._replace(ceiling=capped))
    beyond = (first.exam >= cost * PRICE_SCALE) & (cost > 0)
    extra = np.where(beyond, cost, 0)
    ceiling = np.where(beyond, c.ceiling, capped)
    with_extra = np.concatenate([extra, [0]])[c.contract]
    searched = c._replace(ceiling=ceiling, opening_cost=c.opening_cost + with_extra)
    found = price(searched)
    exam = found.exam + extra * PRICE_SCALE
    # The search's bound subtracts price x ceiling; what a contract can keep is more
    # where an exam is worth more than it costs, and the floor's exams cost nothing.
    kept = exam * floor + np.maximum(
        0, (exam - cost * PRICE_SCALE) * (c.ceiling - floor)
    )
    bound = found.scaled_bound + int((found.exam * ceiling - kept).sum())
    certified = replace(found, exam=exam, scaled_bound=bound)
    # Without a price each contract with a floor is as the problem states it.
    return searched, found, certified
