"""Orders: identity, history, clock log, placer keys and versions."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from booking_engine.domain.clock import LONDON
from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderContent,
    Orderer,
    OrderStatus,
    ProcedureStep,
    StatusChange,
    Vetting,
)
from booking_engine.domain.patients import Needs
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import BookingMode, LinkedOrders, Priority
from booking_engine.domain.waiting import ClockEvent, ClockReason, WaitingClock

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def add(store, *orders):
    with store.units() as uow:
        for order in orders:
            uow.orders.add(order)
        uow.commit()


def full_order(make):
    """Return an order in which no field has its default."""
    return make.order(
        patient=make.patient(nhs_number="9990000018", outward_code="M1"),
        filler_number="F1",
        accession="ACC1",
        group_number="G1",
        clinical_reason="Schwindel: Ménière?",
        safety=(SafetyAnswer(Question.IMPLANT, Answer.UNKNOWN, NOON, "person:x"),),
        needs=Needs(151, True, True, True, True, 12),
        earliest_on=date(2026, 11, 3),
        latest_on=date(2026, 12, 3),
        study_uid="1.2.826.0.1",
        orderer=Orderer("DRX", "Dr A. Example", "1234567"),
        procedure_text="Übersicht",
        further_steps=(ProcedureStep(ProcedureCode("X"), "XS", "ACC2", "Ex"),),
        priority=Priority.SUSPECTED_CANCER,
        status=OrderStatus.HELD,
        holds=(
            HoldReason(HoldCode.UNKNOWN_SITE, "X"),
            HoldReason(HoldCode.INVALID_TIME),
            HoldReason(HoldCode.UNMAPPED_PROCEDURE, "Y", step=1),
            HoldReason(HoldCode.UNMAPPED_PROCEDURE, "Z", ("z^l", "z"), "Zed", 1),
        ),
        vetting=Vetting("person:v", NOON, "iRefer 8", frozenset({Question.IMPLANT})),
        mode=BookingMode.MANUAL,
        linked=LinkedOrders.SAME_VISIT,
        held_at=NOON,
        told_at=NOON + timedelta(minutes=1),
        clock=WaitingClock(date(2026, 10, 1), date(2026, 10, 20)),
        version=3,
    )


def test_every_field_of_an_order_comes_back(store, make):
    order = full_order(make)
    defaults = [
        f.name
        for owner, value in ((ImagingOrder, order), (OrderContent, order.content))
        for f in fields(owner)
        if getattr(value, f.name) == f.default
    ]
    assert defaults == [], "the test must give every field another value"
    add(store, order)

    with store.units.reading() as uow:
        assert uow.orders.get(order.id) == order


def test_an_order_in_which_nothing_was_mapped_comes_back(store, make):
    order = make.order(
        procedure=None,
        priority=None,
        site=None,
        further_steps=(ProcedureStep(None, "XS"), ProcedureStep(None)),
        patient=make.patient(birth_date=None),
    )
    add(store, order)

    with store.units.reading() as uow:
        assert uow.orders.get(order.id) == order


def test_instants_survive_both_clock_changes(sql_store, make):
    """Whatever zone they are given in, they come back in UTC."""
    instants = (
        # London's clocks go forward at 01:00 UTC on 29 March 2026 …
        datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        # … and back at 01:00 UTC on 25 October: 01:30 happens twice.
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    )
    for instant in instants:
        local = instant.astimezone(LONDON)
        order = make.order(received_at=local, status_since=local, requested_at=local)
        session = make.session(starts_at=local, ends_at=local + timedelta(hours=3))
        with sql_store.units() as uow:
            uow.orders.add(order)
            uow.schedule.add_sessions([session])
            uow.commit()

        with sql_store.units.reading() as uow:
            read = uow.orders.get(order.id)
            assert (read.received_at, read.content.requested_at) == (instant, instant)
            assert uow.schedule.session(session.id).starts_at == instant


def test_an_unknown_order_is_not_known(store):
    with store.units.reading() as uow, pytest.raises(NotKnown):
        uow.orders.get("O-none")


def test_get_many_returns_those_that_exist(store, make):
    one, two = make.order(), make.order()
    add(store, one, two)

    with store.units.reading() as uow:
        found = uow.orders.get_many([two.id, "O-none", one.id, one.id])
        assert found == {one.id: one, two.id: two}
        assert uow.orders.get_many([]) == {}


def test_an_added_order_is_found_before_it_is_flushed(store, make):
    order = make.order()
    key = ("ris-north", "RIS", order.content.placer_number)
    with store.units() as uow:
        assert uow.orders.by_placer(key) is None
        uow.orders.add(order)

        assert uow.orders.get(order.id) == order
        assert uow.orders.by_placer(key) == order
        assert uow.orders.with_status([OrderStatus.WAITING]) == [order]


def test_by_placer_returns_the_newest_of_several(store, make):
    """A replaced order and its replacement share the placer's number."""
    old = make.order(placer_number="P", status=OrderStatus.REPLACED)
    new = make.order(placer_number="P")
    other = make.order(placer_number="P", partner="ris-south")
    add(store, new, old, other)
    key = ("ris-north", "RIS", "P")

    with store.units() as uow:
        newest = max(old, new, key=lambda order: order.received_at)
        uow.prefetch(orders=[key, ("nobody", "RIS", "P"), ("ris-north", "RIS", "Q")])
        assert uow.orders.by_placer(key) == newest
        assert uow.orders.by_placer(("nobody", "RIS", "P")) is None
        newer = make.order(placer_number="P")
        uow.orders.add(newer)
        assert uow.orders.by_placer(key) == newer


