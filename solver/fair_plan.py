"""Plans with a fairness guard: prices on waiting, corrected by the plans they lead to.

The search does not know the guard, only what a day of waiting costs each order (see
`fairness`). So the problem is solved several times within the limits, each time from
the plan before: first without the guard; then, where a cohort waits beyond it, with a
share for that cohort, sought between the last share at which it waited too long and
the least at which it did not. The last and longest solve is at the best shares. Of all
plans that one is returned which costs least with the guard, and of all bounds the
highest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from solver.carry import Start
from solver.clock import Clock
from solver.costs import whole_terms
from solver.fair_bound import proven
from solver.fairness import WHOLE, Guard, for_search, parts_of, priced, waited
from solver.layout import columns
from solver.limits import Limits
from solver.plan import Certificate, Plan
from solver.problem import Ints, Problem

EFFORTS, EFFORTS_ANEW = (2, 1, 1, 1, 1, 1, 1, 4), (1, 1, 1, 2)
"""How the limits are shared out among the solves, the last the longest; the second
where each solve begins anew, because other rules join the orders."""
FIRST_SHARE, WIDENED = 200, 2
"""The share tried first, in thousandths, and by what it grows while it is too small."""
INSIDE = 0.1
"""How near to either end of what is known the next share may be, as a part of it."""

Inner = Callable[[Problem, Limits, Clock, Start | None], Plan]
"""Solves a problem without a guard within its part of the limits."""


@dataclass(slots=True)
class Cohort:
    """What is known of one cohort's share.

    Parameters
    ----------
    share
        In use, in thousandths.
    low, high
        The greatest share at which the cohort waited beyond the guard, and the least at
        which it did not; `high` is above `WHOLE` while there is none.
    over, under
        How far beyond the guard it waited at `low`, and below it at `high`.
    """

    share: int = 0
    low: int = 0
    high: int = WHOLE + 1
    over: int = 0
    under: int = 0

    def learn(self, beyond: int) -> None:
        """Take note of how far beyond the guard the cohort waits; move the share."""
        if beyond > 0:
            self.low, self.over = self.share, beyond
            # Other cohorts' shares have changed meanwhile.
            if self.high <= self.low:
                self.high = WHOLE + 1
        elif self.share == 0:
            return
        else:
            self.high, self.under = self.share, -beyond
            if self.low >= self.high:
                self.low, self.over = 0, 1
        if self.high > WHOLE:
            self.share = min(WHOLE, max(FIRST_SHARE, WIDENED * self.low))
            return
        width = self.high - self.low
        part = self.over / max(1, self.over + self.under)
        part = min(1.0 - INSIDE, max(INSIDE, part))
        self.share = self.low + round(part * width)


def _part(limits: Limits, effort: int, whole: int) -> Limits:
    """Return limits with a part of the work, rounded up, so that no solve is idle."""
    if limits.work is None:
        return limits
    return replace(limits, work=-(-limits.work * effort // whole))


class _Run:
    """The solves of one problem, the best plan with the guard, and the best proof."""

    def __init__(self, problem: Problem, guard: Guard, inner: Inner) -> None:
        self.problem, self.guard, self.inner = problem, guard, inner
        parts = parts_of(problem, guard)
        self.steers, self.parts = parts > 0, max(1, parts)
        self.share = guard.nothing()
        self.plan: Plan | None = None
        self.proof: Certificate | None = None
        self.start: Start | None = None

    def begin_from(self, start: Start) -> None:
        """Let the first solve begin from a plan of the problem with the guard."""
        self.start = replace(
            start,
            minute_price=start.minute_price * self.parts,
            exam_price=start.exam_price * self.parts,
        )

    def solve(self, share: Ints, limits: Limits, clock: Clock) -> list[int]:
        """Solve at these shares; return by cohort what it waits beyond the guard."""
        problem = self.problem
        at = priced(problem, self.guard, share, self.parts)
        plan = self.inner(for_search(at), limits, clock, self.start)
        found = plan.certificate
        self.start = Start(
            found.minute_price, found.exam_price, plan.opening, plan.pair
        )
        terms = whole_terms(
            problem, columns(problem), plan.opening, plan.pair, plan.start_minute
        )
        if self.plan is None or terms.total < self.plan.terms.total:
            self.plan, self.share = replace(plan, terms=terms), share
        # Costs too large to be cut would pass 64 bits; a bound without the guard holds.
        proof = found
        if self.steers:
            proof = proven(problem, self.guard, share, found, self.parts)
        if self.proof is None or proof.bound > self.proof.bound:
            self.proof = proof
        return self.guard.beyond(waited(problem, plan.opening))

    def best(self) -> Plan:
        """Return the best plan with the best proof."""
        assert self.plan is not None
        assert self.proof is not None
        return replace(self.plan, certificate=self.proof)

    def is_near(self, target_gap: float) -> bool:
        """Tell whether the best plan is near enough to the best bound."""
        best = self.best()
        bound = best.certificate.bound
        return best.terms.total - bound <= target_gap * bound

    def begin_from_best(self) -> None:
        """Let the next solve begin from the best plan so far."""
        if self.plan is not None and self.start is not None:
            self.start = replace(
                self.start, opening=self.plan.opening, pair=self.plan.pair
            )


def plan_fairly(
    problem: Problem,
    guard: Guard,
    inner: Inner,
    *,
    limits: Limits,
    clock: Clock,
    start: Start | None,
    report: Callable[[Plan, float], None],
) -> Plan:
    """Return the best plan found for a problem with a guard, and the best bound.

    Parameters
    ----------
    problem, guard
        The problem and its guard.
    inner
        Solves a problem without a guard.
    limits, clock
        When to stop.
    start
        Where the first solve begins from, if anywhere.
    report
        Called after each solve with the best plan so far, and the share of the limit
        that is used.
    """
    run = _Run(problem, guard, inner)
    if start is not None:
        run.begin_from(start)
    anew = priced(problem, guard, guard.nothing(), run.parts).rules.asked
    efforts = EFFORTS_ANEW if anew else EFFORTS
    whole = left = sum(efforts)
    cohorts = [Cohort() for _ in guard.members]
    for number, effort in enumerate(efforts):
        share = np.array([g.share for g in cohorts], np.int64)
        now = effort
        if not run.steers or (number and not share.any()):
            now = left
        elif number == len(efforts) - 1:
            share = run.share
            run.begin_from_best()
        beyond = run.solve(share, _part(limits, now, whole), clock.share(now / left))
        left -= now
        report(run.best(), 1.0 - left / whole)
        if left == 0 or clock.expired() or run.is_near(limits.target_gap):
            break
        for g, days in zip(cohorts, beyond, strict=True):
            g.learn(days)
    return run.best()
