"""Parts of a problem that can be worked on at the same time.

Two scanners belong together if an order may use both, or if they share a contract.
Groups that nothing connects are *regions*: their bounds add up and their plans do not
touch. A region may be the ultrasound of a whole country, so the search cuts it further
into *neighbourhoods* of scanners that share many orders, differently in each round.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solver.chance import seeded, shuffle
from solver.compiled import kernel
from solver.layout import FAR, Columns
from solver.problem import Ints

SAMPLED_PAIRS = 400_000
"""Pairs that are looked at to see which scanners share orders."""


@dataclass(frozen=True, slots=True)
class Region:
    """Orders, openings and contracts that compete with no others; row numbers."""

    orders: Ints
    openings: Ints
    contracts: Ints
    scanners: Ints


def scanner_of_opening(c: Columns) -> Ints:
    """Return the scanner of each opening."""
    counts = np.diff(c.scanner_start)
    return np.repeat(np.arange(counts.shape[0]), counts).astype(np.int64)


def heads(c: Columns, *, by_orders: bool) -> Ints:
    """Return the least scanner of each scanner's group.

    Scanners are joined by contracts and, if `by_orders`, by the orders that may use
    them.
    """
    head = np.arange(c.scanner_start.shape[0] - 1)
    sort = np.argsort(c.contract, kind="stable")
    sort = sort[c.contract[sort] >= 0]
    edges = np.searchsorted(c.contract[sort], np.arange(c.ceiling.shape[0] + 1))
    sharing = scanner_of_opening(c)[sort]
    while True:
        before = head.copy()
        if by_orders:
            _join(head, c.pair_start, c.pair_scanner)
        _join(head, edges.astype(np.int64), sharing)
        if (head == before).all():
            return head


def regions(c: Columns) -> list[Region]:
    """Return the regions of the problem, the one with most orders first.

    Orders without a scanner belong to none.
    """
    head = heads(c, by_orders=True)
    has_pair = np.flatnonzero(c.pair_start[1:] > c.pair_start[:-1])
    order_head = head[c.pair_scanner[c.pair_start[has_pair]]]
    opening_head = head[scanner_of_opening(c)]
    with_contract = np.flatnonzero(c.contract >= 0)
    contract_head = np.full(c.ceiling.shape[0], -1, np.int64)
    contract_head[c.contract[with_contract]] = opening_head[with_contract]
    found = []
    for h in np.unique(order_head):
        found.append(
            Region(
                orders=has_pair[order_head == h].astype(np.int64),
                openings=np.flatnonzero(opening_head == h).astype(np.int64),
                contracts=np.flatnonzero(contract_head == h).astype(np.int64),
                scanners=np.flatnonzero(head == h).astype(np.int64),
            )
        )
    return sorted(found, key=lambda part: (-part.orders.shape[0], part.orders[0]))


def region_columns(c: Columns, part: Region) -> Columns:
    """Return the columns of one region, its rows numbered from 0."""
    j, b = part.orders, part.openings
    count = c.pair_start[j + 1] - c.pair_start[j]
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    p = np.repeat(c.pair_start[j] - start[:-1], count) + np.arange(start[-1])
    scanner = np.zeros(c.scanner_start.shape[0] - 1, np.int64)
    scanner[part.scanners] = np.arange(part.scanners.shape[0])
    contract = np.full(c.ceiling.shape[0] + 1, -1, np.int64)
    contract[part.contracts] = np.arange(part.contracts.shape[0])
    openings = np.diff(c.scanner_start)[part.scanners]
    return Columns(
        **{name: getattr(c, name)[j] for name in ORDER_COLUMNS},
        pair_start=start,
        pair_scanner=scanner[c.pair_scanner[p]],
        pair_minutes=c.pair_minutes[p],
        pair_cost=c.pair_cost[p],
        scanner_start=np.concatenate([[0], np.cumsum(openings)]).astype(np.int64),
        day=c.day[b],
        begin=c.begin[b],
        minutes=c.minutes[b],
        list_bit=c.list_bit[b],
        opening_cost=c.opening_cost[b],
        contract=contract[c.contract[b]],
        ceiling=c.ceiling[part.contracts],
        family=c.family[j] if c.family.size else c.family,
        kind=c.kind[b] if c.kind.size else c.kind,
        class_of=c.class_of,
        path=c.path,
        waste=c.waste,
        beside=c.beside[b] if c.beside.size else c.beside,
    )


ORDER_COLUMNS = Columns._fields[: Columns._fields.index("pair_start")]
"""The columns with one entry per order."""


@kernel
def _join(head: Ints, start: Ints, scanner: Ints) -> None:
    """Give the scanners of each row one head, the least; repeat until none changes."""
    changed = True
    while changed:
        changed = False
        for row in range(start.shape[0] - 1):
            least = FAR
            for p in range(start[row], start[row + 1]):
                least = min(least, head[scanner[p]])
            for p in range(start[row], start[row + 1]):
                if head[scanner[p]] > least:
                    head[scanner[p]] = least
                    changed = True


@dataclass(frozen=True, slots=True)
class Map:
    """Which scanners share orders, to cut neighbourhoods from.

    Parameters
    ----------
    group
        Shape ``(scanners,)``. Scanners that a contract joins are never parted.
    orders
        Shape ``(scanners,)``. Orders that look to the group, at its first scanner.
    start, neighbour, shared
        Groups that share sampled orders with group g, in compressed rows.
    """

    group: Ints
    orders: Ints
    start: Ints
    neighbour: Ints
    shared: Ints


def draw_map(c: Columns) -> Map:
    """Return the map of the problem's scanners."""
    scanners = c.scanner_start.shape[0] - 1
    group = heads(c, by_orders=False)
    count = np.diff(c.pair_start)
    nearest = group[c.pair_scanner[c.pair_start[:-1][count > 0]]]
    stride = max(1, c.pair_scanner.shape[0] // SAMPLED_PAIRS)
    rows = np.flatnonzero(count > 1)[::stride]
    first = c.pair_start[rows]
    here = np.repeat(group[c.pair_scanner[first]], count[rows] - 1)
    offset = np.arange(here.shape[0]) - np.repeat(
        np.cumsum(count[rows] - 1) - (count[rows] - 1), count[rows] - 1
    )
    there = group[c.pair_scanner[np.repeat(first + 1, count[rows] - 1) + offset]]
    apart = here != there
    code = np.concatenate(
        [here[apart] * scanners + there[apart], there[apart] * scanners + here[apart]]
    )
    known, shared = np.unique(code, return_counts=True)
    return Map(
        group=group,
        orders=np.bincount(nearest, minlength=scanners).astype(np.int64),
        start=np.searchsorted(known // max(1, scanners), np.arange(scanners + 1)),
        neighbour=known % max(1, scanners),
        shared=shared.astype(np.int64),
    )


def neighbourhoods(m: Map, *, orders: int, seed: int) -> NDArray[np.int32]:
    """Return the number of each scanner's neighbourhood, of about `orders` orders.

    A neighbourhood grows from a random scanner to the scanner that shares most orders
    with it, until it is large enough.
    """
    scanners = m.group.shape[0]
    visit = np.arange(scanners, dtype=np.int64)
    shuffle(seeded(seed), visit)
    number = np.full(scanners, -1, np.int32)
    count = 0
    for first in visit.tolist():
        if m.group[first] != first or number[first] >= 0:
            continue
        size = 0
        weight: dict[int, int] = {}
        edge = [(0, first)]
        while edge and size < orders:
            _, s = heapq.heappop(edge)
            if number[s] >= 0:
                continue
            number[s] = count
            size += int(m.orders[s])
            for e in range(m.start[s], m.start[s + 1]):
                t = int(m.neighbour[e])
                if number[t] < 0:
                    weight[t] = weight.get(t, 0) + int(m.shared[e])
                    heapq.heappush(edge, (-weight[t], t))
        count += 1
    return number[m.group]
