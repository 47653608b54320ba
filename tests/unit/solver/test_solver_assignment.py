"""Generalised assignment: the reader refuses what is not one, and names the place."""

from __future__ import annotations

import numpy as np
import pytest

from solver.instances import InvalidInstance
from solver.instances.assignment import (
    assignment_problem,
    generate_assignment,
    read_assignment,
)
from solver.validation import faults

GOOD = "2 3\n 5 6 7\n 8 9 1\n 1 2 3\n 4 5 6\n 10 20\n"


def written(tmp_path, text):
    file = tmp_path / "instance.txt"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_becomes_orders_scanners_and_openings(tmp_path):
    instance = read_assignment(written(tmp_path, GOOD))
    problem = assignment_problem(instance)
    assert faults(problem) == []
    assert problem.pairs.start.tolist() == [0, 2, 4, 6]
    assert problem.pairs.scanner.tolist() == [0, 1, 0, 1, 0, 1]
    assert problem.pairs.cost.tolist() == [5, 8, 6, 9, 7, 1]
    assert problem.pairs.minutes.tolist() == [1, 4, 2, 5, 3, 6]
    assert problem.openings.minutes.tolist() == [10, 20]
    assert problem.orders.unplaced_cost.tolist() == [36, 36, 36]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header"),
        ("2", "header"),
        ("0 3", "header"),
        ("2 3 1", "holds 3 numbers"),
        (GOOD + "7", "holds 17 numbers"),
        (GOOD.replace("9", "x"), "'x'"),
        (GOOD.replace("9", "1.5"), "'1.5'"),
        (GOOD.replace("9", "9" * 30), "holds"),
        (GOOD.replace("9", "-9"), "cost, row 4"),
        (GOOD.replace("1 2 3", "1 0 3"), "weight, row 1"),
        (GOOD.replace("10 20", "10 1441"), "capacity, row 1"),
        ("\u00e9", "cannot be read"),
    ],
)
def test_what_is_no_instance_is_refused_by_name(tmp_path, text, says):
    with pytest.raises(InvalidInstance, match=says):
        read_assignment(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInstance, match="cannot be read"):
        read_assignment(tmp_path / "none.txt")


def test_the_generator_repeats_itself_and_is_tight():
    one = generate_assignment(agents=5, jobs=100, seed=7)
    same = generate_assignment(agents=5, jobs=100, seed=7)
    other = generate_assignment(agents=5, jobs=100, seed=8)
    assert (one.cost == same.cost).all()
    assert (one.weight == same.weight).all()
    assert (one.cost != other.cost).any()
    share = one.capacity.sum() / one.weight.mean(axis=0).sum()
    assert 0.78 < share <= 0.8
    # Short jobs cost more: that is what makes the class hard.
    assert np.corrcoef(one.cost.ravel(), one.weight.ravel())[0, 1] < -0.3
