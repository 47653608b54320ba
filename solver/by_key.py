"""A problem with its orders sorted by key, so that their rows decide nothing.

Chance and ties go by rows. With the rows in an order of their own, a plan that is
reproducible depends on who the orders are and not on the order in which they were
read. Shorter keys come first, then the alphabet: ``order-2`` before ``order-10``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from solver.carry import Start
from solver.plan import UNPLACED, Plan
from solver.problem import Ints, Orders, Pairs, Problem
from solver.rules import Rules


@dataclass(frozen=True, slots=True)
class ByKey:
    """The sorted problem and the way back.

    Parameters
    ----------
    problem
        The problem with its orders, and their pairs, sorted.
    order, pair
        Shapes ``(orders,)`` and ``(pairs,)``. The given row of each sorted one.
    """

    problem: Problem
    order: Ints
    pair: Ints

    def start(self, given: Start) -> Start:
        """Return the start for the sorted problem."""
        pair = given.pair[self.order]
        placed = pair != UNPLACED
        pair[placed] = _inverse(self.pair)[pair[placed]]
        return replace(given, opening=given.opening[self.order], pair=pair)

    def plan(self, found: Plan) -> Plan:
        """Return the sorted problem's plan with the orders' given rows."""
        back = _inverse(self.order)
        pair = found.pair.copy()
        placed = pair != UNPLACED
        pair[placed] = self.pair[pair[placed]]
        worth = found.certificate.worth
        return replace(
            found,
            opening=found.opening[back],
            pair=pair[back],
            start_minute=found.start_minute[back],
            certificate=replace(
                found.certificate, worth=worth[back] if worth.size else worth
            ),
        )


def by_key(problem: Problem) -> ByKey | None:
    """Return the problem sorted by the keys of its orders; None if it is already."""
    key, start = problem.orders.key, problem.pairs.start
    rank = [(len(name), name) for name in key]
    rows = sorted(range(len(key)), key=rank.__getitem__)
    order = np.array(rows, np.int64)
    if (order == np.arange(order.shape[0])).all():
        return None
    count = np.diff(start)[order]
    sorted_start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    pair = np.arange(start[-1], dtype=np.int64)
    pair += np.repeat(start[:-1][order] - sorted_start[:-1], count)
    columns = {
        name: getattr(problem.orders, name)[order]
        for name in Orders.__dataclass_fields__
        if name != "key"
    }
    pairs = Pairs(
        start=sorted_start,
        scanner=problem.pairs.scanner[pair],
        minutes=problem.pairs.minutes[pair],
        cost=problem.pairs.cost[pair],
    )
    found = replace(
        problem,
        orders=Orders(key=tuple(key[j] for j in rows), **columns),
        pairs=pairs,
        rules=_renumbered(problem.rules, order, pair),
    )
    return ByKey(found, order, pair)


def _renumbered(rules: Rules, order: Ints, pair: Ints) -> Rules:
    """Return the rules of the sorted rows."""
    order_of, pair_of = _inverse(order), _inverse(pair)
    visits, links, bookings = rules.visits, rules.links, rules.bookings
    family, cohort = rules.changeovers.family, rules.cohort
    return replace(
        rules,
        visits=replace(visits, order=order_of[visits.order]),
        links=replace(
            links, first=order_of[links.first], second=order_of[links.second]
        ),
        bookings=replace(
            bookings, order=order_of[bookings.order], pair=pair_of[bookings.pair]
        ),
        needs=replace(rules.needs, pair=pair_of[rules.needs.pair]),
        changeovers=replace(
            rules.changeovers, family=family[order] if family.size else family
        ),
        draws=replace(rules.draws, order=order_of[rules.draws.order]),
        cohort=cohort[order] if cohort.size else cohort,
    )


def _inverse(rows: Ints) -> Ints:
    back = np.zeros_like(rows)
    back[rows] = np.arange(rows.shape[0])
    return back
