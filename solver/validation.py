"""What makes a problem unusable, and what to do about it.

InvalidProblem (a ValueError)
    raised by `require_valid` with all faults found; `code`, `key` and `remedy` are
    those of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from solver.plan import PRICE_SCALE
from solver.problem import NO_GROUP, Ints, Openings, Orders, Pairs, Problem

COST_MAX = 10**9
"""Greatest cost of one row, so that one order's cost stays far below 2**63."""
DAY_MAX = 36_500
"""Last day of a problem, a hundred years on; also how far back a target may lie."""
DAY_MINUTES = 1440
SUM_MAX = 2**62
"""Greatest sum that the bound may run into, in 1 / `PRICE_SCALE` cost units."""
MOST_PER_RULE = 20
"""Faults listed per rule; the rest would tell nothing new."""

COSTS = ("wait_cost", "late_cost", "breach_cost", "unplaced_cost")


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


def require_valid(problem: Problem) -> None:
    """Raise `InvalidProblem` unless the problem can be solved."""
    found = faults(problem)
    if found:
        raise InvalidProblem(found)


def faults(problem: Problem) -> list[Fault]:
    """Return what is wrong with `problem`, the gravest first; empty if nothing is.

    Rules about values are looked at only where the shapes are right.
    """
    shapes = list(_shapes(problem))
    if shapes:
        return shapes
    rows = list(_rows(problem))
    if rows:
        return rows
    found = [*_orders(problem.orders), *_pairs(problem), *_openings(problem)]
    return found or list(_sums(problem))


def _shapes(problem: Problem) -> Iterator[Fault]:
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    expected: list[tuple[str, object, int]] = []
    for name, table, size in (
        ("orders", orders, len(orders.key)),
        ("pairs", pairs, int(np.size(pairs.scanner))),
        ("openings", openings, len(openings.key)),
    ):
        for field in fields(table):
            if field.name != "key":
                dotted = f"{name}.{field.name}"
                rows = {
                    "pairs.start": len(orders.key) + 1,
                    "openings.scanner_start": len(problem.scanner_key) + 1,
                }.get(dotted, size)
                expected.append((dotted, getattr(table, field.name), rows))
    ceilings = int(np.size(problem.contract_ceiling))
    expected.append(("contract_ceiling", problem.contract_ceiling, ceilings))
    for name, column, size in expected:
        if not isinstance(column, np.ndarray) or column.dtype != np.int64:
            kind = getattr(column, "dtype", type(column).__name__)
            yield Fault(
                "column.type", name, "", str(kind), "Give a numpy array of int64."
            )
        elif column.shape != (size,):
            yield Fault(
                "column.shape", name, "", str(column.shape), f"Give shape ({size},)."
            )


def _rows(problem: Problem) -> Iterator[Fault]:
    for name, keys in (
        ("orders.key", problem.orders.key),
        ("openings.key", problem.openings.key),
        ("scanner_key", problem.scanner_key),
    ):
        yield from _duplicates(name, keys)
    pairs, openings = problem.pairs, problem.openings
    yield from _compressed("pairs.start", pairs.start, pairs.scanner.shape[0])
    yield from _compressed(
        "openings.scanner_start", openings.scanner_start, openings.day.shape[0]
    )


def _duplicates(name: str, keys: tuple[str, ...]) -> Iterator[Fault]:
    if len(set(keys)) == len(keys):
        return
    seen: set[str] = set()
    listed = 0
    for row, key in enumerate(keys):
        if key in seen and listed < MOST_PER_RULE:
            listed += 1
            yield Fault("key.duplicate", name, key, f"row {row}", "Use each key once.")
        seen.add(key)


def _compressed(name: str, start: Ints, rows: int) -> Iterator[Fault]:
    if start[0] != 0 or start[-1] != rows or (np.diff(start) < 0).any():
        yield Fault(
            "rows.order",
            name,
            "",
            f"{start[0]} ... {start[-1]}",
            f"Begin at 0, never fall, and end at {rows}.",
        )


