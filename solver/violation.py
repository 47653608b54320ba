"""What the checker reports, and the shape that each of its rules has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from solver.plan import Plan
from solver.problem import Problem
from solver.terms import Constraint


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    Parameters
    ----------
    constraint
        The rule.
    keys
        Keys of the orders, openings or contracts concerned.
    values
        What was found, by name.
    """

    constraint: Constraint
    keys: tuple[str, ...]
    values: tuple[tuple[str, int | str], ...]


Check = Callable[[Problem, Plan], Iterator[Violation]]
"""Yields what is broken of one rule."""


def named(**values: int | str) -> tuple[tuple[str, int | str], ...]:
    """Return what was found, by name, in numpy's numbers or Python's."""
    return tuple((k, v if isinstance(v, str) else int(v)) for k, v in values.items())
