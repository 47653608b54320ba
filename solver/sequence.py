"""Start times: from "this opening, some time" to "at 10:40".

Exams go back to back, the urgent first. Where families leave changeovers, those of one
family stand together, along the shortest path through the families. Where hours of the
day or a patient's other exams interfere, two greedy orders are tried besides; `exact`
decides the openings where all leave an exam out. What still has no start is ejected,
and `reinsert` looks for the cheapest place left anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.clock import Clock
from solver.compiled import inlined, kernel
from solver.exact import keep_most
from solver.families import MOST_CLASSES
from solver.kin import Kin, kin_of, past_kin
from solver.layout import Columns
from solver.problem import Ints
from solver.reinsert import reinsert
from solver.search import NO_START, Search, take
from solver.setups import Setups, between, first_beside, last_beside, no_setups

BY_TIER, BY_DEADLINE, BY_FAMILY = 0, 1, 2
EXACT_OPENINGS = 200
"""Most openings that are handed to the exact method in one solve."""


def sequence(
    c: Columns,
    x: Search,
    *,
    seed: int,
    clock: Clock,
    setups: Setups | None = None,
) -> Ints:
    """Give every placed order a start; eject those that cannot have one.

    Without `setups`, what was ejected is placed again where there is time. Return the
    starts in minutes from midnight, `NO_START` for unplaced orders.
    """
    s = no_setups() if setups is None else setups
    start = np.full(c.tier.shape[0], NO_START, np.int64)
    kin = kin_of(c)
    scratch = np.zeros(c.tier.shape[0], np.int64)
    failed = np.zeros(c.day.shape[0], np.int64)
    _sequence_all(c, x, kin, s, start, scratch, failed)
    for b in np.flatnonzero(failed)[:EXACT_OPENINGS]:
        if clock.expired():
            break
        _exactly(c, x, kin, s, start, int(b), seed, clock.left())
    for j in np.flatnonzero((x.opening >= 0) & (start == NO_START)):
        take(c, x, int(j))
    if setups is None:
        reinsert(c, x, kin, start)
    return start


@inlined
def _turn(x: Search, s: Setups, start: Ints, b: int, turn: int) -> int:
    """Return the class whose exams in opening `b` are next, while any is left.

    That is class `turn` itself as long as one of its exams has no start; `MOST_CLASSES`
    for the begin, and once all that is left has no family.
    """
    to_come = 0
    begin = x.member_start[b]
    for i in range(begin, begin + x.member_count[b]):
        j = x.member[i]
        if start[j] == NO_START and s.family[j] >= 0:
            to_come |= 1 << s.class_of[s.kind[b], s.family[j]]
    if to_come == 0:
        return MOST_CLASSES
    if turn < MOST_CLASSES and to_come & (1 << turn):
        return turn
    found: int = s.follow[s.kind[b], turn, to_come]
    return found


@inlined
def _waits(s: Setups, b: int, j: int, turn: int) -> bool:
    """Tell whether another class than that of order `j` is next in opening `b`."""
    if s.family[j] < 0:
        return turn != MOST_CLASSES
    other: bool = s.class_of[s.kind[b], s.family[j]] != turn
    return other


@kernel
def _greedy(  # noqa: C901, PLR0912
    c: Columns, x: Search, kin: Kin, s: Setups, start: Ints, b: int, rule: int
) -> int:
    """Sequence one opening; return the number of exams left without a start.

    At each moment the exam goes on that can start first; among equals the most urgent
    or, by the second rule, the one with the earliest deadline. By the third, only
    exams of the family whose turn it is.
    """
    begin, count = x.member_start[b], x.member_count[b]
    for i in range(count):
        start[x.member[begin + i]] = NO_START
    now, family, freed = c.begin[b], -1, c.begin[b]
    turn = MOST_CLASSES
    left: int = count
    while left > 0:
        chosen, chosen_at, key_1, key_2 = -1, 0, 0, 0
        if rule == BY_FAMILY:
            turn = _turn(x, s, start, b, turn)
        for i in range(count):
            j = x.member[begin + i]
            if start[j] != NO_START:
                continue
            if rule == BY_FAMILY and _waits(s, b, j, turn):
                continue
            d = c.pair_minutes[x.pair[j]]
            at = max(now, c.earliest_minute[j])
            if s.family.shape[0] > 0:
                at = max(at, freed + between(s, family, j))
                at = max(at, first_beside(c, x, s, start, b, j))
            at = past_kin(c, x, kin, start, j, c.day[b], at, d)
            deadline = min(last_beside(c, x, s, start, b, j), c.latest_minute[j])
            if at + d > deadline:
                continue
            first, second = c.tier[j], deadline
            if rule == BY_DEADLINE:
                first, second = deadline, c.tier[j]
            better = chosen < 0 or at < chosen_at
            if not better and at == chosen_at:
                better = (
                    first < key_1
                    or (first == key_1 and second < key_2)
                    or (first == key_1 and second == key_2 and j < chosen)
                )
            if better:
                chosen, chosen_at, key_1, key_2 = j, at, first, second
        if chosen < 0:
            break
        start[chosen] = chosen_at
        now = chosen_at + c.pair_minutes[x.pair[chosen]]
        if s.family.shape[0] > 0 and s.family[chosen] >= 0:
            family, freed = s.family[chosen], now
        left -= 1
    return left


@kernel
def _sequence_all(
    c: Columns,
    x: Search,
    kin: Kin,
    s: Setups,
    start: Ints,
    scratch: Ints,
    failed: Ints,
) -> None:
    """Sequence every opening; note in `failed` how many exams have no start."""
    for b in range(c.day.shape[0]):
        begin, count = x.member_start[b], x.member_count[b]
        failed[b] = count + 1
        for rule in (BY_FAMILY, BY_TIER, BY_DEADLINE):
            if rule == BY_FAMILY and s.family.shape[0] == 0:
                continue
            left = _greedy(c, x, kin, s, start, b, rule)
            if left < failed[b]:
                failed[b] = left
                for i in range(count):
                    scratch[i] = start[x.member[begin + i]]
            if left == 0:
                break
        for i in range(count):
            start[x.member[begin + i]] = scratch[i]


def _exactly(
    c: Columns,
    x: Search,
    kin: Kin,
    s: Setups,
    start: Ints,
    b: int,
    seed: int,
    seconds: float | None,
) -> None:
    """Sequence one opening so that what is left out costs least."""
    begin = int(x.member_start[b])
    members = x.member[begin : begin + int(x.member_count[b])].astype(np.int64)
    minutes = c.pair_minutes[x.pair[members]]
    busy: list[list[tuple[int, int]]] = []
    for j in members:
        g = int(kin.group[j])
        kept = kin.order[kin.start[g] : kin.start[g + 1]] if g >= 0 else members[:0]
        busy.append(
            [
                (int(start[i]), int(start[i] + c.pair_minutes[x.pair[i]]))
                for i in kept
                if start[i] != NO_START
                and x.opening[i] != b
                and c.day[x.opening[i]] == c.day[b]
            ]
        )
    release = [first_beside(c, x, s, start, b, j) for j in members]
    deadline = [last_beside(c, x, s, start, b, j) for j in members]
    found = keep_most(
        release=np.maximum(release, c.earliest_minute[members]),
        deadline=np.minimum(deadline, c.latest_minute[members]),
        minutes=minutes,
        value=np.maximum(c.unplaced_cost[members] - x.cost[members], 0),
        busy=busy,
        patient=np.where(kin.group[members] >= 0, kin.group[members], -1),
        hint=start[members],
        seed=seed,
        setup=_setup_between(s, members),
        seconds=seconds,
    )
    if found is not None:
        start[members] = found


def _setup_between(s: Setups, members: Ints) -> NDArray[np.int64] | None:
    """Return the minutes from each of the members to each, or None for none at all."""
    if s.family.shape[0] == 0:
        return None
    family = s.family[members]
    wanted = s.minutes[family[:, None], family[None, :]]
    return np.where((family[:, None] < 0) | (family[None, :] < 0), 0, wanted)
