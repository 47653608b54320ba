"""The independent checker: whether a plan is one, what it costs, what it proves.

Nothing here comes from the optimiser but the data types and the names of the rules.
Costs, rules (`check_rules`) and the bound (`check_bound`) are stated afresh, in whole
numbers, with numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from solver.check_bound import InvalidPrices, lower_bound
from solver.check_rules import CHECKS, MEANINGLESS, Violation, violations
from solver.plan import UNPLACED, CostTerms, Plan
from solver.problem import Problem
from solver.terms import Term

__all__ = [
    "CHECKS",
    "FalseClaim",
    "InvalidPrices",
    "Verdict",
    "Violation",
    "cost_terms",
    "lower_bound",
    "verify",
    "violations",
]


@dataclass(frozen=True, slots=True)
class FalseClaim:
    """A number that the plan states and that recomputation does not confirm."""

    name: str
    claimed: int
    found: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker found.

    Parameters
    ----------
    violations
        Broken rules.
    false_claims
        Claimed terms or bound that differ from what was recomputed.
    terms
        The recomputed cost, or None where the plan has no meaning.
    bound
        The recomputed bound in cost units, or None if the prices prove nothing.
    """

    violations: tuple[Violation, ...]
    false_claims: tuple[FalseClaim, ...]
    terms: CostTerms | None
    bound: int | None

    @property
    def accepted(self) -> bool:
        """Whether the plan keeps every rule and says nothing false."""
        return not self.violations and not self.false_claims


def verify(problem: Problem, plan: Plan) -> Verdict:
    """Recompute everything that `plan` claims; `problem` is taken to be valid."""
    broken = violations(problem, plan)
    terms: CostTerms | None = None
    claims: list[FalseClaim] = []
    if not any(v.constraint in MEANINGLESS for v in broken):
        terms = cost_terms(problem, plan)
        for term in Term:
            claimed, found = getattr(plan.terms, term), getattr(terms, term)
            if claimed != found:
                claims.append(FalseClaim(term, claimed, found))
    certificate = plan.certificate
    bound: int | None
    try:
        bound = lower_bound(problem, certificate.minute_price, certificate.exam_price)
    except InvalidPrices:
        bound = None
    if bound != certificate.bound:
        claims.append(FalseClaim("bound", certificate.bound, bound))
    return Verdict(tuple(broken), tuple(claims), terms, bound)


def cost_terms(problem: Problem, plan: Plan) -> CostTerms:
    """Return the cost of `plan` by term, in cost units."""
    orders, openings = problem.orders, problem.openings
    j = np.flatnonzero(plan.opening != UNPLACED)
    b, p = plan.opening[j], plan.pair[j]
    day = openings.day[b].astype(object)
    late = np.maximum(day - orders.target_day[j], 0)
    breached = openings.day[b] >= orders.breach_day[j]
    return CostTerms(
        waiting=_sum(orders.wait_cost[j] * day),
        lateness=_sum(orders.late_cost[j] * late),
        breach=_sum(orders.breach_cost[j][breached].astype(object)),
        pair=_sum(problem.pairs.cost[p].astype(object)),
        opening=_sum(openings.cost[b].astype(object)),
        unplaced=_sum(orders.unplaced_cost[plan.opening == UNPLACED].astype(object)),
    )


def _sum(numbers: Any) -> int:
    return int(numbers.sum()) if numbers.size else 0