def test_a_blank_placer_number_names_no_order(store, make):
    add(store, make.order(placer_number=""))

    with store.units.reading() as uow:
        uow.prefetch(orders=[("ris-north", "RIS", "")])
        assert uow.orders.by_placer(("ris-north", "RIS", "")) is None


def test_by_placer_follows_a_changed_number(store, make):
    order = make.order(placer_number="")
    add(store, order)

    with store.units() as uow:
        read = uow.orders.get(order.id)
        content = replace(read.content, placer_number="LATE")
        uow.orders.save(replace(read, content=content))
        assert uow.orders.by_placer(("ris-north", "RIS", "LATE")).id == order.id


def test_a_saved_order_has_the_next_version(store, make):
    order = make.order()
    add(store, order)

    with store.units() as uow:
        read = uow.orders.get(order.id)
        uow.orders.save(replace(read, status=OrderStatus.BOOKED))
        assert uow.orders.get(order.id).version == 2
        uow.commit()

    with store.units.reading() as uow:
        stored = uow.orders.get(order.id)
        assert (stored.version, stored.status) == (2, OrderStatus.BOOKED)


@pytest.mark.parametrize("read_again", [True, False])
@pytest.mark.parametrize("flush_between", [True, False])
def test_one_unit_may_save_an_order_twice(store, make, read_again, flush_between):
    order = make.order()
    add(store, order)

    with store.units() as uow:
        read = uow.orders.get(order.id)
        uow.orders.save(replace(read, status=OrderStatus.VETTED))
        if flush_between:
            uow.flush()
        if read_again:
            read = uow.orders.get(order.id)
        uow.orders.save(replace(read, status=OrderStatus.BOOKED))
        uow.commit()

    with store.units.reading() as uow:
        stored = uow.orders.get(order.id)
        assert (stored.version, stored.status) == (3, OrderStatus.BOOKED)


def test_an_order_may_be_added_and_saved_in_one_unit(store, make):
    order = make.order(status=OrderStatus.AWAITING_VETTING)
    with store.units() as uow:
        uow.orders.add(order)
        uow.orders.save(replace(order, status=OrderStatus.VETTED))
        uow.commit()

    with store.units.reading() as uow:
        assert uow.orders.get(order.id).status is OrderStatus.VETTED


def test_a_stale_version_is_refused_and_nothing_of_the_unit_is_kept(store, make):
    order, other = make.order(), make.order()
    add(store, order)
    with store.units() as uow:
        uow.orders.save(replace(order, status=OrderStatus.BOOKED))
        uow.commit()

    with store.units() as uow:
        uow.orders.add(other)
        uow.orders.save(replace(order, status=OrderStatus.CANCELLED))
        with pytest.raises(StaleVersion, match=order.id):
            uow.flush()
        with pytest.raises(StaleVersion):
            uow.commit()

    with store.units.reading() as uow:
        assert uow.orders.get(order.id).status is OrderStatus.BOOKED
        assert uow.orders.get_many([other.id]) == {}


def test_rolling_back_makes_a_failed_unit_usable_again(store, make):
    order, other = make.order(), make.order()
    with store.units() as uow:
        uow.orders.save(order)
        with pytest.raises(StaleVersion):
            uow.flush()
        uow.rollback()
        uow.orders.add(other)
        uow.commit()

    with store.units.reading() as uow:
        assert uow.orders.with_status([OrderStatus.WAITING]) == [other]


