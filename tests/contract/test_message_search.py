"""Searching inbound messages by what they name, on every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from booking_engine.application.views import COUNTED, MessageFilter
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.messages import KeyKind, MessageOutcome, SearchKey
from booking_engine.persistence import views
from booking_engine.persistence.session import Session

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PATIENT = SearchKey(KeyKind.NHS_NUMBER, "9990000018")
OTHER = SearchKey(KeyKind.NHS_NUMBER, "9990000026")
HOSPITAL = SearchKey(KeyKind.HOSPITAL_NUMBER, "9990000018")
ACCESSION = SearchKey(KeyKind.ACCESSION, "ACC1")


def add(store, *messages):
    with store.units() as uow:
        for message in messages:
            uow.messages.add(message)
        uow.commit()


def found(store, limit=2, **wanted):
    """Return what matches, page by page."""
    items, cursor = [], None
    while True:
        page = store.views.messages(MessageFilter(**wanted), cursor=cursor, limit=limit)
        items += page.items
        cursor = page.next_cursor
        if cursor is None:
            return items


def shown(*messages):
    """Return messages as they are listed: newest first, without their bytes."""
    bare = [replace(message, raw=b"") for message in messages]
    return sorted(bare, key=lambda m: (m.received_at, m.id), reverse=True)


def test_a_message_is_found_by_each_number_that_it_names(store, make):
    one = make.message(keys=(PATIENT, ACCESSION))
    other = make.message(keys=(OTHER,))
    same = make.message(keys=(PATIENT,))
    add(store, one, other, same, make.message(), make.message(keys=(HOSPITAL,)))

    assert found(store, keys=(PATIENT,)) == shown(one, same)
    assert found(store, keys=(OTHER,)) == shown(other)
    assert found(store, keys=(ACCESSION,)) == shown(one)
    assert found(store, keys=(PATIENT, ACCESSION)) == shown(one)
    assert found(store, keys=(OTHER, ACCESSION)) == []
    assert found(store, keys=(SearchKey(KeyKind.PLACER, "ACC1"),)) == []


def test_a_message_that_was_filed_later_is_found_like_any_other(store, make):
    bare, other = make.message(), make.message(keys=(OTHER,))
    add(store, bare, other)
    what = {
        "keys": (PATIENT, ACCESSION),
        "sent_at": NOON - timedelta(hours=1),
        "order_control": "NW",
    }
    with store.units() as uow:
        uow.messages.file(bare.id, **what)
        assert uow.messages.get(bare.id) == replace(bare, **what)
        with pytest.raises(NotKnown):
            uow.messages.file("M-none", **what)
        uow.commit()

    filed = replace(bare, **what)
    assert found(store, keys=(PATIENT, ACCESSION)) == shown(filed)
    assert found(store, keys=(OTHER,)) == shown(other)
    with store.units.reading() as uow:
        assert uow.messages.get(bare.id) == filed


def test_numbers_go_with_the_other_filters(store, make):
    early = make.message(keys=(PATIENT,), partner="ris-south")
    late = make.message(keys=(PATIENT,), outcome=MessageOutcome.REFUSED)
    add(store, early, late)

    assert found(store, keys=(PATIENT,), partner="ris-south") == shown(early)
    assert found(store, keys=(PATIENT,), outcome="refused") == shown(late)
    assert found(store, keys=(PATIENT,), received_from=late.received_at) == [
        *shown(late)
    ]
    assert found(store, keys=(PATIENT,), received_to=late.received_at) == shown(early)


def test_messages_are_found_by_kind_error_and_outcome(store, make):
    plain = make.message()
    refused = make.message(
        kind="ADT^A08", outcome=MessageOutcome.REFUSED, error_code="204"
    )
    add(store, plain, refused)

    assert found(store, kind="ADT^A08") == shown(refused)
    assert found(store, error_code="204") == shown(refused)
    assert found(store, outcome="processed") == shown(plain)
    assert found(store, outcome="refused") == shown(refused)
    assert found(store, error_code="") == shown(plain)


def test_replays_are_found_from_their_original(store, make):
    original = make.message(outcome=MessageOutcome.FAILED)
    replay = make.message(replay_of=original.id, replayed_by="person:me")
    untouched = make.message(outcome=MessageOutcome.FAILED)
    add(store, original, replay, untouched)

    assert found(store, replay_of=original.id) == shown(replay)
    assert found(store, unreplayed=True) == shown(untouched)


def test_what_is_to_be_replayed_comes_oldest_first_and_is_counted(store, make):
    failed = [make.message(outcome=MessageOutcome.FAILED) for _ in range(5)]
    add(store, make.message(), *failed, make.message(replay_of=failed[1].id))
    wanted = MessageFilter(outcome="failed", unreplayed=True)

    names, count = store.views.to_replay(wanted, limit=3)
    assert names == [failed[0].id, failed[2].id, failed[3].id]
    assert count == 4
    none = MessageFilter(kind="ADT^A08")
    assert store.views.to_replay(none, limit=3) == ([], 0)


def test_the_count_ends_where_it_would_cost(store, make, monkeypatch):
    assert COUNTED == 10_000
    monkeypatch.setattr(views, "COUNTED", 3)
    monkeypatch.setattr("booking_engine.persistence.memory_views.COUNTED", 3)
    add(store, *(make.message() for _ in range(5)))

    names, count = store.views.to_replay(MessageFilter(), limit=2)
    assert len(names) == 2
    assert count == 3


def test_an_edited_replay_is_not_what_its_sender_sent(store, make):
    """The sender's own repeat must still find what it was answered."""
    original = make.message(control_id="C")
    edited = make.message(control_id="C", replay_of=original.id, edited=True)
    key = (original.sender, "C")
    with store.units() as uow:
        uow.prefetch(messages=[key])
        uow.messages.add(original)
        uow.messages.add(edited)
        assert uow.messages.by_key(key) == original
        uow.commit()

    with store.units.reading() as uow:
        assert uow.messages.by_key(key) == original
        assert uow.messages.get(edited.id) == edited


