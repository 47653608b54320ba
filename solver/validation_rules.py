"""What makes a problem's rules unusable, and what to do about it.

Row numbers that do not exist, quantities without meaning, links that no plan could
keep, and bookings that are not themselves a plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from solver.check import violations
from solver.fault import COST_MAX, Fault, costs, each
from solver.plan import UNPLACED, Certificate, CostTerms, Plan
from solver.problem import Ints, Problem
from solver.rules import NO_LIMIT, Rules

DAY_MAX = 36_500
DAY_MINUTES = 1440
MOST_MEMBERS = 8
"""Orders in a visit: the search for its places is exhaustive."""
NUMBER_MAX = 100_000
"""Greatest number of a resource, place or cohort; tables are made by it."""
AMOUNT_MAX = 10**6
"""Most units or amount of anything in one row."""
HALVINGS_MAX = 20
"""Half-lives that a supply may see before it is drawn on."""

TABLES = ("visits", "links", "bookings", "shifts", "needs", "deliveries", "draws")
"""Tables of `Rules` whose columns are of one length each."""


def rule_shapes(problem: Problem) -> Iterator[Fault]:
    """Yield what is wrong with the types and lengths of the rules' columns."""
    rules, orders = problem.rules, len(problem.orders.key)
    wanted: list[tuple[str, object, tuple[int, ...]]] = []
    for name in TABLES:
        table = getattr(rules, name)
        columns = [f.name for f in fields(table)]
        lead = "same_day" if name == "visits" else columns[0]
        size = int(np.size(getattr(table, lead)))
        for column in columns:
            dotted = f"{name}.{column}"
            value = getattr(table, column)
            sizes: tuple[int, ...] = (size,)
            if dotted == "visits.start":
                sizes = (size + 1,)
            elif dotted == "visits.order":
                sizes = (int(np.size(value)),)
            wanted.append((dotted, value, sizes))
    contracts = int(np.size(problem.contract_ceiling))
    minutes = rules.changeovers.minutes
    wanted += [
        ("changeovers.family", rules.changeovers.family, (0, orders)),
        ("changeovers.minutes", minutes, (math.isqrt(int(np.size(minutes))) ** 2,)),
        ("scanner_place", rules.scanner_place, (0, len(problem.scanner_key))),
        ("cohort", rules.cohort, (0, orders)),
        ("contract_floor", rules.contract_floor, (0, contracts)),
        ("contract_price", rules.contract_price, (np.size(rules.contract_floor),)),
    ]
    for name, value, sizes in wanted:
        dotted = f"rules.{name}"
        if not isinstance(value, np.ndarray) or value.dtype != np.int64:
            kind = getattr(value, "dtype", type(value).__name__)
            yield Fault("column.type", dotted, "", str(kind), "Give int64 columns.")
        elif value.shape not in {(size,) for size in sizes}:
            shapes = " or ".join(f"({size},)" for size in sizes)
            yield Fault(
                "column.shape", dotted, "", str(value.shape), f"Give shape {shapes}."
            )


def weight_faults(problem: Problem) -> Iterator[Fault]:
    """Yield which numbers of the whole plan mean nothing or are too large."""
    weights = problem.rules.weights
    for field in fields(weights):
        value = getattr(weights, field.name)
        least = NO_LIMIT if field.name == "most_moves" else 0
        most = COST_MAX if field.name.endswith("cost") else DAY_MAX
        if type(value) is not int or not least <= value <= most:
            yield Fault(
                "weights.value",
                f"rules.weights.{field.name}",
                "",
                repr(value),
                f"Give a whole number from {least} to {most}.",
            )


def rule_faults(problem: Problem) -> list[Fault]:
    """Return what is wrong with the rules of a problem whose shapes are right."""
    rules = problem.rules
    found = list(_rows(problem))
    if found:
        return found
    found = [*_quantities(problem), *_links(problem), *_changeovers(rules)]
    return found or list(_booked(problem))


