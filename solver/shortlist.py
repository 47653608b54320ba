"""The few best options of each order at given prices, for the steps that look often.

An order has a few hundred options but only a handful that a good plan would use. The
bound never relies on these lists; it looks at every option.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.layout import FAR, Columns, day_cost, first_opening, fits
from solver.plan import PRICE_SCALE
from solver.problem import Ints


class Shortlist(NamedTuple):
    """Options by order, the least reduced cost first.

    Parameters
    ----------
    listed
        Shape ``(orders,)``. Number of options listed.
    opening, pair
        Shape ``(orders, width)``. Rows of the option's opening and pair.
    cost
        Shape ``(orders, width)``. Cost of the option without prices.
    reduced
        Shape ``(orders, width)``. Cost with prices, in 1 / `PRICE_SCALE` units.
    """

    listed: Ints
    opening: NDArray[np.int64]
    pair: NDArray[np.int64]
    cost: NDArray[np.int64]
    reduced: NDArray[np.int64]


def shortlist(
    c: Columns,
    minute_price: Ints,
    exam_price: Ints,
    *,
    width: int,
    served: Ints | None = None,
) -> Shortlist:
    """Return the `width` best options of every order at the prices.

    Options that cost more than leaving the order unplaced are left out; so are, where
    `served` says which classes of families each kind of opening serves, as bit masks,
    openings that do not serve the order's.
    """
    n = c.tier.shape[0]
    listed = Shortlist(
        np.zeros(n, np.int64),
        np.zeros((n, width), np.int64),
        np.zeros((n, width), np.int64),
        np.zeros((n, width), np.int64),
        np.zeros((n, width), np.int64),
    )
    if width:
        every = np.zeros(0, np.int64) if served is None else served
        _fill(c, minute_price, exam_price, every, listed)
    return listed


@inlined
def _serves(c: Columns, served: Ints, b: int, j: int) -> bool:
    """Tell whether opening `b` serves the family of order `j`, if it has one."""
    if c.family[j] < 0:
        return True
    kind = c.kind[b]
    there: bool = served[kind] >> c.class_of[kind, c.family[j]] & 1 == 1
    return there


@kernel
def _fill(  # noqa: C901
    c: Columns, minute_price: Ints, exam_price: Ints, served: Ints, s: Shortlist
) -> None:
    """Scan every option of every order; keep the best by insertion."""
    width = s.opening.shape[1]
    for j in range(c.tier.shape[0]):
        n = 0
        worst = FAR
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            d = c.pair_minutes[p]
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                if served.shape[0] and not _serves(c, served, b, j):
                    continue
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                if cost * PRICE_SCALE >= worst:
                    break
                cost += c.opening_cost[b]
                if cost > c.unplaced_cost[j]:
                    continue
                reduced = cost * PRICE_SCALE + minute_price[b] * d
                k = c.contract[b]
                if k >= 0:
                    if c.ceiling[k] == 0:
                        continue
                    reduced += exam_price[k]
                if reduced >= worst or not fits(c, j, p, b):
                    continue
                at = n if n < width else width - 1
                while at > 0 and s.reduced[j, at - 1] > reduced:
                    s.reduced[j, at] = s.reduced[j, at - 1]
                    s.cost[j, at] = s.cost[j, at - 1]
                    s.opening[j, at] = s.opening[j, at - 1]
                    s.pair[j, at] = s.pair[j, at - 1]
                    at -= 1
                s.reduced[j, at] = reduced
                s.cost[j, at] = cost
                s.opening[j, at] = b
                s.pair[j, at] = p
                n = min(n + 1, width)
                if n == width:
                    worst = s.reduced[j, width - 1]
        s.listed[j] = n
