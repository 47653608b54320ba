"""From a problem to a plan with its certificate: the stages in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from solver.by_key import by_key
from solver.carry import Start
from solver.clock import Clock
from solver.construct import construct
from solver.costs import whole_terms
from solver.fair_plan import plan_fairly
from solver.fairness import guard_of
from solver.families import Families, families_of
from solver.family_packing import proved_by_families, shortened
from solver.family_worths import family_worths
from solver.gap import Gauge
from solver.improve import Found, improve
from solver.joint import as_unplaced, plan_jointly
from solver.layout import Columns, columns
from solver.limits import Limits
from solver.multipliers import MOST_OPTIONS, own_worths
from solver.offers import offers
from solver.plan import PRICE_SCALE, UNPLACED, Certificate, Plan
from solver.polish import SHARE as POLISH_SHARE
from solver.polish import polish, polishes
from solver.prices import Prices, proved
from solver.pricing import price_regions
from solver.problem import NO_GROUP, Problem
from solver.progress import Progress, Stage, Teller
from solver.regions import regions
from solver.rules import Changeovers, Rules, Weights
from solver.search import NO_START, empty, restore, take
from solver.sequence import sequence
from solver.setups import first_beside, last_beside, no_setups
from solver.shortlist import Shortlist, shortlist
from solver.subgradient import Worths
from solver.tiny import tiny_problem
from solver.validation import require_valid

SHORTLIST_WIDTH = 40
"""Options per order that the local search looks at."""
PRICES_SHARE = 0.3
"""Most of the time that prices may take."""
SEQUENCE_SHARE = 0.05
"""Time that is kept for start times."""
WORTHS_SHARE, FAMILY_WORTHS_SHARE = 0.013, 0.1
"""Time that the worths of the bound may take, where the problem is not too large;
without changeovers and with them."""


def solve(
    problem: Problem,
    *,
    limits: Limits,
    warm_prices: Certificate | None = None,
    start: Start | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Plan:
    """Place the orders of `problem` at least cost, as far as `limits` allow.

    Parameters
    ----------
    problem
        Checked first; raises `InvalidProblem` with a code, a key and a remedy.
    limits
        When to stop. With `work` and no `seconds` the plan is deterministic, and the
        rows of the orders decide nothing (`by_key`). The
        first solve of a process compiles first, or loads what was compiled before;
        that time is not counted.
    warm_prices
        Certificate of an earlier plan, its rows matched to this problem's openings
        and contracts (0 where one is new); prices start from there.
    start
        Prices and places of an earlier plan, its rows matched to this problem's (see
        `carried`); the search starts from there and `warm_prices` is not looked at.
    progress
        Called now and then, at most a few times a second per stage.
    stop
        Asked often, by any thread; once it says true, the solve ends within about a
        second with the best plan so far.
    """
    require_valid(problem)
    if limits.seconds is not None:
        compile_once()
        if problem.rules.asked:
            compile_rules_once()
    clock = Clock(limits.seconds, stop)
    if start is not None:
        _require_start(problem, start)
    tell = Teller(clock, progress)
    sorted_by = by_key(problem) if limits.seconds is None else None
    if sorted_by is None:
        return _guarded(problem, limits, clock, tell, warm_prices, start)
    begin = None if start is None else sorted_by.start(start)
    found = _guarded(sorted_by.problem, limits, clock, tell, warm_prices, begin)
    return sorted_by.plan(found)


def _guarded(
    problem: Problem,
    limits: Limits,
    clock: Clock,
    tell: Teller,
    warm_prices: Certificate | None,
    start: Start | None,
) -> Plan:
    """Return the plan of a problem that is valid, with a fairness guard or without."""
    guard = guard_of(problem)
    if guard is None:
        return _solved(problem, limits, clock, tell, warm_prices, start)
    if start is None and warm_prices is not None:
        _warm(columns(problem), warm_prices)
        nowhere = np.full(len(problem.orders.key), UNPLACED, np.int64)
        start = Start(
            warm_prices.minute_price, warm_prices.exam_price, nowhere, nowhere
        )
    quiet = Teller(clock, None)
    plan = plan_fairly(
        problem,
        guard,
        lambda at, some, brief, begin: _solved(at, some, brief, quiet, None, begin),
        limits=limits,
        clock=clock,
        start=start,
        report=lambda best, used: tell(
            Stage.IMPROVE, best.terms.total, best.certificate.bound, used
        ),
    )
    tell(Stage.DONE, plan.terms.total, plan.certificate.bound, 1.0)
    return replace(plan, seconds=clock.elapsed())


def _solved(
    problem: Problem,
    limits: Limits,
    clock: Clock,
    tell: Teller,
    warm_prices: Certificate | None,
    start: Start | None,
) -> Plan:
    """Return the plan of a problem without a guard, all stages in their order."""
    c = columns(problem)
    if start is not None:
        warm_prices = Certificate(start.minute_price, start.exam_price, 0)
    at = families_of(problem, c)

    warm = _warm(c, warm_prices)
    searched, guide, prices = offers(
        problem, c, lambda offered: _priced(offered, at, limits, clock, warm)
    )
    # With rules, the search lists its options later; here only the bound needs them.
    small = c.tier.shape[0] * SHORTLIST_WIDTH <= MOST_OPTIONS
    width = SHORTLIST_WIDTH if small or not problem.rules.asked else 0
    listed = shortlist(searched, guide.minute, guide.exam, width=width)
    own = _own_worths(searched, at, listed, guide, limits.seed, clock)
    prices = replace(prices, scaled_bound=prices.scaled_bound + own.gain)
    tell(Stage.PRICES, None, prices.bound)
    if c.tier.shape[0] == 0 or c.day.shape[0] == 0 or c.pair_scanner.shape[0] == 0:
        opening, pair, begins = as_unplaced(c)
    elif problem.rules.asked:
        opening, pair, begins = plan_jointly(
            problem,
            searched,
            guide,
            own.worth,
            limits=limits,
            clock=clock,
            report=lambda cost, used: tell(Stage.IMPROVE, cost, prices.bound, used),
        )
    else:
        x = construct(
            c,
            prices,
            listed,
            opening=None if start is None else start.opening,
            pair=None if start is None else start.pair,
        )
        tell(Stage.CONSTRUCT, int(x.cost.sum()), prices.bound)
        gauge = Gauge(c, prices, listed)

        def report(best: Found, used: float) -> None:
            parts = gauge.parts(best.cost, best.opening, best.pair)
            tell(Stage.IMPROVE, best.cost, prices.bound, used, parts)

        searching = clock.share(1.0 - SEQUENCE_SHARE)
        share = POLISH_SHARE if polishes(c) else 0.0
        improve(
            c,
            listed,
            x,
            prices=prices,
            limits=limits.part(1.0 - share),
            clock=searching.share(1.0 - share),
            bound=prices.bound,
            warm=start is not None,
            report=report if tell.listens else None,
        )
        gap = limits.target_gap * prices.bound
        if share and int(x.cost.sum()) - prices.bound > gap:
            polish(
                c,
                listed,
                x,
                prices=prices,
                worth=own.worth,
                limits=limits.part(share),
                clock=searching.share(1.0),
            )
        begins = sequence(c, x, seed=limits.seed, clock=clock)
        tell(Stage.SEQUENCE, int(x.cost.sum()), prices.bound, 1.0)
        opening, pair = x.opening, x.pair
        begins = np.where(opening >= 0, begins, 0)
    terms = whole_terms(problem, c, opening, pair, begins)
    tell(Stage.DONE, terms.total, prices.bound, 1.0)
    return Plan(
        opening=opening,
        pair=pair,
        start_minute=begins,
        terms=terms,
        certificate=Certificate(prices.minute, prices.exam, prices.bound, own.worth),
        seconds=clock.elapsed(),
    )


def _priced(
    offered: Columns,
    at: Families | None,
    limits: Limits,
    clock: Clock,
    warm: Prices | None,
) -> Prices:
    """Return good prices and what they prove, with changeovers or without."""

    def found(c: Columns, share: float) -> Prices:
        return price_regions(
            c,
            regions(c),
            seed=limits.seed,
            clock=clock.share(share),
            workers=limits.workers,
            warm=warm,
        )

    if at is None:
        return found(offered, PRICES_SHARE)
    # Which of the two proves more depends on how much room there is.
    tried = (offered, shortened(offered, at))
    return max(
        (
            proved_by_families(offered, at, found(c, PRICES_SHARE / len(tried)))
            for c in tried
        ),
        key=lambda prices: prices.scaled_bound,
    )


def _own_worths(
    c: Columns,
    at: Families | None,
    listed: Shortlist,
    prices: Prices,
    seed: int,
    clock: Clock,
) -> Worths:
    """Return worths that prove more than the prices, with changeovers or without."""
    if at is None:
        brief = clock.share(WORTHS_SHARE)
        return own_worths(c, listed, prices, seed=seed, clock=brief)
    brief = clock.share(FAMILY_WORTHS_SHARE)
    return family_worths(c, at, listed, prices, seed=seed, clock=brief)


@cache
def compile_once() -> None:
    """Compile the kernels of all stages, once in a process."""
    problem = tiny_problem()
    solve(problem, limits=Limits(work=1))
    c = columns(problem)
    x = empty(c)
    prices = proved(c, np.zeros(c.day.shape[0]), np.zeros(c.ceiling.shape[0]))
    listed = shortlist(c, prices.minute, prices.exam, width=SHORTLIST_WIDTH)
    # No plan costs less than nothing, so that the search does not end at once.
    improve(
        c,
        listed,
        x,
        prices=prices,
        limits=Limits(work=100),
        clock=Clock(None),
        bound=-1,
    )
    # Orders with a patient or a contract take no part in the polish.
    alone = np.full_like(c.patient, NO_GROUP)
    bare = c._replace(patient=alone, contract=np.full_like(c.contract, NO_GROUP))
    polish(
        bare,
        listed,
        empty(bare),
        prices=replace(prices, scaled_bound=-PRICE_SCALE),
        worth=alone[:0],
        limits=Limits(work=1),
        clock=Clock(None),
    )
    x = construct(c, prices, listed, opening=x.opening, pair=x.pair)
    restore(c, x, x.opening.copy(), x.pair.copy(), x.cost.copy())
    take(c, x, 0)
    # Asked one by one only where an opening leaves an exam out.
    start = np.full_like(x.opening, NO_START)
    first_beside(c, x, no_setups(), start, 0, 0)
    last_beside(c, x, no_setups(), start, 0, 0)


@cache
def compile_rules_once() -> None:
    """Compile the kernels that only problems with rules need, once in a process.

    Changeovers call the most; idle stretches that cost call what closes them.
    """
    rules = Rules(
        changeovers=Changeovers(np.zeros(2, np.int64), np.zeros(1, np.int64)),
        weights=Weights(gap_minutes=20, gap_cost=1),
    )
    solve(replace(tiny_problem(), rules=rules), limits=Limits(work=1))


def _warm(c: Columns, certificate: Certificate | None) -> Prices | None:
    """Return the prices of an earlier certificate if their shapes are right."""
    if certificate is None:
        return None
    minute, exam = certificate.minute_price, certificate.exam_price
    if minute.shape != c.day.shape or exam.shape != c.ceiling.shape:
        raise ValueError(
            f"warm_prices has {minute.shape[0]} openings and {exam.shape[0]} contracts;"
            f" the problem has {c.day.shape[0]} and {c.ceiling.shape[0]}. Match the"
            " rows by key first, with 0 where an opening is new."
        )
    return proved(c, minute, exam)


def _require_start(problem: Problem, start: Start) -> None:
    """Raise `ValueError` unless the start's places have one row for each order."""
    orders = len(problem.orders.key)
    for name in ("opening", "pair"):
        shape = getattr(start, name).shape
        if shape != (orders,):
            raise ValueError(
                f"start.{name} has shape {shape}; the problem has {orders}"
                " orders. Match the rows by key first, with carried()."
            )
