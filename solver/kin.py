"""A patient's orders, and the starts that they leave each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.compiled import inlined
from solver.layout import Columns
from solver.problem import PATIENT_GAP_MINUTES, Ints
from solver.search import Search


class Kin(NamedTuple):
    """Orders by patient; only patients with two orders or more.

    Parameters
    ----------
    group
        Shape ``(orders,)``. Row of the patient, or -1.
    start
        Shape ``(patients + 1,)``. Block of each patient in `order`.
    order
        Rows of the patients' orders.
    """

    group: Ints
    start: Ints
    order: Ints


def kin_of(c: Columns) -> Kin:
    """Group the orders by patient."""
    known, inverse, count = np.unique(
        c.patient, return_inverse=True, return_counts=True
    )
    shared = (known >= 0) & (count > 1)
    number = np.where(shared, np.cumsum(shared) - 1, -1)
    group = number[inverse].astype(np.int64)
    rows = np.flatnonzero(group >= 0)
    rows = rows[np.argsort(group[rows], kind="stable")]
    start = np.concatenate([[0], np.cumsum(count[shared])])
    return Kin(group, start.astype(np.int64), rows.astype(np.int64))


@inlined
def past_kin(
    c: Columns, x: Search, kin: Kin, start: Ints, j: int, day: int, at: int, d: int
) -> int:
    """Return the first start from `at` on that overlaps no exam of the patient."""
    g = kin.group[j]
    if g < 0:
        return at
    moved = True
    while moved:
        moved = False
        for q in range(kin.start[g], kin.start[g + 1]):
            i = kin.order[q]
            if i == j or start[i] < 0 or c.day[x.opening[i]] != day:
                continue
            end = start[i] + c.pair_minutes[x.pair[i]]
            if (
                at < end + PATIENT_GAP_MINUTES
                and start[i] < at + d + PATIENT_GAP_MINUTES
            ):
                at = end + PATIENT_GAP_MINUTES
                moved = True
    return at
