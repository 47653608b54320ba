"""Measure booking as orders come, with no knowledge of those that follow.

    python -m benchmarks online [--seed 1]
        [--part models|optimum|truong|network|seeds|latency]

The parts: the published single-scanner models beside other rules and hindsight, a
small diary beside its best possible rule, two classes of which one cannot wait beside
theirs, a network beside the plan that knew its future (once with all rules, and, only
if asked for, over several seeds), and the time that one ranking takes. Prints markdown
tables.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks import conditions, table
from benchmarks.online_foresight import network_part, seeds_part
from benchmarks.online_hindsight import hindsight, least_on_time
from benchmarks.online_optimum import average_cost, small_diary
from benchmarks.online_spells import (
    HISTORY_REPLICATIONS,
    fresh_and_history,
    with_interval,
)
from benchmarks.online_truong import truong_part
from solver import (
    DemandToCome,
    Occupied,
    Protection,
    earliest_by_urgency,
    rank_slots,
    room_prices,
    warm_up,
)
from solver.instances import Scale, generate
from solver.instances import online_policies as policies
from solver.instances.online_models import (
    Floats,
    OnlineModel,
    Outcome,
    nhs_like,
    ppq_like,
    simulate,
)
from solver.problem import Ints

PARTS = ("models", "optimum", "truong", "network", "seeds", "latency")
SMALL_LOADS = (0.8, 0.9, 1.0)
WRONG = (0.7, 1.3)
"""Factors by which the forecast is taken to be wrong."""
LATENCY = Scale(orders=50_000, scanners=150, days=42, load=0.95)
CALLS = 2_000
BEST = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """One rule on one model."""

    name: str
    seen: Outcome


def main() -> None:
    """Print the tables of the parts asked for."""
    parser = argparse.ArgumentParser(
        description="Measure booking as orders come.",
        epilog="Example: python -m benchmarks.online --part models --replications 100",
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is measured on")
    parser.add_argument("--part", choices=PARTS, help="all but seeds by default")
    parser.add_argument(
        "--model", default="", help="part of a published model's name; all by default"
    )
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--days", type=int, default=1500)
    parser.add_argument(
        "--seeds",
        type=int,
        default=5,
        choices=range(2, 11),
        help="how many the part seeds takes, from --seed on",
    )
    parser.add_argument(
        "--hindsight", type=int, default=20, help="replications of the clairvoyant"
    )
    given = parser.parse_args()
    size = f"{given.replications} replications of {given.days} days, from empty"
    print(conditions("Online booking", seed=given.seed, size=size))
    if given.part in {None, "models"}:
        for model in (ppq_like(), nhs_like(1.0), nhs_like(0.97)):
            if given.model in model.name:
                print(models_part(model, given), flush=True)
    if given.part in {None, "optimum"}:
        print(optimum_part(given), flush=True)
    if given.part in {None, "truong"}:
        print(truong_part(given), flush=True)
    if given.part in {None, "network"}:
        print(network_part(given.seed), flush=True)
    if given.part == "seeds":
        print(seeds_part(range(given.seed, given.seed + given.seeds)), flush=True)
    if given.part in {None, "latency"}:
        print(latency_part(given.seed), flush=True)


def models_part(model: OnlineModel, given: argparse.Namespace) -> str:
    """Return one model's table."""
    fresh, history = fresh_and_history(model, given)
    began = time.monotonic()
    rule = policies.learnt_bid_price(model, history)
    seconds = time.monotonic() - began
    rules = list(measured(model, rule, history, fresh))
    published = rules[0].seen
    least = least_on_time(model, fresh)
    rows = [row(one, published.cost, least) for one in rules]
    rows.append(
        (
            "knew all, nobody late",
            with_interval(least),
            with_interval(least - published.cost),
            f"{least.mean() / published.cost.mean():.2f}",
            *4 * ("",),
        )
    )
    first = fresh[: given.hindsight]
    known = np.array([hindsight(model, one) for one in first])
    best = next(one.seen.cost for one in rules if one.name == "ours")
    caption = (
        f"{model.name}. Ours: earliness {rule.earliness:.4f}, learnt and tuned in"
        f" {seconds:.1f} s from {HISTORY_REPLICATIONS} other replications."
        f" On the first {known.shape[0]} replications hindsight that may book late pays"
        f" {known.mean():.2f}, ours {best[: known.shape[0]].mean():.2f}, the policy of"
        f" 2008 {published.cost[: known.shape[0]].mean():.2f}.\n\n"
    )
    headings = (
        "rule",
        "cost a day",
        "less the 2008 policy's",
        "share of it",
        "above the least on time",
        "overtime %, by class",
        "mean wait, by class",
        "late %",
    )
    return caption + table(headings, rows) + "\n"


