"""The prices of all regions, several regions at a time, and the bound they prove."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from solver.clock import Clock
from solver.layout import Columns
from solver.packing import packed_bound
from solver.plan import PRICE_SCALE
from solver.prices import Prices, find_prices, proved
from solver.problem import Ints
from solver.regions import Region, region_columns


def price_regions(
    c: Columns,
    parts: list[Region],
    *,
    seed: int,
    clock: Clock,
    workers: int,
    warm: Prices | None = None,
) -> Prices:
    """Return good prices for the whole problem.

    Parameters
    ----------
    c, parts
        The problem and its regions.
    seed
        Seed of the visiting order.
    clock
        Stops the passes early; shared out by the regions' orders.
    workers
        Most threads to use; the prices do not depend on it without a clock.
    warm
        Prices of an earlier run over the same openings, to start from.
    """
    orders = sum(part.orders.shape[0] for part in parts)
    minute = np.zeros(c.day.shape[0], np.int64)
    exam = np.zeros(c.ceiling.shape[0], np.int64)

    def run(number: int) -> int:
        part = parts[number]
        share = min(1.0, workers * part.orders.shape[0] / orders)
        own = region_columns(c, part)
        found = find_prices(
            own,
            seed=seed * 1009 + number,
            clock=clock.share(share),
            warm=None if warm is None else _of(own, part, warm),
        )
        minute[part.openings] = found.minute
        exam[part.contracts] = found.exam
        return packed_bound(own, found.minute, found.exam)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        bound = sum(pool.map(run, range(len(parts))))
    return Prices(minute, exam, bound + PRICE_SCALE * stranded_cost(c))


def stranded_cost(c: Columns) -> int:
    """Return what the orders without any scanner cost; no region has them."""
    stranded: Ints = c.unplaced_cost[c.pair_start[1:] == c.pair_start[:-1]]
    return int(stranded.sum())


def _of(own: Columns, part: Region, prices: Prices) -> Prices:
    """Return the part of the prices that is the region's, with its bound."""
    return proved(own, prices.minute[part.openings], prices.exam[part.contracts])