def test_an_identifier_is_given_once(store, make):
    order = make.order()
    add(store, order)

    with store.units() as uow:
        uow.orders.add(order)
        with pytest.raises(StaleVersion):
            uow.commit()


def test_with_status_returns_the_oldest_clock_first(store, make):
    def waiting(day):
        return WaitingClock(date(2026, 1, 1), date(2026, 10, day))

    late, early = make.order(clock=waiting(9)), make.order(clock=waiting(2))
    held = make.order(clock=waiting(5), status=OrderStatus.HELD)
    add(store, late, early, held, make.order(status=OrderStatus.CANCELLED))

    with store.units.reading() as uow:
        both = [OrderStatus.WAITING, OrderStatus.HELD]
        assert uow.orders.with_status(both) == [early, held, late]
        assert uow.orders.with_status(both, limit=2) == [early, held]
        assert uow.orders.with_status([]) == []
        assert uow.orders.counts() == {
            OrderStatus.WAITING: 2,
            OrderStatus.HELD: 1,
            OrderStatus.CANCELLED: 1,
        }


def test_history_and_clock_log_keep_their_order(store, make):
    order = make.order()
    changes = [
        StatusChange(order.id, NOON, "person:a", "receive", None, OrderStatus.HELD),
        StatusChange(
            order.id, NOON, "job:b", "vet", OrderStatus.HELD, OrderStatus.VETTED, "note"
        ),
    ]
    events = [
        ClockEvent(order.id, NOON, ClockReason.REQUESTED, date(2026, 11, 2)),
        ClockEvent(order.id, NOON, ClockReason.DID_NOT_ATTEND, date(2026, 11, 9)),
    ]
    with store.units() as uow:
        for change in changes:
            uow.orders.log(change)
        for event in events:
            uow.orders.log_clock(event)
        uow.orders.add(order)
        assert uow.orders.history(order.id) == changes
        assert uow.orders.clock_log(order.id) == events
        uow.commit()

    with store.units.reading() as uow:
        assert uow.orders.history(order.id) == changes
        assert uow.orders.clock_log(order.id) == events
        assert uow.orders.history("O-none") == []


def test_history_of_an_order_that_is_not_stored_is_refused(store):
    with store.units() as uow:
        uow.orders.log(
            StatusChange("O-none", NOON, "job:b", "vet", None, OrderStatus.VETTED)
        )
        with pytest.raises(NotKnown):
            uow.flush()


def test_leaving_without_commit_keeps_nothing(store, make):
    order = make.order()
    with store.units() as uow:
        uow.orders.add(order)
        uow.flush()

    with store.units.reading() as uow:
        assert uow.orders.get_many([order.id]) == {}


def test_a_reading_unit_sees_one_snapshot_and_cannot_write(store, make):
    before, after = make.order(), make.order()
    add(store, before)
    with store.units.reading() as reader:
        assert reader.orders.counts() == {OrderStatus.WAITING: 1}
        add(store, after)
        assert reader.orders.counts() == {OrderStatus.WAITING: 1}
        assert reader.orders.get_many([after.id]) == {}
        with pytest.raises(RuntimeError, match="reading"):
            reader.orders.add(after)


def test_orders_that_come_together_keep_every_letter(store, make):
    """On PostgreSQL many rows travel as one JSON: nothing may be lost on the way."""
    awkward = 'a"b\\c\n\tÆ\u2028 {"x": null}, \x7f 😀'
    first = full_order(make)
    second = make.order(
        clinical_reason=awkward, procedure_as_sent="'; --", accession="null"
    )
    change = StatusChange(
        second.id, NOON, "a", "receive", None, OrderStatus.HELD, awkward
    )
    with store.units() as uow:
        uow.orders.add(first)
        uow.orders.add(second)
        uow.orders.log(change)
        uow.orders.log(replace(change, at=NOON.replace(microsecond=1), note="null"))
        uow.commit()
    with store.units.reading() as uow:
        assert uow.orders.get(first.id) == first
        assert uow.orders.get(second.id) == second
        noted = [(line.before, line.note) for line in uow.orders.history(second.id)]
        assert noted == [(None, awkward), (None, "null")]
        assert uow.orders.history(second.id)[1].at == NOON.replace(microsecond=1)
