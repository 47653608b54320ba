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

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


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
        assert time.perf_counter() - started < 5
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


def test_a_batch_of_orders_costs_a_handful_of_statements(sql_store, make):
    statements = []
    event.listen(
        sql_store.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    orders = [make.order() for _ in range(50)]
    keys = [("ris-north", "RIS", order.content.placer_number) for order in orders]
    with sql_store.units() as uow:
        uow.orders.prefetch(keys)
        for key, order in zip(keys, orders, strict=True):
            with uow.savepoint():
                assert uow.orders.by_placer(key) is None
                uow.orders.add(order)
                uow.messages.add(make.message(order_ids=(order.id,)))
        uow.commit()

    written = [s for s in statements if not s.startswith("BEGIN")]
    assert len(written) <= 4, written


def test_only_a_flush_inside_makes_a_real_savepoint(sql_store, make):
    names = []
    event.listen(sql_store.engine, "savepoint", lambda _, name: names.append(name))
    with sql_store.units() as uow:
        with uow.savepoint():
            uow.orders.add(make.order())
        assert names == []
        with uow.savepoint():
            uow.orders.add(make.order())
            uow.flush()
        assert len(names) == 1
        with uow.savepoint():
            uow.flush()
        assert len(names) == 1


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


def explained(store, statement):
    """Return the plan of what `statement` runs, as one text for each query."""
    plans = []
    prefix = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[store.name]

    def explain(connection, _, sql, parameters, *__):
        if not sql.startswith(("EXPLAIN", "BEGIN")):
            found = connection.exec_driver_sql(prefix + sql, parameters)
            plans.append("\n".join(str(row) for row in found))

    event.listen(store.engine, "before_cursor_execute", explain)
    try:
        statement()
    finally:
        event.remove(store.engine, "before_cursor_execute", explain)
    return "\n".join(plans)


def test_the_frequent_queries_use_their_indices(sql_store, make):
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
        views = sql_store.views
        views.worklist(WorklistFilter(), cursor=None, limit=5)
        views.orders(OrderFilter(nhs_number="1"), cursor=None, limit=5)
        views.appointments(AppointmentFilter(), cursor=None, limit=5)

    plan = explained(sql_store, queries)
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
        "ix_imaging_order_worklist",
        "ix_imaging_order_nhs_number",
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
                      attempts, last_error)
WITH RECURSIVE n AS ({digits})
SELECT 'X' || d, 'E' || d,
       CASE WHEN d % 2 = 0 THEN '{stuck.id}' ELSE 'O' || d END, 'pas',
       CASE WHEN d < 20000 THEN 'delivered' ELSE 'pending' END, created_at, 0, ''
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
    assert elapsed < 1.0
