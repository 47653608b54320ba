"""Which openings to search together: those between which orders may easily change.

An order is near an opening if its lift there is small. Openings are joined one by one,
by chance, those the more likely whose orders are near the openings chosen so far, or
that are near to the orders of these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solver.chance import below
from solver.compiled import inlined, kernel
from solver.lifts import Floats
from solver.problem import Ints

DRAWS = 2**20
CHOSEN = -1.0
"""Score of an opening that is out of the draw."""


@kernel
def gather(
    near: NDArray[np.float32],
    opening: Ints,
    weight: Floats,
    random: NDArray[np.uint64],
    score: Floats,
    picked: Ints,
) -> None:
    """Fill `picked` with different openings.

    Parameters
    ----------
    near
        Shape ``(orders, openings)``. From 0, far or impossible, to 1.
    opening
        Shape ``(orders,)``. Where each order is, or -1.
    weight
        Shape ``(openings,)``. How likely the first one is; below 0 for one that must
        not be picked. At least as many as are picked are not below 0.
    random
        Chance.
    score
        Shape ``(openings,)``. Scratch.
    picked
        Shape ``(size,)``; changed.
    """
    for b in range(score.shape[0]):
        score[b] = weight[b]
    for n in range(picked.shape[0]):
        a = _drawn(score, random)
        picked[n] = a
        if n == 0:
            for b in range(score.shape[0]):
                score[b] = 0.0 if weight[b] >= 0.0 else CHOSEN
        score[a] = CHOSEN
        for j in range(opening.shape[0]):
            here = opening[j]
            if here == a:
                for b in range(score.shape[0]):
                    if score[b] >= 0.0:
                        score[b] += near[j, b]
            elif here >= 0 and score[here] >= 0.0:
                score[here] += near[j, a]


@inlined
def _drawn(score: Floats, random: NDArray[np.uint64]) -> int:
    """Return the opening with the highest score times chance."""
    best, most = 0, -1.0
    for b in range(score.shape[0]):
        if score[b] >= 0.0:
            draw = score[b] * (1 + below(random, DRAWS))
            if draw > most:
                best, most = b, draw
    return best
