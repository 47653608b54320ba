"""``solve`` at the terminal: started from yesterday, shown, and stopped with Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

import solver
from api.cli import app
from api.commands.solving import progress_text
from solver import GapParts, Limits, Progress, Stage
from solver.instances import Scale, generate, load_plan, save_columns, save_json
from solver.tiny import tiny_problem


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_directory_of_columns_is_solved_and_checked(tmp_path: Path):
    instance, plan = tmp_path / "week", tmp_path / "plan.json"
    save_columns(generate(Scale(orders=60, scanners=4, days=5), seed=1), instance)

    assert run("solve", instance, "--out", plan, "--work", "1").exit_code == 0
    assert run("check", instance, plan).exit_code == 0


def test_a_solve_may_start_from_yesterdays_plan(tmp_path: Path):
    instance, plan = tmp_path / "week.json", tmp_path / "plan.json"
    save_json(generate(Scale(orders=400, scanners=4, days=9), seed=1), instance)
    run("solve", instance, "--out", plan, "--work", "400")
    first = load_plan(plan).terms.total

    started = run(
        "solve", instance, "--start", instance, plan, "--out", plan, "--work", "1"
    )

    assert started.exit_code == 0, started.output
    cold = tmp_path / "cold.json"
    run("solve", instance, "--out", cold, "--work", "1")
    assert load_plan(plan).terms.total <= first
    assert first < load_plan(cold).terms.total


def test_a_start_that_is_no_plan_of_its_instance_is_refused(tmp_path: Path):
    one, other, plan = (tmp_path / name for name in ("1.json", "2.json", "p.json"))
    save_json(generate(Scale(orders=30, scanners=2, days=5), seed=1), one)
    save_json(generate(Scale(orders=30, scanners=2, days=5), seed=2), other)
    run("solve", one, "--out", plan, "--work", "0")

    refused = run("solve", one, "--start", other, plan, "--out", plan, "--work", "0")

    assert refused.exit_code == 1
    assert "is no plan of" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_the_first_interrupt_keeps_the_best_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    instance, plan = tmp_path / "week.json", tmp_path / "plan.json"
    save_json(generate(Scale(orders=800, scanners=4, days=20), seed=1), instance)
    real, before = solver.solve, signal.getsignal(signal.SIGINT)

    def interrupted(problem, **more):
        # By now the command listens; half a second later it is in the search.
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return real(problem, **more)

    real(tiny_problem(), limits=Limits(seconds=1.0))
    monkeypatch.setattr(solver, "solve", interrupted)
    stopped = run("solve", instance, "--out", plan, "--seconds", "300", "--json")

    assert stopped.exit_code == 0, stopped.output
    assert json.loads(stopped.stdout)["seconds"] < 60
    assert run("check", instance, plan).exit_code == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_a_step_says_how_far_and_where_the_gap_sits():
    step = Progress(Stage.PRICES, 1.0, None, 1234567, None)
    assert progress_text(step) == "bound 1,234,567"

    step = Progress(
        Stage.IMPROVE, 2.0, 1030, 1000, 0.03, 0.5, GapParts(25.0, 12.0, 3.0, 10.0)
    )
    assert progress_text(step) == (
        "cost 1,030  bound 1,000  gap 3.00%"
        "  (regret 2.50%, idle 1.50%, not to be had 1.00%)"
    )