def measured(
    model: OnlineModel, best: policies.BidPrice, history: Ints, fresh: Ints
) -> Iterator[Measured]:
    """Run every rule on the same arrivals; the policy of 2008 comes first."""
    levels = policies.learnt_forecast(model, policies.protection_level, history)
    between = policies.Between
    rules = {
        "2008 policy, first class earliest": policies.published_2008(
            model, between.EARLIEST
        ),
        "2008 policy, first class latest": policies.published_2008(
            model, between.LATEST
        ),
        "first come, first served": policies.first_come_first_served(model),
        "earliest within target": policies.earliest_within_target(model),
        "protection level, 95 %": policies.protection_level(model, levels),
        "ours": policies.bid_price(model, best),
    }
    for factor in WRONG:
        name = f"ours, forecast {factor - 1:+.0%}"
        rules[name] = policies.bid_price(model, best.scaled(factor))
    for name, rule in rules.items():
        yield Measured(name, simulate(model, rule, fresh))


def row(rule: Measured, published: Floats, least: Floats) -> tuple[str, ...]:
    """Return a rule's line of the table."""
    seen = rule.seen
    return (
        rule.name,
        with_interval(seen.cost),
        with_interval(seen.cost - published),
        f"{seen.cost.mean() / published.mean():.2f}",
        with_interval(seen.cost - least),
        " / ".join(f"{100 * share:.1f}" for share in seen.overtime_share),
        " / ".join(f"{wait:.1f}" for wait in seen.mean_wait),
        " / ".join(f"{100 * share:.1f}" for share in seen.late_share),
    )


def optimum_part(given: argparse.Namespace) -> str:
    """Return how far rules are from the best one of a small diary, exactly."""
    rows = []
    for load in SMALL_LOADS:
        model = small_diary(load)
        _, history = fresh_and_history(model, given)
        best = average_cost(model)
        within = average_cost(model, within_target=True)
        rules = {
            "ours": policies.bid_price(
                model, policies.learnt_bid_price(model, history)
            ),
            "2008 policy": policies.published_2008(model, policies.Between.EARLIEST),
            "earliest within target": policies.earliest_within_target(model),
        }
        for name, rule in rules.items():
            cost = average_cost(model, rule)
            rows.append(
                (
                    f"{load}",
                    name,
                    f"{cost:.3f}",
                    f"{within:.3f}",
                    f"{cost / within - 1:.2%}",
                    f"{best:.3f}",
                )
            )
    caption = (
        "Diary of 3 slots and 5 days, two classes: cost a day in the long run, exact"
        " by value iteration.\n\n"
    )
    headings = (
        "load",
        "rule",
        "cost a day",
        "best without lateness",
        "above it",
        "best with lateness",
    )
    return caption + table(headings, rows) + "\n"


def latency_part(seed: int) -> str:
    """Return how long the best five places of one order take to find."""
    warm_up()
    problem = generate(LATENCY, seed=seed)
    taken = Occupied.by_plan(problem, earliest_by_urgency(problem))
    minutes = np.full(LATENCY.scanners, 25, np.int64)
    rates = np.full((LATENCY.scanners, 3, LATENCY.days), 0.2)
    prices = room_prices(
        DemandToCome.by_rates(rates, minutes),
        displaced_cost=np.full(3, 300.0),
        quantile=0.95,
        least_exams=1,
    )
    kinds = np.arange(LATENCY.scanners)
    zero = np.zeros(len(problem.openings.key), np.int64)
    rows = []
    chosen = np.random.default_rng(seed).integers(0, LATENCY.orders, CALLS)
    for name, by in (
        ("without protection", None),
        ("with protection", Protection(prices, kinds, 0)),
    ):
        spent = np.empty((CALLS, 2))
        for call, j in enumerate(chosen.tolist()):
            began = np.array([time.perf_counter(), time.thread_time()])
            rank_slots(
                problem,
                j,
                minute_price=zero,
                exam_price=problem.contract_ceiling,
                k=BEST,
                occupied=taken,
                protection=by,
            )
            spent[call] = [time.perf_counter(), time.thread_time()] - began
        for clock, column in (("wall", 0), ("processor", 1)):
            shown = 1000 * np.quantile(spent[:, column], [0.5, 0.99, 1.0])
            rows.append((name, clock, *(f"{ms:.2f}" for ms in shown)))
    caption = (
        f"Best {BEST} places of one order, {LATENCY.orders:,} open,"
        f" {LATENCY.scanners} scanners, {len(problem.openings.key):,} openings,"
        f" {CALLS:,} calls.\n\n"
    )
    headings = ("", "clock", "median ms", "p99 ms", "worst ms")
    return caption + table(headings, rows) + "\n"


if __name__ == "__main__":
    main()