def _rows(problem: Problem) -> Iterator[Fault]:
    """Refuse rows that do not exist, or that may be named once and are named twice."""
    rules = problem.rules
    orders, pairs = len(problem.orders.key), problem.pairs.scanner.shape[0]
    openings, scanners = len(problem.openings.key), len(problem.scanner_key)
    start, members = rules.visits.start, rules.visits.order.shape[0]
    if start[0] != 0 or start[-1] != members or (np.diff(start) < 0).any():
        yield Fault(
            "rows.order",
            "rules.visits.start",
            "",
            f"{start[0]} ... {start[-1]}",
            f"Begin at 0, never fall, and end at {members}.",
        )
    for name, column, count, once in (
        ("visits.order", rules.visits.order, orders, True),
        ("links.first", rules.links.first, orders, False),
        ("links.second", rules.links.second, orders, False),
        ("bookings.order", rules.bookings.order, orders, True),
        ("bookings.opening", rules.bookings.opening, openings, False),
        ("bookings.pair", rules.bookings.pair, pairs, False),
        ("needs.pair", rules.needs.pair, pairs, False),
        ("deliveries.scanner", rules.deliveries.scanner, scanners, False),
        ("draws.order", rules.draws.order, orders, True),
    ):
        bad = (column < 0) | (column >= count)
        yield from each(
            "row.unknown",
            f"rules.{name}",
            bad,
            None,
            column,
            f"Give a row from 0 to {count - 1}.",
        )
        if once:
            again = np.ones(column.shape[0], np.bool_)
            again[np.unique(column, return_index=True)[1]] = False
            keys = tuple(_key(problem, int(j)) for j in column) if again.any() else None
            yield from each(
                "row.twice",
                f"rules.{name}",
                again & ~bad,
                keys,
                column,
                "Name each order once.",
            )


def _key(problem: Problem, j: int) -> str:
    return problem.orders.key[j] if 0 <= j < len(problem.orders.key) else f"row {j}"


def _keys(problem: Problem, rows: Ints) -> tuple[str, ...]:
    return tuple(problem.orders.key[j] for j in rows)


def _quantities(problem: Problem) -> Iterator[Fault]:
    """Refuse numbers out of their range, by column."""
    rules = problem.rules
    booked, drawing = rules.bookings, rules.draws
    had, drew = _keys(problem, booked.order), _keys(problem, drawing.order)
    anywhere = NUMBER_MAX
    ranges: tuple[tuple[str, Ints, int, int, tuple[str, ...] | None], ...] = (
        ("visits.same_day", rules.visits.same_day, 0, 1, None),
        ("visits.same_place", rules.visits.same_place, 0, 1, None),
        ("visits.start", np.diff(rules.visits.start), 1, MOST_MEMBERS, None),
        ("bookings.start_minute", booked.start_minute, 0, DAY_MINUTES, had),
        ("bookings.frozen", booked.frozen, 0, 1, had),
        ("shifts.resource", rules.shifts.resource, 0, anywhere, None),
        ("shifts.day", rules.shifts.day, 0, DAY_MAX, None),
        ("shifts.begin_minute", rules.shifts.begin_minute, 0, DAY_MINUTES, None),
        ("shifts.minutes", rules.shifts.minutes, 1, DAY_MINUTES, None),
        ("shifts.units", rules.shifts.units, 0, AMOUNT_MAX, None),
        ("needs.resource", rules.needs.resource, 0, anywhere, None),
        ("needs.offset", rules.needs.offset, -DAY_MINUTES, DAY_MINUTES, None),
        ("needs.minutes", rules.needs.minutes, 1, DAY_MINUTES, None),
        ("needs.units", rules.needs.units, 1, AMOUNT_MAX, None),
        ("changeovers.minutes", rules.changeovers.minutes, 0, DAY_MINUTES, None),
        (
            "changeovers.family",
            rules.changeovers.family,
            -1,
            math.isqrt(rules.changeovers.minutes.shape[0]) - 1,
            problem.orders.key,
        ),
        ("deliveries.supply", rules.deliveries.supply, 0, anywhere, None),
        ("deliveries.day", rules.deliveries.day, 0, DAY_MAX, None),
        ("deliveries.minute", rules.deliveries.minute, 0, DAY_MINUTES, None),
        ("deliveries.amount", rules.deliveries.amount, 0, COST_MAX, None),
        ("draws.supply", drawing.supply, 0, anywhere, drew),
        ("draws.least_age", drawing.least_age, 0, DAY_MINUTES, drew),
        ("draws.most_age", drawing.most_age, 0, DAY_MINUTES, drew),
        ("draws.amount", drawing.amount, 0, AMOUNT_MAX, drew),
        ("draws.half_life", drawing.half_life, 0, DAY_MINUTES, drew),
        ("scanner_place", rules.scanner_place, 0, anywhere, problem.scanner_key),
        ("cohort", rules.cohort, -1, anywhere, problem.orders.key),
        ("contract_floor", rules.contract_floor, 0, COST_MAX, None),
    )
    for name, column, least, most, keys in ranges:
        yield from each(
            f"rule.{name.replace('.', '_')}",
            f"rules.{name}",
            (column < least) | (column > most),
            keys,
            column,
            f"Give {least} to {most}.",
        )
    yield from costs("rules.bookings.move_cost", booked.move_cost, had)
    yield from costs("rules.contract_price", rules.contract_price, None)
    shifts = rules.shifts
    ends = shifts.begin_minute > DAY_MINUTES - shifts.minutes
    remedy = f"End by {DAY_MINUTES}; cut at midnight."
    yield from each(
        "rule.shift_inside_day",
        "rules.shifts.minutes",
        ends,
        None,
        shifts.minutes,
        remedy,
    )
    yield from _ages(problem, drew)


