"""Which families each opening serves: a dive over sets, before orders are placed.

A search that moves one order at a time hardly ever empties an opening of a family: the
changeover goes only with its last exam, and until then nothing is gained. But worths
that prove a good bound tell which set of families each opening would take. So they are
asked first: a few sweeps (see `family_sweeps`), the openings that nearly always voted
for one set are held to it, the worths follow, and so on until all are. The search then
begins where a family of the set costs no further minutes, and any other all of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.chance import seeded, shuffle
from solver.clock import Clock
from solver.families import NO_CLASS, Families
from solver.family_sweeps import sweeps_over
from solver.layout import FAR, Columns
from solver.plan import PRICE_SCALE
from solver.problem import Ints
from solver.shortlist import Shortlist

ROUNDS, SWEEPS = 20, 5
"""Rounds, of which each holds a like number of openings to sets; most sweeps of one."""
STEP = 0.005
"""Step of the sweeps, as a share of the median worth."""
OPEN = -1
"""Set of an opening that is not held to one yet."""

Table = NDArray[np.int64]


def family_sets(
    c: Columns,
    at: Families,
    listed: Shortlist,
    exam_price: Ints,
    worth: Ints,
    *,
    seed: int,
    clock: Clock,
) -> Ints:
    """Return the set of classes that each opening should serve, as a bit mask.

    Parameters
    ----------
    c, at
        The problem and the families of its openings.
    listed
        The options that are looked at; none may be left.
    exam_price
        Shape ``(contracts,)``; scaled.
    worth
        Shape ``(orders,)``. What to begin from: worths that prove a good bound; scaled.
    seed
        Of the order in which openings are visited.
    clock
        Shortens the rounds, and ends them; then votes decide as they are.
    """
    openings = c.day.shape[0]
    sets = np.full(openings, OPEN, np.int64)
    if not listed.listed.any():
        return np.zeros(openings, np.int64)
    now = np.minimum(worth / PRICE_SCALE, c.unplaced_cost)
    step = STEP * max(1.0 / PRICE_SCALE, float(np.median(now[listed.listed > 0])))
    over = sweeps_over(c, at, listed, exam_price)
    state, visit = seeded(seed), np.arange(openings, dtype=np.int64)
    for number in range(ROUNDS):
        brief = clock.share(1.0 / (ROUNDS - number))
        over.votes[:] = 0
        for _ in range(SWEEPS):
            shuffle(state, visit)
            over.sweep(visit, now, step)
            if brief.expired():
                break
        rows = visit[sets[visit] == OPEN]
        if not clock.expired():
            sure = np.argsort(-over.votes[rows].max(axis=1), kind="stable")
            rows = rows[sure[: -(-rows.shape[0] // (ROUNDS - number))]]
        sets[rows] = over.votes[rows].argmax(axis=1)
        if (sets != OPEN).all():
            break
        over = over.held_to(*_held_to(at, sets))
    return sets


def _held_to(at: Families, sets: Ints) -> tuple[Ints, Table]:
    """Return kinds and paths by which openings take no family beyond their set.

    What the set takes in changeovers is gone, whoever comes.
    """
    kind, old, held = _kinds(at, sets)
    inside = (np.arange(at.path.shape[1])[None, :] | held[:, None]) == held[:, None]
    rows = np.arange(held.shape[0])
    whole = at.path[old, np.maximum(held, 0)]
    path = np.where(inside, whole[:, None], FAR)
    return kind, np.where(held[:, None] == OPEN, at.path[old[rows]], path)


def _kinds(at: Families, sets: Ints) -> tuple[Ints, Ints, Ints]:
    """Return each opening's kind by set, and of these the old kind and the set."""
    both = np.stack([at.kind, sets], axis=1)
    kinds, kind = np.unique(both, axis=0, return_inverse=True)
    return kind.reshape(-1).astype(np.int64), kinds[:, 0], kinds[:, 1]


def serving(c: Columns, at: Families, sets: Ints) -> Columns:
    """Return the problem in which openings keep the changeovers of their set back.

    Where the set is empty, nothing is kept back and any family may come.
    """
    kind, old, held = _kinds(at, sets)
    every = np.arange(at.path.shape[1])[None, :] | held[:, None]
    whole = at.path[old, held]
    kept = whole[kind]
    return c._replace(
        minutes=c.minutes - kept,
        family=at.family,
        kind=kind,
        class_of=at.class_of[old],
        path=at.path[old[:, None], every] - whole[:, None],
    )


def served(c: Columns) -> Ints:
    """Return the classes that cost no further minutes, by kind of `serving`."""
    classes = int(c.class_of.max(initial=NO_CLASS)) + 1
    alone = 1 << np.arange(classes)
    free = c.path[:, alone] == 0
    classes_free: Ints = (free * alone[None, :]).sum(axis=1).astype(np.int64)
    return classes_free
