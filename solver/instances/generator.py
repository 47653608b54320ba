"""Seeded problems of any size, to measure the solver on.

Scanners lie uniformly in a square whose area grows with their number; patients live
near scanners; each order may go to the nearest scanners of its modality. A day that an
order of the lowest tier waits costs five units, so that all costs are whole. The
openings of one scanner on one day are merged into one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.problem import NO_GROUP, Ints, Openings, Orders, Pairs, Problem

Floats = NDArray[np.float64]

SCANNER_SHARE = np.array([0.2, 0.2, 0.5, 0.1])
ORDER_SHARE = np.array([0.22, 0.18, 0.5, 0.1])
SQUARE_KM = 500.0
"""Side of the square for `SQUARE_SCANNERS` scanners."""
SQUARE_SCANNERS = 5000
HOME_SPREAD_KM = 12.0
NEAREST, REACH_KM = 8, 60.0
TRAVEL_COST_PER_KM = 6.0
MINUTES = np.array([10, 15, 20, 30, 45, 60])
MINUTES_SHARE = np.array([0.15, 0.3, 0.25, 0.2, 0.07, 0.03])
TIER_SHARE = np.array([0.08, 0.27, 0.65])
LAST_RELEASE_DAY = np.array([0, 1, 3])
TARGET_DAY = np.array([3, 10, 30])
LATE_COST = np.array([1200, 400, 100])
WAIT_COST = np.array([60, 20, 5])
UNPLACED_COST = np.array([40_000, 12_000, 3_500])
CLOSED_SHARE = 0.06
DAY_MINUTES = 1440
NEVER = 1_000_000
MORNING_SHARE = 0.5
GRID_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """How large and how tight a generated problem is.

    Parameters
    ----------
    orders, scanners, days
        Counts.
    load
        Minutes asked for / minutes open, per modality.
    window_share
        Share of orders that need a morning or an afternoon.
    patient_share
        Share of orders that belong to a patient with two orders.
    contract_share
        Share of scanners whose exams count against a contract; its ceiling is a
        little below what the scanner has room for.
    """

    orders: int = 5_000
    scanners: int = 15
    days: int = 30
    load: float = 0.95
    window_share: float = 0.0
    patient_share: float = 0.0
    contract_share: float = 0.0


def generate(scale: Scale, *, seed: int) -> Problem:
    """Return the problem that `scale` and `seed` name."""
    rng = np.random.default_rng(seed)
    modality = np.repeat(np.arange(4), _shares(scale.scanners, SCANNER_SHARE))
    wanted = rng.choice(4, size=scale.orders, p=_present(modality))
    side = SQUARE_KM * (scale.scanners / SQUARE_SCANNERS) ** 0.5
    site = rng.uniform(0.0, side, size=(scale.scanners, 2))
    if scale.scanners:
        home = site[rng.integers(0, scale.scanners, scale.orders)]
    else:
        home = np.zeros((scale.orders, 2))
    home = home + rng.normal(0.0, HOME_SPREAD_KM, size=home.shape)
    minutes = rng.choice(MINUTES, size=scale.orders, p=MINUTES_SHARE)
    orders = _orders(scale, rng)
    pairs = _pairs(modality, wanted, site, home, minutes)
    openings, ceilings = _openings(scale, rng, modality, wanted, minutes)
    return Problem(
        orders=orders,
        pairs=pairs,
        openings=openings,
        contract_ceiling=ceilings,
        scanner_key=tuple(f"scanner-{s}" for s in range(scale.scanners)),
        policy_version="generator-1",
    )


def _shares(total: int, share: Floats) -> Ints:
    """Return whole counts near ``total * share``; the largest share takes the rest."""
    counts = np.floor(total * share).astype(np.int64)
    counts[np.argmax(share)] += total - counts.sum()
    return counts


def _present(modality: Ints) -> Floats:
    """Return the order shares of the modalities that have a scanner."""
    share = np.where(np.bincount(modality, minlength=4) > 0, ORDER_SHARE, 0.0)
    return share / share.sum() if share.sum() else ORDER_SHARE


def _orders(scale: Scale, rng: np.random.Generator) -> Orders:
    n = scale.orders
    tier = rng.choice(3, size=n, p=TIER_SHARE).astype(np.int64)
    windowed = rng.random(n) < scale.window_share
    morning = rng.random(n) < MORNING_SHARE
    earliest = np.where(windowed & ~morning, DAY_MINUTES // 2, 0)
    latest = np.where(windowed & morning, DAY_MINUTES // 2, DAY_MINUTES)
    grouped = int(n * scale.patient_share) // 2 * 2
    patient = np.full(n, NO_GROUP, dtype=np.int64)
    patient[rng.permutation(n)[:grouped]] = np.arange(grouped) // 2
    return Orders(
        key=tuple(f"order-{j}" for j in range(n)),
        tier=tier,
        patient=patient,
        earliest_day=rng.integers(0, LAST_RELEASE_DAY[tier] + 1).astype(np.int64),
        latest_day=np.full(n, scale.days - 1, dtype=np.int64),
        earliest_minute=earliest.astype(np.int64),
        latest_minute=latest.astype(np.int64),
        list_mask=np.ones(n, dtype=np.int64),
        wait_cost=WAIT_COST[tier],
        target_day=TARGET_DAY[tier],
        late_cost=LATE_COST[tier],
        breach_day=np.full(n, NEVER, dtype=np.int64),
        breach_cost=np.zeros(n, dtype=np.int64),
        unplaced_cost=UNPLACED_COST[tier],
    )


def _pairs(
    modality: Ints, wanted: Ints, site: Floats, home: Floats, minutes: Ints
) -> Pairs:
    """Return the nearest scanners of each order's modality, the nearest first."""
    n = wanted.shape[0]
    rows: list[tuple[Ints, Ints, Ints]] = []
    for m in range(4):
        scanners = np.flatnonzero(modality == m)
        asking = np.flatnonzero(wanted == m)
        for block in np.array_split(asking, max(1, asking.size // 2000)):
            gap = home[block][:, None, :] - site[scanners][None, :, :]
            km = np.sqrt((gap**2).sum(axis=2))
            near = np.argsort(km, axis=1, kind="stable")[:, :NEAREST]
            km = np.take_along_axis(km, near, axis=1)
            inside = (km <= REACH_KM).ravel()
            order = np.repeat(block, near.shape[1])[inside]
            cost = np.rint(km.ravel()[inside] * TRAVEL_COST_PER_KM)
            rows.append((order, scanners[near].ravel()[inside], cost.astype(np.int64)))
    order = np.concatenate([r[0] for r in rows])
    by_order = np.argsort(order, kind="stable")
    count = np.bincount(order, minlength=n)
    return Pairs(
        start=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        scanner=np.concatenate([r[1] for r in rows])[by_order],
        minutes=minutes[order[by_order]].astype(np.int64),
        cost=np.concatenate([r[2] for r in rows])[by_order],
    )


def _openings(
    scale: Scale,
    rng: np.random.Generator,
    modality: Ints,
    wanted: Ints,
    minutes: Ints,
) -> tuple[Openings, Ints]:
    """Return one opening per scanner and open day, and the contracts' ceilings."""
    asked = np.bincount(wanted, weights=minutes, minlength=4)
    owned = np.maximum(np.bincount(modality, minlength=4), 1)
    mean = asked / (scale.load * owned * scale.days * (1.0 - CLOSED_SHARE))
    shape = (scale.scanners, scale.days)
    length = mean[modality][:, None] * rng.uniform(0.6, 1.4, size=shape)
    closed = rng.random(shape) < CLOSED_SHARE
    rounded = np.rint(length / GRID_MINUTES).astype(np.int64) * GRID_MINUTES
    rounded = np.minimum(rounded, DAY_MINUTES)
    scanner, day = np.nonzero(~closed & (rounded > 0))
    minutes_open = rounded[scanner, day]
    contracted = rng.random(scale.scanners) < scale.contract_share
    contract_of = np.where(contracted, np.cumsum(contracted) - 1, NO_GROUP)
    room = np.bincount(scanner, weights=minutes_open, minlength=scale.scanners)
    typical = float(MINUTES @ MINUTES_SHARE)
    ceilings = np.floor(0.85 * room[contracted] / typical).astype(np.int64)
    openings = Openings(
        key=tuple(f"{s}/{d}" for s, d in zip(scanner, day, strict=True)),
        scanner_start=np.searchsorted(scanner, np.arange(scale.scanners + 1)).astype(
            np.int64
        ),
        day=day.astype(np.int64),
        begin_minute=(DAY_MINUTES - minutes_open) // 2,
        minutes=minutes_open,
        list_bit=np.ones(scanner.shape[0], dtype=np.int64),
        cost=np.zeros(scanner.shape[0], dtype=np.int64),
        contract=contract_of[scanner].astype(np.int64),
    )
    return openings, ceilings