def _ages(problem: Problem, drew: tuple[str, ...]) -> Iterator[Fault]:
    draws = problem.rules.draws
    yield from each(
        "draw.ages",
        "rules.draws.most_age",
        draws.most_age < draws.least_age,
        drew,
        draws.most_age,
        "Give least_age or more; nothing can be older and younger at once.",
    )
    decays = draws.half_life > 0
    yield from each(
        "draw.decay",
        "rules.draws.half_life",
        decays & (draws.most_age > HALVINGS_MAX * draws.half_life),
        drew,
        draws.half_life,
        f"Give most_age of at most {HALVINGS_MAX} half-lives.",
    )


def _links(problem: Problem) -> Iterator[Fault]:
    """Refuse links that leave a visit, that no gap fits, or that run in a circle."""
    visits, links = problem.rules.visits, problem.rules.links
    visit = np.full(len(problem.orders.key), -1, np.int64)
    visit[visits.order] = np.repeat(
        np.arange(visits.same_day.shape[0]), np.diff(visits.start)
    )
    first = _keys(problem, links.first)
    a, b = visit[links.first], visit[links.second]
    bounded = links.most_gap != NO_LIMIT
    cases: tuple[tuple[str, str, NDArray[np.bool_], Ints, str], ...] = (
        (
            "link.self",
            "second",
            links.first == links.second,
            links.second,
            "Link two different orders.",
        ),
        (
            "link.visit",
            "second",
            (a < 0) | (a != b),
            links.second,
            "Link orders of one visit, which are placed together or not at all.",
        ),
        (
            "link.gap",
            "least_gap",
            (links.least_gap < 0) | (links.least_gap > DAY_MAX * DAY_MINUTES),
            links.least_gap,
            "Give 0 or more minutes.",
        ),
        (
            "link.gap",
            "most_gap",
            bounded & (links.most_gap < links.least_gap),
            links.most_gap,
            f"Give least_gap or more, or {NO_LIMIT} for any time later.",
        ),
    )
    broken = False
    for code, column, bad, values, remedy in cases:
        broken = broken or bool(bad.any())
        yield from each(code, f"rules.links.{column}", bad, first, values, remedy)
    if not broken:
        yield from _circles(problem)


def _circles(problem: Problem) -> Iterator[Fault]:
    links = problem.rules.links
    waits: dict[int, set[int]] = {}
    for i, j in zip(links.first.tolist(), links.second.tolist(), strict=True):
        waits.setdefault(j, set()).add(i)
        waits.setdefault(i, set())
    while ready := [j for j, behind in waits.items() if not behind]:
        for j in ready:
            del waits[j]
        for behind in waits.values():
            behind.difference_update(ready)
    if waits:
        keys = sorted(problem.orders.key[j] for j in waits)
        yield Fault(
            "link.cycle",
            "rules.links.second",
            keys[0],
            f"before itself, by way of {', '.join(keys)}",
            "Take one link out of the circle.",
        )


def _changeovers(rules: Rules) -> Iterator[Fault]:
    """Refuse ways that a third family in between would shorten."""
    families = math.isqrt(rules.changeovers.minutes.shape[0])
    wanted = rules.changeovers.minutes.reshape(families, families)
    for k in range(families):
        over = wanted > wanted[:, [k]] + wanted[[k], :]
        for f, g in zip(*np.nonzero(over), strict=True):
            yield Fault(
                "changeover.triangle",
                "rules.changeovers.minutes",
                f"{f} to {g}",
                str(wanted[f, g]),
                f"Give at most the way by family {k},"
                f" {wanted[f, k] + wanted[k, g]} minutes.",
            )
            return


def _booked(problem: Problem) -> Iterator[Fault]:
    """Refuse bookings that break a rule as they stand."""
    bookings = problem.rules.bookings
    if not bookings.order.size:
        return
    rows = len(problem.orders.key)
    opening, pair = np.full(rows, UNPLACED, np.int64), np.full(rows, UNPLACED, np.int64)
    start = np.zeros(rows, np.int64)
    opening[bookings.order] = bookings.opening
    pair[bookings.order] = bookings.pair
    start[bookings.order] = bookings.start_minute
    nothing = np.zeros(0, np.int64)
    plan = Plan(
        opening,
        pair,
        start,
        CostTerms(0, 0, 0, 0, 0, 0),
        Certificate(nothing, nothing, 0),
        0.0,
    )
    for broken in violations(problem, plan)[:5]:
        found = ", ".join(f"{name} {value}" for name, value in broken.values)
        yield Fault(
            "booking.impossible",
            "rules.bookings",
            broken.keys[0],
            f"against {broken.constraint} ({found})",
            "Leave out what cannot stay, so that it is planned anew.",
        )
