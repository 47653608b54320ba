"""Measure booking as orders come, with no knowledge of those that follow.

    python -m benchmarks online [--part models|optimum|network|latency] [--seed 1]

Four parts: the published single-scanner models beside other rules and hindsight, a
small diary beside its best possible rule, a network beside the plan that knew its
future, and the time that one ranking takes.
Prints markdown tables.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import conditions, table
from benchmarks.online_hindsight import hindsight
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
from benchmarks.online_optimum import average_cost, small_diary
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
    arrivals_of,
    nhs_like,
    ppq_like,
    simulate,
)
from solver.problem import Ints

PARTS = ("models", "optimum", "network", "latency")
NORMAL_95 = 1.96
SMALL_LOADS = (0.8, 0.9, 1.0)
HISTORY_SEED = 1000
"""Added to the seed for the arrivals that are learnt from."""
HISTORY_REPLICATIONS = 50
WRONG = (0.7, 1.3)
"""Factors by which the forecast is taken to be wrong."""
CLAIRVOYANT_SECONDS = 45.0
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
    parser.add_argument("--part", choices=PARTS, help="all by default")
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--days", type=int, default=1500)
    parser.add_argument(
        "--hindsight", type=int, default=20, help="replications of the clairvoyant"
    )
    given = parser.parse_args()
    size = f"{given.replications} replications of {given.days} days, from empty"
    print(conditions("Online booking", seed=given.seed, size=size))
    if given.part in {None, "models"}:
        for model in (ppq_like(), nhs_like(1.0), nhs_like(0.97)):
            print(models_part(model, given), flush=True)
    if given.part in {None, "optimum"}:
        print(optimum_part(given), flush=True)
    if given.part in {None, "network"}:
        print(network_part(given.seed), flush=True)
    if given.part in {None, "latency"}:
        print(latency_part(given.seed), flush=True)


def models_part(model: OnlineModel, given: argparse.Namespace) -> str:
    """Return one model's table."""
    history = arrivals_of(
        model,
        replications=HISTORY_REPLICATIONS,
        days=given.days,
        seed=given.seed + HISTORY_SEED,
    )
    fresh = arrivals_of(
        model, replications=given.replications, days=given.days, seed=given.seed
    )
    began = time.monotonic()
    rule = policies.learnt_bid_price(model, history)
    seconds = time.monotonic() - began
    rules = list(measured(model, rule, history, fresh))
    published = rules[0].seen
    rows = [row(one, published.cost) for one in rules]
    first = fresh[: given.hindsight]
    known = np.array([hindsight(model, one) for one in first])
    best = next(one.seen.cost for one in rules if one.name == "ours")
    caption = (
        f"{model.name}. Ours: margin {rule.margin}, earliness {rule.earliness},"
        f" learnt in {seconds:.1f} s from {HISTORY_REPLICATIONS} other replications."
        f" On the first {known.shape[0]} replications hindsight pays"
        f" {known.mean():.2f}, ours {best[: known.shape[0]].mean():.2f}, the policy of"
        f" 2008 {published.cost[: known.shape[0]].mean():.2f}.\n\n"
    )
    headings = (
        "rule",
        "cost a day",
        "less the 2008 policy's",
        "share of it",
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


def row(rule: Measured, published: Floats) -> tuple[str, ...]:
    """Return a rule's line of the table."""
    seen = rule.seen
    return (
        rule.name,
        with_interval(seen.cost),
        with_interval(seen.cost - published),
        f"{seen.cost.mean() / published.mean():.2f}",
        " / ".join(f"{100 * share:.1f}" for share in seen.overtime_share),
        " / ".join(f"{wait:.1f}" for wait in seen.mean_wait),
        " / ".join(f"{100 * share:.1f}" for share in seen.late_share),
    )


def with_interval(values: Floats) -> str:
    """Return the mean with its 95 % interval over the replications."""
    half = NORMAL_95 * values.std(ddof=1) / values.shape[0] ** 0.5
    return f"{values.mean():.2f} ± {half:.2f}"


def optimum_part(given: argparse.Namespace) -> str:
    """Return how far rules are from the best one of a small diary, exactly."""
    rows = []
    for load in SMALL_LOADS:
        model = small_diary(load)
        history = arrivals_of(
            model,
            replications=HISTORY_REPLICATIONS,
            days=given.days,
            seed=given.seed + HISTORY_SEED,
        )
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


def network_part(seed: int) -> str:
    """Return the network's table, at 90 % load."""
    learn_on, measure_on = halves(0.9, seed)
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
