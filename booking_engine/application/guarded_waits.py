"""The policy's guard on waits, in a plan run's problem, and what a plan makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from booking_engine.application.snapshot import Snapshot
from booking_engine.domain.fair_waits import GROUPS
from booking_engine.domain.group_waits import FEWEST, GroupWait, WaitsByGroup
from booking_engine.domain.policy import Policy
from solver.plan import UNPLACED, Plan

NOBODY: Final = -1
"""The group of a row that is no order: it counts among nobody."""


def with_waits_guarded(snapshot: Snapshot, policy: Policy) -> Snapshot:
    """Return the snapshot whose plan pays where a group waits longer than allowed.

    Stand-ins for orders to come, the last rows of the problem, are in no group.
    """
    fair, problem = policy.fair_waits, snapshot.problem
    if not fair.cost_per_day or not snapshot.orders:
        return snapshot
    cohort = np.full(len(problem.orders.key), NOBODY, np.int64)
    for row, order in enumerate(snapshot.orders):
        content = order.content
        cohort[row] = fair.group(content.patient, content.needs, snapshot.today)
    weights = replace(
        problem.rules.weights,
        unplaced_days=policy.horizon_days,
        unfair_permille=fair.permille,
        unfair_cost=fair.cost_per_day,
    )
    rules = replace(problem.rules, cohort=cohort, weights=weights)
    return replace(snapshot, problem=replace(problem, rules=rules))


def waits_by_group(
    snapshot: Snapshot, plan: Plan, policy: Policy
) -> WaitsByGroup | None:
    """Return what a plan lets groups wait; ``None`` where the policy does not ask."""
    fair, rules = policy.fair_waits, snapshot.problem.rules
    if not fair.cost_per_day:
        return None
    if not rules.cohort.size:
        return WaitsByGroup(fair.by, (), 0)
    days = np.where(
        plan.opening == UNPLACED,
        rules.weights.unplaced_days,
        snapshot.problem.openings.day[plan.opening],
    )
    known = rules.cohort != NOBODY
    allowed = fair.permille / 1000 * float(days[known].mean())
    told: list[GroupWait] = []
    for number, name in enumerate(GROUPS[fair.by]):
        mine = days[rules.cohort == number]
        if mine.size >= FEWEST:
            mean = float(mine.mean())
            beyond = max(0.0, mean - allowed) * mine.size
            told.append(GroupWait(name, mine.size, round(mean, 1), round(beyond, 1)))
    others = int(known.sum()) - sum(wait.orders for wait in told)
    return WaitsByGroup(fair.by, tuple(told), others)
