"""The batch solver's peers: the whole assignment as one model.

They keep minutes and ceilings, not the clock, so they have the easier problem; and they
get the options of each order that are best at our prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import highspy
import numpy as np
import pyjobshop
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from benchmarks.timed import Timed, timed
from solver import Plan, Problem
from solver.layout import columns
from solver.plan import UNPLACED
from solver.problem import NO_GROUP, Ints
from solver.shortlist import shortlist

NAMES = ("cp-sat", "highs", "pyjobshop")
"""The peers, in the order in which they are measured."""

WIDTH = 12
"""Options per order in the models."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer found: cost in cost units, time spent, and who is where.

    `opening` and `pair` are those of a `Plan`, shape ``(orders,)``; no start times.
    """

    name: str
    cost: int
    spent: Timed
    opening: Ints
    pair: Ints

    @property
    def unplaced(self) -> int:
        """How many orders have no place."""
        return int((self.opening == UNPLACED).sum())


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of the models, one entry each: order, opening, pair, minutes, gain.

    The gain is what placing the order so saves on leaving it unplaced.
    """

    order: Ints
    opening: Ints
    pair: Ints
    minutes: Ints
    gain: Ints


def peers(
    problem: Problem, plan: Plan, *, names: Sequence[str], seconds: float, workers: int
) -> Iterator[Answer]:
    """Yield the answer of each peer of `NAMES` after at most `seconds` of its search.

    The options are the best at the prices of the certificate of `plan`.
    """
    c = columns(problem)
    certificate = plan.certificate
    listed = shortlist(c, certificate.minute_price, certificate.exam_price, width=WIDTH)
    j, r = np.nonzero(np.arange(WIDTH)[None, :] < listed.listed[:, None])
    options = _Options(
        j,
        listed.opening[j, r],
        listed.pair[j, r],
        problem.pairs.minutes[listed.pair[j, r]],
        problem.orders.unplaced_cost[j] - listed.cost[j, r],
    )
    for name in names:
        match name:
            case "cp-sat":
                yield _cp_sat(problem, options, seconds, workers)
            case "highs":
                yield _highs(problem, options, seconds)
            case "pyjobshop":
                yield _pyjobshop(problem, options, seconds, workers)
            case _:
                raise ValueError(f"No peer is called {name!r}: use one of {NAMES}.")


def _groups(keys: Ints, size: int) -> list[Ints]:
    """Return the positions at which each key from 0 to ``size - 1`` occurs."""
    sort = np.argsort(keys, kind="stable")
    return np.split(sort, np.searchsorted(keys[sort], np.arange(1, size)))


def _answer(
    name: str, problem: Problem, x: _Options, taken: NDArray[np.bool_], spent: Timed
) -> Answer:
    cost = int(problem.orders.unplaced_cost.sum() - x.gain[taken].sum())
    opening = np.full(len(problem.orders.key), UNPLACED)
    pair = opening.copy()
    opening[x.order[taken]] = x.opening[taken]
    pair[x.order[taken]] = x.pair[taken]
    return Answer(f"{name}, {WIDTH} options an order", cost, spent, opening, pair)


def _cp_sat(problem: Problem, x: _Options, seconds: float, workers: int) -> Answer:
    model = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in range(x.order.shape[0])]
    for rows in _groups(x.order, len(problem.orders.key)):
        model.add_at_most_one([taken[i] for i in rows])
    for b, rows in enumerate(_groups(x.opening, len(problem.openings.key))):
        room = int(problem.openings.minutes[b])
        model.add(sum(int(x.minutes[i]) * taken[i] for i in rows) <= room)
    contract = problem.openings.contract[x.opening]
    for k, ceiling in enumerate(problem.contract_ceiling):
        model.add(sum(taken[i] for i in np.flatnonzero(contract == k)) <= int(ceiling))
    model.maximize(sum(int(g) * v for g, v in zip(x.gain, taken, strict=True)))
    engine = cp_model.CpSolver()
    engine.parameters.max_time_in_seconds = seconds
    engine.parameters.num_workers = workers
    status, spent = timed(lambda: engine.solve(model))
    found = np.zeros(x.order.shape[0], bool)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        found = np.array([engine.boolean_value(v) for v in taken])
    return _answer("CP-SAT, one model", problem, x, found, spent)


