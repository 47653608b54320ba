"""From prices to a timetable where orders are joined, booked, or share what they need.

Parties that the fast search cannot see (visits, bookings, shared resources, supplies,
patients whose journeys count) are placed first, at the prices, in the order of what
they would lose. The others are planned in the time that is left, sequenced, and then
everything is looked at once more: what has no place is placed, what gains by moving
moves. A rule is never broken on the way; what cannot be kept is left out and tried
again elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.clock import Clock
from solver.closing import close_gaps, desk
from solver.compiled import kernel
from solver.construct import construct
from solver.exchange import exchange, shelf
from solver.families import Families, families_at
from solver.family_sets import family_sets, served, serving
from solver.free_time import FreeTime, free_time
from solver.improve import costs_at, improve
from solver.layout import FAR, Columns
from solver.limits import Limits
from solver.packing import worths
from solver.parties import Trial, trial
from solver.plan import PRICE_SCALE, UNPLACED
from solver.prices import Prices, cheapest
from solver.problem import Ints, Problem
from solver.search import NO_START, Search, empty, restore
from solver.sequence import sequence
from solver.setups import Setups
from solver.shortlist import shortlist
from solver.sweeps import better_places, by_stake, own_cost, place_parties
from solver.ties import Ties, ties
from solver.timetable import Timetable, seat, timetable

WIDTH = 40
"""Options per order that the local search looks at."""
FIRST_SHARE = 0.9
"""Share of the search after which an opening keeps back the minutes that it lacked."""
SETS_SHARE, SERVING_SHARE = 0.2, 0.6
"""Of the search with changeovers: to choose the families that each opening serves, and
of the rest to search with these."""
SWEEPS = 3
"""Most rounds in which parties move to better places and take those of others."""
EXCHANGES = 1500
"""Orders, those with most to gain, that may take another's place."""
SEARCH_SHARE, SEARCH_SHARE_ALONE = 0.7, 0.95
"""Share of the time left for the fast search, and where that sees all orders and
their changeovers; exchanges take the rest."""


@dataclass(frozen=True, slots=True)
class State:
    """A plan under way with all that the kernels need."""

    problem: Problem
    c: Columns
    r: Ties
    x: Search
    t: Timetable
    w: Trial
    prices: Prices
    worth: Ints


def plan_jointly(
    problem: Problem,
    c: Columns,
    prices: Prices,
    worth: Ints,
    *,
    limits: Limits,
    clock: Clock,
    report: Callable[[int, float], None],
) -> tuple[Ints, Ints, Ints]:
    """Return opening, pair and start of every order, all rules kept.

    Parameters
    ----------
    problem, c
        The problem, and its columns with the contracts as `offers` states them.
    prices
        Prices of the openings' minutes and the contracts' exams.
    worth
        Worths of the orders that prove more than the prices, or empty; scaled.
    limits, clock
        When to stop.
    report
        Called with the plan's cost so far, and the share of the limit used, now and
        then.
    """
    r = ties(problem, c)
    worth = worth if worth.size else worths(c, prices.minute, prices.exam)
    s = State(problem, c, r, empty(c), timetable(problem, r), trial(), prices, worth)
    _seat_bookings(s)
    apart = _apart(s)
    least = np.zeros(c.tier.shape[0], np.int64)
    _cheapest_all(c, prices.minute, prices.exam, least)
    _place(s, np.unique(r.party_of[apart & (s.x.opening < 0)]), least, prices, clock)
    alone = r.family.shape[0] and not apart.any()
    share = SEARCH_SHARE_ALONE if alone else SEARCH_SHARE
    _fill_rest(s, apart, limits, clock.share(share), report)
    nothing = Prices(np.zeros_like(prices.minute), np.zeros_like(prices.exam), 0)
    _place(s, np.unique(r.party_of[s.x.opening < 0]), least, nothing, clock)
    _close(s, clock)
    report(_cost(s), 1.0)
    for _ in range(SWEEPS):
        gain = _sweep(s, nothing, clock) + _exchange(s, nothing, clock)
        report(_cost(s), 1.0)
        if gain == 0 or clock.expired():
            break
    _close(s, clock)
    return s.x.opening, s.x.pair, np.where(s.x.opening >= 0, s.t.start, 0)


def _cost(s: State) -> int:
    """Return the cost so far, short idle stretches included."""
    return int(s.x.cost.sum()) + int(s.t.paid[0])


