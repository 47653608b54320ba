"""Why not there: the fewest things that stand in the way of one slot, each verified.

The order is forced into the slot that was asked for, and the checker, not the
optimiser, says what is wrong. What it names are the suspects: rules of the order and
exams that lie in the way. Then every suspect is put back by itself: one without which
the slot stays allowed is struck out (deletion), so that of the blockers that remain
none can be spared. Lifting all of them makes the slot feasible; with all but any one of
them lifted it is not. Of two blockers, removing either is not enough while the other
stands; with the others gone, removing the last one makes the slot feasible.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np

from solver.check import cost_terms, violations
from solver.plan import UNPLACED, CostTerms, Plan
from solver.problem import Ints, Pairs, Problem
from solver.terms import Constraint
from solver.violation import Violation

T = TypeVar("T", bound=Hashable)

ROUNDS = 20
"""Most times that lifting what the checker names lets it name something new."""


class Standing(StrEnum):
    """What the answer to "why not there" is."""

    THERE = "there"
    """It is there."""
    POSSIBLE = "possible"
    """The slot is free and allowed; the plan preferred another."""
    BLOCKED = "blocked"
    """Something stands in the way."""
    IMPOSSIBLE = "impossible"
    """A rule stands in the way that cannot be lifted for one order."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that was asked for.

    Parameters
    ----------
    order, opening
        Rows.
    start_minute
        In minutes from midnight of the opening's day.
    """

    order: int
    opening: int
    start_minute: int


@dataclass(frozen=True, slots=True, order=True)
class Blocker:
    """One thing in the way.

    Parameters
    ----------
    constraint
        The rule that is broken.
    exam
        Row of the order whose exam lies in the way, or -1 where it is a rule of the
        order, the opening or the contract alone.
    """

    constraint: Constraint
    exam: int = -1


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer.

    Parameters
    ----------
    standing
        In a word.
    blockers
        A minimal set, in a fixed order; empty unless the slot is blocked or impossible.
    terms
        What the order would cost there by term; None if it cannot be there at all.
    price
        What its minutes are worth to others there at the plan's prices, in
        1 / `PRICE_SCALE` cost units.
    present
        What the order costs where it is, by term.
    """

    standing: Standing
    blockers: tuple[Blocker, ...]
    terms: CostTerms | None
    price: int
    present: CostTerms


def shrunk(suspects: Sequence[T], feasible: Callable[[frozenset[T]], bool]) -> list[T]:
    """Return a minimal part of `suspects` that suffices to lift, by deletion.

    Parameters
    ----------
    suspects
        All lifted together make it feasible.
    feasible
        Tells whether it is feasible with just these lifted; lifting more never hurts.
    """
    needed = list(suspects)
    for suspect in suspects:
        without = frozenset(needed) - {suspect}
        if feasible(without):
            needed.remove(suspect)
    return needed


def why_not(problem: Problem, plan: Plan, slot: Slot) -> WhyNot:
    """Return what keeps an order from a slot.

    Raises
    ------
    ValueError
        The slot names no order or opening of the problem.
    """
    _require_rows(problem, slot)
    there = plan.opening[slot.order] == slot.opening
    own = _restricted(problem, plan, slot)
    present = _terms(own, own.plan)
    if there and plan.start_minute[slot.order] == slot.start_minute:
        return WhyNot(Standing.THERE, (), present, _price(plan, own), present)
    suspects: list[Blocker] = []
    for _ in range(ROUNDS):
        found = own.blockers(frozenset(suspects))
        if not found:
            break
        if not set(found) - set(suspects):
            # Lifting it does not help: the rule holds whatever is asked for.
            return WhyNot(Standing.IMPOSSIBLE, tuple(sorted(found)), None, 0, present)
        suspects += [one for one in found if one not in suspects]
    blockers = shrunk(suspects, lambda lifted: not own.blockers(lifted))
    forced = own.forced(frozenset(suspects))
    return WhyNot(
        standing=Standing.BLOCKED if blockers else Standing.POSSIBLE,
        blockers=tuple(sorted(blockers)),
        terms=_terms(own, forced[1], forced[0]),
        price=_price(plan, own),
        present=present,
    )


