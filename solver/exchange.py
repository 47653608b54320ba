"""Exchanges: an order takes the place of another, which goes elsewhere.

Where an order is left out, or is dear where it is, each opening that would be better is
tried: packed closer as it is, or with one of its exams sent to its next best place. A
packing or a place that breaks a rule is not found, and what does not gain is undone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.compiled import kernel
from solver.layout import FAR, Columns, first_opening, fits
from solver.parties import Trial, place_party
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.search import Search, has_room
from solver.sweeps import own_cost
from solver.ties import Ties, loose
from solver.timetable import (
    DAY_MINUTES,
    NO_START,
    Timetable,
    first_start,
    paid_in,
    seat,
    unseat,
)
from solver.waste import dearest

TRIES = 120
"""Packings tried for one order."""
MOST_STRETCHES = 2
"""Short stretches of an opening that an exchange may hope to close."""


class Shelf(NamedTuple):
    """Where the exams of one opening were, so that a try can be undone."""

    order: Ints
    pair: Ints
    start: Ints
    cost: Ints
    waiting: Ints


def shelf(x: Search) -> Shelf:
    """Return room for the exams of any opening, and one more."""
    most = 1 + int(np.diff(x.member_start).max(initial=0))
    return Shelf(*(np.zeros(most, np.int64) for _ in Shelf._fields))


@kernel
def _take_down(c: Columns, r: Ties, x: Search, t: Timetable, b: int, k: Shelf) -> int:
    """Take the loose exams out of opening `b` and onto the shelf; return how many."""
    n = 0
    at = x.member_start[b]
    while at < x.member_start[b] + x.member_count[b]:
        m = x.member[at]
        if loose(r, m):
            k.order[n], k.pair[n] = m, x.pair[m]
            k.start[n], k.cost[n] = t.start[m], x.cost[m]
            n += 1
            unseat(c, r, x, t, m)
        else:
            at += 1
    return n


@kernel
def _restore(
    c: Columns, r: Ties, x: Search, t: Timetable, b: int, n: int, k: Shelf
) -> None:
    """Put the exams on the shelf back where they were."""
    for i in range(n):
        unseat(c, r, x, t, k.order[i])
    for i in range(n):
        seat(c, r, x, t, k.order[i], b, k.pair[i], k.start[i], k.cost[i])


@kernel
def _pack(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    b: int,
    j: int,
    p: int,
    out: int,
    n: int,
    k: Shelf,
) -> bool:
    """Seat what was taken down but `out`, and order `j`, each as soon as it can be.

    What can start first goes first, then what has the earliest deadline. Return whether
    all have a start; if not, none of them is seated.
    """
    count = 0
    for i in range(n):
        if k.order[i] != out:
            k.waiting[count] = i
            count += 1
    k.order[n], k.pair[n] = j, p
    k.cost[n] = own_cost(c, r, x, j, b, p, 0)
    k.waiting[count] = n
    count += 1
    left: int = count
    while left > 0:
        best, best_at, best_end = -1, FAR, FAR
        for i in range(left):
            row = k.waiting[i]
            m = k.order[row]
            at = first_start(c, r, x, t, m, k.pair[row], b, 0, DAY_MINUTES)
            if at == NO_START:
                best = -1
                break
            end = c.latest_minute[m]
            if at < best_at or (at == best_at and end < best_end):
                best, best_at, best_end = i, at, end
        if best < 0:
            break
        row = k.waiting[best]
        seat(c, r, x, t, k.order[row], b, k.pair[row], best_at, k.cost[row])
        left -= 1
        k.waiting[best], k.waiting[left] = k.waiting[left], row
    if left == 0:
        return True
    for i in range(left, count):
        unseat(c, r, x, t, k.order[k.waiting[i]])
    return False


@kernel
def _instead(  # noqa: C901
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    j: int,
    p: int,
    b: int,
    spare: int,
    paid: int,
    nothing: Ints,
    free: Ints,
    w: Trial,
    k: Shelf,
    tries: int,
) -> tuple[int, int]:
    """Seat order `j`, which is out, in opening `b`, if that gains; return gain, tries.

    Parameters
    ----------
    spare
        What it saves to have order `j` there.
    paid
        What all openings paid for short stretches before order `j` was taken out.
    """
    d = c.pair_minutes[p]
    n = _take_down(c, r, x, t, b, k)
    minutes = x.free[b]
    if has_room(c, x, b, d):
        for i in range(-1, n):
            out, gone, was = -1, 0, 0
            if i >= 0:
                out, gone, was = k.order[i], c.pair_minutes[k.pair[i]], k.cost[i]
            exams = n + 1 if out < 0 else n
            if c.contract[b] >= 0 and x.left[c.contract[b]] < exams:
                continue
            needed = d - gone
            for q in range(n):
                needed += c.pair_minutes[k.pair[q]]
            if needed > minutes:
                continue
            tries += 1
            if tries > TRIES:
                break
            if not _pack(c, r, x, t, b, j, p, out, n, k):
                continue
            gain = spare + was + paid - t.paid[0]
            if out >= 0:
                limit = min(gain, c.unplaced_cost[out]) * PRICE_SCALE
                v = r.party_of[out]
                found = place_party(c, r, x, t, v, nothing, free, limit, w)
                gain -= found // PRICE_SCALE
            if gain > 0:
                return gain, tries
            if out >= 0:
                unseat(c, r, x, t, out)
            for q in range(n + 1):
                unseat(c, r, x, t, k.order[q])
    _restore(c, r, x, t, b, n, k)
    return 0, tries


@kernel
def exchange(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    rows: Ints,
    nothing: Ints,
    free: Ints,
    w: Trial,
    k: Shelf,
) -> int:
    """Let each of `rows` take a better place from others; return the gain.

    Parameters
    ----------
    rows
        Orders; those that are not `loose` are passed over.
    nothing, free
        Prices of zero by opening and by contract.
    """
    total = 0
    # The most that closing short stretches of an opening could gain.
    most = MOST_STRETCHES * dearest(c)
    for j in rows:
        if not loose(r, j):
            continue
        was_b, was_p, was_at, was = x.opening[j], x.pair[j], t.start[j], x.cost[j]
        paid = t.paid[0]
        unseat(c, r, x, t, j)
        gain, tries = 0, 0
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j] or gain > 0 or tries > TRIES:
                    break
                spare = was - own_cost(c, r, x, j, b, p, 0)
                hope = spare + paid - t.paid[0]
                if hope + most > 0:
                    hope += paid_in(c, r, x, t, b)
                if hope <= 0 or b == was_b or not fits(c, j, p, b):
                    continue
                gain, tries = _instead(
                    c, r, x, t, j, p, b, spare, paid, nothing, free, w, k, tries
                )
        if gain == 0 and was_b >= 0:
            seat(c, r, x, t, j, was_b, was_p, was_at, was)
        total += gain
    return total
