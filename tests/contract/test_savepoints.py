"""Savepoints, failed flushes, and what a unit of work remembers after them."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.errors import NotKnown, SlotTaken, StaleVersion
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.resources import Place

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class Undo(Exception):
    pass


@contextmanager
def undone(uow, *, by):
    """Open a savepoint that must be left by an exception of the type `by`."""
    try:
        with uow.savepoint():
            yield
    except by:
        return
    pytest.fail(f"the savepoint was not left by {by.__name__}")


@pytest.fixture
def session(store, make):
    session = make.session()
    with store.units() as uow:
        uow.schedule.add_sessions([session])
        uow.commit()
    return session


def stored_orders(store):
    with store.units.reading() as uow:
        return {order.id: order for order in uow.orders.with_status(OrderStatus)}


@pytest.mark.parametrize("flush_inside", [False, True])
@pytest.mark.parametrize("flush_before", [False, True])
def test_leaving_by_an_exception_undoes_only_what_was_inside(
    store, make, flush_inside, flush_before
):
    outer, inner, after = make.order(), make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(outer)
        if flush_before:
            uow.flush()
        with undone(uow, by=Undo):
            uow.orders.add(inner)
            uow.orders.save(replace(outer, status=OrderStatus.HELD))
            uow.outbox.add(Event(EventKind.ORDER_HELD, inner.id, NOON, ("ris-north",)))
            if flush_inside:
                uow.flush()
            assert uow.orders.get(outer.id).status is OrderStatus.HELD
            raise Undo
        assert uow.orders.get(outer.id) == outer
        with pytest.raises(NotKnown):
            uow.orders.get(inner.id)
        key = ("ris-north", "RIS", inner.content.placer_number)
        assert uow.orders.by_placer(key) is None
        uow.orders.add(after)
        uow.orders.save(replace(outer, status=OrderStatus.BOOKED))
        uow.commit()

    stored = stored_orders(store)
    assert set(stored) == {outer.id, after.id}
    assert stored[outer.id] == replace(outer, status=OrderStatus.BOOKED, version=2)
    with store.units.reading() as uow:
        assert uow.outbox.counts() == {}


@pytest.mark.parametrize("flush_inside", [False, True])
def test_leaving_normally_keeps_everything(store, make, flush_inside):
    orders = [make.order() for _ in range(3)]
    with store.units() as uow:
        uow.orders.add(orders[0])
        with uow.savepoint():
            uow.orders.add(orders[1])
            if flush_inside:
                uow.flush()
        uow.orders.add(orders[2])
        uow.commit()

    assert set(stored_orders(store)) == {order.id for order in orders}


@pytest.mark.parametrize("flush_inside", [False, True])
def test_savepoints_nest(store, make, flush_inside):
    orders = [make.order() for _ in range(4)]
    with store.units() as uow:
        uow.orders.add(orders[0])
        with uow.savepoint():
            uow.orders.add(orders[1])
            with undone(uow, by=Undo):
                uow.orders.add(orders[2])
                if flush_inside:
                    uow.flush()
                raise Undo
            uow.orders.add(orders[3])
        uow.commit()

    assert set(stored_orders(store)) == {orders[i].id for i in (0, 1, 3)}


def test_an_outer_savepoint_undoes_an_inner_one_that_was_kept(store, make):
    keep, outer, inner = make.order(), make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(keep)
        with undone(uow, by=Undo):
            uow.orders.add(outer)
            with uow.savepoint():
                uow.orders.add(inner)
                uow.flush()
            raise Undo
        uow.commit()

    assert set(stored_orders(store)) == {keep.id}


def test_a_failed_flush_in_a_savepoint_leaves_the_rest_usable(store, make, session):
    one, other, third = make.order(), make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(one)
        uow.orders.add(other)
        with uow.savepoint():
            booked = make.appointment(one, session)
            uow.schedule.add(booked)
            uow.flush()
        with undone(uow, by=SlotTaken):
            uow.orders.save(replace(other, status=OrderStatus.BOOKED))
            uow.schedule.add(make.appointment(other, session))
            uow.flush()
        assert uow.orders.get(other.id) == other
        assert uow.schedule.live_appointment(other.id) is None
        uow.orders.add(third)
        uow.commit()

    assert set(stored_orders(store)) == {one.id, other.id, third.id}
    assert stored_orders(store)[other.id].status is OrderStatus.WAITING
    with store.units.reading() as uow:
        assert uow.schedule.live_appointment(one.id) == booked
        assert uow.schedule.live_appointment(other.id) is None


def test_swallowing_a_failed_flush_inside_a_savepoint_undoes_it_all_the_same(
    store, make, session
):
    one, other = make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(one)
        uow.schedule.add(make.appointment(one, session))
        with undone(uow, by=SlotTaken):
            uow.orders.add(other)
            uow.schedule.add(make.appointment(other, session))
            with pytest.raises(SlotTaken):
                uow.flush()
        uow.commit()

    assert set(stored_orders(store)) == {one.id}


def test_a_stale_save_in_a_savepoint_leaves_the_rest_usable(store, make):
    order, other = make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(order)
        uow.commit()
    with store.units() as uow:
        uow.orders.save(order)
        uow.commit()

    with store.units() as uow:
        uow.orders.add(other)
        with undone(uow, by=StaleVersion):
            uow.orders.save(order)
            uow.flush()
        uow.orders.save(replace(uow.orders.get(order.id), status=OrderStatus.HELD))
        uow.commit()

    assert stored_orders(store)[order.id].version == 3


def test_what_failed_outside_stays_failed_when_an_inner_scope_is_left(
    store, make, session
):
    """The inner flush writes the outer buffer first, and that is what breaks."""
    one, other, third = make.order(), make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(one)
        uow.orders.add(other)
        uow.schedule.add(make.appointment(one, session))
        uow.schedule.add(make.appointment(other, session))
        with undone(uow, by=SlotTaken):
            uow.orders.add(third)
            uow.flush()
        with pytest.raises(SlotTaken):
            uow.commit()
        uow.rollback()
        uow.orders.add(third)
        uow.commit()

    assert set(stored_orders(store)) == {third.id}


def test_a_savepoint_restores_the_catalogue(store):
    new = Catalogue.of(places=[Place("M13", 53.4, -2.2)])
    with store.units() as uow:
        before = uow.catalogue()
        with undone(uow, by=Undo):
            uow.replace_catalogue(new)
            assert uow.catalogue() is new
            uow.flush()
            raise Undo
        assert uow.catalogue() is before
        uow.commit()

    with store.units.reading() as uow:
        assert uow.catalogue() == before


def test_a_transaction_cannot_end_inside_a_savepoint(store):
    with store.units() as uow, uow.savepoint():
        with pytest.raises(RuntimeError, match="savepoint"):
            uow.commit()
        with pytest.raises(RuntimeError, match="savepoint"):
            uow.rollback()


def test_one_unit_may_commit_several_times(store, make):
    one, other, lost = make.order(), make.order(), make.order()
    with store.units() as uow:
        uow.orders.add(one)
        uow.commit()
        uow.orders.add(lost)
        uow.rollback()
        uow.orders.add(other)
        uow.commit()

    assert set(stored_orders(store)) == {one.id, other.id}
