"""``hl7 deliveries`` on a database: listed, sent again, edited, skipped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from network import catalogue
from typer.testing import CliRunner

from api.bootstrap import build, migrate_database
from api.cli import app
from booking_engine.application.views import OrderFilter
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.settings import Settings
from hl7_adapters.mllp.received import Received

DATA = Path(__file__).parents[2] / "data"
NW = (DATA / "hl7" / "orders" / "orm_nw_24.er7").read_bytes().replace(b"\n", b"\r")
ME = ("--as", "person:kim", "--reason", "told by telephone")


class Store:
    """A database with an order of which a partner refused two messages."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "booking.toml"
        url = f"sqlite:///{folder / 'x.db'}"
        self.config.write_text(
            f'partners = "{DATA / "profiles"}"\n[database]\nurl = "{url}"\n'
        )
        self.settings = Settings(partners=DATA / "profiles", database={"url": url})
        migrate_database(self.settings)
        runtime = build(self.settings)
        with runtime.dispatcher.session("person:tester") as session:
            session.uow.replace_catalogue(catalogue())
            session.commit()
        now = datetime.now(UTC)
        runtime.receiver.handle([Received(NW, "10.0.0.1:4", 1, now, 2575)])
        (order,) = runtime.views.orders(OrderFilter(), cursor=None, limit=9).items
        with runtime.dispatcher.session("person:tester") as session:
            outbox = session.uow.outbox
            for kind in (EventKind.ORDER_HELD, EventKind.ORDER_REJECTED):
                outbox.add(Event(kind, order.order_id, now, (PartnerId("indie"),)))
            session.uow.flush()
            for one in outbox.of_order(order.order_id):
                payload = f"MSH|^~\\&|BOOKING|||||S|ORM^O01|{one.id}|P|2.4\rORC|SC\r"
                outbox.save(
                    [
                        replace(
                            one,
                            status=DeliveryStatus.PARKED,
                            payload=payload.encode(),
                            last_error="AE: no such ward",
                            ack=b"MSH|^~\\&|\rMSA|AE|1\r",
                        )
                    ]
                )
            session.commit()
        runtime.stop()

    def run(self, *words: str) -> Any:
        command = ["hl7", "deliveries", *words, "--config", str(self.config)]
        return CliRunner().invoke(app, command)

    def lines(self, *words: str) -> Sequence[dict[str, Any]]:
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def changes(self, delivery_id: str) -> list[tuple[str, str, str]]:
        runtime = build(self.settings)
        with runtime.dispatcher.reading("person:tester") as session:
            found = session.uow.outbox.changes(delivery_id)
        runtime.stop()
        return [(one.action.value, one.actor, one.reason) for one in found]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_what_is_parked_is_listed_and_skipped(store: Store):
    second, first = store.lines("list")
    assert (first["destination"], first["last_error"]) == ("indie", "AE: no such ward")
    assert store.lines("list", "--partner", "north") == []
    none = store.run("list", "--partner", "north")
    assert (none.stdout, none.stderr) == (
        "",
        "none parked; --status any lists every delivery\n",
    )
    assert store.lines("list", "--order", first["order_id"]) == [second, first]

    (skipped,) = store.lines("skip", first["id"], *ME)

    assert (skipped["status"], skipped["last_error"]) == (
        "skipped",
        "told by telephone",
    )
    assert [one["id"] for one in store.lines("list")] == [second["id"]]
    assert len(store.lines("list", "--status", "any")) == 2
    assert store.changes(first["id"]) == [("skip", "person:kim", "told by telephone")]
    assert first["id"] in store.run("list", "--status", "skipped").stdout


def test_what_is_parked_goes_again(store: Store):
    second, first = store.lines("list")

    (again,) = store.lines("retry", first["id"], *ME)
    assert (again["id"], again["status"]) == (first["id"], "pending")
    result = store.run("retry", second["id"], first["id"], *ME)
    assert result.exit_code == 1  # one is not parked: neither goes
    assert [one["id"] for one in store.lines("list")] == [second["id"]]
    (rest,) = store.lines("retry", "--partner", "indie", "--as", "person:kim")

    assert rest["id"] == second["id"]
    assert store.lines("retry", "--partner", "indie", "--as", "person:kim") == []


def test_a_refused_message_is_shown_edited_and_goes_again(store: Store, tmp_path: Path):
    _, first = store.lines("list")
    shown = store.run("show", first["id"]).stdout
    assert shown.startswith("MSH|")
    assert "MSA|AE" in store.run("show", first["id"], "--ack").stdout
    file = tmp_path / "edited.hl7"
    file.write_text(shown.replace("ORC|SC", "ORC|OC"))

    (edited,) = store.lines("edit", first["id"], "--text", str(file), *ME)

    assert edited["status"] == "pending"
    assert "ORC|OC" in store.run("show", first["id"]).stdout
    file.write_text("hello")
    refused = store.run("edit", first["id"], "--text", str(file), *ME)
    assert refused.exit_code == 1
    assert "MSH-10" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--status", "lost"),
        ("retry", *ME),
        ("retry", "D1", "--partner", "indie", *ME),
        ("retry", "D1", "--as", "kim"),
        ("skip", "D1", "--as", "person:kim"),
        ("skip", "D1", "--as", "person:kim", "--reason", ""),
        ("skip", "D1", "--as", "person:kim", "--reason", "a" * 201),
        ("skip", "D1", "--as", "person:kim", "--reason", "two\nlines"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked_is_wrong_usage(store: Store, words: tuple[str, ...]):
    assert store.run(*words).exit_code == 2


def test_what_does_not_exist_is_said_in_a_line(store: Store):
    result = store.run("skip", "D1", *ME)

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "D1" in result.stderr
