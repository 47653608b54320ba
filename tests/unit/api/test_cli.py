"""The command line: help with examples, exit codes, one line on failure, JSON."""

from __future__ import annotations

import gc
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from typer.main import get_command
from typer.testing import CliRunner

from api import bootstrap
from api.cli import app
from api.commands.service import waits_told
from api.server import HttpServer
from booking_engine.domain.fair_waits import Grouping
from booking_engine.domain.group_waits import GroupWait, WaitsByGroup
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.peer import Behaviour, StandIn
from solver.instances import Scale, generate, save_json

ORDER = (
    "MSH|^~\\&|EPR|R0A|BOOKING||20261130080000||ORM^O01|M1|P|2.4\n"
    "PID|1||X1^^^R0A||Testperson^Una||19800101|F\n"
)


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


ALL = list(commands(get_command(app)))


def test_what_an_engine_has_loaded_is_not_searched_for_garbage_again(
    monkeypatch, tmp_path
):
    told = []

    class Started:
        def start(self, roles):
            told.append(roles)
            signal.raise_signal(signal.SIGTERM)

        def stop(self):
            told.append(gc.get_freeze_count())
            told.append(gc.get_threshold()[0])
            gc.unfreeze()

    file = tmp_path / "booking.toml"
    file.write_text("")
    monkeypatch.setattr(bootstrap, "build", lambda settings: Started())
    thresholds = gc.get_threshold()
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        result = run("serve", "--config", file, "--role", "relay")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        gc.set_threshold(*thresholds)

    assert result.exit_code == 0, result.output
    assert told[0] == {"relay"}
    assert told[1] > 10_000
    assert told[2] > thresholds[0]


def test_the_commands_are_those_that_others_hold_on_to():
    names = {" ".join(path) for path in ALL}

    assert {
        "demo",
        "serve",
        "migrate",
        "plan",
        "solve",
        "check",
        "hl7 send",
        "hl7 explain",
        "hl7 listen",
    } <= names


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]):
    result = run(*path, "--help")

    assert result.exit_code == 0
    example = f"Example: {' '.join(('booking-engine', *path))}"
    assert example in " ".join(result.output.split())


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("serve", "--role", "x"),
        ("solve",),
        ("solve", "nothing.json", "--out", "plan.json"),
        ("demo", "--orders", "0"),
        ("hl7", "send", __file__, "--to", "nowhere"),
    ],
)
def test_wrong_usage_exits_2(words: tuple[str, ...]):
    assert run(*words).exit_code == 2


def test_an_unknown_key_is_one_line_and_exit_1(tmp_path: Path):
    file = tmp_path / "booking.toml"
    file.write_text("[http]\nprot = 1\n")

    result = run("serve", "--config", file)

    assert result.exit_code == 1
    assert result.stderr == (
        f"booking-engine: {file}: http.prot is not a setting; did you mean port?\n"
    )


def test_a_schema_that_is_old_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BOOKING_DATABASE__URL", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setenv("BOOKING_LOG__LEVEL", "error")

    result = run("plan")

    assert result.exit_code == 1
    assert "run booking-engine migrate" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_migrate_then_plan_on_an_empty_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BOOKING_DATABASE__URL", f"sqlite:///{tmp_path}/new/x.db")
    monkeypatch.setenv("BOOKING_LOG__LEVEL", "error")

    migrated = run("migrate", "--json")
    planned = run("plan", "--json", "--seconds", "1")

    assert json.loads(migrated.stdout)["schema"] == "at head"
    assert planned.exit_code == 0, planned.output
    told = json.loads(planned.stdout)
    assert (told["orders"], told["waits_by_group"]) == (0, None)


def test_plan_says_what_groups_wait():
    waits = WaitsByGroup(Grouping.MOBILITY, (GroupWait("hoist", 6, 9.5, 3.0),), 4)

    assert waits_told(None, as_json=False) is None
    assert waits_told(waits, as_json=False) == [
        "hoist 9.5 days on average (6 orders; 3.0 days beyond)",
        "small groups not told (4 orders)",
    ]
    assert json.loads(json.dumps(waits_told(waits, as_json=True))) == {
        "by": "mobility",
        "groups": [
            {"group": "hoist", "orders": 6, "mean_wait_days": 9.5, "days_beyond": 3.0}
        ],
        "orders_in_small_groups": 4,
    }


