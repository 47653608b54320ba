"""What only a database can show: locks, settings, plans and refusals."""

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from booking_engine.application.views import (
    AppointmentFilter,
    OrderFilter,
    WorklistFilter,
)
from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.domain.orders import OrderStatus
from booking_engine.persistence.cursors import encode_cursor
from booking_engine.persistence.session import Session

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def statements(monkeypatch):
    """Collects what is sent, without what begins and ends a transaction."""
    sent = []

    execute, send = Session.execute, Session.send

    def executing(session, queries, first=()):
        sent.extend(sql for sql, _ in (*first, *queries))
        return execute(session, queries, first)

    def sending(session, sql, values):
        sent.append(sql)
        return send(session, sql, values)

    monkeypatch.setattr(Session, "execute", executing)
    monkeypatch.setattr(Session, "send", sending)
    return sent


def test_sqlite_is_told_to_keep_what_it_acknowledges(sqlite_store):
    with sqlite_store.engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_reading_never_blocks_a_writer(sql_store, make):
    with ExitStack() as stack:
        reader = stack.enter_context(sql_store.units.reading())
        assert reader.orders.counts() == {}
        started = time.perf_counter()
        with sql_store.units() as writer:
            writer.orders.add(make.order())
            writer.commit()
        assert time.perf_counter() - started < 9  # the lock gives up after 10
        assert reader.orders.counts() == {}


def test_a_writer_does_not_block_a_reader(sql_store, make):
    with sql_store.units() as writer:
        writer.orders.add(make.order())
        writer.flush()
        with sql_store.units.reading() as reader:
            assert reader.orders.counts() == {}
        assert sql_store.views.orders(OrderFilter(), cursor=None, limit=1).items == ()


def test_a_unit_that_does_nothing_takes_no_lock(sqlite_store, make):
    with sqlite_store.units() as idle, sqlite_store.units() as writer:
        writer.orders.add(make.order())
        writer.commit()
        idle.commit()


def test_a_batch_of_orders_costs_a_handful_of_statements(sql_store, make, statements):
    orders = [make.order() for _ in range(50)]
    keys = [("ris-north", "RIS", order.content.placer_number) for order in orders]
    with sql_store.units() as uow:
        uow.prefetch(orders=keys)
        for key, order in zip(keys, orders, strict=True):
            with uow.savepoint():
                assert uow.orders.by_placer(key) is None
                uow.orders.add(order)
                uow.messages.add(make.message(order_ids=(order.id,)))
        uow.commit()

    locks = [sql for sql in statements if "pg_advisory_xact_lock" in sql]
    assert len(locks) == (1 if sql_store.name == "postgresql" else 0)
    number = [sql for sql in statements if "catalogue_version" in sql]
    assert len(number) == 1  # read along with the orders, on the same way
    assert len(statements) - len(locks) - len(number) <= 4, statements


def test_a_unit_that_wrote_nothing_sends_nothing(sql_store, statements):
    with sql_store.units() as uow:
        uow.prefetch(messages=[], orders=[], patients=[])
        with uow.savepoint():
            uow.flush()
        uow.commit()
    assert statements == []


def test_the_catalogue_costs_one_small_read_a_unit(sql_store, statements):
    with sql_store.units() as uow:
        assert uow.catalogue() is uow.catalogue()
    assert len(statements) == 1
    assert "catalogue_version" in statements[0]


def test_only_a_flush_inside_makes_a_real_savepoint(sql_store, make, statements):
    def savepoints():
        return len([sql for sql in statements if sql.startswith("SAVEPOINT")])

    with sql_store.units() as uow:
        with uow.savepoint():
            uow.orders.add(make.order())
        assert savepoints() == 0
        with uow.savepoint():
            uow.orders.add(make.order())
            uow.flush()
        assert savepoints() == 1
        with uow.savepoint():
            uow.flush()
        assert savepoints() == 1


def test_a_version_that_was_overtaken_after_it_was_read_is_refused(
    postgres_store, make
):
    """READ COMMITTED lets both read; the check at the write decides."""
    order = make.order()
    with postgres_store.units() as uow:
        uow.orders.add(order)
        uow.commit()
    with postgres_store.units() as slow:
        read = slow.orders.get(order.id)
        with postgres_store.units() as fast:
            fast.orders.save(fast.orders.get(order.id))
            fast.commit()
        slow.orders.save(replace(read, status=OrderStatus.CANCELLED))
        with pytest.raises(StaleVersion):
            slow.commit()


def explained(store, monkeypatch, queries):
    """Return the plan of what `queries` runs, as one text for each query."""
    plans = []
    prefix = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[store.name]
    original = Session.execute

    def explaining(session, queries, first=()):
        wanted = [(prefix + sql, values) for sql, values in queries]
        plans.extend(str(row) for found in original(session, wanted) for row in found)
        return original(session, queries, first)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "execute", explaining)
        queries()
    return "\n".join(plans)