def _close(s: State, clock: Clock) -> None:
    """Start exams anew in the openings that pay for short idle stretches."""
    used = s.x.member_count > 0
    rows = np.flatnonzero(used if s.c.waste.size else used[:0])
    k = desk(s.c, s.x)
    for some in clock.paced(rows.astype(np.int64)):
        close_gaps(s.c, s.r, s.x, s.t, some, k)


def _seat_bookings(s: State) -> None:
    """Put every booking where it is; a valid problem's bookings keep all rules."""
    for j in np.flatnonzero(s.r.booked >= 0).tolist():
        b, p = int(s.r.booked[j]), int(s.r.booked_pair[j])
        at = int(s.r.booked_minute[j])
        cost = own_cost(s.c, s.r, s.x, j, b, p, at)
        seat(s.c, s.r, s.x, s.t, j, b, p, at, cost)


def _apart(s: State) -> NDArray[np.bool_]:
    """Return which orders the fast search cannot see.

    A patient of whom one order is such has all orders so, that they do not overlap.
    """
    r, rules = s.r, s.problem.rules
    apart = (r.booked >= 0) | (r.draw_of >= 0)
    apart[rules.visits.order] = True
    needing = np.unique(rules.needs.pair)
    apart[np.searchsorted(s.c.pair_start, needing, side="right") - 1] = True
    if r.journey_cost[0]:
        apart[r.kin >= 0] = True
    patients = np.unique(r.kin[apart & (r.kin >= 0)])
    return apart | np.isin(r.kin, patients)


@kernel
def _cheapest_all(c: Columns, minute: Ints, exam: Ints, least: Ints) -> None:
    for j in range(least.shape[0]):
        least[j] = cheapest(c, minute, exam, j)


def _place(s: State, parties: Ints, least: Ints, at: Prices, clock: Clock) -> None:
    """Place what has no place, most to lose first."""
    rows = by_stake(s.c, s.r, least, parties)
    for some in clock.paced(rows):
        place_parties(s.c, s.r, s.x, s.t, some, at.minute, at.exam, s.w)


def _exchange(s: State, nothing: Prices, clock: Clock) -> int:
    """Let orders take the places of others; return the gain."""
    c, x = s.c, s.x
    least = np.zeros(c.tier.shape[0], np.int64)
    _cheapest_all(c, nothing.minute, nothing.exam, least)
    regret = x.cost - least // PRICE_SCALE
    rows = np.argsort(-regret, kind="stable")[:EXCHANGES]
    rows = rows[regret[rows] > 0].astype(np.int64)
    k, gain = shelf(x), 0
    for some in clock.paced(rows):
        gain += exchange(c, s.r, x, s.t, some, nothing.minute, nothing.exam, s.w, k)
    return gain


def _sweep(s: State, nothing: Prices, clock: Clock) -> int:
    """Let parties move to where they cost less; return the gain."""
    parties = np.arange(s.r.party_start.shape[0] - 1, dtype=np.int64)
    saved = trial()
    gain = 0
    for some in clock.paced(parties):
        gain += better_places(
            s.c, s.r, s.x, s.t, some, nothing.minute, nothing.exam, s.w, saved
        )
    before = _cost(s)
    left = np.unique(s.r.party_of[s.x.opening < 0]).astype(np.int64)
    for some in clock.paced(left):
        place_parties(s.c, s.r, s.x, s.t, some, nothing.minute, nothing.exam, s.w)
    return gain + before - _cost(s)


def _fill_rest(
    s: State,
    apart: NDArray[np.bool_],
    limits: Limits,
    clock: Clock,
    report: Callable[[int, float], None],
) -> None:
    """Plan the other orders in the time that is left, and seat those with a start."""
    free = free_time(s.c, s.r, s.x, s.t, np.flatnonzero(apart | (s.x.opening >= 0)))
    c, setups = free.columns, None
    if c.day.shape[0] == 0 or c.pair_scanner.shape[0] == 0 or apart.all():
        return
    prices = Prices(s.prices.minute[free.origin], s.prices.exam, s.prices.bound)
    known = int(s.x.cost[apart].sum())
    x: Search | None = None
    if s.r.family.shape[0]:
        c, setups, families = _with_changeovers(s, free)
        x = _serving_sets(s, c, families, prices, limits, clock, known, report)
        limits = limits.part(1.0 - SERVING_SHARE)
    reserve = np.zeros(c.day.shape[0], np.int64)
    shares = (1.0,) if setups is None else (FIRST_SHARE, 1.0)
    start = np.full(c.tier.shape[0], NO_START, np.int64)
    for share in shares:
        narrow = c._replace(minutes=c.minutes - reserve)
        found = _search(
            narrow, prices, limits.part(share), clock.share(share), x, known, report
        )
        x = empty(c)
        cost = costs_at(c, found.opening, found.pair)
        restore(c, x, found.opening, found.pair, cost)
        start = sequence(c, x, seed=limits.seed, clock=clock, setups=setups)
        out = np.flatnonzero((found.opening >= 0) & (x.opening < 0))
        if out.size == 0:
            break
        np.add.at(reserve, found.opening[out], c.pair_minutes[found.pair[out]])
        reserve = np.minimum(reserve, c.minutes)
    if x is None:
        return
    for j in np.flatnonzero(x.opening >= 0).tolist():
        b, p, at = int(free.origin[x.opening[j]]), int(x.pair[j]), int(start[j])
        seat(s.c, s.r, s.x, s.t, j, b, p, at, own_cost(s.c, s.r, s.x, j, b, p, at))