def test_solve_writes_a_plan_that_check_accepts(tmp_path: Path):
    instance, plan = tmp_path / "week.json", tmp_path / "plan.json"
    save_json(generate(Scale(orders=30, scanners=2, days=5), seed=1), instance)

    solved = run("solve", instance, "--out", plan, "--work", "1", "--json")
    checked = run("check", instance, plan, "--json")

    assert solved.exit_code == 0, solved.output
    summary = json.loads(solved.stdout)
    assert summary["placed"] + summary["unplaced"] == 30
    assert summary["bound"] <= summary["cost"]
    assert json.loads(checked.stdout)["accepted"] is True
    assert "accepted" in run("check", instance, plan).stdout


def test_check_refuses_what_is_no_plan_or_none_of_this_instance(tmp_path: Path):
    one, other, plan = (tmp_path / name for name in ("1.json", "2.json", "plan.json"))
    save_json(generate(Scale(orders=30, scanners=2, days=5), seed=1), one)
    save_json(generate(Scale(orders=30, scanners=2, days=5), seed=2), other)
    run("solve", one, "--out", plan, "--work", "0")

    wrong = run("check", other, plan)
    none = run("check", one, __file__)

    assert wrong.exit_code == 1
    assert wrong.stderr.startswith(f"booking-engine: {plan}:")
    assert none.exit_code == 1
    assert "not JSON" in none.stderr


def test_hl7_send_shows_the_answer(tmp_path: Path):
    file = tmp_path / "order.hl7"
    file.write_text(ORDER)

    with StandIn() as polite:
        to = f"127.0.0.1:{polite.address[1]}"
        sent = run("hl7", "send", file, "--to", to, "--json")
        assert polite.counts.accepted == 1
    with StandIn(behaviour=Behaviour(refuse_share=1.0)) as rude:
        refused = run("hl7", "send", file, "--to", f"127.0.0.1:{rude.address[1]}")
    gone = run("hl7", "send", file, "--to", to)

    assert json.loads(sent.stdout)["code"] == "AA"
    assert refused.exit_code == 1
    assert "answered AE" in refused.stderr
    assert gone.exit_code == 1
    assert "connect" in gone.stderr


def test_hl7_explain_says_what_would_happen(tmp_path: Path):
    file = tmp_path / "order.hl7"
    file.write_text(ORDER)
    partners = tmp_path / "partners"
    partners.mkdir()
    (partners / "r0a.yaml").write_text(
        "id: r0a\nname: Manchester\nsenders: [{application: OTHER}]\n"
    )

    text = run("hl7", "explain", file, "--partners", partners)
    as_json = run("hl7", "explain", file, "--partners", partners, "--json")
    nobody = run("hl7", "explain", file)

    assert "profile   none" in text.stdout
    assert json.loads(as_json.stdout)["control_id"] == "M1"
    assert nobody.exit_code == 1
    assert "no partner profiles" in nobody.stderr


def test_hl7_listen_acknowledges_and_stops_after_so_many():
    listen = [sys.executable, "-c", "from api.cli import main; main()", "hl7", "listen"]
    with subprocess.Popen(
        [*listen, "--port", "0", "--count", "1", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        port = int(process.stderr.readline().rsplit(":", 1)[1])
        with MllpSender("127.0.0.1", port) as sender:
            assert b"MSA|AA|M1" in sender.send(ORDER.replace("\n", "\r").encode())
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert json.loads(out) == {"type": "ORM^O01", "control_id": "M1"}


def test_the_command_line_starts_fast_without_what_is_heavy():
    heavy = ["ortools", "numba", "sqlalchemy", "fastapi", "hl7apy", "numpy"]
    code = (
        "import sys, api.cli;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    out = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert out.strip() == "[]"


def test_a_message_that_nobody_takes_names_what_to_look_at(tmp_path: Path):
    file = tmp_path / "order.hl7"
    file.write_text(ORDER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        to = f"127.0.0.1:{free.getsockname()[1]}"

    result = run("hl7", "send", file, "--to", to)

    assert result.exit_code == 1
    assert "check host and port" in result.stderr
    with StandIn(behaviour=Behaviour(silent_share=1.0)) as peer:
        to = f"127.0.0.1:{peer.address[1]}"
        silent = run("hl7", "send", file, "--to", to, "--timeout", "0.2")
    assert silent.exit_code == 1
    assert "longer --timeout" in silent.stderr


def test_a_placeholder_that_was_left_is_noted(tmp_path: Path):
    file = tmp_path / "my-ris.yaml"
    file.write_text(run("partner", "template").stdout)

    left = run("partner", "check", file).stdout
    file.write_text(file.read_text().replace("RXX", "R0A"))

    assert "RXX of the template still stands in: senders.facility" in left
    assert "RXX" not in run("partner", "check", file).stdout


def test_a_port_that_is_taken_is_named_with_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HttpServer(FastAPI(), "127.0.0.1", port)
        with pytest.raises(OSError, match=rf"127.0.0.1:{port} .*http.port"):
            server.start()
