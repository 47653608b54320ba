"""Small problems with every rule at once, drawn by seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from solver.rules import (
    Bookings,
    Changeovers,
    Deliveries,
    Draws,
    Links,
    Needs,
    Rules,
    Shifts,
    Visits,
    Weights,
)


def column(values):
    return np.array(list(values), dtype=np.int64)


def random_rows(rng, order, opening):
    """Return rows of up to seven orders, and of openings on two or three scanners."""
    scanners = int(rng.integers(2, 4))
    orders = [
        order(
            minutes=int(rng.choice([10, 15, 20, 30])),
            scanners=tuple(
                sorted(rng.choice(scanners, int(rng.integers(1, 3)), replace=False))
            ),
            pair_cost=int(rng.integers(0, 6)),
            tier=int(rng.integers(0, 3)),
            patient=int(rng.integers(-1, 3)),
            days=(int(rng.integers(0, 2)), int(rng.integers(1, 4))),
            hours=((0, 1440), (0, 1440), (540, 600), (560, 1440))[rng.integers(0, 4)],
            list_mask=int(rng.choice([1, 3])),
            wait_cost=int(rng.integers(0, 9)),
            target_day=int(rng.integers(-1, 3)),
            late_cost=int(rng.integers(0, 9)),
            breach_day=int(rng.integers(0, 4)),
            breach_cost=int(rng.integers(0, 9)),
            unplaced_cost=int(rng.integers(5, 90)),
        )
        for _ in range(int(rng.integers(1, 8)))
    ]
    openings = [
        opening(
            scanner=s,
            day=d,
            begin=540 + int(rng.choice([0, 10, 60])),
            minutes=int(rng.choice([25, 45, 60])),
            list_bit=int(rng.choice([1, 1, 2])),
            cost=int(rng.integers(0, 3)),
            contract=int(rng.integers(-1, 2)),
        )
        for s in range(scanners)
        for d in range(int(rng.integers(1, 4)))
    ]
    if rng.random() < 0.4:
        # A second opening after the first, so that changeovers cross from one to the
        # other.
        first = openings[0]
        openings.append(
            opening(
                scanner=first.scanner,
                day=first.day,
                begin=first.begin + first.minutes,
                minutes=25,
            )
        )
    return orders, openings, scanners


def random_rules(rng, orders, openings, scanners, *, chance=0.6):
    """Return rules over these rows; each kind is there with the same chance."""
    n = len(orders)

    def there():
        return rng.random() < chance

    parts = {}
    if n >= 2 and there():
        parts |= _visits(rng, n)
    if there():
        parts |= _staff(rng, orders)
    if there():
        wait = rng.integers(0, 4, (3, 3)) * 5
        np.fill_diagonal(wait, 0)
        for k in range(3):
            wait = np.minimum(wait, wait[:, [k]] + wait[[k], :])
        parts["changeovers"] = Changeovers(
            column(rng.integers(-1, 3, n)), column(wait.ravel())
        )
    if there():
        parts |= _supplies(rng, n, openings)
    if there():
        parts["scanner_place"] = column(rng.integers(0, 2, scanners))
    if there():
        parts["cohort"] = column(rng.integers(-1, 2, n))
    if there():
        parts["contract_floor"] = column(rng.integers(0, 3, 2))
        parts["contract_price"] = column(rng.integers(0, 9, 2))
    weights = Weights(
        journey_cost=int(rng.integers(0, 2)) * 7,
        gap_minutes=int(rng.integers(0, 2)) * 10,
        gap_cost=1,
        unplaced_days=5,
        unfair_permille=1000 + 200 * int(rng.integers(0, 3)),
        unfair_cost=3,
    )
    return Rules(weights=weights, **parts)


def _visits(rng, n):
    members = rng.permutation(n)[: int(rng.integers(2, min(n, 4) + 1))]
    links = []
    for a, b in pairwise(members):
        if rng.random() < 0.7:
            least = int(rng.choice([0, 0, 5, 15]))
            most = int(rng.choice([-1, 20, 40, 2000]))
            links.append((a, b, least, most))
    return {
        "visits": Visits(
            column([0, len(members)]),
            column(members),
            column([rng.integers(0, 2)]),
            column([rng.integers(0, 2)]),
        ),
        "links": Links(*(column(row[k] for row in links) for k in range(4))),
    }


def _staff(rng, orders):
    pairs = sum(len(o.scanners) for o in orders)
    needing = sorted(rng.choice(pairs, int(rng.integers(1, pairs + 1)), replace=False))
    return {
        "shifts": Shifts(
            column([0, 0, 0, 1, 1]),
            column([0, 1, 2, 0, 1]),
            column([530, 540, 550, 540, 560]),
            column([60, 60, 90, 40, 60]),
            column([1, 1, 2, 1, 1]),
        ),
        "needs": Needs(
            column(needing),
            column(rng.integers(0, 2, len(needing))),
            column(rng.choice([-10, 0, 5], len(needing))),
            column(rng.choice([5, 10, 20], len(needing))),
            column(rng.choice([1, 1, 2], len(needing))),
        ),
    }


def _supplies(rng, n, openings):
    drawing = np.flatnonzero(rng.random(n) < 0.4)
    least = rng.choice([0, 10, 20], drawing.shape[0])
    return {
        "deliveries": Deliveries(
            column([0 for _ in openings]),
            column([b.scanner for b in openings]),
            column([b.day for b in openings]),
            column([b.begin - int(rng.choice([0, 10])) for b in openings]),
            column([int(rng.choice([100, 250])) for _ in openings]),
        ),
        "draws": Draws(
            column(drawing),
            column(np.zeros(drawing.shape[0])),
            column(least),
            column(least + rng.choice([10, 30], drawing.shape[0])),
            column(rng.choice([50, 80], drawing.shape[0])),
            column(rng.choice([0, 30], drawing.shape[0])),
        ),
    }


def booked(rng, problem, plan, *, share=0.5):
    """Return bookings for some of the plan's placed orders, whole visits at a time."""
    group = np.arange(len(problem.orders.key))
    visits = problem.rules.visits
    for v in range(visits.same_day.shape[0]):
        group[visits.order[visits.start[v] : visits.start[v + 1]]] = -1 - v
    chosen = {int(g) for g in group if rng.random() < share}
    rows = [
        j
        for j in range(len(problem.orders.key))
        if int(group[j]) in chosen and plan.opening[j] >= 0
    ]
    return Bookings(
        column(rows),
        plan.opening[rows],
        plan.pair[rows],
        plan.start_minute[rows],
        column(rng.integers(0, 20, len(rows))),
        column(rng.integers(0, 2, len(rows))),
    )
