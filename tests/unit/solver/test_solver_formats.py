"""What is written is read back; what is not ours is refused, with the place."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from solver import Limits, solve, verify
from solver.instances import (
    InvalidInstance,
    Scale,
    generate,
    load_columns,
    load_json,
    load_plan,
    save_columns,
    save_json,
    save_plan,
)


@pytest.fixture(scope="module")
def problem():
    return generate(
        Scale(orders=40, scanners=4, days=4, window_share=0.5, contract_share=0.5),
        seed=4,
    )


def same(left, right):
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if hasattr(left, "__dataclass_fields__"):
        return all(
            same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left)
        )
    return left == right


def test_json_gives_the_same_problem_and_bytes(problem, tmp_path):
    save_json(problem, tmp_path / "a.json")
    loaded = load_json(tmp_path / "a.json")
    save_json(loaded, tmp_path / "b.json")

    assert same(problem, loaded)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_columns_give_the_same_problem(problem, tmp_path):
    save_columns(problem, tmp_path / "large")

    assert same(problem, load_columns(tmp_path / "large"))


def test_an_empty_problem_survives_both(tmp_path):
    empty = generate(Scale(orders=0, scanners=0), seed=1)
    save_json(empty, tmp_path / "a.json")
    save_columns(empty, tmp_path / "a")

    assert same(empty, load_json(tmp_path / "a.json"))
    assert same(empty, load_columns(tmp_path / "a"))


def test_a_plan_survives_and_still_verifies(problem, tmp_path):
    plan = solve(problem, limits=Limits(work=5))
    save_plan(plan, tmp_path / "plan.json")

    loaded = load_plan(tmp_path / "plan.json")

    assert same(plan, loaded)
    assert verify(problem, loaded).accepted


def edited(problem, tmp_path, edit):
    file = tmp_path / "bad.json"
    save_json(problem, file)
    document = json.loads(file.read_text())
    edit(document)
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize(
    ("edit", "field", "row"),
    [
        (lambda d: d.update(version=3), "version", None),
        (lambda d: d.update(version=True), "version", None),
        (lambda d: d.update(format="other"), "format", None),
        (lambda d: d["orders"].pop("tier"), "orders.tier", None),
        (lambda d: d.pop("openings"), "openings.key", None),
        (lambda d: d["orders"]["tier"].__setitem__(3, 1.0), "orders.tier", 3),
        (lambda d: d["orders"]["tier"].__setitem__(2, None), "orders.tier", 2),
        (lambda d: d["orders"]["tier"].__setitem__(1, True), "orders.tier", 1),
        (lambda d: d["orders"]["tier"].__setitem__(1, 2**63), "orders.tier", 1),
        (lambda d: d["orders"]["key"].__setitem__(1, 7), "orders.key", 1),
        (lambda d: d["orders"].update(tier=4), "orders.tier", None),
        (lambda d: d["orders"]["tier"].pop(), "orders.tier", None),
        (lambda d: d["pairs"]["minutes"].__setitem__(0, 0), "pairs.minutes", None),
        (lambda d: d.update(policy_version=3), "policy_version", None),
    ],
)
def test_bad_json_names_field_and_row(problem, tmp_path, edit, field, row):
    file = edited(problem, tmp_path, edit)

    with pytest.raises(InvalidInstance) as caught:
        load_json(file)

    error = caught.value
    if field == "openings.key":
        assert error.field.startswith("openings.")
    else:
        assert error.field == field
    assert error.row == row
    assert error.remedy
    assert str(file) in str(error)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "NaN", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000]
)
def test_what_is_not_an_object_of_numbers_is_refused(tmp_path, text):
    file = tmp_path / "bad.json"
    file.write_text(text)

    for load in (load_json, load_plan):
        with pytest.raises(InvalidInstance):
            load(file)


def test_bytes_that_are_not_text_are_refused(tmp_path):
    file = tmp_path / "bad.json"
    file.write_bytes(b"\xff\xfe{}")

    with pytest.raises(InvalidInstance, match="not JSON"):
        load_json(file)


@pytest.mark.parametrize(
    "column",
    [
        np.zeros(40),
        np.full(40, np.nan),
        np.zeros((40, 1), np.int64),
        np.zeros(39, np.int64),
        np.zeros(40, np.int32),
    ],
)
def test_bad_columns_are_refused(problem, tmp_path, column):
    save_columns(problem, tmp_path)
    np.save(tmp_path / "orders.tier.npy", column)

    with pytest.raises(InvalidInstance) as caught:
        load_columns(tmp_path)

    assert caught.value.field == "orders.tier"


def test_missing_columns_and_manifests_are_refused(problem, tmp_path):
    save_columns(problem, tmp_path)
    (tmp_path / "pairs.cost.npy").unlink()
    with pytest.raises(InvalidInstance, match=r"pairs\.cost is missing"):
        load_columns(tmp_path)

    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InvalidInstance, match="not JSON"):
        load_columns(tmp_path)

    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InvalidInstance, match="does not exist"):
        load_columns(tmp_path)


def test_pickled_columns_are_not_loaded(problem, tmp_path):
    save_columns(problem, tmp_path)
    np.save(tmp_path / "orders.tier.npy", np.array([{}], object), allow_pickle=True)

    with pytest.raises(InvalidInstance, match="not a numpy column"):
        load_columns(tmp_path)


def test_a_plan_without_whole_claims_is_refused(problem, tmp_path):
    file = tmp_path / "plan.json"
    save_plan(solve(problem, limits=Limits(work=1)), file)
    document = json.loads(file.read_text())
    document["certificate"]["bound"] = 1.5
    file.write_text(json.dumps(document))

    with pytest.raises(InvalidInstance) as caught:
        load_plan(file)

    assert caught.value.field == "certificate.bound"


def test_the_example_of_the_documentation_is_solved_as_it_says(tmp_path):
    root = Path(__file__).parents[3]
    text = (root / "docs" / "instance-format.md").read_text(encoding="utf-8")
    file = tmp_path / "example.json"
    file.write_text(text.split("```json")[1].split("```")[0], encoding="utf-8")

    plan = solve(load_json(file), limits=Limits(work=1))

    assert plan.start_minute.tolist() == [540]
    assert plan.terms.total == plan.certificate.bound == 22