def test_what_is_scraped_reads_only_what_waits(sql_store, monkeypatch):
    """However many messages were sent and received before."""
    if sql_store.name == "postgresql":
        pytest.skip("its planner goes by the number of rows, of which there are none")

    def queries():
        with sql_store.units.reading() as uow:
            uow.outbox.unsent_counts()
            uow.outbox.oldest_pending()
            uow.traffic.readings(["pas"], NOON)

    plan = explained(sql_store, monkeypatch, queries)
    assert "SCAN delivery'" not in plan
    assert "SCAN inbound_message" not in plan
    assert plan.count("ix_delivery_unsent") == 2
    for index in ("ix_inbound_message_outcome", "ix_imaging_order_changed"):
        assert index in plan, index


def test_the_frequent_queries_use_their_indices(sql_store, monkeypatch):
    if sql_store.name == "postgresql":

        def prefer_indices(connection, _):
            # With a handful of rows it would rather read everything.
            connection.execute("SET enable_seqscan = off")
            connection.commit()

        event.listen(sql_store.engine, "connect", prefer_indices)
        sql_store.engine.dispose()

    def queries():
        with sql_store.units.reading() as uow:
            uow.outbox.due("pas", NOON, limit=10)
            uow.orders.by_placer(("p", "a", "n"))
            uow.messages.by_key(("s", "c"))
            uow.schedule.live_appointment("O")
            uow.schedule.occupying_between(NOON, NOON, scanners=["MR1"])
            uow.schedule.occupying_patients(["p"], NOON)
            uow.schedule.expired_holds(NOON)
            uow.schedule.contract_use()
            uow.engaged("p", "MR1", NOON, NOON)
        views = sql_store.views
        next_page = encode_cursor((0, NOON.date(), "O"))
        for cursor in (None, next_page):
            views.worklist(WorklistFilter(), cursor=cursor, limit=5)
        views.orders(OrderFilter(nhs_number="1"), cursor=None, limit=5)
        views.appointments(AppointmentFilter(), cursor=None, limit=5)

    plan = explained(sql_store, monkeypatch, queries)
    if sql_store.name == "postgresql":
        # On empty tables it may choose any index, but it must find one.
        assert "Seq Scan" not in plan.replace("Seq Scan on catalogue_version", "")
        return
    for index in (
        "ix_delivery_due",
        "ix_delivery_order",
        "ix_imaging_order_placer",
        "ix_inbound_message_key",
        "uq_appointment_live_order",
        "ix_appointment_live_scanner",
        "ix_appointment_live_patient",
        "ix_appointment_expiry",
        "COVERING INDEX ix_appointment_session",
        "ix_imaging_order_worklist",
        "ix_imaging_order_changed (status=?)",
        "ix_imaging_order_changed (status=? AND (tier,breach_on,id)>(?,?,?))",
        "ix_imaging_order_patient",
        "ix_appointment_start",
    ):
        assert index in plan, index


def test_due_is_fast_beside_a_long_history(sql_store, make):
    """20,000 delivered and 200 pending, of which one order is stuck."""
    order, stuck = make.order(), make.order()
    with sql_store.units() as uow:
        for each in (order, stuck):
            uow.orders.add(each)
            uow.outbox.add(Event(EventKind.ORDER_HELD, each.id, NOON, ("pas",)))
        uow.commit()
    with sql_store.engine.begin() as connection:
        digits = "SELECT 0 d UNION ALL SELECT d + 1 FROM n WHERE d < 20199"
        connection.execute(
            text(
                f"""
INSERT INTO outbox_event (id, kind, order_id, occurred_at, audience, reason)
WITH RECURSIVE n AS ({digits})
SELECT 'E' || d, kind, order_id, occurred_at, audience, reason
FROM n, (SELECT * FROM outbox_event WHERE order_id = '{order.id}') AS e"""  # noqa: S608
            )
        )
        connection.execute(
            text(
                f"""
INSERT INTO delivery (id, event_id, order_id, destination, status, created_at,
                      attempts, last_error, application_ack)
WITH RECURSIVE n AS ({digits})
SELECT 'X' || d, 'E' || d,
       CASE WHEN d % 2 = 0 THEN '{stuck.id}' ELSE 'O' || d END, 'pas',
       CASE WHEN d < 20000 THEN 'delivered' ELSE 'pending' END, created_at, 0, '', ''
FROM n, (SELECT * FROM delivery WHERE order_id = '{order.id}') AS e"""  # noqa: S608
            )
        )
    with sql_store.units() as uow:
        (first,) = [
            d
            for d in uow.outbox.of_order(stuck.id)
            if d.status is DeliveryStatus.PENDING
        ][:1]
        waiting = NOON + timedelta(hours=1)
        uow.outbox.save([replace(first, next_attempt_at=waiting)])
        uow.commit()

    started = time.perf_counter()
    with sql_store.units.reading() as uow:
        found = uow.outbox.due("pas", NOON, limit=1000)
    elapsed = time.perf_counter() - started

    assert len(found) == 101
    assert stuck.id not in {delivery.order_id for delivery in found}
    assert elapsed < 5.0


def test_how_far_changes_go_is_looked_up_and_not_counted_out(sql_store, monkeypatch):
    """Every search asks, and there are a hundred thousand lines."""

    def queries():
        with sql_store.units.reading() as uow:
            uow.schedule.free_time(NOON, NOON)

    plan = explained(sql_store, monkeypatch, queries)

    if sql_store.name == "sqlite":
        assert "SEARCH diary_change" in plan
        assert "SCAN diary_change" not in plan
