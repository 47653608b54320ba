"""Lifts are what forcing an option costs the bound; dives end with the best plan."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from solver.chance import seeded
from solver.dive import DONE, NEXT, TOO_DEAR, Manner, dive
from solver.lifts import field, lift
from solver.related import gather

MANNER = Manner(step=2.0, spread=100.0, part=0.02, noise=0.3)
WHOLE = 10**9


def drawn(seed, *, openings=3, orders=6):
    """Return cost and length, openings x orders, room, worth and the unplaced cost."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 30, (openings, orders))
    length = rng.integers(1, 6, (openings, orders))
    room = rng.integers(4, 9, openings)
    worth = rng.integers(0, 60, orders) / 2.0
    return cost, length, room, worth, np.full(orders, 40.0)


def field_of(cost, length, room, worth, nowhere):
    orders = cost.shape[1]
    opening, row = np.divmod(np.arange(cost.size), orders)
    return field(
        opening=opening,
        row=row,
        length=length.ravel(),
        cost=cost.ravel().astype(np.float64),
        room=room,
        worth=worth,
        nowhere=nowhere,
        ident=np.arange(cost.size),
    )


def loads(cost, length, room, worth, b):
    """Return every load of opening `b` that fits, and what it earns."""
    orders = cost.shape[1]
    for load in product((0, 1), repeat=orders):
        taken = np.array(load, bool)
        if length[b, taken].sum() <= room[b]:
            yield taken, float((worth[taken] - cost[b, taken]).sum())


def bound_with(cost, length, room, worth, forced=None):
    """Return the bound by trying all loads, one option forced if one is named."""
    bound = worth.sum()
    for b in range(cost.shape[0]):
        best = -np.inf
        for taken, earns in loads(cost, length, room, worth, b):
            if forced is None or taken[forced[1]] == (b == forced[0]):
                best = max(best, earns)
        bound -= best
    return bound


def least_cost(cost, length, room, nowhere):
    """Return the least cost by trying every plan."""
    openings, orders = cost.shape
    best = np.inf
    for plan in product(range(-1, openings), repeat=orders):
        at = np.array(plan)
        used = [length[b, at == b].sum() for b in range(openings)]
        if (used <= room).all():
            j = np.flatnonzero(at >= 0)
            best = min(best, cost[at[j], j].sum() + nowhere[at < 0].sum())
    return best


@pytest.mark.parametrize("seed", range(6))
def test_a_lift_is_what_forcing_the_option_adds_to_the_bound(seed):
    cost, length, room, worth, nowhere = drawn(seed)
    f = field_of(cost, length, room, worth, nowhere)
    bound = bound_with(cost, length, room, worth)
    assert lift(f) == pytest.approx(bound)
    for i in range(cost.size):
        b, j = divmod(i, cost.shape[1])
        if length[b, j] > room[b]:
            assert f.within[i] > 1e17
            continue
        forced = bound_with(cost, length, room, worth, forced=(b, j))
        assert f.within[i] == pytest.approx(forced - bound)
    for j in range(cost.shape[1]):
        # No place: the order pays `nowhere`, and the others share the openings.
        rest = np.arange(cost.shape[1]) != j
        out = bound_with(cost[:, rest], length[:, rest], room, worth[rest])
        lifts = f.within.reshape(cost.shape)[:, j]
        own = np.sort(np.append(lifts, nowhere[j] + out - bound))
        assert f.least[j] == pytest.approx(own[0])
        assert f.second[j] == pytest.approx(own[1])


DIVES, INSTANCES = 20, 8


def test_dives_meet_nearly_every_optimum():
    # They go down one path each; twenty of them find it on seven of eight instances.
    met = sum(optimum_met(seed) for seed in range(INSTANCES))
    assert met >= INSTANCES - 1


def optimum_met(seed):
    """Tell whether some dive finds the optimum; none may claim to beat it."""
    drawing = drawn(seed, openings=3, orders=6)
    cost, length, room, _, nowhere = drawing
    best = least_cost(cost, length, room, nowhere)
    met = []
    for number in range(DIVES):
        f = field_of(*drawing)
        state, settled, _ = dive(f, seeded(number), MANNER, 1e6, 0.0, WHOLE)
        assert state == DONE
        used = np.zeros_like(room)
        paid = 0.0
        for j, i in enumerate(f.at.tolist()):
            paid += nowhere[j] if i < 0 else cost.ravel()[i]
            if i >= 0:
                used[i // cost.shape[1]] += length.ravel()[i]
        assert paid == settled >= best
        assert (used <= room).all()
        met.append(settled)
        f = field_of(*drawing)
        state, _, _ = dive(f, seeded(number), MANNER, best - 1.0, 0.0, WHOLE)
        assert state == TOO_DEAR
    return min(met) == best


def test_a_dive_goes_on_where_its_budget_ended():
    drawing = drawn(3, openings=5, orders=30)
    at_once, piece_by_piece = field_of(*drawing), field_of(*drawing)
    _, whole, cells = dive(at_once, seeded(1), MANNER, 1e6, 0.0, WHOLE)
    random, settled, state, used, pieces = seeded(1), 0.0, NEXT, 0, 0
    while state == NEXT:
        state, settled, more = dive(piece_by_piece, random, MANNER, 1e6, settled, 1)
        used, pieces = used + more, pieces + 1
    assert pieces > 2
    assert (settled, used) == (whole, cells)
    assert (piece_by_piece.at == at_once.at).all()


def test_related_openings_are_different_near_and_never_barred():
    # Orders 0 to 3 of opening 0 are near to opening 2 alone; 1 may not be picked.
    near = np.zeros((6, 5), np.float32)
    near[:4, 2] = 1.0
    near[4:, 1] = 1.0
    opening = np.array([0, 0, 0, 0, 3, 4])
    weight = np.array([1.0, -1.0, 0.0, 0.0, 0.0])
    for seed in range(20):
        picked = np.zeros(4, np.int64)
        gather(near, opening, weight, seeded(seed), np.zeros(5), picked)
        assert picked[:2].tolist() == [0, 2]
        assert sorted(picked.tolist()) == [0, 2, 3, 4]
