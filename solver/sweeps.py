"""Passes over the parties: place those that are out, and move those that gain by it."""

from __future__ import annotations

import numpy as np

from solver.compiled import kernel
from solver.layout import Columns, day_cost
from solver.parties import Trial, journey, place_party
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.search import Search
from solver.ties import Ties
from solver.timetable import Timetable, is_moved, seat, unseat


@kernel
def place_parties(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    parties: Ints,
    minute_price: Ints,
    exam_price: Ints,
    w: Trial,
) -> None:
    """Place each of `parties`, all out, where that beats leaving it out."""
    for v in parties:
        limit = 0
        for n in range(r.party_start[v], r.party_start[v + 1]):
            limit += c.unplaced_cost[r.forward[n]] * PRICE_SCALE
        place_party(c, r, x, t, v, minute_price, exam_price, limit, w)


@kernel
def own_cost(c: Columns, r: Ties, x: Search, j: int, b: int, p: int, at: int) -> int:
    """Return what order `j` costs at a place, with the move and the journey."""
    cost: int = c.pair_cost[p] + day_cost(c, j, c.day[b]) + c.opening_cost[b]
    cost += journey(c, r, x, j, b)
    if is_moved(r, j, b, at):
        cost += r.move_cost[j]
    return cost


@kernel
def better_places(
    c: Columns,
    r: Ties,
    x: Search,
    t: Timetable,
    parties: Ints,
    nothing: Ints,
    free: Ints,
    w: Trial,
    saved: Trial,
) -> int:
    """Move each placed party of `parties` to where it costs least; return the gain.

    Parameters
    ----------
    nothing, free
        Prices of zero by opening and by contract.
    saved
        Working memory for where a party was.
    """
    gain = 0
    for v in parties:
        first = r.party_start[v]
        members = r.party_start[v + 1] - first
        if x.opening[r.forward[first]] < 0:
            continue
        fixed = False
        for k in range(members):
            j = r.forward[first + k]
            fixed = fixed or r.frozen[j] == 1
            saved.best_opening[k], saved.best_pair[k] = x.opening[j], x.pair[j]
            saved.best_start[k] = t.start[j]
        if fixed:
            continue
        paid = t.paid[0]
        for k in range(members):
            unseat(c, r, x, t, r.forward[first + k])
        present = _put_back(c, r, x, t, first, members, saved)
        for k in range(members):
            unseat(c, r, x, t, r.forward[first + k])
        limit = (present + paid - t.paid[0]) * PRICE_SCALE
        found = place_party(c, r, x, t, v, nothing, free, limit, w)
        if found < limit:
            gain += (limit - found) // PRICE_SCALE
        else:
            _put_back(c, r, x, t, first, members, saved)
    return gain


@kernel
def _put_back(
    c: Columns, r: Ties, x: Search, t: Timetable, first: int, members: int, w: Trial
) -> int:
    """Seat a party where it was; return what it costs there."""
    total = 0
    for k in range(members):
        j = r.forward[first + k]
        b, p, at = w.best_opening[k], w.best_pair[k], w.best_start[k]
        cost = own_cost(c, r, x, j, b, p, at)
        seat(c, r, x, t, j, b, p, at, cost)
        total += cost
    return total


def by_stake(c: Columns, r: Ties, least: Ints, parties: Ints) -> Ints:
    """Return the parties, those first that lose most by having no place.

    Parameters
    ----------
    least
        Shape ``(orders,)``. Least cost of each order, scaled, unplaced included.
    """
    stake = c.unplaced_cost * PRICE_SCALE - least
    of_party = np.zeros(r.party_start.shape[0] - 1, np.int64)
    np.add.at(of_party, r.party_of, stake)
    return parties[np.argsort(-of_party[parties], kind="stable")].astype(np.int64)
