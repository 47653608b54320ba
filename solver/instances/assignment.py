"""Generalised assignment instances as problems, from files or from a seed.

The published problem nearest to the assignment layer: every job goes to one agent, the
agents have capacities, cost and weight depend on both; find the least total cost. An
agent becomes a scanner with a single opening, a unit of weight one minute; so weights
and capacities go up to the minutes of a day, which all published instances of classes C
and E keep.

What the instances lack, and so do not test: days, waiting and lateness, hours, list
types, contracts, patients with several exams, tiers, changeovers. What they have that
we do not: a job may never be left out. Here it may, at a cost above any job's dearest
agent; so a plan answers the published problem only if `left_out` counts none. A bound
for the problem with that choice also holds without it.

Format, that of the OR-Library's gap files: the numbers of agents and jobs, then the
costs and the weights agent by agent, then the capacities, all whole numbers divided by
any white space.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solver.fault import COST_MAX
from solver.instances.invalid import InvalidInstance
from solver.plan import UNPLACED, Plan
from solver.problem import NO_GROUP, Openings, Orders, Pairs, Problem
from solver.validation_rules import DAY_MINUTES

LEFT_OUT_FACTOR = 4
"""Cost of leaving a job out, in units of the dearest assignment.

A chain that lets a job in moves a few others, each for at most the dearest assignment;
in the published classes a factor of 2 is enough already.
"""

MOST_JOBS = 10**6
"""Jobs or agents beyond which a header is taken for a mistake."""

HEADER, MOST_DIGITS = 2, 18
CLASS_E_SPREAD = 1000.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A generalised assignment problem; minimise.

    Parameters
    ----------
    cost, weight
        Shape ``(agents, jobs)``; costs from 0 on, weights from 1 on.
    capacity
        Shape ``(agents,)``; from 1 on.
    """

    cost: NDArray[np.int64]
    weight: NDArray[np.int64]
    capacity: NDArray[np.int64]


def read_assignment(file: Path) -> Assignment:
    """Read one instance; raise `InvalidInstance` for anything that is not one."""
    try:
        words = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(
            file, "", None, f"cannot be read: {error}", "Give a text file."
        ) from error
    numbers = np.zeros(len(words), np.int64)
    for row, word in enumerate(words):
        if not word.removeprefix("-").isdecimal() or len(word) > MOST_DIGITS:
            raise _refused(
                file, "", row, f"holds {word[:20]!r}", "Give whole numbers only."
            )
        numbers[row] = int(word)
    if len(words) < HEADER or not all(
        0 < n <= MOST_JOBS for n in numbers[:HEADER].tolist()
    ):
        raise _refused(
            file,
            "header",
            None,
            f"is {' '.join(words[:HEADER])!r}",
            f"Begin with the numbers of agents and jobs, 1 to {MOST_JOBS} each.",
        )
    agents, jobs = numbers[:HEADER].tolist()
    wanted = HEADER + 2 * agents * jobs + agents
    if len(words) != wanted:
        raise _refused(
            file,
            "",
            None,
            f"holds {len(words)} numbers",
            f"Give {wanted} for {agents} agents and {jobs} jobs.",
        )
    size = agents * jobs
    cost, weight, capacity = np.split(numbers[HEADER:], [size, 2 * size])
    for field, values, least, most in (
        ("cost", cost, 0, COST_MAX // LEFT_OUT_FACTOR),
        ("weight", weight, 1, DAY_MINUTES),
        ("capacity", capacity, 1, DAY_MINUTES),
    ):
        bad = np.flatnonzero((values < least) | (values > most))
        if bad.size:
            row = int(bad[0])
            raise _refused(
                file, field, row, f"is {values[row]}", f"Give {least} to {most}."
            )
    shape = (agents, jobs)
    return Assignment(cost.reshape(shape), weight.reshape(shape), capacity)


def assignment_problem(instance: Assignment) -> Problem:
    """Return the instance as a problem, an agent as a scanner with one opening."""
    agents, jobs = instance.cost.shape
    nothing, one = np.zeros(jobs, np.int64), np.ones(jobs, np.int64)
    row = np.zeros(agents, np.int64)
    left_out = max(1, LEFT_OUT_FACTOR * int(instance.cost.max()))
    return Problem(
        orders=Orders(
            key=tuple(f"job-{j + 1}" for j in range(jobs)),
            tier=nothing.copy(),
            patient=np.full(jobs, NO_GROUP, np.int64),
            earliest_day=nothing.copy(),
            latest_day=nothing.copy(),
            earliest_minute=nothing.copy(),
            latest_minute=one * DAY_MINUTES,
            list_mask=one.copy(),
            wait_cost=nothing.copy(),
            target_day=nothing.copy(),
            late_cost=nothing.copy(),
            breach_day=one.copy(),
            breach_cost=nothing.copy(),
            unplaced_cost=one * left_out,
        ),
        pairs=Pairs(
            start=np.arange(jobs + 1, dtype=np.int64) * agents,
            scanner=np.tile(np.arange(agents, dtype=np.int64), jobs),
            minutes=instance.weight.T.ravel().copy(),
            cost=instance.cost.T.ravel().copy(),
        ),
        openings=Openings(
            key=tuple(f"agent-{a + 1}" for a in range(agents)),
            scanner_start=np.arange(agents + 1, dtype=np.int64),
            day=row.copy(),
            begin_minute=row.copy(),
            minutes=instance.capacity.copy(),
            list_bit=row + 1,
            cost=row.copy(),
            contract=row + NO_GROUP,
        ),
        contract_ceiling=np.zeros(0, np.int64),
        scanner_key=tuple(f"agent-{a + 1}" for a in range(agents)),
        policy_version="generalised-assignment",
    )


def left_out(plan: Plan) -> int:
    """Return how many jobs the plan leaves out; the published problem allows none."""
    return int((plan.opening == UNPLACED).sum())


def generate_assignment(*, agents: int, jobs: int, seed: int) -> Assignment:
    """Return a random instance by the published rule of class E.

    Weights are ``1 - 10 ln(u)`` and costs ``1000 / weight - 10 ln(v)``, with u and v
    uniform on (0, 1]; each agent has 0.8 of its fair share of the weight (Yagiura,
    Ibaraki and Glover, European Journal of Operational Research 169, 2006).
    """
    rng = np.random.default_rng(seed)
    shape = (agents, jobs)
    weight = np.ceil(1.0 - 10.0 * np.log(1.0 - rng.random(shape)))
    cost = np.ceil(CLASS_E_SPREAD / weight - 10.0 * np.log(1.0 - rng.random(shape)))
    capacity = np.maximum(1, np.floor(0.8 * weight.sum(axis=1) / agents))
    return Assignment(
        cost.astype(np.int64), weight.astype(np.int64), capacity.astype(np.int64)
    )


def _refused(
    file: Path, field: str, row: int | None, found: str, remedy: str
) -> InvalidInstance:
    return InvalidInstance(file, field=field, row=row, found=found, remedy=remedy)
