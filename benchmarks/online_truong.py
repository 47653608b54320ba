"""Two classes of which one cannot wait: rules beside the best one, known exactly."""

from __future__ import annotations

import argparse
import time

from benchmarks import table
from benchmarks.online_queue import least_with_a_queue
from benchmarks.online_spells import fresh_and_history, with_interval
from solver.instances import online_truong as truong
from solver.instances.online_models import simulate

CASES = ((0.8, 5.0), (0.9, 2.0), (0.9, 5.0), (0.9, 20.0), (0.97, 5.0))
"""Load and cost of a day's wait."""


def truong_part(given: argparse.Namespace) -> str:
    """Return the table of the two-class model."""
    rows = []
    seconds = 0.0
    for load, wait_cost in CASES:
        model = truong.truong_like(load, wait_cost=wait_cost)
        fresh, history = fresh_and_history(model, given)
        best = least_with_a_queue(model)
        began = time.monotonic()
        tuned = truong.tuned_to_cost_least(model, history)
        seconds += time.monotonic() - began
        rules = {
            "ours, tuned": truong.by_priced_room(model, tuned),
            "ours, demand only counted": truong.by_priced_room(
                model, truong.learnt_by_counting(model, history)
            ),
            "as soon as possible": truong.as_soon_as_possible(model),
        }
        for name, rule in rules.items():
            cost = simulate(model, rule, fresh).cost
            rows.append(
                (
                    f"{load}",
                    f"{wait_cost:g}",
                    name,
                    with_interval(cost),
                    f"{best:.2f}",
                    f"{cost.mean() / best - 1:+.1%}",
                )
            )
    caption = (
        "Truong-like: 10 slots a day, urgent on the day they come, regular later;"
        f" the best in the long run, exact. Tuned in {seconds / len(CASES):.0f} s each"
        " on average.\n\n"
    )
    headings = ("load", "a day's wait", "rule", "cost a day", "best", "above it")
    return caption + table(headings, rows) + "\n"
