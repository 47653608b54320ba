"""The smallest problem that makes every stage run, to compile the kernels with."""

from __future__ import annotations

import numpy as np

from solver.problem import Openings, Orders, Pairs, Problem


def tiny_problem() -> Problem:
    """Return a valid problem of two orders and one opening."""
    zero, one = np.zeros(2, np.int64), np.ones(2, np.int64)
    row = np.zeros(1, np.int64)
    return Problem(
        orders=Orders(
            key=("a", "b"),
            tier=zero.copy(),
            patient=zero.copy(),
            earliest_day=zero.copy(),
            latest_day=one.copy(),
            earliest_minute=zero.copy(),
            latest_minute=one * 1440,
            list_mask=one.copy(),
            wait_cost=one.copy(),
            target_day=one.copy(),
            late_cost=one.copy(),
            breach_day=one * 2,
            breach_cost=one.copy(),
            unplaced_cost=one * 100,
        ),
        pairs=Pairs(
            start=np.array([0, 1, 2]),
            scanner=zero.copy(),
            minutes=one * 30,
            cost=zero.copy(),
        ),
        openings=Openings(
            key=("x",),
            scanner_start=np.array([0, 1]),
            day=row.copy(),
            begin_minute=row + 540,
            minutes=row + 45,
            list_bit=row + 1,
            cost=row.copy(),
            contract=row.copy(),
        ),
        contract_ceiling=row + 1,
        scanner_key=("s",),
    )
