"""What the online models are measured on and learnt from, and how means are shown."""

from __future__ import annotations

import argparse

from solver.instances.online_models import Floats, OnlineModel, arrivals_of
from solver.problem import Ints

NORMAL_95 = 1.96
HISTORY_SEED = 1000
"""Added to the seed for the arrivals that are learnt from."""
HISTORY_REPLICATIONS = 50


def fresh_and_history(
    model: OnlineModel, given: argparse.Namespace
) -> tuple[Ints, Ints]:
    """Return the arrivals to measure on and, of another seed, those to learn from."""
    fresh = arrivals_of(
        model, replications=given.replications, days=given.days, seed=given.seed
    )
    history = arrivals_of(
        model,
        replications=HISTORY_REPLICATIONS,
        days=given.days,
        seed=given.seed + HISTORY_SEED,
    )
    return fresh, history


def with_interval(values: Floats) -> str:
    """Return the mean with its 95 % interval over the replications."""
    half = NORMAL_95 * values.std(ddof=1) / values.shape[0] ** 0.5
    return f"{values.mean():.2f} ± {half:.2f}"