def _require_rows(problem: Problem, slot: Slot) -> None:
    orders, openings = len(problem.orders.key), len(problem.openings.key)
    if not 0 <= slot.order < orders or not 0 <= slot.opening < openings:
        raise ValueError(
            f"The slot names order {slot.order} and opening {slot.opening}; the problem"
            f" has {orders} orders and {openings} openings."
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """The question with the plan around it.

    Parameters
    ----------
    problem
        As it is, but each contract allows only what distant exams leave.
    plan
        The plan with all but the exams that can matter taken out of it.
    slot, minutes
        What was asked, and how long the exam is there.
    pair
        Row of the order's pair with the scanner, or -1 if it has none.
    scanner
        Row of the scanner.
    """

    problem: Problem
    plan: Plan
    slot: Slot
    minutes: int
    pair: int
    scanner: int

    def blockers(self, lifted: frozenset[Blocker]) -> list[Blocker]:
        """Return what the checker finds with `lifted` out of the way."""
        found: list[Blocker] = []
        for violation in violations(*self.forced(lifted)):
            for one in self._named(violation):
                if one not in found:
                    found.append(one)
        return found

    def _named(self, violation: Violation) -> list[Blocker]:
        """Return the exams that a violation names, or its rule."""
        rule = violation.constraint
        if rule is Constraint.CAPACITY:
            # Exams that lie inside and do not overlap have the minutes.
            return []
        keys = self.problem.orders.key
        near = np.flatnonzero(self.plan.opening != UNPLACED).tolist()
        others = [j for j in near if j != self.slot.order and keys[j] in violation.keys]
        return [Blocker(rule, j) for j in others] or [Blocker(rule)]

    def forced(self, lifted: frozenset[Blocker]) -> tuple[Problem, Plan]:
        """Return problem and plan with the order in the slot and `lifted` lifted."""
        problem, slot = self.problem, self.slot
        opening, start = self.plan.opening.copy(), self.plan.start_minute.copy()
        pair = self.plan.pair.copy()
        out = [one.exam for one in lifted if one.exam >= 0]
        opening[out], pair[out], start[out] = UNPLACED, UNPLACED, 0
        opening[slot.order], start[slot.order] = slot.opening, slot.start_minute
        pair[slot.order] = self.pair
        rules = {one.constraint for one in lifted if one.exam < 0}
        if self.pair < 0:
            pair[slot.order] = int(problem.pairs.start[slot.order])
            if Constraint.ELIGIBLE_SCANNER in rules:
                problem = _with_scanner(problem, slot.order, self.scanner)
        for rule in sorted(rules & _LIFT.keys()):
            problem = _LIFT[rule](problem, slot, self.minutes)
        return problem, replace(
            self.plan, opening=opening, pair=pair, start_minute=start
        )


def _restricted(problem: Problem, plan: Plan, slot: Slot) -> _Case:
    """Take out of the plan what cannot lie in the way of the slot."""
    openings, pairs = problem.openings, problem.pairs
    scanner = int(
        np.searchsorted(openings.scanner_start, slot.opening, side="right") - 1
    )
    day = openings.day[slot.opening]
    placed = np.flatnonzero(plan.opening != UNPLACED)
    at = plan.opening[placed]
    same = openings.day[at] == day
    here = (at >= openings.scanner_start[scanner]) & (
        at < openings.scanner_start[scanner + 1]
    )
    patient = problem.orders.patient
    mine = (patient[slot.order] >= 0) & (patient[placed] == patient[slot.order])
    near = placed[same & (here | mine)]
    near = np.union1d(near, [slot.order])
    far = np.setdiff1d(placed, near)
    contract = openings.contract[plan.opening[far]]
    used = np.bincount(
        contract[contract >= 0], minlength=problem.contract_ceiling.shape[0]
    )
    column = np.full(plan.opening.shape, UNPLACED, np.int64)
    opening, pair = column, column.copy()
    opening[near], pair[near] = plan.opening[near], plan.pair[near]
    first, last = int(pairs.start[slot.order]), int(pairs.start[slot.order + 1])
    own = [p for p in range(first, last) if pairs.scanner[p] == scanner]
    best = min(own, key=lambda p: int(pairs.cost[p]), default=UNPLACED)
    minutes = int(pairs.minutes[best if best >= 0 else first]) if last > first else 0
    return _Case(
        problem=replace(problem, contract_ceiling=problem.contract_ceiling - used),
        plan=replace(
            plan,
            opening=opening,
            pair=pair,
            start_minute=np.where(opening >= 0, plan.start_minute, 0),
        ),
        slot=slot,
        minutes=minutes,
        pair=best,
        scanner=scanner,
    )


def _with_scanner(problem: Problem, order: int, scanner: int) -> Problem:
    """Let the order's first pair be with `scanner`: the same minutes and cost."""
    pairs = problem.pairs
    scanners = pairs.scanner.copy()
    scanners[pairs.start[order]] = scanner
    return replace(
        problem, pairs=Pairs(pairs.start, scanners, pairs.minutes, pairs.cost)
    )


def _orders_with(problem: Problem, row: int, **values: int) -> Problem:
    changed: dict[str, Ints] = {}
    for name, value in values.items():
        column: Ints = getattr(problem.orders, name).copy()
        column[row] = value
        changed[name] = column
    return replace(problem, orders=replace(problem.orders, **changed))  # type: ignore[arg-type]


def _lift_list(problem: Problem, slot: Slot, _: int) -> Problem:
    mask = int(problem.orders.list_mask[slot.order])
    bit = int(problem.openings.list_bit[slot.opening])
    return _orders_with(problem, slot.order, list_mask=mask | bit)


def _lift_days(problem: Problem, slot: Slot, _: int) -> Problem:
    day = int(problem.openings.day[slot.opening])
    return _orders_with(
        problem,
        slot.order,
        earliest_day=min(day, int(problem.orders.earliest_day[slot.order])),
        latest_day=max(day, int(problem.orders.latest_day[slot.order])),
    )


def _lift_hours(problem: Problem, slot: Slot, _: int) -> Problem:
    return _orders_with(problem, slot.order, earliest_minute=-1440, latest_minute=2880)


def _lift_inside(problem: Problem, slot: Slot, minutes: int) -> Problem:
    """Let the opening reach around the exam."""
    openings, b = problem.openings, slot.opening
    begin, length = openings.begin_minute.copy(), openings.minutes.copy()
    end = max(int(begin[b] + length[b]), slot.start_minute + minutes)
    begin[b] = min(int(begin[b]), slot.start_minute)
    length[b] = end - begin[b]
    return replace(
        problem, openings=replace(openings, begin_minute=begin, minutes=length)
    )


def _lift_ceiling(problem: Problem, slot: Slot, _: int) -> Problem:
    ceiling = problem.contract_ceiling.copy()
    ceiling[problem.openings.contract[slot.opening]] += 1
    return replace(problem, contract_ceiling=ceiling)


_LIFT: dict[Constraint, Callable[[Problem, Slot, int], Problem]] = {
    Constraint.LIST_TYPE: _lift_list,
    Constraint.DAY_WINDOW: _lift_days,
    Constraint.TIME_WINDOW: _lift_hours,
    Constraint.INSIDE_OPENING: _lift_inside,
    Constraint.CONTRACT_CEILING: _lift_ceiling,
}
"""How the rules of a single order are lifted; exams in the way are taken out."""


def _terms(case: _Case, plan: Plan, problem: Problem | None = None) -> CostTerms:
    """Return what the order alone costs in `plan`."""
    j = case.slot.order
    rows = len(case.problem.orders.key)
    opening = np.full(rows, UNPLACED, np.int64)
    opening[j] = plan.opening[j]
    problem = case.problem if problem is None else problem
    unplaced = np.where(np.arange(rows) == j, problem.orders.unplaced_cost, 0)
    alone = replace(problem, orders=replace(problem.orders, unplaced_cost=unplaced))
    return cost_terms(alone, replace(plan, opening=opening))


def _price(plan: Plan, case: _Case) -> int:
    contract = int(case.problem.openings.contract[case.slot.opening])
    exam = int(plan.certificate.exam_price[contract]) if contract >= 0 else 0
    return int(plan.certificate.minute_price[case.slot.opening]) * case.minutes + exam