def _serving_sets(
    s: State,
    c: Columns,
    at: Families,
    prices: Prices,
    limits: Limits,
    clock: Clock,
    known: int,
    report: Callable[[int, float], None],
) -> Search:
    """Choose the families that openings serve, and search with these."""
    listed = shortlist(c, prices.minute, prices.exam, width=WIDTH)
    sets = family_sets(
        c,
        at,
        listed,
        prices.exam,
        s.worth,
        seed=limits.seed,
        clock=clock.share(SETS_SHARE),
    )
    held = serving(c, at, sets)
    part, brief = limits.part(SERVING_SHARE), clock.share(SERVING_SHARE)
    return _search(held, prices, part, brief, None, known, report, served(held))


def _search(
    c: Columns,
    prices: Prices,
    limits: Limits,
    clock: Clock,
    kept: Search | None,
    known: int,
    report: Callable[[int, float], None],
    among: Ints | None = None,
) -> Search:
    """Run the fast search on plain columns, from the plan `kept` if there is one.

    `among` are the classes that each kind of opening serves, if not all.
    """
    listed = shortlist(c, prices.minute, prices.exam, width=WIDTH, served=among)
    opening, pair = (None, None) if kept is None else (kept.opening, kept.pair)
    x = construct(c, prices, listed, opening=opening, pair=pair)
    improve(
        c,
        listed,
        x,
        prices=prices,
        limits=limits,
        clock=clock,
        bound=prices.bound - known,
        warm=kept is not None,
        report=lambda best, used: report(known + best.cost, used),
    )
    return x


def _with_changeovers(s: State, free: FreeTime) -> tuple[Columns, Setups, Families]:
    """Return the columns with their families, and the changeovers beside and inside."""
    r, c = s.r, free.columns
    stretches = c.day.shape[0]
    scanner = r.scanner[free.origin]
    before_family = np.full(stretches, -1, np.int64)
    before_end = np.zeros(stretches, np.int64)
    after_family = before_family.copy()
    after_start = np.full(stretches, FAR, np.int64)
    placed = np.flatnonzero(s.x.opening >= 0)
    begin = s.t.start[placed]
    end = begin + s.c.pair_minutes[s.x.pair[placed]]
    where = s.x.opening[placed]
    key = r.scanner[where] * (int(c.day.max()) + 1) + s.c.day[where]
    sort = np.lexsort((begin, key))
    placed, begin, end, key = placed[sort], begin[sort], end[sort], key[sort]
    here = scanner * (int(c.day.max()) + 1) + c.day
    for b in range(stretches):
        low, high = np.searchsorted(key, [here[b], here[b] + 1])
        after = low + int(np.searchsorted(begin[low:high], c.begin[b]))
        if after > low:
            before_family[b] = r.family[placed[after - 1]]
            before_end[b] = end[after - 1]
        if after < high:
            after_family[b] = r.family[placed[after]]
            after_start[b] = begin[after]
    at = families_at(
        c,
        r.family,
        r.setup,
        scanner=scanner,
        before=np.where(before_end == c.begin, before_family, -1),
        after=np.where(after_start == c.begin + c.minutes, after_family, -1),
    )
    c = c._replace(family=r.family, kind=at.kind, class_of=at.class_of, path=at.path)
    setups = Setups(
        r.family,
        r.setup,
        scanner,
        before_family,
        before_end,
        after_family,
        after_start,
        at.kind,
        at.class_of,
        at.follow,
    )
    return c, setups, at


def as_unplaced(c: Columns) -> tuple[Ints, Ints, Ints]:
    """Return the plan in which nobody has a slot, for a problem without openings."""
    rows = c.tier.shape[0]
    out = np.full(rows, UNPLACED, np.int64)
    return out, out.copy(), np.zeros(rows, np.int64)
