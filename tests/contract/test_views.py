"""The read models: filters, order and cursors."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from booking_engine.application.views import (
    AppointmentFilter,
    MessageFilter,
    OrderFilter,
    WorklistFilter,
)
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.vocabulary import Modality, Priority
from booking_engine.domain.waiting import WaitingClock

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def add(store, *orders):
    with store.units() as uow:
        for order in orders:
            uow.orders.add(order)
        uow.commit()


def walk(view, wanted, *, limit):
    """Return all items of a view, page by page; no page may be too long or empty."""
    items, cursor = [], None
    while True:
        page = view(wanted, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        items.extend(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return items
        assert len(page.items) == limit


def ids(items):
    return [item.order_id for item in items]


def test_the_worklist_is_sorted_by_tier_breach_date_and_id(store, make):
    def started(day):
        return WaitingClock(date(2026, 10, day), date(2026, 10, day))

    urgent = make.order(priority=Priority.URGENT, status=OrderStatus.HELD)
    routine = [make.order(clock=started(5)) for _ in range(3)]
    older = make.order(clock=started(1), status=OrderStatus.VETTED)
    unknown = make.order(priority=None, status=OrderStatus.HELD)
    add(store, older, urgent, unknown, *routine, make.order(status=OrderStatus.BOOKED))

    routine_ids = sorted(order.id for order in routine)
    for limit in (1, 2, 3, 50):
        found = walk(store.views.worklist, WorklistFilter(), limit=limit)
        assert ids(found) == [unknown.id, urgent.id, older.id, *routine_ids]


def test_a_worklist_item_says_all_that_a_clerk_needs(store, make):
    procedure = Procedure("MRHEAD", "MRI head", Modality.MR, 30)
    order = make.order(
        status=OrderStatus.HELD,
        holds=(
            HoldReason(HoldCode.UNKNOWN_SITE),
            HoldReason(HoldCode.INVALID_TIME),
        ),
        patient=make.patient(nhs_number="9990000018"),
        priority=Priority.URGENT,
    )
    with store.units() as uow:
        uow.replace_catalogue(Catalogue.of(procedures=[procedure]))
        uow.orders.add(order)
        uow.commit()

    (item,) = store.views.worklist(WorklistFilter(), cursor=None, limit=5).items
    assert item.hold_codes == ("unknown_site", "invalid_time")
    assert (item.priority, item.tier, item.modality) == ("urgent", 3, "MR")
    assert item.patient_name == "Example, Pat 1"
    assert item.nhs_number == "9990000018"
    assert item.breach_on == order.clock.breach_on
    assert item.overdue_at == order.overdue_at
    assert item.status is OrderStatus.HELD


def test_the_worklist_is_filtered(store, make):
    held = make.order(
        status=OrderStatus.HELD,
        holds=(HoldReason(HoldCode.UNMAPPED_PROCEDURE, "ZZ"),),
        procedure=None,
        procedure_as_sent="ZZ_1%",
    )
    mapped = make.order(procedure_as_sent="ZZ_1%", partner="other")
    booked = make.order(status=OrderStatus.BOOKED)
    add(store, held, mapped, booked)

    def found(**wanted):
        page = store.views.worklist(WorklistFilter(**wanted), cursor=None, limit=9)
        return set(ids(page.items))

    assert found() == {held.id, mapped.id}
    assert found(statuses=(OrderStatus.BOOKED, OrderStatus.HELD)) == {
        held.id,
        booked.id,
    }
    assert found(partner="other") == {mapped.id}
    assert found(hold_code="unmapped_procedure") == {held.id}
    assert found(hold_code="unmapped") == set()
    assert found(hold_code="%") == set()
    assert found(procedure_as_sent="ZZ_1%") == {held.id}


def test_orders_are_listed_newest_first(store, make):
    same = [make.order(received_at=NOON) for _ in range(3)]
    new = make.order(received_at=at(1))
    add(store, *same, new)

    same_ids = sorted((order.id for order in same), reverse=True)
    for limit in (1, 2, 10):
        found = walk(store.views.orders, OrderFilter(), limit=limit)
        assert ids(found) == [new.id, *same_ids]


def test_orders_are_filtered(store, make):
    other = make.order(
        status=OrderStatus.HELD,
        partner="other",
        placer_number="P-x",
        accession="ACC",
        patient=make.patient(nhs_number="9990000018"),
    )
    add(store, make.order(), other)

    for wanted in (
        {"status": OrderStatus.HELD},
        {"partner": "other"},
        {"placer_number": "P-x"},
        {"nhs_number": "9990000018"},
        {"accession": "ACC"},
    ):
        page = store.views.orders(OrderFilter(**wanted), cursor=None, limit=5)
        assert ids(page.items) == [other.id], wanted
        assert page.next_cursor is None


def test_messages_are_listed_newest_first_without_their_bytes(store, make):
    order = make.order()
    messages = [
        make.message(order_ids=(order.id,)),
        make.message(outcome=MessageOutcome.HELD, control_id="X", partner="other"),
        make.message(),
    ]
    with store.units() as uow:
        uow.orders.add(order)
        for message in messages:
            uow.messages.add(message)
        uow.commit()
    shown = sorted(
        (replace(m, raw=b"") for m in messages),
        key=lambda m: m.received_at,
        reverse=True,
    )
    held = next(m for m in shown if m.outcome is MessageOutcome.HELD)

    def found(**wanted):
        return walk(store.views.messages, MessageFilter(**wanted), limit=2)

    assert found() == shown
    assert found(outcome="held") == [held]
    assert found(control_id="X") == [held]
    assert found(partner="other") == [held]
    assert found(order_id=order.id) == [m for m in shown if m.order_ids]
    middle = shown[1].received_at
    assert found(received_from=middle) == shown[:2]
    assert found(received_to=middle) == shown[2:]


def test_appointments_are_listed_by_start(store, make):
    sessions = make.session(), make.session(scanner="MR2")
    orders = [make.order() for _ in range(3)]
    booked = [
        make.appointment(orders[0], sessions[0], starts_at=at(60)),
        make.appointment(orders[1], sessions[1], starts_at=at(60)),
        make.appointment(orders[2], sessions[0], starts_at=at(0)),
    ]
    with store.units() as uow:
        uow.schedule.add_sessions(sessions)
        for order, appointment in zip(orders, booked, strict=True):
            uow.orders.add(order)
            uow.schedule.add(appointment)
        uow.commit()

    def found(limit=2, **wanted):
        return walk(store.views.appointments, AppointmentFilter(**wanted), limit=limit)

    later = sorted(booked[:2], key=lambda one: one.id)
    for limit in (1, 2, 10):
        assert found(limit) == [booked[2], *later]
    assert found(scanner="MR2") == [booked[1]]
    assert found(session_id=sessions[0].id) == [booked[2], booked[0]]
    assert found(order_id=orders[1].id) == [booked[1]]
    assert found(starts_from=at(60)) == later
    assert found(starts_to=at(60)) == [booked[2]]
    assert store.views.appointments_of([booked[0].id, "A-none"]) == {
        booked[0].id: booked[0]
    }
    assert store.views.appointments_of([]) == {}


def test_a_cursor_that_we_did_not_make_is_refused(store):
    nonsense = ("", "x", "!!!!", "W10", "bnVsbA", "WyJ4Il0", "WzEsMiwzXQ", "é", "a" * 9)
    for view, wanted in (
        (store.views.worklist, WorklistFilter()),
        (store.views.orders, OrderFilter()),
        (store.views.messages, MessageFilter()),
        (store.views.appointments, AppointmentFilter()),
    ):
        for cursor in nonsense:
            with pytest.raises(InvalidValue):
                view(wanted, cursor=cursor, limit=5)


def test_a_cursor_of_another_list_is_refused(store, make):
    add(store, make.order(), make.order())
    cursor = store.views.orders(OrderFilter(), cursor=None, limit=1).next_cursor

    with pytest.raises(InvalidValue):
        store.views.worklist(WorklistFilter(), cursor=cursor, limit=1)


def test_a_page_has_at_least_one_item(store):
    with pytest.raises(InvalidValue):
        store.views.orders(OrderFilter(), cursor=None, limit=0)


def test_an_item_that_comes_between_pages_is_neither_lost_nor_doubled(store, make):
    first, third = make.order(received_at=at(3)), make.order(received_at=at(1))
    add(store, first, third)
    page = store.views.orders(OrderFilter(), cursor=None, limit=1)
    second = make.order(received_at=at(2))
    add(store, second, make.order(received_at=at(9)))

    rest = store.views.orders(OrderFilter(), cursor=page.next_cursor, limit=9)
    assert ids(rest.items) == [second.id, third.id]
