"""What makes a problem unusable, and what to do about it.

InvalidProblem (a ValueError)
    raised by `require_valid` with all faults found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from solver.fault import MOST_PER_RULE, Fault, InvalidProblem, costs, each
from solver.plan import PRICE_SCALE
from solver.problem import NO_GROUP, Ints, Openings, Orders, Pairs, Problem
from solver.validation_rules import rule_faults, rule_shapes, weight_faults

DAY_MAX = 36_500
"""Last day of a problem, a hundred years on; also how far back a target may lie."""
DAY_MINUTES = 1440
SUM_MAX = 2**62
"""Greatest sum that the bound may run into, in 1 / `PRICE_SCALE` cost units."""

COSTS = ("wait_cost", "late_cost", "breach_cost", "unplaced_cost")


def require_valid(problem: Problem) -> None:
    """Raise `InvalidProblem` unless the problem can be solved."""
    found = faults(problem)
    if found:
        raise InvalidProblem(found)


def faults(problem: Problem) -> list[Fault]:
    """Return what is wrong with `problem`, the gravest first; empty if nothing is.

    Rules about values are looked at only where the shapes are right.
    """
    shapes = [*_shapes(problem), *rule_shapes(problem), *weight_faults(problem)]
    if shapes:
        return shapes
    rows = list(_rows(problem))
    if rows:
        return rows
    found = [*_orders(problem.orders), *_pairs(problem), *_openings(problem)]
    return found or list(_sums(problem)) or rule_faults(problem)


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


def _orders(orders: Orders) -> Iterator[Fault]:
    for name in COSTS:
        yield from costs(f"orders.{name}", getattr(orders, name), orders.key)
    yield from each(
        "order.target_day",
        "orders.target_day",
        orders.target_day < -DAY_MAX,
        orders.key,
        orders.target_day,
        f"Give at least {-DAY_MAX}.",
    )
    yield from each(
        "order.patient",
        "orders.patient",
        orders.patient < NO_GROUP,
        orders.key,
        orders.patient,
        f"Give a number from 0 on, or {NO_GROUP} for none.",
    )
    for name in ("earliest_minute", "latest_minute"):
        minute = getattr(orders, name)
        yield from each(
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
    yield from each(
        "pair.scanner",
        "pairs.scanner",
        (pairs.scanner < 0) | (pairs.scanner >= scanners),
        keys,
        pairs.scanner,
        f"Give a scanner row from 0 to {scanners - 1}.",
    )
    yield from each(
        "pair.minutes",
        "pairs.minutes",
        (pairs.minutes <= 0) | (pairs.minutes > DAY_MINUTES),
        keys,
        pairs.minutes,
        f"Give a duration from 1 to {DAY_MINUTES} minutes.",
    )
    yield from costs("pairs.cost", pairs.cost, keys)


def _openings(problem: Problem) -> Iterator[Fault]:
    openings: Openings = problem.openings
    keys = openings.key
    day, bit = openings.day, openings.list_bit
    begin, length = openings.begin_minute, openings.minutes
    inside = (begin >= 0) & (length <= DAY_MINUTES) & (begin <= DAY_MINUTES - length)
    yield from costs("openings.cost", openings.cost, keys)
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
        yield from each(code, f"openings.{column}", bad, keys, values, remedy)
    yield from each(
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
        yield from each(
            code,
            "openings.begin_minute",
            np.concatenate([[False], bad]),
            openings.key,
            begin,
            remedy,
        )


def _sums(problem: Problem) -> Iterator[Fault]:
    """Refuse costs whose sums could pass 2**62 in the arithmetic of the bound."""
    orders = problem.orders
    if largest_sum(problem) > SUM_MAX:
        row = int(orders.unplaced_cost.argmax()) if orders.key else 0
        yield Fault(
            "cost.overflow",
            "orders.unplaced_cost",
            orders.key[row] if orders.key else "",
            str(int(orders.unplaced_cost.max(initial=0))),
            "Scale all costs down together; their sums must stay below"
            f" {SUM_MAX // PRICE_SCALE}.",
        )


def largest_sum(problem: Problem) -> int:
    """Return what no sum of the bound passes, in 1 / `PRICE_SCALE` cost units."""
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
        + int(problem.rules.bookings.move_cost.max(initial=0))
        + _most_of_all(problem)
        + dearest
    )
    # No minute and no exam is ever worth more than the dearest order left unplaced.
    minutes = sum(int(m) for m in openings.minutes)
    exams = sum(int(e) for e in problem.contract_ceiling)
    total = one * (len(orders.key) + DAY_MINUTES) + dearest * (minutes + exams)
    return total * PRICE_SCALE


def _most_of_all(problem: Problem) -> int:
    """Return the most that one exam can add to the terms of the plan as a whole."""
    rules = problem.rules
    weights = rules.weights
    return (
        int(rules.contract_price.max(initial=0))
        + weights.journey_cost
        + weights.gap_cost * DAY_MINUTES
        + weights.unfair_cost * (DAY_MAX if rules.cohort.size else 0)
    )
