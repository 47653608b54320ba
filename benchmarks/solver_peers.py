"""The batch solver's peers: the whole assignment as one model.

They keep minutes and ceilings, not the clock, so they have the easier problem; and they
get the options of each order that are best at our prices.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from solver import Plan, Problem
from solver.layout import columns
from solver.problem import Ints
from solver.shortlist import shortlist

WIDTH = 12
"""Options per order in the models."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer found: cost in cost units, wall time, and how many have no place."""

    name: str
    cost: int
    seconds: float
    unplaced: int


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of the models, one entry each: order, opening, minutes, gain.

    The gain is what placing the order so saves on leaving it unplaced.
    """

    order: Ints
    opening: Ints
    minutes: Ints
    gain: Ints


def peers(
    problem: Problem, plan: Plan, *, seconds: float, workers: int
) -> Iterator[Answer]:
    """Yield the answer of each peer after at most `seconds` of its own search."""
    c = columns(problem)
    certificate = plan.certificate
    listed = shortlist(c, certificate.minute_price, certificate.exam_price, width=WIDTH)
    j, r = np.nonzero(np.arange(WIDTH)[None, :] < listed.listed[:, None])
    options = _Options(
        j,
        listed.opening[j, r],
        problem.pairs.minutes[listed.pair[j, r]],
        problem.orders.unplaced_cost[j] - listed.cost[j, r],
    )
    yield _cp_sat(problem, options, seconds, workers)
    yield _highs(problem, options, seconds)


def _groups(keys: Ints, size: int) -> list[Ints]:
    """Return the positions at which each key from 0 to ``size - 1`` occurs."""
    sort = np.argsort(keys, kind="stable")
    return np.split(sort, np.searchsorted(keys[sort], np.arange(1, size)))


def _answer(
    name: str, problem: Problem, x: _Options, taken: NDArray[np.bool_], seconds: float
) -> Answer:
    cost = int(problem.orders.unplaced_cost.sum() - x.gain[taken].sum())
    unplaced = len(problem.orders.key) - int(taken.sum())
    return Answer(f"{name}, {WIDTH} options an order", cost, seconds, unplaced)


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
    began = time.monotonic()
    status = engine.solve(model)
    spent = time.monotonic() - began
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
    began = time.monotonic()
    engine.run()
    spent = time.monotonic() - began
    value = np.array(engine.getSolution().col_value)
    found = value > 0.5 if value.shape[0] == n else np.zeros(n, bool)
    return _answer("HiGHS MIP, one model", problem, x, found, spent)
