"""What a plan for the guard's prices proves for the problem with the guard.

The prices and worths of the problem without a guard are rounded to whole thousandths
and evaluated afresh, on costs in thousandths: there the shares' prices of days are
rounded down, and what counting whole days alone may cost less is taken off.
"""

from __future__ import annotations

import numpy as np

from solver.fairness import BOUND_PARTS, WHOLE, Guard, priced
from solver.families import Families, families_of
from solver.family_packing import family_bound
from solver.layout import Columns, columns
from solver.packing import bound_of_worths, worths
from solver.plan import Certificate
from solver.problem import Ints, Problem


def proven(
    problem: Problem, guard: Guard, share: Ints, found: Certificate, parts: int
) -> Certificate:
    """Return the certificate for the problem with its guard.

    Parameters
    ----------
    problem, guard, share
        The problem, its guard and the share of each cohort, in thousandths.
    found
        What was found for the guard's prices.
    parts
        Its cost units are 1 / `parts` of the problem's.
    """
    exact = priced(problem, guard, share, BOUND_PARTS)
    c = columns(exact)
    at = families_of(exact, c)
    minute, exam = found.minute_price // parts, found.exam_price // parts
    by_prices = worths(c, minute * BOUND_PARTS, exam * BOUND_PARTS) // BOUND_PARTS
    tried = [by_prices]
    if found.worth.size:
        own = np.minimum(found.worth // parts, c.unplaced_cost)
        # Where a day costs less than nothing, the search took it as free.
        less = (c.wait_cost < 0) | (c.unplaced_cost < 0)
        tried.append(np.where(less, np.minimum(own, by_prices), own))
    bound, worth = max(
        ((_evaluated(exact, c, at, exam, each), each) for each in tried),
        key=lambda pair: pair[0],
    )
    whole = -(-(bound - guard.lost(share)) // WHOLE)
    return Certificate(minute, exam, whole, worth, share)


def _evaluated(
    exact: Problem, c: Columns, at: Families | None, exam: Ints, worth: Ints
) -> int:
    """Return what the worths prove, in thousandths of the problem's cost units."""
    exam, worth = exam * BOUND_PARTS, worth * BOUND_PARTS
    if at is None:
        proved = bound_of_worths(c, exam, worth)
    else:
        proved = family_bound(c, at, exam, worth)
    proved //= BOUND_PARTS
    price = exact.rules.contract_price
    if not price.size:
        return proved
    # As in `offers`: what a contract keeps is most at its floor or at its ceiling.
    exam = exam // BOUND_PARTS
    floor = np.minimum(exact.rules.contract_floor, c.ceiling)
    kept = exam * floor + np.maximum(0, (exam - price) * (c.ceiling - floor))
    return proved + int((exam * c.ceiling - kept).sum())
