"""The independent checker: whether a plan is one, what it costs, what it proves.

Nothing here comes from the optimiser but the data types and the names of the rules.
Costs (`check_terms`), rules (`check_rules`, `check_visits`, `check_shared`) and the
bound (`check_bound`) are stated afresh, in whole numbers, with numpy alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from solver.check_bound import InvalidPrices, lower_bound
from solver.check_rules import MEANINGLESS, SLOT_CHECKS
from solver.check_shared import SHARED_CHECKS
from solver.check_terms import cost_terms
from solver.check_visits import VISIT_CHECKS
from solver.plan import CostTerms, Plan
from solver.problem import Problem
from solver.terms import Constraint, Term
from solver.violation import Check, Violation

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

CHECKS: dict[Constraint, Check] = {**SLOT_CHECKS, **VISIT_CHECKS, **SHARED_CHECKS}
"""The rules and how each is checked; a test holds it to the enumeration."""


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
        bound = lower_bound(
            problem,
            certificate.minute_price,
            certificate.exam_price,
            certificate.worth,
            certificate.excess_share,
        )
    except InvalidPrices:
        bound = None
    if bound != certificate.bound:
        claims.append(FalseClaim("bound", certificate.bound, bound))
    return Verdict(tuple(broken), tuple(claims), terms, bound)


def violations(problem: Problem, plan: Plan) -> list[Violation]:
    """Return every broken rule; an empty list means that the plan may be applied."""
    for constraint in MEANINGLESS:
        found = list(CHECKS[constraint](problem, plan))
        if found:
            return found
    return [
        violation
        for constraint, check in CHECKS.items()
        if constraint not in MEANINGLESS
        for violation in check(problem, plan)
    ]
