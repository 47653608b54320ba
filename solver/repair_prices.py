"""What a repair costs at least: a linear programme over all options, in whole numbers.

Its duals price the bins, the exams of contracts and the moves; whatever they are, they
give a bound. An option whose reduced cost lifts the bound to what the answer at hand
costs cannot be part of a cheaper one.
"""

from __future__ import annotations

from ortools.linear_solver import pywraplp

from solver.layout import Columns
from solver.plan import PRICE_SCALE
from solver.repair_options import NO_BIN, Bin, Neighbourhood, Option, exams_left


def priced(  # noqa: C901
    c: Columns,
    hood: Neighbourhood,
    bins: list[Bin],
    options: list[list[Option]],
) -> tuple[int, list[list[int]]]:
    """Return a bound and each option's reduced cost, in 1 / `PRICE_SCALE` units."""
    left = exams_left(c, hood)
    solver = pywraplp.Solver.CreateSolver("GLOP")
    infinity = solver.infinity()
    rooms = [solver.Constraint(-infinity, one.end - one.begin) for one in bins]
    exams = [solver.Constraint(-infinity, n) for n in left]
    most = infinity if hood.most_moves is None else hood.most_moves
    moves = solver.Constraint(-infinity, most)
    objective = solver.Objective()
    for mine in options:
        once = solver.Constraint(1, 1)
        for option in mine:
            x = solver.NumVar(0, infinity, "")
            once.SetCoefficient(x, 1)
            objective.SetCoefficient(x, option.cost)
            if option.moves:
                moves.SetCoefficient(x, 1)
            if option.bin != NO_BIN:
                rooms[option.bin].SetCoefficient(x, option.minutes)
                contract = int(c.contract[bins[option.bin].opening])
                if contract >= 0:
                    exams[contract].SetCoefficient(x, 1)
    objective.SetMinimization()
    solved = solver.Solve() == pywraplp.Solver.OPTIMAL
    room_price, exam_price, move_price = (
        [
            max(0, round(-one.dual_value() * PRICE_SCALE)) if solved else 0
            for one in group
        ]
        for group in (rooms, exams, [moves])
    )
    bound = 0
    reduced: list[list[int]] = []
    for mine in options:
        paid = []
        for option in mine:
            r = option.cost * PRICE_SCALE + option.moves * move_price[0]
            if option.bin != NO_BIN:
                r += room_price[option.bin] * option.minutes
                contract = int(c.contract[bins[option.bin].opening])
                if contract >= 0:
                    r += exam_price[contract]
            paid.append(r)
        reduced.append(paid)
        bound += min(paid)
    bound -= sum(
        price * (one.end - one.begin)
        for price, one in zip(room_price, bins, strict=True)
    )
    bound -= sum(price * n for price, n in zip(exam_price, left, strict=True))
    if hood.most_moves is not None:
        bound -= move_price[0] * hood.most_moves
    return bound, reduced


def kept_options(
    options: list[list[Option]], reduced: list[list[int]], slack: int, most: int | None
) -> list[list[Option]]:
    """Return the options that a cheaper answer may use; the first of each in any case.

    Parameters
    ----------
    slack
        By how much the bound may rise before it is what the answer at hand costs.
    most
        Most options of an order, the cheapest at the prices; None for all.
    """
    kept = []
    for mine, paid in zip(options, reduced, strict=True):
        least = min(paid)
        rows = [n for n in range(1, len(mine)) if paid[n] - least < slack]
        if most is not None:
            rows = [n for _, n in sorted((paid[n], n) for n in rows)[:most]]
        kept.append([mine[0], *(mine[n] for n in sorted(rows))])
    return kept
