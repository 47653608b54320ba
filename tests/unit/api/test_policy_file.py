"""The policy as a file, and the commands that write, check and show one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.policy import DEFAULT_FILE, load_policy
from booking_engine.domain.policy import Policy
from booking_engine.domain.published_policy import content_of, digest_of
from booking_engine.domain.vocabulary import Priority
from booking_engine.settings import SettingsError


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    return file


def test_the_file_of_the_defaults_is_what_holds_without_a_file():
    default = load_policy(DEFAULT_FILE)

    assert default.version == Policy().version
    assert content_of(default) == content_of(Policy())


def test_what_a_file_leaves_out_stays_as_by_default(tmp_path: Path):
    policy = load_policy(
        written(
            tmp_path,
            "version: north-1\n"
            "max_travel_km: 40\n"
            "urgent_room:\n"
            "  least_exams: 2\n"
            "  displaced_cost: {urgent: 500}\n"
            "  hard_targets: [immediate]\n",
        )
    )

    assert policy.max_travel_km == 40
    assert policy.weights == Policy().weights
    room = policy.urgent_room
    assert (room.least_exams, room.history_weeks) == (2, 8)
    assert room.hard_targets == frozenset({Priority.IMMEDIATE})
    assert policy.displaced_cost(Priority.URGENT) == 500
    assert policy.displaced_cost(Priority.ROUTINE) == 77


ROUTINE_LINES = """version: x
weights:
  routine:
    target_days: 35
    wait: {wait}
    late: 1
    breach: 1
    unplaced: {unplaced}
    lists: [general]
"""
ROUTINE = "target_days: 35, wait: 1, late: 10, breach: 500, unplaced: 1000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_travel_km: 9\n", ":1:1: version: Field required; add it"),
        ("version: x\nhold: 9\n", ":2:7: hold: Extra inputs are not permitted; this"),
        ("version: x\nhold_minutes: soon\n", ":2:15: hold_minutes: Input should be"),
        ("version: x\nhold_minutes: 0\n", ":2:15: hold_minutes: is 0; give 1 to"),
        ("version: x\nversion: y\n", ":2:1: key 'version' is given twice"),
        ("- version\n", ":1:1: a policy is a mapping"),
        ("version: x\nweights: [\n", ":3:1: "),
        (
            f"version: x\nweights:\n  routine: {{{ROUTINE}, lists: [vip]}}\n",
            ":3:78: weights.routine.lists: 'vip' is not a list type; use general",
        ),
        (
            ROUTINE_LINES.format(wait=-1, unplaced=1000),
            ":5:11: weights.routine.wait: is -1; give 0 to 1000000",
        ),
        (
            ROUTINE_LINES.format(wait=1, unplaced=63),
            ":8:15: weights.routine.unplaced: is 63, no more than the longest journey",
        ),
        (
            "version: x\nurgent_room:\n  quantile: 1.0\n",
            ":3:13: urgent_room.quantile: is 1.0; give 0 to 0.999",
        ),
        (
            "version: x\nurgent_room:\n  displaced_cost: {urgent: 1000000000000}\n",
            ":3:28: urgent_room.displaced_cost.urgent: is 1000000000000; give 0 to",
        ),
        (
            "version: x\nurgent_room:\n  hard_targets: [soonish]\n",
            ":3:18: urgent_room.hard_targets.0: Input should be 'immediate'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(
    text: str, says: str, tmp_path: Path
):
    file = written(tmp_path, text)

    with pytest.raises(SettingsError) as refused:
        load_policy(file)
    assert str(refused.value).startswith(f"{file}{says}")

    result = run("policy", "check", file)
    assert result.exit_code == 1
    assert f"{file}{says}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_no_text(tmp_path: Path):
    file = tmp_path / "policy.yaml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="is not UTF-8 text; give a readable file"):
        load_policy(file)


def test_the_template_can_be_checked_and_differs_in_nothing(tmp_path: Path):
    template = run("policy", "template")
    file = written(tmp_path, template.output)

    checked = run("policy", "check", file, "--json")

    assert checked.exit_code == 0
    assert json.loads(checked.output) == {
        "version": Policy().version,
        "digest": digest_of(content_of(Policy())),
        "differs_from_the_default": [],
    }


def test_a_check_names_what_differs_from_the_default(tmp_path: Path):
    result = run("policy", "check", written(tmp_path, "version: x\nhold_minutes: 9\n"))

    assert "hold_minutes was 5 and is 9" in result.output


def test_a_policy_is_shown_whole(tmp_path: Path):
    file = written(tmp_path, "version: x\nhold_minutes: 9\n")
    config = tmp_path / "booking.toml"
    config.write_text(f'policy = "{file.name}"\n')

    shown = json.loads(run("policy", "show", "--config", config, "--json").output)
    assert (shown["version"], shown["hold_minutes"]) == ("x", 9)
    assert shown["weights"]["routine"]["wait"] == 1
    assert shown["rules"]["scanner.overlap"] == "hard"
    assert {term["name"] for term in shown["terms"]} >= {"waiting", "breach"}
    assert json.loads(run("policy", "show", file, "--json").output) == shown
    assert "urgent room.displaced cost.urgent" in run("policy", "show").output
    assert run("policy", "show", file, "--config", config).exit_code == 2


def test_a_table_of_exams_is_read_and_a_row_that_means_nothing_named(tmp_path):
    file = tmp_path / "policy.yaml"
    row = "  - {first: {modality: MR}, second: {modality: CT, contrast: true}, "
    text = "version: a\nexam_pairs:\n" + row
    file.write_text(text + "least_minutes: 30, reason: contrast last}\n")

    pair = load_policy(file).exam_pairs[0]

    assert (pair.least_minutes, pair.most_minutes) == (30, None)
    assert pair.second.contrast is True
    file.write_text(text + "least_minutes: 30, most_minutes: 5, reason: x}\n")
    with pytest.raises(SettingsError, match=r":3:\d+: exam_pairs.0.most_minutes: is 5"):
        load_policy(file)


def test_the_guard_on_waits_is_read_and_an_unknown_grouping_named(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("version: a\nfair_waits: {by: mobility, cost_per_day: 2}\n")

    fair = load_policy(file).fair_waits

    assert (fair.by, fair.permille, fair.cost_per_day) == ("mobility", 1100, 2)
    file.write_text("version: a\nfair_waits: {by: height}\n")
    with pytest.raises(SettingsError, match=r":2:\d+: fair_waits.by: .*'mobility'"):
        load_policy(file)


def test_what_a_gap_costs_is_read_and_a_cost_without_minutes_named(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text("version: a\nunusable_gaps: {minutes: 20, cost_per_minute: 2}\n")

    gaps = load_policy(file).unusable_gaps

    assert (gaps.minutes, gaps.cost_per_minute, gaps.counted) == (20, 2, True)
    file.write_text("version: a\nunusable_gaps: {cost_per_minute: 2}\n")
    with pytest.raises(SettingsError, match=r":2:\d+: unusable_gaps.minutes: is 0"):
        load_policy(file)
