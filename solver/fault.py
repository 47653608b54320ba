"""What a problem's columns can be refused for, and how such a refusal reads.

InvalidProblem (a ValueError)
    raised with all faults found; `code`, `key` and `remedy` are those of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.problem import Ints

COST_MAX = 10**9
"""Greatest cost of one row, so that one order's cost stays far below 2**63."""
MOST_PER_RULE = 20
"""Faults listed per rule; the rest would tell nothing new."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a problem cannot be solved.

    Parameters
    ----------
    code
        Stable name of the rule.
    column
        Where, for example ``"orders.wait_cost"``.
    key
        The caller's key of the row, or the row number; "" for whole columns.
    value
        What was found.
    remedy
        What to change.
    """

    code: str
    column: str
    key: str
    value: str
    remedy: str

    def __str__(self) -> str:
        row = f" of {self.key!r}" if self.key else ""
        return f"{self.code}: {self.column}{row} is {self.value}. {self.remedy}"


class InvalidProblem(ValueError):
    """The problem breaks a rule of its own columns."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        self.code = faults[0].code
        self.key = faults[0].key
        self.remedy = faults[0].remedy
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")


def each(
    code: str,
    column: str,
    bad: NDArray[np.bool_],
    keys: tuple[str, ...] | None,
    values: Ints,
    remedy: str,
) -> Iterator[Fault]:
    """Yield a fault for each of the first bad rows."""
    for row in np.flatnonzero(bad)[:MOST_PER_RULE]:
        key = f"row {row}" if keys is None else keys[row]
        yield Fault(code, column, key, str(values[row]), remedy)


def costs(column: str, cost: Ints, keys: tuple[str, ...] | None) -> Iterator[Fault]:
    """Yield a fault for each of the first costs that are negative or too large."""
    yield from each(
        "cost.negative", column, cost < 0, keys, cost, "Give 0 or a positive cost."
    )
    yield from each(
        "cost.overflow",
        column,
        cost > COST_MAX,
        keys,
        cost,
        f"Give at most {COST_MAX}; scale all costs down together.",
    )
