"""Cutting a neighbourhood out of the plan, and writing back where its orders are.

What a block holds, and the rules by which it changes, is in `block`.
"""

from __future__ import annotations

import numpy as np

from solver.block import MOST, OPENING, Block, Narrow, come, reach, tail
from solver.compiled import kernel
from solver.families import MOST_CLASSES
from solver.layout import Columns
from solver.plan import PRICE_SCALE, UNPLACED
from solver.problem import Ints
from solver.shortlist import Shortlist

FAR_DAY = 10**6
SPARE = 2
"""Rows for places that are not listed: where an order is, and where it may go."""


@kernel
def _count(
    s: Shortlist,
    rows: Ints,
    block_of: Narrow,
    here: int,
    first: Narrow,
    last: Narrow,
) -> None:
    """Count the listed options in block `here`, and leave room for the spare rows."""
    for i in range(rows.shape[0]):
        j = rows[i]
        n = 0
        for r in range(s.listed[j]):
            if block_of[s.opening[j, r]] == here:
                n += 1
        last[i] = first[i] + n
        first[i + 1] = last[i] + SPARE


@kernel
def _fill(
    c: Columns,
    s: Shortlist,
    rows: Ints,
    taken: Ints,
    block_of: Narrow,
    number: Narrow,
    here: int,
    k: Block,
) -> None:
    """Copy the options of the block's orders, and where the orders are."""
    for i in range(rows.shape[0]):
        j = rows[i]
        n = k.first[i]
        nowhere = c.unplaced_cost[j] * PRICE_SCALE
        least = nowhere
        if s.listed[j] > 0:
            least = min(least, s.reduced[j, 0])
        k.unplaced[i, 0] = c.unplaced_cost[j]
        k.unplaced[i, 1] = (nowhere - least) // PRICE_SCALE
        k.hours[i, 0] = c.earliest_minute[j]
        k.hours[i, 1] = c.latest_minute[j]
        k.least[i] = least
        k.rules[i, 0] = min(c.earliest_day[j], FAR_DAY)
        k.rules[i, 1] = max(min(c.latest_day[j], FAR_DAY), -FAR_DAY)
        k.rules[i, 2] = c.wait_cost[j]
        k.rules[i, 3] = min(c.target_day[j], FAR_DAY)
        k.rules[i, 4] = c.late_cost[j]
        k.rules[i, 5] = max(min(c.breach_day[j], FAR_DAY), -FAR_DAY)
        k.rules[i, 6] = c.breach_cost[j]
        k.pair_row[i] = c.pair_start[j]
        for p in range(c.pair_start[j], c.pair_start[j + 1]):
            w = k.pair_first[i] + p - c.pair_start[j]
            k.ways[w, 0] = c.pair_scanner[p]
            k.ways[w, 1] = c.pair_minutes[p]
            k.ways[w, 2] = c.pair_cost[p]
        for r in range(s.listed[j]):
            b = s.opening[j, r]
            if block_of[b] != here:
                continue
            p = s.pair[j, r]
            k.option[n, 0] = number[b]
            k.option[n, 1] = s.cost[j, r]
            k.option[n, 2] = c.pair_minutes[p]
            k.option[n, 3] = min((s.reduced[j, r] - least) // PRICE_SCALE, MOST)
            k.pair[n] = p
            if b == taken[j]:
                k.at[i] = n
            n += 1
        if taken[j] >= 0 and k.at[i] < 0:
            k.at[i] = reach(k, i, number[taken[j]])
    for i in range(rows.shape[0]):
        o = k.at[i]
        if o >= 0:
            b = k.option[o, 0]
            at = k.member_count[b]
            k.member[k.member_start[b] + at] = i
            k.slot[i] = at
            k.member_count[b] = at + 1
            k.free[b] -= k.option[o, 2]
            come(k, i, b)


@kernel
def _pay(k: Block) -> None:
    """Sum what the block's openings pay for their tails."""
    for b in range(k.day.shape[0]):
        k.paid[0] += tail(k, b)


def cut_out(
    c: Columns,
    s: Shortlist,
    prices: tuple[Ints, Ints],
    *,
    rows: Ints,
    openings: Ints,
    taken: Ints,
    scanner: Ints,
    block_of: Narrow,
    number: Narrow,
    here: int,
    left: Ints,
) -> Block:
    """Return block `here`.

    Parameters
    ----------
    c, s, prices
        The problem, the listed options, and prices by minute and by exam.
    rows, openings
        Orders and openings of the block.
    taken, scanner
        The opening of every order, and the scanner of every opening.
    block_of, number
        Block of every opening, and the opening's number there.
    here
        Number of the block.
    left
        Exams left by contract, shared between blocks.
    """
    n, m = rows.shape[0], openings.shape[0]
    first, last = np.zeros(n + 1, np.int32), np.zeros(n, np.int32)
    _count(s, rows, block_of, here, first, last)
    options = int(first[-1])
    minutes, contract = c.minutes[openings], c.contract[openings]
    pair_first = np.zeros(n + 1, np.int32)
    np.cumsum(c.pair_start[rows + 1] - c.pair_start[rows], out=pair_first[1:])
    shortest = int(c.pair_minutes.min()) if c.pair_minutes.size else 1
    most = np.minimum(minutes // shortest, n)
    member_start = np.zeros(m + 1, np.int32)
    np.cumsum(most, out=member_start[1:])
    exam_price = np.concatenate([prices[1], [0]])[contract]
    some = c.family.size > 0
    span = np.stack([c.begin[openings], c.begin[openings] + minutes], axis=1)
    block = Block(
        order=rows,
        opening=openings,
        first=first,
        last=last,
        option=np.zeros((options, 4), np.int32),
        pair=np.zeros(options, np.int64),
        pair_first=pair_first,
        ways=np.zeros((int(pair_first[-1]), 3), np.int32),
        rules=np.zeros((n, 7), np.int32),
        list_mask=c.list_mask[rows],
        list_bit=c.list_bit[openings],
        least=np.zeros(n, np.int64),
        scanner=scanner[openings].astype(np.int32),
        day=c.day[openings].astype(np.int32),
        opening_cost=c.opening_cost[openings],
        exam_price=exam_price,
        unplaced=np.zeros((n, 2), np.int32),
        hours=np.zeros((n, 2), np.int32),
        span=span.astype(np.int32),
        price=prices[0][openings],
        contract=contract.astype(np.int32),
        left=left,
        at=np.full(n, UNPLACED, np.int32),
        was=np.full(n, UNPLACED, np.int32),
        pair_row=np.zeros(n, np.int64),
        slot=np.zeros(n, np.int32),
        member=np.zeros(int(member_start[-1]), np.int32),
        member_start=member_start,
        member_count=np.zeros(m, np.int32),
        free=minutes.astype(np.int32),
        family=c.family[rows if some else []].astype(np.int32),
        kind=c.kind[openings if some else []].astype(np.int32),
        class_of=c.class_of.astype(np.int32),
        path=c.path.astype(np.int32),
        held=np.zeros((m if some else 0, MOST_CLASSES), np.int32),
        classes=np.zeros(m if some else 0, np.int32),
        waste=c.waste,
        beside=c.beside[openings if c.beside.size else []].astype(np.int32),
        paid=np.zeros(1, np.int64),
    )
    _fill(c, s, rows, taken, block_of, number, here, block)
    _pay(block)
    return block


def write_back(block: Block, taken: Ints, taken_pair: Ints) -> None:
    """Say where the block's orders are, in the columns of the whole problem."""
    placed = block.at >= 0
    at = block.at[placed]
    rows = block.order[placed]
    taken[block.order[~placed]] = UNPLACED
    taken_pair[block.order[~placed]] = UNPLACED
    taken[rows] = block.opening[block.option[at, OPENING]]
    taken_pair[rows] = block.pair[at]
