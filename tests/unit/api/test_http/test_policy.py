"""The policy is published: the one in force, and those that decisions name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from booking_engine.domain.errors import PolicyConflict
from booking_engine.domain.policy import Policy
from solver.terms import Constraint, Term


def policy_file(tmp_path: Path, version: str, minutes: int) -> Path:
    file = tmp_path / f"{version}-{minutes}.yaml"
    file.write_text(f"version: {version}\nhold_minutes: {minutes}\n")
    return file


def test_the_policy_in_force_is_published_with_every_term_and_rule(stored_world: Any):
    found = stored_world.http.get("/v1/policy")

    assert found.status_code == 200
    body = found.json()
    assert body["version"] == Policy().version
    assert body["present"] is True
    assert body["weights"]["routine"]["lists"] == ["general"]
    assert body["urgent_room"]["displaced_cost"]["urgent"] == 301
    assert body["fair_waits"] == {"by": "age", "permille": 1100, "cost_per_day": 0}
    assert body["unusable_gaps"] == {"minutes": 0, "cost_per_minute": 0}
    assert {term["name"] for term in body["terms"]} == set(Term)
    rules = {rule["name"]: rule["weight"] for rule in body["rules"]}
    assert set(Constraint) <= set(rules)
    assert set(rules.values()) == {"hard"}
    assert body["in_force_since"] == "2026-11-30T08:00:00+00:00"


def test_a_decision_leads_to_the_version_that_it_was_made_by(
    stored_world_of: Callable[..., Any], tmp_path: Path
):
    before = stored_world_of(policy=policy_file(tmp_path, "p1", 5))
    booked = before.booked()
    first = before.http.get("/v1/policy").json()
    decision = before.http.get(f"/v1/decisions/{booked['decision_id']}").json()
    before.clock.advance(timedelta(hours=1))
    dispatcher = before.runtime.dispatcher
    dispatcher.policy = Policy(version="p2", hold_minutes=9)
    before.runtime.prepare()

    now = before.http.get("/v1/policy").json()
    then = before.http.get(f"/v1/policy/{decision['policy_version']}").json()

    assert (now["version"], now["hold_minutes"]) == ("p2", 9)
    assert now["in_force_since"] == "2026-11-30T09:00:00+00:00"
    assert now["versions"] == ["p2", "p1"]
    assert then == {**first, "present": False, "versions": ["p2", "p1"]}
    missing = before.http.get("/v1/policy/p3")
    assert (missing.status_code, missing.json()["code"]) == (404, "known.not")


def test_an_engine_does_not_start_with_other_values_under_a_known_name(
    stored_world_of: Callable[..., Any], tmp_path: Path
):
    world = stored_world_of(policy=policy_file(tmp_path, "p1", 5))
    world.runtime.dispatcher.policy = Policy(version="p1", hold_minutes=6)

    with pytest.raises(PolicyConflict, match="hold_minutes was 5 and is 6"):
        world.runtime.prepare()
    assert world.http.get("/v1/policy/p1").json()["hold_minutes"] == 5
