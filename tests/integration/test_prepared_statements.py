"""What PostgreSQL has prepared for a connection is kept from unit to unit."""

from contextlib import suppress

import pytest

from booking_engine.domain.errors import StaleVersion, StoreUnavailable
from booking_engine.domain.identifiers import PartnerId

pytestmark = pytest.mark.postgres

NORTH = PartnerId("north")
OFTEN = 8
"""More often than the driver waits before it prepares a statement."""


def asked(store, statement):
    """Return the first row of an answer, on the connection of the store's units."""
    pooled = store.engine.raw_connection()
    try:
        return pooled.driver_connection.execute(statement).fetchone()
    finally:
        pooled.close()


def test_a_unit_that_only_read_leaves_them(postgres_store):
    for _ in range(OFTEN):
        with postgres_store.units.reading() as uow:
            uow.orders.counts()
        with postgres_store.units() as uow:
            uow.outbox.oldest_pending()
    (kept,) = asked(
        postgres_store,
        "SELECT count(*) FROM pg_prepared_statements"
        " WHERE statement LIKE '%imaging_order%' OR statement LIKE '%delivery%'",
    )
    assert kept == 2


def test_what_a_failed_read_did_not_prepare_is_not_taken_for_prepared(postgres_store):
    """The driver notes a name as it sends; the server never comes so far."""
    key = (NORTH, "EPR", "P1")
    for _ in range(5):  # the sixth would be prepared
        with postgres_store.units() as uow:
            uow.orders.by_placer(key)
    pooled = postgres_store.engine.raw_connection()
    pooled.driver_connection.execute("SET lock_timeout = '50ms'")
    pooled.driver_connection.commit()
    pooled.close()

    with postgres_store.another_process()() as holder:
        holder.orders.by_placer(key)
        with postgres_store.units() as uow, pytest.raises(StoreUnavailable):
            uow.orders.by_placer(key)

    with postgres_store.units() as uow:
        assert uow.orders.by_placer(key) is None


def test_nor_is_what_a_refused_write_did_not_prepare(postgres_store, make):
    order = make.order()

    def store(orders, messages):
        with postgres_store.units() as uow:
            for each in orders:
                uow.orders.add(each)
            for message in messages:
                uow.messages.add(message)
            uow.commit()

    def store_inside(orders, messages):
        with postgres_store.units() as uow:
            with suppress(StaleVersion), uow.savepoint():
                for each in orders:
                    uow.orders.add(each)
                for message in messages:
                    uow.messages.add(message)
                uow.flush()
            uow.commit()

    store([order], [])
    store_inside([order], [])
    store_inside([order], [])  # the driver forgets on a ROLLBACK that is new to it
    for _ in range(5):  # the sixth would be prepared
        store([], [make.message()])
    store_inside([order], [make.message()])  # refused; the message comes behind it

    store([], [make.message()])
    assert asked(postgres_store, "SELECT count(*) FROM inbound_message") == (6,)


def test_what_was_written_and_not_committed_is_undone(postgres_store, make):
    with postgres_store.units() as uow:
        uow.orders.add(make.order())
        uow.flush()
    with postgres_store.units.reading() as uow:
        assert not uow.orders.counts()


def test_a_lookup_by_key_is_planned_once(postgres_store):
    for number in range(OFTEN):
        with postgres_store.units() as uow:
            uow.prefetch(orders=[(NORTH, "EPR", f"P{number}")])
            uow.commit()
    planned = asked(
        postgres_store,
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
        " WHERE statement LIKE '%placer_number = ANY%'",
    )
    assert planned is not None
    assert planned[0] > 0
    assert planned[1] == 0
    assert asked(postgres_store, "SHOW plan_cache_mode") == ("auto",)