def _highs(problem: Problem, x: _Options, seconds: float) -> Answer:
    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    engine.setOptionValue("time_limit", seconds)
    n = x.order.shape[0]
    every = np.arange(n, dtype=np.int32)
    engine.addVars(n, np.zeros(n), np.ones(n))
    engine.changeColsCost(n, every, -x.gain.astype(np.float64))
    engine.changeColsIntegrality(
        n, every, np.array([highspy.HighsVarType.kInteger] * n)
    )

    def at_most(limit: float, rows: Ints, weight: NDArray[np.generic]) -> None:
        engine.addRow(
            -highspy.kHighsInf,
            limit,
            rows.shape[0],
            rows.astype(np.int32),
            weight.astype(np.float64),
        )

    for rows in _groups(x.order, len(problem.orders.key)):
        at_most(1.0, rows, np.ones(rows.shape[0]))
    for b, rows in enumerate(_groups(x.opening, len(problem.openings.key))):
        at_most(float(problem.openings.minutes[b]), rows, x.minutes[rows])
    contract = problem.openings.contract[x.opening]
    for k, ceiling in enumerate(problem.contract_ceiling):
        rows = np.flatnonzero(contract == k)
        at_most(float(ceiling), rows, np.ones(rows.shape[0]))
    _, spent = timed(engine.run)
    value = np.array(engine.getSolution().col_value)
    found = value > 0.5 if value.shape[0] == n else np.zeros(n, bool)
    return _answer("HiGHS MIP, one model", problem, x, found, spent)


def _pyjobshop(problem: Problem, x: _Options, seconds: float, workers: int) -> Answer:
    """Return what PyJobShop finds: a job and a task per order, a mode per option.

    Its objectives are sums of times and know no cost of a mode. Openings and contracts
    are consumables here, of which a mode takes minutes and one exam whatever the time;
    so the clock is free to carry the cost: a mode lasts as many units as it costs, all
    tasks start at 0, and the total flow time is the cost of the plan. Staying unplaced
    is a mode that takes nothing. The seconds include the library's own building of the
    CP-SAT model, which its time limit does not count.
    """
    model = pyjobshop.Model()
    opening = [model.add_consumable(int(m)) for m in problem.openings.minutes]
    contract = [model.add_consumable(int(n)) for n in problem.contract_ceiling]
    unplaced_cost = problem.orders.unplaced_cost
    tasks = [
        # What costs more than staying unplaced is never taken: a tight time limit.
        model.add_task(model.add_job(deadline=int(u)), latest_start=0)
        for u in unplaced_cost
    ]
    for j, b, minutes, gain in zip(x.order, x.opening, x.minutes, x.gain, strict=True):
        of, amount = [opening[b]], [int(minutes)]
        if (k := int(problem.openings.contract[b])) != NO_GROUP:
            of.append(contract[k])
            amount.append(1)
        model.add_mode(tasks[j], of, int(unplaced_cost[j] - gain), amount)
    for task, u in zip(tasks, unplaced_cost, strict=True):
        model.add_mode(task, [], int(u))
    model.set_objective(weight_total_flow_time=1)
    result, spent = timed(
        lambda: model.solve(time_limit=seconds, num_workers=workers, display=False)
    )
    mode = np.array([task.mode for task in result.best.tasks], np.int64)
    found = np.zeros(x.order.shape[0], bool)
    found[mode[mode < x.order.shape[0]]] = True  # the rest stay unplaced
    return _answer("PyJobShop, one model", problem, x, found, spent)
