"""A network's orders as they come, beside the plan that knew them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks import table
from benchmarks.online_network import (
    SCANNERS,
    Half,
    Rule,
    book,
    carved,
    cheapest,
    earliest,
    foreseen,
    halves,
    learnt,
    ours,
)

LOAD = 0.9
WRONG = (0.7, 1.3)
"""Factors by which the forecast is taken to be wrong."""
CLAIRVOYANT_SECONDS = 45.0
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Quantiles of Student's distribution for the 95 % interval of 2 to 10 values."""


def network_part(seed: int) -> str:
    """Return the table of one network with all rules."""
    learn_on, measure_on = halves(LOAD, seed)
    problem = measure_on.problem
    plan, bound = foreseen(measure_on, CLAIRVOYANT_SECONDS)
    demand, each = learnt(learn_on)
    rules: dict[str, Rule] = {
        "ours": ours(problem, demand, each),
        **{
            f"ours, forecast {factor - 1:+.0%}": ours(
                problem, replace(demand, mean=demand.mean * factor), each
            )
            for factor in WRONG
        },
        "cheapest for the patient": cheapest(problem),
        "first come, first served": earliest(problem),
        "carve-out of 5 %": carved(problem, 0.05),
        "carve-out of 10 %": carved(problem, 0.1),
    }
    rows = [("the plan that knew all", f"{plan:,}", "", f"{plan / bound - 1:.1%}", "")]
    for name, rule in rules.items():
        cost, waits = cost_and_waits(measure_on, rule)
        above = f"{cost / plan - 1:.1%}", f"{cost / bound - 1:.1%}"
        rows.append((name, f"{cost:,}", *above, waits))
    caption = (
        f"Network at 90 % load: {len(problem.orders.key):,} orders, {SCANNERS}"
        f" scanners, displacement cost {each:.0f}. The plan that knew all took"
        f" {CLAIRVOYANT_SECONDS:.0f} s; its bound is {bound:,}.\n\n"
    )
    headings = ("rule", "cost", "above that plan", "above the bound", "mean wait")
    return caption + table(headings, rows) + "\n"


def cost_and_waits(half: Half, rule: Rule) -> tuple[int, str]:
    """Book a spell by `rule`; return its cost and the mean wait by tier."""
    done = book(half, rule)
    days = half.problem.openings.day
    wait = np.array([-1 if o is None else int(days[o.opening]) for o in done.options])
    placed = wait >= 0
    tier = half.problem.orders.tier
    means = [
        (wait - half.asks)[placed & (tier == i)].mean()
        for i in range(int(tier.max()) + 1)
    ]
    shown = " / ".join(f"{mean:.1f}" for mean in means)
    out = int((~placed).sum())
    return done.cost, shown + (f", {out} unplaced" if out else "")


def seeds_part(seeds: Sequence[int]) -> str:
    """Return how far rules are above the plan that knew all, over several networks.

    Parameters
    ----------
    seeds
        2 to 10, each of a network, what it learns from and what it is measured on.
    """
    above: dict[str, list[float]] = {}
    for seed in seeds:
        learn_on, measure_on = halves(LOAD, seed)
        problem = measure_on.problem
        plan, bound = foreseen(measure_on, CLAIRVOYANT_SECONDS)
        rules: dict[str, Rule] = {
            "ours": ours(problem, *learnt(learn_on)),
            "cheapest for the patient": cheapest(problem),
            "first come, first served": earliest(problem),
            "carve-out of 10 %": carved(problem, 0.1),
        }
        above.setdefault("the plan, above its bound", []).append(plan / bound - 1)
        for name, rule in rules.items():
            cost = book(measure_on, rule).cost
            above.setdefault(name, []).append(cost / plan - 1)
    half = STUDENT_95[len(seeds) - 2] / len(seeds) ** 0.5
    rows = [
        (
            name,
            *(f"{value:.1%}" for value in values),
            f"{np.mean(values):.1%} ± {half * np.std(values, ddof=1):.1%}",
        )
        for name, values in above.items()
    ]
    caption = (
        f"Cost above the plan that knew all ({CLAIRVOYANT_SECONDS:.0f} s), {SCANNERS}"
        f" scanners at {LOAD:.0%} load, by seed.\n\n"
    )
    headings = ("rule", *(str(seed) for seed in seeds), "mean, 95 % interval")
    return caption + table(headings, rows) + "\n"
