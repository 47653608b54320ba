"""The cost of a plan by term, as the optimiser counts it."""

from __future__ import annotations

import numpy as np

from solver.layout import Columns
from solver.plan import CostTerms
from solver.problem import Ints


def terms_of(c: Columns, opening: Ints, pair: Ints) -> CostTerms:
    """Return the terms of the plan that puts each order in `opening` by `pair`."""
    placed = np.flatnonzero(opening >= 0)
    b, p = opening[placed], pair[placed]
    day = c.day[b]
    late = np.where(day > c.target_day[placed], day - c.target_day[placed], 0)
    breached = day >= c.breach_day[placed]
    return CostTerms(
        waiting=int((c.wait_cost[placed] * day).sum()),
        lateness=int((c.late_cost[placed] * late).sum()),
        breach=int(c.breach_cost[placed][breached].sum()),
        pair=int(c.pair_cost[p].sum()),
        opening=int(c.opening_cost[b].sum()),
        unplaced=int(c.unplaced_cost[opening < 0].sum()),
    )