def test_a_replay_of_the_same_bytes_is(store, make):
    original = make.message(control_id="C", outcome=MessageOutcome.FAILED)
    again = make.message(control_id="C", replay_of=original.id)
    add(store, original, again)

    with store.units.reading() as uow:
        assert uow.messages.by_key((original.sender, "C")) == again


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"keys": (PATIENT,)}, "message_key"),
        ({"keys": (ACCESSION,), "partner": "ris-north"}, "message_key"),
        ({"control_id": "C1"}, "ix_inbound_message_key"),
        ({"partner": "ris-north"}, "ix_inbound_message_partner"),
        ({"kind": "ADT^A08"}, "ix_inbound_message_kind"),
        ({"error_code": "204"}, "ix_inbound_message_error"),
        ({"outcome": "refused"}, "ix_inbound_message_outcome"),
        ({"outcome": "processed"}, "ix_inbound_message_received"),
        ({"replay_of": "M1"}, "ix_inbound_message_replay"),
        ({"order_id": "O1"}, "ix_message_order_order"),
        ({"received_from": NOON - timedelta(days=1)}, "ix_inbound_message_received"),
        ({}, "ix_inbound_message_received"),
    ],
    ids=lambda value: ",".join(value) or "all" if isinstance(value, dict) else "",
)
def test_every_search_uses_an_index(sql_store, make, monkeypatch, wanted, index):
    if sql_store.name == "postgresql":

        def prefer_indices(connection, _):
            # With a handful of rows it would rather read everything.
            connection.execute("SET enable_seqscan = off")
            connection.execute("SET enable_bitmapscan = off")
            connection.commit()

        event.listen(sql_store.engine, "connect", prefer_indices)
        sql_store.engine.dispose()
    plans = []
    prefix = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
    original = Session.execute

    def explaining(session, queries, first=()):
        wanted = [(prefix[sql_store.name] + sql, values) for sql, values in queries]
        plans.extend(str(row) for found in original(session, wanted) for row in found)
        return original(session, queries, first)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "execute", explaining)
        sql_store.views.messages(MessageFilter(**wanted), cursor=None, limit=5)
    plan = "\n".join(plans)
    assert index in plan
    if sql_store.name == "sqlite":
        assert "SCAN inbound_message" not in plan.replace(
            "SCAN inbound_message USING INDEX", ""
        )
    else:
        assert "Seq Scan" not in plan


def test_what_pretended_to_be_a_partner_s_is_not_replayed_with_the_rest(store, make):
    """One by one a person may stand for it; by a filter nobody has looked at it."""
    refused = {"outcome": MessageOutcome.REFUSED, "error_code": "207"}
    unknown = make.message(partner=None, **refused)
    noise = make.message(partner=None, sender="", control_id="", **refused)
    forged = make.message(partner=None, control_id="", **refused)
    broken = make.message(fault="too_long", **refused)
    add(store, unknown, noise, forged, broken)

    names, count = store.views.to_replay(
        MessageFilter(error_code="207", unreplayed=True), limit=9
    )
    assert names == [unknown.id, noise.id]
    assert count == 2
