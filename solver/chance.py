"""Seeded chance for the kernels: the same numbers on every machine and version.

The generator is SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014). Exponential variates come from a table of whole numbers,
so that no library's ``log`` or ``exp`` decides whether a move is accepted.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from solver.compiled import inlined, kernel
from solver.problem import Ints

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31 = np.uint64(30), np.uint64(27), np.uint64(31)
SHIFT_33 = np.uint64(33)

EXPONENTIAL_UNIT = 1000
"""The table counts in thousandths of the mean."""

EXPONENTIAL_SIZE = 4096


def seeded(seed: int) -> NDArray[np.uint64]:
    """Return the state of a generator: one 64-bit word, changed by each draw."""
    return np.array([seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)


def exponential_table() -> Ints:
    """Return the quantiles of the exponential distribution, in thousandths."""
    return np.array(
        [
            round(-EXPONENTIAL_UNIT * math.log((i + 0.5) / EXPONENTIAL_SIZE))
            for i in range(EXPONENTIAL_SIZE)
        ],
        dtype=np.int64,
    )


@inlined
def below(state: NDArray[np.uint64], n: int) -> int:
    """Draw a whole number from 0 to ``n - 1``; `n` less than 2**31."""
    state[0] += GAMMA
    z = state[0]
    z = (z ^ (z >> SHIFT_30)) * MIX_1
    z = (z ^ (z >> SHIFT_27)) * MIX_2
    z = z ^ (z >> SHIFT_31)
    return np.int64(((z >> SHIFT_33) * np.uint64(n)) >> SHIFT_31)  # type: ignore[return-value]


@kernel
def shuffle(state: NDArray[np.uint64], items: Ints) -> None:
    """Put `items` in random order, in place (Fisher-Yates)."""
    for i in range(items.shape[0] - 1, 0, -1):
        k = below(state, i + 1)
        items[i], items[k] = items[k], items[i]