def _each(
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


def _costs(column: str, cost: Ints, keys: tuple[str, ...] | None) -> Iterator[Fault]:
    yield from _each(
        "cost.negative", column, cost < 0, keys, cost, "Give 0 or a positive cost."
    )
    yield from _each(
        "cost.overflow",
        column,
        cost > COST_MAX,
        keys,
        cost,
        f"Give at most {COST_MAX}; scale all costs down together.",
    )


def _orders(orders: Orders) -> Iterator[Fault]:
    for name in COSTS:
        yield from _costs(f"orders.{name}", getattr(orders, name), orders.key)
    yield from _each(
        "order.target_day",
        "orders.target_day",
        orders.target_day < -DAY_MAX,
        orders.key,
        orders.target_day,
        f"Give at least {-DAY_MAX}.",
    )
    yield from _each(
        "order.patient",
        "orders.patient",
        orders.patient < NO_GROUP,
        orders.key,
        orders.patient,
        f"Give a number from 0 on, or {NO_GROUP} for none.",
    )
    for name in ("earliest_minute", "latest_minute"):
        minute = getattr(orders, name)
        yield from _each(
            "order.minute",
            f"orders.{name}",
            (minute < 0) | (minute > DAY_MINUTES),
            orders.key,
            minute,
            f"Give minutes from midnight, 0 to {DAY_MINUTES}.",
        )


def _pairs(problem: Problem) -> Iterator[Fault]:
    pairs: Pairs = problem.pairs
    counts = np.diff(pairs.start)
    owner = np.repeat(np.arange(counts.shape[0]), counts)
    keys = tuple(problem.orders.key[j] for j in owner)
    scanners = len(problem.scanner_key)
    yield from _each(
        "pair.scanner",
        "pairs.scanner",
        (pairs.scanner < 0) | (pairs.scanner >= scanners),
        keys,
        pairs.scanner,
        f"Give a scanner row from 0 to {scanners - 1}.",
    )
    yield from _each(
        "pair.minutes",
        "pairs.minutes",
        (pairs.minutes <= 0) | (pairs.minutes > DAY_MINUTES),
        keys,
        pairs.minutes,
        f"Give a duration from 1 to {DAY_MINUTES} minutes.",
    )
    yield from _costs("pairs.cost", pairs.cost, keys)


def _openings(problem: Problem) -> Iterator[Fault]:
    openings: Openings = problem.openings
    keys = openings.key
    day, bit = openings.day, openings.list_bit
    begin, length = openings.begin_minute, openings.minutes
    inside = (begin >= 0) & (length <= DAY_MINUTES) & (begin <= DAY_MINUTES - length)
    yield from _costs("openings.cost", openings.cost, keys)
    for code, column, bad, values, remedy in (
        (
            "opening.day",
            "day",
            (day < 0) | (day > DAY_MAX),
            day,
            f"Give a day from 0 to {DAY_MAX}.",
        ),
        (
            "opening.minutes",
            "minutes",
            length <= 0,
            length,
            "Give a positive length, or leave the opening out.",
        ),
        (
            "opening.inside_day",
            "begin_minute",
            (length > 0) & ~inside,
            begin,
            f"Begin and end within 0 and {DAY_MINUTES}; cut at midnight.",
        ),
        (
            "opening.list_bit",
            "list_bit",
            (bit <= 0) | (bit & (bit - 1) != 0),
            bit,
            "Set exactly one bit, a power of two.",
        ),
        (
            "opening.contract",
            "contract",
            (openings.contract < NO_GROUP)
            | (openings.contract >= problem.contract_ceiling.shape[0]),
            openings.contract,
            f"Give a row of contract_ceiling, or {NO_GROUP} for none.",
        ),
    ):
        yield from _each(code, f"openings.{column}", bad, keys, values, remedy)
    yield from _each(
        "contract.ceiling",
        "contract_ceiling",
        problem.contract_ceiling < 0,
        None,
        problem.contract_ceiling,
        "Give 0 or more exams.",
    )
    yield from _order_of(openings)


def _order_of(openings: Openings) -> Iterator[Fault]:
    """Refuse openings of one scanner that run backward or overlap."""
    day, begin, length = openings.day, openings.begin_minute, openings.minutes
    counts = np.diff(openings.scanner_start)
    scanner = np.repeat(np.arange(counts.shape[0]), counts)
    same = scanner[1:] == scanner[:-1]
    back = same & (
        (day[1:] < day[:-1]) | ((day[1:] == day[:-1]) & (begin[1:] < begin[:-1]))
    )
    over = same & ~back & (day[1:] == day[:-1]) & (begin[1:] - length[:-1] < begin[:-1])
    for code, bad, remedy in (
        ("opening.unsorted", back, "Sort by scanner, then day, then begin_minute."),
        ("opening.overlap", over, "Cut or merge the openings; one exam at a time."),
    ):
        yield from _each(
            code,
            "openings.begin_minute",
            np.concatenate([[False], bad]),
            openings.key,
            begin,
            remedy,
        )


def _sums(problem: Problem) -> Iterator[Fault]:
    """Refuse costs whose sums could pass 2**62 in the arithmetic of the bound."""
    orders, openings = problem.orders, problem.openings
    dearest = int(orders.unplaced_cost.max(initial=0))
    last = int(openings.day.max(initial=0))
    reach = last - min(0, int(orders.target_day.min(initial=0)))
    one = (
        int(orders.wait_cost.max(initial=0)) * last
        + int(orders.late_cost.max(initial=0)) * reach
        + int(orders.breach_cost.max(initial=0))
        + int(problem.pairs.cost.max(initial=0))
        + int(openings.cost.max(initial=0))
        + dearest
    )
    # No minute and no exam is ever worth more than the dearest order left unplaced.
    minutes = sum(int(m) for m in openings.minutes)
    exams = sum(int(e) for e in problem.contract_ceiling)
    total = one * (len(orders.key) + DAY_MINUTES) + dearest * (minutes + exams)
    if total * PRICE_SCALE > SUM_MAX:
        row = int(orders.unplaced_cost.argmax()) if orders.key else 0
        yield Fault(
            "cost.overflow",
            "orders.unplaced_cost",
            orders.key[row] if orders.key else "",
            str(dearest),
            "Scale all costs down together; their sums must stay below"
            f" {SUM_MAX // PRICE_SCALE}.",
        )
