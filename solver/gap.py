"""Where the gap between a plan and its bound sits.

At any prices, the cost of a plan is the plain bound of these prices, plus what the
orders pay above their cheapest option (regret), plus the price of every minute and
every contracted exam that is left over. The bound of the certificate is better than the
plain one by what minutes are worth that no whole exams can fill (see `packing`). So

    cost - bound = regret + idle + unsold - packing

exactly, in 1 / `PRICE_SCALE` cost units. Regret says which orders to look at, idle
which openings; what packing takes away was never to be had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.layout import Columns
from solver.plan import PRICE_SCALE
from solver.prices import Prices
from solver.problem import Ints
from solver.shortlist import Shortlist


@dataclass(frozen=True, slots=True)
class GapParts:
    """The parts of a gap in cost units; regret + idle + unsold - packing = gap.

    Parameters
    ----------
    regret
        What orders pay above their cheapest option at the prices, unplaced included.
    idle
        Price of the minutes that are left over.
    unsold
        Price of the exams that contracts still allow.
    packing
        What the bound of whole exams gains on that of minutes.
    """

    regret: float
    idle: float
    unsold: float
    packing: float


class Gauge:
    """Splits the gaps of many plans at the same prices.

    Parameters
    ----------
    c
        The problem.
    prices
        Of the bound.
    listed
        Options at these prices, at least one of each order that has any.
    """

    def __init__(self, c: Columns, prices: Prices, listed: Shortlist) -> None:
        self._c, self._prices = c, prices
        least = c.unplaced_cost * PRICE_SCALE
        some = np.flatnonzero(listed.listed > 0)
        least[some] = np.minimum(least[some], listed.reduced[some, 0])
        self._least = int(least.sum())
        self._room = int((prices.minute * c.minutes).sum())
        self._ceilings = int((prices.exam * c.ceiling).sum())

    def parts(self, cost: int, opening: Ints, pair: Ints) -> GapParts:
        """Return where the gap of the plan sits that costs `cost` in all."""
        c, prices = self._c, self._prices
        placed = np.flatnonzero(opening >= 0)
        b = opening[placed]
        paid = int((prices.minute[b] * c.pair_minutes[pair[placed]]).sum())
        contract = c.contract[b]
        bought = int(prices.exam[contract[contract >= 0]].sum())
        plain = self._least - self._room - self._ceilings
        return GapParts(
            regret=(cost * PRICE_SCALE + paid + bought - self._least) / PRICE_SCALE,
            idle=(self._room - paid) / PRICE_SCALE,
            unsold=(self._ceilings - bought) / PRICE_SCALE,
            packing=(prices.scaled_bound - plain) / PRICE_SCALE,
        )
