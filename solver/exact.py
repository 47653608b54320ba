"""One opening sequenced exactly: which exams to keep and when they start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from solver.problem import PATIENT_GAP_MINUTES, Ints

DETERMINISTIC_SECONDS = 0.3
"""CP-SAT's own measure of work, the same on every machine."""


def keep_most(
    *,
    release: Ints,
    deadline: Ints,
    minutes: Ints,
    value: Ints,
    busy: Sequence[Sequence[tuple[int, int]]],
    patient: Ints,
    hint: Ints,
    seed: int,
    setup: NDArray[np.int64] | None = None,
    seconds: float | None = None,
) -> Ints | None:
    """Return starts that keep the exams of greatest total value; -1 for the others.

    Parameters
    ----------
    release, deadline
        Between which minutes of the day each whole exam must lie.
    minutes
        Length of each exam.
    value
        What leaving the exam out costs; not negative.
    busy
        For each exam, begin and end of its patient's exams elsewhere.
    patient
        Exams with the same non-negative number keep the patient's gap.
    hint
        Starts known to be feasible; -1 where none is.
    seed
        Seed of the search; the work is limited, so that equal input gives equal output.
    setup
        Shape ``(exams, exams)``. Minutes from the end of one to the start of another.
    seconds
        Wall time to stop after besides, or None; equal input may then give other
        output.
    """
    model = cp_model.CpModel()
    starts: list[cp_model.IntVar] = []
    kept: list[cp_model.IntVar] = []
    intervals: list[cp_model.IntervalVar] = []
    own: defaultdict[int, list[cp_model.IntervalVar]] = defaultdict(list)
    for i in range(minutes.shape[0]):
        d, low = int(minutes[i]), int(release[i])
        high = max(low, int(deadline[i]) - d)
        start = model.new_int_var(low, high, "")
        present = model.new_bool_var("")
        if low + d > deadline[i]:
            model.add(present == 0)
        intervals.append(
            model.new_optional_fixed_size_interval_var(start, d, present, "")
        )
        spread = model.new_optional_fixed_size_interval_var(
            start, d + PATIENT_GAP_MINUTES, present, ""
        )
        taken = [
            model.new_fixed_size_interval_var(
                begin, end + PATIENT_GAP_MINUTES - begin, ""
            )
            for begin, end in busy[i]
        ]
        for other in taken:
            model.add_no_overlap([spread, other])
        if patient[i] >= 0:
            own[int(patient[i])].append(spread)
        model.add_hint(present, int(hint[i] >= 0))
        model.add_hint(start, int(hint[i]) if hint[i] >= 0 else low)
        starts.append(start)
        kept.append(present)
    model.add_no_overlap(intervals)
    if setup is not None:
        _keep_apart(model, starts, kept, minutes, setup)
    for same in own.values():
        model.add_no_overlap(same)
    # One more for each exam kept, so that an exam of no value is not dropped for fun.
    model.maximize(sum((int(v) + 1) * k for v, k in zip(value, kept, strict=True)))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.max_deterministic_time = DETERMINISTIC_SECONDS
    if seconds is not None:
        solver.parameters.max_time_in_seconds = seconds
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return np.array(
        [
            solver.value(s) if solver.boolean_value(k) else -1
            for s, k in zip(starts, kept, strict=True)
        ],
        dtype=np.int64,
    )


def _keep_apart(
    model: cp_model.CpModel,
    starts: Sequence[cp_model.IntVar],
    kept: Sequence[cp_model.IntVar],
    minutes: Ints,
    setup: NDArray[np.int64],
) -> None:
    """Leave the setup between each two exams that are kept, whichever comes first."""
    for i in range(len(starts)):
        for k in range(i):
            if not setup[i, k] and not setup[k, i]:
                continue
            first = model.new_bool_var("")
            for a, b, way in ((i, k, first), (k, i, first.negated())):
                end = starts[a] + int(minutes[a]) + int(setup[a, b])
                model.add(starts[b] >= end).only_enforce_if(kept[a], kept[b], way)
