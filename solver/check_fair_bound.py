"""The checker's prices on days of waiting, by which a bound may count the guard.

Nothing here comes from the optimiser but the data types. For a share y from 0 to 1 of
each cohort, what it waits beyond the guard, ``z``, costs at least ``y * z`` a day, and
that is a sum over orders. Whole days are counted, so up to one day less the smallest
step of ``z`` may go uncounted in each cohort.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solver.problem import Ints, Problem

THOUSAND = 1000


def days_at_shares(problem: Problem, share: Ints) -> tuple[NDArray[Any], int]:
    """Return what each day of each order costs more at least, and what is taken off.

    Parameters
    ----------
    share
        Shape ``(cohorts,)``. Thousandths; below 0 read as 0, above 1000 as 1000.

    The first has shape ``(orders,)`` and Python's whole numbers; both are in
    thousandths of a cost unit.
    """
    weights, cohort = problem.rules.weights, problem.rules.cohort
    orders = int((cohort >= 0).sum())
    counted = [min(max(int(y), 0), THOUSAND) for y in share]
    members = [int((cohort == g).sum()) for g in range(len(counted))]
    together = weights.unfair_permille * sum(
        y * m for y, m in zip(counted, members, strict=True)
    )
    # Each day counts y, less permille / 1000 of the shares of all members together
    # for each order; all times the cost, in whole thousandths, rounded down.
    each = [
        weights.unfair_cost * (THOUSAND * orders * y - together) // (THOUSAND * orders)
        for y in counted
    ]
    each.append(0)
    off = 0
    for y, m in zip(counted, members, strict=True):
        step = math.gcd(THOUSAND * orders, weights.unfair_permille * m)
        off += weights.unfair_cost * y * (THOUSAND * orders - step)
    return np.array(each, dtype=object)[cohort], -(-off // (THOUSAND * orders))


def cohorts(problem: Problem) -> int:
    """Return how many shares a certificate may have: one for each cohort's number."""
    return int(problem.rules.cohort.max(initial=-1)) + 1
