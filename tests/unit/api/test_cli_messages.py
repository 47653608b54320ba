"""``hl7 find``, ``hl7 show`` and ``hl7 replay`` on a database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from network import catalogue
from typer.testing import CliRunner

from api.bootstrap import build, migrate_database
from api.cli import app
from booking_engine.settings import Settings
from hl7_adapters.mllp.received import Received

DATA = Path(__file__).parents[2] / "data"
NW = (DATA / "hl7" / "orders" / "orm_nw_24.er7").read_bytes().replace(b"\n", b"\r")
BAD = NW.replace(b"EPR0001", b"EPR0002").replace(b"ORC|NW", b"ORC|QQ")
BAD = BAD.replace(b"PL1001", b"PL2002")
ME = ("--as", "person:kim", "--reason", "control mapped")


class Store:
    """A database with a good and a refused message."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "booking.toml"
        url = f"sqlite:///{folder / 'x.db'}"
        self.config.write_text(
            f'partners = "{DATA / "profiles"}"\n[database]\nurl = "{url}"\n'
        )
        settings = Settings(partners=DATA / "profiles", database={"url": url})
        migrate_database(settings)
        runtime = build(settings)
        with runtime.dispatcher.session("person:tester") as session:
            session.uow.replace_catalogue(catalogue())
            session.commit()
        for raw in (NW, BAD):
            now = datetime.now(UTC)
            runtime.receiver.handle([Received(raw, "10.0.0.1:4", 1, now, 2575)])
        runtime.stop()

    def run(self, *words: str, given: str = "") -> Any:
        return CliRunner().invoke(
            app, ["hl7", *words, "--config", str(self.config)], input=given
        )

    def found(self, *words: str, given: str = "") -> Sequence[dict[str, Any]]:
        result = self.run("find", *words, "--json", given=given)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_messages_are_found_by_a_number_from_standard_input(store: Store):
    both = store.found("--by", "nhs_number", given="999 000 0018\n")
    (bad,) = store.found("--by", "placer", given="PL2002\n")

    assert [one["control_id"] for one in both] == ["EPR0002", "EPR0001"]
    assert (bad["outcome"], bad["error_code"]) == ("refused", "103")
    assert store.found("--outcome", "refused") == [bad]
    assert (
        store.found("--by", "accession", "--kind", "ADT^A08", given="ACC1001\n") == []
    )


def test_a_message_is_shown_edited_and_replayed(store: Store, tmp_path: Path):
    (bad,) = store.found("--outcome", "refused")
    shown = store.run("show", bad["id"]).stdout
    assert shown.startswith("MSH|")
    assert "\r" not in shown
    file = tmp_path / "edited.hl7"
    file.write_text(shown.replace("ORC|QQ", "ORC|NW"))
    result = store.run("replay", bad["id"], "--text", str(file), *ME, "--json")

    assert result.exit_code == 0, result.output
    replay = json.loads(result.stdout)
    assert (replay["outcome"], replay["replay_of"]) == ("processed", bad["id"])
    assert "MSA|AE" in store.run("show", bad["id"], "--ack").stdout


def test_a_replay_knows_the_codes_that_were_mapped_since(store: Store, tmp_path: Path):
    (bad,) = store.found("--outcome", "refused")
    file = tmp_path / "edited.hl7"
    text = store.run("show", bad["id"]).stdout
    file.write_text(text.replace("ORC|QQ", "ORC|NW").replace("MHEAD^", "XXHEAD^"))
    command = ("map", "north", "procedure", "XXHEAD", "MRHEAD", "--why", "their list")
    mapped = CliRunner().invoke(
        app, ["partner", *command, "--config", str(store.config)]
    )
    assert mapped.exit_code == 0, mapped.output
    result = store.run("replay", bad["id"], "--text", str(file), *ME, "--json")

    assert json.loads(result.stdout)["outcome"] == "processed"


def test_mapping_a_code_says_in_words_what_goes_on(store: Store, tmp_path: Path):
    (bad,) = store.found("--outcome", "refused")
    file = tmp_path / "edited.hl7"
    text = store.run("show", bad["id"]).stdout
    file.write_text(text.replace("ORC|QQ", "ORC|NW").replace("MHEAD^", "XXHEAD^"))
    held = store.run("replay", bad["id"], "--text", str(file), *ME, "--json")
    assert json.loads(held.stdout)["outcome"] == "held"
    command = ("partner", "map", "north", "procedure", "XXHEAD", "MRHEAD")

    mapped = CliRunner().invoke(app, [*command, "--config", str(store.config)])

    _, *counts = mapped.stdout.splitlines()
    assert [line.rsplit(maxsplit=1) for line in counts] == [["orders that go on", "1"]]


def test_what_is_refused_again_ends_with_1(store: Store):
    dry = store.run("replay", "--error-code", "103", "--dry-run", *ME)
    assert dry.exit_code == 0
    result = store.run("replay", "--error-code", "103", *ME)
    assert result.exit_code == 1
    again = store.run("replay", "--error-code", "103", *ME)

    assert again.exit_code == 0
    assert len(store.found("--error-code", "103")) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("find",),
        ("find", "--outcome", "lost"),
        ("find", "--by", "name"),
        ("replay", *ME),
        ("replay", "--outcome", "refused", "--as", "kim", "--reason", "x"),
        ("replay", "--outcome", "refused", "--text", __file__, *ME),
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked_is_refused(store: Store, words: tuple[str, ...]):
    assert store.run(*words).exit_code == 2


def forget_keys(store: Store) -> None:
    """Leave the messages as they were stored before there were search keys."""
    with closing(sqlite3.connect(store.config.with_name("x.db"))) as database:
        database.execute("DELETE FROM message_key")
        database.execute(
            "UPDATE inbound_message SET search_keys = '', sent_at = NULL,"
            " order_control = ''"
        )
        database.commit()


def test_messages_from_before_there_were_keys_are_filed_once(store: Store):
    by_number = {"given": "999 000 0018\n"}
    both = store.found("--by", "nhs_number", **by_number)
    forget_keys(store)
    assert store.found("--by", "nhs_number", **by_number) == []

    first, second = store.run("index"), store.run("index")

    assert first.stdout == "2 messages can be found by their numbers now\n"
    assert second.stdout == "0 messages can be found by their numbers now\n"
    assert store.found("--by", "nhs_number", **by_number) == both
    assert store.found("--by", "accession", given="ACC1001\n") != []


@pytest.mark.parametrize("given", ["", "\n", "  \n"])
def test_a_number_that_did_not_come_is_asked_for(store: Store, given: str):
    result = store.run("find", "--by", "placer", given=given)

    assert result.exit_code == 2
    assert "standard input" in result.stderr


def test_a_replay_is_by_a_person_or_an_interface_and_never_by_a_job(store: Store):
    words = ("replay", "--outcome", "refused", "--as", "job:x", "--reason", "y")

    assert store.run(*words).exit_code == 2


def test_a_second_refusal_names_the_way_to_edit(store: Store):
    result = store.run("replay", "--error-code", "103", *ME)

    assert result.exit_code == 1
    assert "--text FILE" in result.stderr
    (bad, *_) = store.found("--error-code", "103")
    # MSA-3 holds 80 characters (HL7 2.4): the remedy must be within them.
    assert "fills_orders" in store.run("show", bad["id"], "--ack").stdout


def test_codes_of_a_partner_that_is_not_there_are_no_good_news(store: Store):
    words = ["partner", "unmapped", "nosuch", "--config", str(store.config)]
    result = CliRunner().invoke(app, words)

    assert result.exit_code == 1
    assert "no partner nosuch; there are: " in result.stderr
