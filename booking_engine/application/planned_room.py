"""Room for urgent orders to come, in plan runs and rebookings.

The same forecast and the same prices as in a search for one order; but what may be lost
by keeping room is limited, so that nobody is made late by somebody who may never come.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_

import numpy as np

from booking_engine.application.context import Context
from booking_engine.application.protecting import RoomKept
from booking_engine.application.snapshot import Snapshot
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.policy import Policy
from booking_engine.domain.vocabulary import Priority
from solver.kept_room import (
    ToCome,
    room_prices_by_class,
    stand_ins,
    with_stand_ins,
)
from solver.losses import Damage
from solver.plan import UNPLACED, Plan
from solver.problem import Problem


def with_room_kept(snapshot: Snapshot, context: Context) -> Snapshot:
    """Return the snapshot whose problem also stands in for urgent orders to come.

    The stand-ins are rows of the problem behind those of its orders.
    """
    to_come = _to_come(snapshot, context.room_kept, context.policy)
    if to_come is None or not snapshot.orders:
        return snapshot
    problem = with_stand_ins(snapshot.problem, to_come)
    more = len(problem.pairs.scanner) - len(snapshot.pair_km)
    km = np.concatenate([snapshot.pair_km, np.zeros(more, np.int64)])
    return replace(snapshot, problem=problem, pair_km=km)


def room_in(problem: Problem, plan: Plan) -> tuple[int, int]:
    """Return for how many exams to come a plan leaves room, and what the others cost.

    The second is in cost units, and a part of the plan's cost.
    """
    rows = stand_ins(problem)
    left_out = plan.opening[rows] == UNPLACED
    without = problem.orders.unplaced_cost[rows[left_out]]
    return int((~left_out).sum()), int(without.sum())


def with_room_priced(damage: Damage, snapshot: Snapshot, context: Context) -> Damage:
    """Return the damage in which whoever is not urgent pays for room that is kept."""
    to_come = _to_come(snapshot, context.room_kept, context.policy)
    if to_come is None:
        return damage
    problem = snapshot.problem
    openings = len(problem.openings.key)
    # Behind these openings are those where patients are busy otherwise.
    mine = (damage.opening >= 0) & (damage.opening < openings)
    taken = np.zeros(openings, np.int64)
    minutes = problem.pairs.minutes[damage.pair[mine]]
    np.add.at(taken, damage.opening[mine], minutes)
    price = room_prices_by_class(problem, to_come, taken)
    more = len(damage.problem.openings.key) - openings
    return replace(damage, room_price=np.pad(price, ((0, 0), (0, more))))


def _to_come(
    snapshot: Snapshot, kept: RoomKept | None, policy: Policy
) -> ToCome | None:
    """Return who is to come; ``None`` if nothing is kept from those being planned."""
    hard = policy.urgent_room.hard_targets
    most = policy.most_in_plans
    others = [each for each in Priority if each not in hard]
    if kept is None or not most or not others or not hard:
        return None
    lists = reduce(or_, (int(policy.weights[each].lists) for each in hard))
    keys = [ScannerId(key) for key in snapshot.problem.scanner_key]
    return ToCome(
        prices=kept.prices,
        kind_of_scanner=np.array([kept.kind(key) for key in keys], dtype=np.int64),
        tier=min(each.tier for each in others),
        list_mask=lists,
        most=most,
    )
