"""Start times: from "this opening, some time" to "at 10:40".

Exams go back to back, the urgent first. Where families leave changeovers, those of one
family stand together, along the shortest path through the families. Where hours of the
day or a patient's other exams interfere, two greedy orders are tried besides; `exact`
decides the openings where all leave an exam out. What still has no start is ejected,
and `reinsert` looks for the cheapest place left anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.clock import Clock
from solver.compiled import inlined, kernel
from solver.exact import keep_most
from solver.families import MOST_CLASSES
from solver.layout import Columns, day_cost, first_opening, fits
from solver.problem import PATIENT_GAP_MINUTES, Ints
from solver.search import Search, has_room, put, take

NO_START = -1
BY_TIER, BY_DEADLINE, BY_FAMILY = 0, 1, 2
EXACT_OPENINGS = 200
"""Most openings that are handed to the exact method in one solve."""


class Kin(NamedTuple):
    """Orders by patient; only patients with two orders or more.

    Parameters
    ----------
    group
        Shape ``(orders,)``. Row of the patient, or -1.
    start
        Shape ``(patients + 1,)``. Block of each patient in `order`.
    order
        Rows of the patients' orders.
    """

    group: Ints
    start: Ints
    order: Ints


class Setups(NamedTuple):
    """Minutes between exams of different families, and what lies beside an opening.

    Parameters
    ----------
    family
        Shape ``(orders,)``, or ``(0,)`` where there are no families. Row, or -1.
    minutes
        Shape ``(families, families)``. From the end of one to the start of the next.
    scanner
        Shape ``(openings,)``. Scanner of each opening; as are the next four.
    before_family, before_end
        The last exam that has its start already, earlier on the scanner's day.
    after_family, after_start
        The first one that has it later on the day; `FAR` if there is none.
    kind, class_of, follow
        As in `Families`: what a shortest path through the families goes on with.
    """

    family: Ints
    minutes: NDArray[np.int64]
    scanner: Ints
    before_family: Ints
    before_end: Ints
    after_family: Ints
    after_start: Ints
    kind: Ints
    class_of: NDArray[np.int64]
    follow: NDArray[np.int64]


def no_setups() -> Setups:
    """Return that no exam leaves anything for the next to wait for."""
    nothing = np.zeros(0, np.int64)
    table = nothing.reshape(0, 0)
    beside = (nothing for _ in range(6))
    return Setups(*(nothing, table, *beside, table, nothing.reshape(0, 0, 0)))


def kin_of(c: Columns) -> Kin:
    """Group the orders by patient."""
    known, inverse, count = np.unique(
        c.patient, return_inverse=True, return_counts=True
    )
    shared = (known >= 0) & (count > 1)
    number = np.where(shared, np.cumsum(shared) - 1, -1)
    group = number[inverse].astype(np.int64)
    rows = np.flatnonzero(group >= 0)
    rows = rows[np.argsort(group[rows], kind="stable")]
    start = np.concatenate([[0], np.cumsum(count[shared])])
    return Kin(group, start.astype(np.int64), rows.astype(np.int64))


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


def reinsert(c: Columns, x: Search, kin: Kin, start: Ints) -> None:
    """Place unplaced orders in the time left, those that cost most first."""
    rows = np.flatnonzero(x.opening < 0)
    rows = rows[np.argsort(-c.unplaced_cost[rows], kind="stable")]
    _reinsert(c, x, kin, start, rows.astype(np.int64))


@inlined
def past_kin(
    c: Columns, x: Search, kin: Kin, start: Ints, j: int, day: int, at: int, d: int
) -> int:
    """Return the first start from `at` on that overlaps no exam of the patient."""
    g = kin.group[j]
    if g < 0:
        return at
    moved = True
    while moved:
        moved = False
        for q in range(kin.start[g], kin.start[g + 1]):
            i = kin.order[q]
            if i == j or start[i] < 0 or c.day[x.opening[i]] != day:
                continue
            end = start[i] + c.pair_minutes[x.pair[i]]
            if (
                at < end + PATIENT_GAP_MINUTES
                and start[i] < at + d + PATIENT_GAP_MINUTES
            ):
                at = end + PATIENT_GAP_MINUTES
                moved = True
    return at


@inlined
def between(s: Setups, f: int, j: int) -> int:
    """Return the minutes from an exam of family `f` to order `j`."""
    if f < 0 or s.family[j] < 0:
        return 0
    wanted: int = s.minutes[f, s.family[j]]
    return wanted


@kernel
def first_beside(c: Columns, x: Search, s: Setups, start: Ints, b: int, j: int) -> int:
    """Return the least start of order `j` after what lies before opening `b`."""
    first: int = c.begin[b]
    if s.family.shape[0] == 0 or s.family[j] < 0:
        return first
    first = max(first, s.before_end[b] + between(s, s.before_family[b], j))
    a = b - 1
    while a >= 0 and s.scanner[a] == s.scanner[b] and c.day[a] == c.day[b]:
        for i in range(x.member_start[a], x.member_start[a] + x.member_count[a]):
            m = x.member[i]
            if start[m] != NO_START:
                done = start[m] + c.pair_minutes[x.pair[m]]
                first = max(first, done + between(s, s.family[m], j))
        a -= 1
    return first


@kernel
def last_beside(c: Columns, x: Search, s: Setups, start: Ints, b: int, j: int) -> int:
    """Return the last end of order `j` before what lies behind opening `b`."""
    end: int = c.begin[b] + c.minutes[b]
    if s.family.shape[0] == 0 or s.family[j] < 0:
        return end
    if s.after_family[b] >= 0:
        wait: int = s.minutes[s.family[j], s.after_family[b]]
        end = min(end, s.after_start[b] - wait)
    a = b + 1
    while a < s.scanner.shape[0] and (
        s.scanner[a] == s.scanner[b] and c.day[a] == c.day[b]
    ):
        for i in range(x.member_start[a], x.member_start[a] + x.member_count[a]):
            m = x.member[i]
            if start[m] != NO_START:
                end = min(end, start[m] - between(s, s.family[j], m))
        a += 1
    return end


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


@inlined
def gap_start(
    c: Columns, x: Search, kin: Kin, start: Ints, j: int, p: int, b: int
) -> int:
    """Return the first start of order `j` between the exams of opening `b`, or -1."""
    d = c.pair_minutes[p]
    end = min(c.begin[b] + c.minutes[b], c.latest_minute[j])
    at = max(c.begin[b], c.earliest_minute[j])
    moved = True
    while moved and at + d <= end:
        moved = False
        for i in range(x.member_count[b]):
            m = x.member[x.member_start[b] + i]
            done = start[m] + c.pair_minutes[x.pair[m]]
            if at < done and start[m] < at + d:
                at = done
                moved = True
        later = past_kin(c, x, kin, start, j, c.day[b], at, d)
        if later > at:
            at = later
            moved = True
    return at if at + d <= end else -1


@kernel
def _reinsert(c: Columns, x: Search, kin: Kin, start: Ints, rows: Ints) -> None:
    """Place each of `rows` at the least cost that the time left allows."""
    for j in rows:
        best = c.unplaced_cost[j]
        best_b, best_p, best_at = -1, -1, -1
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            last = c.scanner_start[c.pair_scanner[p] + 1]
            for b in range(first_opening(c, j, p), last):
                if c.day[b] > c.latest_day[j]:
                    break
                cost = c.pair_cost[p] + day_cost(c, j, c.day[b])
                if cost >= best:
                    break
                cost += c.opening_cost[b]
                if (
                    cost < best
                    and has_room(c, x, b, c.pair_minutes[p])
                    and fits(c, j, p, b)
                ):
                    at = gap_start(c, x, kin, start, j, p, b)
                    if at >= 0:
                        best, best_b, best_p, best_at = cost, b, p, at
        if best_b >= 0:
            put(c, x, j, best_b, best_p, best)
            start[j] = best_at
