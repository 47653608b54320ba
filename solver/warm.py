"""Compile every kernel before the first request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solver.baselines import earliest_by_urgency
from solver.bidprices import DemandToCome, lost_at, room_prices
from solver.explain import explain_all
from solver.layout import columns
from solver.limits import Limits
from solver.losses import Loss, damaged
from solver.make_room import make_room
from solver.online import Protection, rank_slots
from solver.plan import UNPLACED
from solver.repair import improve_repair, repair_at_once
from solver.repair_model import Searched
from solver.repair_options import Neighbourhood, Places
from solver.solve import compile_once, compile_rules_once, solve
from solver.tiny import tiny_problem


def warm_up(*, rules: bool = True) -> None:
    """Compile every kernel on a tiny problem, so that no request waits for it.

    Without `rules`, those that only problems with rules need are left to the first of
    these; they are more than half of it.
    """
    compile_once()
    if rules:
        compile_rules_once()
    problem = tiny_problem()
    plan = solve(problem, limits=Limits(work=1, seed=1))
    earliest_by_urgency(problem)
    explain_all(problem, plan)
    prices = room_prices(
        DemandToCome(np.zeros((1, 1, 1)), np.ones(1, np.int64)),
        displaced_cost=np.zeros(1),
    )
    lost_at(prices.lost, 1, 0, 0, 0, 0)
    openings = replace(problem.openings, minutes=problem.openings.minutes * 2)
    both = replace(
        problem, openings=openings, contract_ceiling=problem.contract_ceiling * 2
    )
    begins = int(openings.begin_minute[0])
    damage = damaged(
        both,
        solve(both, limits=Limits(work=1, seed=1)),
        [Loss(0, begins, begins + 15)],
    )
    # With none of its neighbours allowed to move, all of them are weighed.
    improve_repair(damage, repair_at_once(damage), most_movable=0, seconds=0.1)
    # The first answer to so small a loss is proved at once: look further all the same.
    c, first = columns(damage.problem), repair_at_once(damage).places
    hood = Neighbourhood(
        damage.displaced,
        np.flatnonzero(damage.opening != UNPLACED),
        Places(damage.opening, damage.pair, damage.start_minute),
        move_cost=1,
        most_moves=None,
    )
    make_room(c, hood, first)
    Searched(c, hood, damage.minute_price, damage.exam_price).best(
        first, seconds=1.0, gap=-1.0, workers=1, seed=1
    )
    rank_slots(
        problem,
        0,
        minute_price=plan.certificate.minute_price,
        exam_price=plan.certificate.exam_price,
        k=1,
        protection=Protection(
            prices,
            kind_of_scanner=np.zeros(len(problem.scanner_key), np.int64),
            today=0,
        ),
    )
