"""What the solver answers: assignments, costs by term, prices and a certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from solver.problem import Ints

UNPLACED = -1
"""In `Plan.opening`: the order has no slot in this plan."""

PRICE_SCALE = 1000
"""Prices are integers in thousandths of a cost unit, so that the bound is exact."""


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Prices that prove a lower bound on the cost of every plan.

    For any prices that are not negative, let the worth of an order be its unplaced
    cost or, if that is less, its least ``cost + minute_price[b] * minutes[p] +
    exam_price[contract[b]]`` over its pairs p and openings b. Then ``L = sum of the
    worths - sum over b of the most that whole exams can earn in b - sum over c of
    the most that exam_price[c] * n less the contract's cost of n exams can be`` is at
    most the cost of the best plan, where an exam earns its order's worth less its cost
    and its exam price (Lagrangian duality). Without floors the last sum is that of
    ``exam_price[c] * ceiling[c]``. A checker needs the problem and the prices alone.

    The same holds for any other worths from 0 to the unplaced cost: L is then the
    Lagrangian of "every order at most once", and the minute prices do not enter it.

    Of the fairness guard, L may count a share of each cohort's days beyond it: a price
    on each order's days of waiting, and less for each day of all, see `fairness`.

    Parameters
    ----------
    minute_price
        Shape ``(openings,)``; per minute, in 1 / `PRICE_SCALE` cost units.
    exam_price
        Shape ``(contracts,)``; per exam, in 1 / `PRICE_SCALE` cost units.
    bound
        ``ceil(L)`` in cost units: costs are whole, so the ceiling is still a bound.
    worth
        Shape ``(orders,)``; worths to use in place of those that follow from the
        prices, in 1 / `PRICE_SCALE` cost units, read as 0 below 0 and as the unplaced
        cost above it. Empty where those of the prices are used. With shares, worths
        below 0 stand.
    excess_share
        Shape ``(cohorts,)``; thousandths of `Weights.unfair_cost`, read as 0 below 0
        and as 1000 above it. Empty where the guard is not in the bound.
    """

    minute_price: Ints
    exam_price: Ints
    bound: int
    worth: Ints = field(default_factory=_none)
    excess_share: Ints = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class CostTerms:
    """A cost split into the terms that are stored with each decision."""

    waiting: int
    lateness: int
    breach: int
    pair: int
    opening: int
    unplaced: int
    moves: int = 0
    contract: int = 0
    journeys: int = 0
    gaps: int = 0
    unfairness: int = 0

    @property
    def total(self) -> int:
        """Sum of the terms, in cost units."""
        return (
            self.waiting
            + self.lateness
            + self.breach
            + self.pair
            + self.opening
            + self.unplaced
            + self.moves
            + self.contract
            + self.journeys
            + self.gaps
            + self.unfairness
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """One answer to a `Problem`.

    Parameters
    ----------
    opening
        Shape ``(orders,)``. Row number of the opening, or `UNPLACED`.
    pair
        Shape ``(orders,)``. Row number of the pair used, or `UNPLACED`.
    start_minute
        Shape ``(orders,)``. Start in minutes from midnight of the opening's day;
        0 for unplaced orders.
    terms
        The plan's cost by term.
    certificate
        The bound and the prices that prove it.
    seconds
        Wall time used, for reports; not part of any comparison.
    """

    opening: Ints
    pair: Ints
    start_minute: Ints
    terms: CostTerms
    certificate: Certificate
    seconds: float

    @property
    def gap(self) -> float:
        """``(cost - bound) / bound``; 0 if they are equal, infinite if bound is 0."""
        cost, bound = self.terms.total, self.certificate.bound
        if cost == bound:
            return 0.0
        return (cost - bound) / bound if bound > 0 else float("inf")
