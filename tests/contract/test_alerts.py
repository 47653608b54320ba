"""Alerts, and what the stored messages say of each feed, on every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.application.views import AlertFilter
from booking_engine.domain.alerts import Alert, Answers, Condition, FeedReading
from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAttempt
from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, EntryStatus
from booking_engine.domain.errors import InvalidValue, NotKnown, StaleVersion
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.mappings import MappingTable, UnknownName
from booking_engine.domain.messages import Delivery, DeliveryStatus, MessageOutcome
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SILENT, SLOW = Condition.SILENT_FEED, Condition.SLOW_ANSWERS


def alert(number, condition=SILENT, partner="ris-north", **given):
    values = {
        "id": f"W{number}",
        "partner": partner,
        "condition": condition,
        "raised_at": NOON + number * MINUTE,
        "value": 1.5,
        "threshold": 1.0,
    }
    return Alert(**values | given)


def stored(store, *alerts):
    with store.units() as uow:
        for one in alerts:
            uow.alerts.add(one)
        uow.commit()


def test_an_alert_comes_back_whole(store):
    full = alert(
        1,
        acknowledged_at=NOON,
        acknowledged_by="person:a",
        note="called the trust",
        cleared_at=NOON + MINUTE,
        told_raised=True,
        told_cleared=True,
        version=3,
    )
    stored(store, full, alert(2))

    with store.units.reading() as uow:
        assert uow.alerts.get("W1") == full
        assert uow.alerts.open() == [alert(2)]
        with pytest.raises(NotKnown, match="Alert W9"):
            uow.alerts.get("W9")


def test_of_one_condition_only_one_is_open(store):
    stored(store, alert(1), alert(2, SLOW), alert(3, partner="ris-south"))

    with store.units() as uow:
        uow.alerts.add(alert(4))
        with pytest.raises(StaleVersion):
            uow.flush()

    with store.units() as uow:
        uow.alerts.save(replace(uow.alerts.get("W1"), cleared_at=NOON + MINUTE))
        uow.commit()
    stored(store, alert(5))
    with store.units.reading() as uow:
        assert [one.id for one in uow.alerts.open()] == ["W2", "W3", "W5"]


def test_two_processes_cannot_both_raise_it(sql_store):
    other = sql_store.another_process()
    with sql_store.units() as uow:
        uow.alerts.add(alert(1))
        uow.commit()
    with other() as uow:
        uow.alerts.add(alert(2))
        with pytest.raises(StaleVersion):
            uow.commit()


def test_a_change_by_somebody_else_is_noticed(store):
    stored(store, alert(1))
    with store.units() as uow:
        seen = uow.alerts.get("W1")
        uow.alerts.save(replace(seen, note="first"))
        uow.commit()

    with store.units() as uow:
        uow.alerts.save(replace(seen, note="second"))
        with pytest.raises(StaleVersion, match="Alert W1"):
            uow.flush()
    with store.units.reading() as uow:
        assert (uow.alerts.get("W1").note, uow.alerts.get("W1").version) == ("first", 2)


def test_what_the_webhook_was_not_told_is_found_for_a_while(store):
    cleared = {"cleared_at": NOON + 10 * MINUTE}
    stored(
        store,
        alert(1, **cleared, told_raised=True),
        alert(2, told_raised=True),
        alert(3, SLOW),
        alert(4, **cleared, told_raised=True, told_cleared=True),
    )

    with store.units.reading() as uow:
        assert [o.id for o in uow.alerts.untold(NOON, limit=9)] == ["W1", "W3"]
        assert [o.id for o in uow.alerts.untold(NOON, limit=1)] == ["W1"]
        assert [o.id for o in uow.alerts.untold(NOON + 4 * MINUTE, limit=9)] == ["W1"]
        assert uow.alerts.untold(NOON + 11 * MINUTE, limit=9) == []


def test_alerts_are_listed_in_pages_newest_first(store):
    cleared = {"cleared_at": NOON + 10 * MINUTE}
    stored(store, *(alert(n, **cleared) for n in range(1, 5)), alert(5), alert(6, SLOW))

    def ids(wanted, **page):
        found = store.views.alerts(wanted, **{"cursor": None, "limit": 9} | page)
        return [one.id for one in found.items], found.next_cursor

    first, cursor = ids(AlertFilter(), limit=4)
    assert first == ["W6", "W5", "W4", "W3"]
    assert ids(AlertFilter(), cursor=cursor) == (["W2", "W1"], None)
    assert ids(AlertFilter(is_open=True))[0] == ["W6", "W5"]
    assert ids(AlertFilter(is_open=False))[0] == ["W4", "W3", "W2", "W1"]
    assert ids(AlertFilter(condition=SLOW))[0] == ["W6"]
    assert ids(AlertFilter(partner="nobody"))[0] == []
    with pytest.raises(InvalidValue):
        ids(AlertFilter(), cursor="nonsense")


# Traffic -----------------------------------------------------------------------------


def test_each_feed_is_read_in_one_go(store, make):
    order = make.order()
    held = [
        make.order(status=OrderStatus.HELD, holds=(HoldReason(code),))
        for code in (
            HoldCode.UNMAPPED_PROCEDURE,
            HoldCode.UNKNOWN_URGENCY,
            HoldCode.MISSING_BIRTH_DATE,
        )
    ]
    refused, ack = MessageOutcome.REFUSED, b"MSH|^~\\&|X\rMSA|AE|1\r"
    with store.units() as uow:
        for one in (order, *held):
            uow.orders.add(one)
        for message in (
            make.message(received_at=NOON - MINUTE, outcome=refused, ack=ack),
            make.message(received_at=NOON, ack=ack.replace(b"AE", b"AA")),
            make.message(received_at=NOON + MINUTE, outcome=refused, ack=ack),
            # What a rule refuses for good is answered AA: the sender may go on.
            make.message(
                received_at=NOON + 2 * MINUTE,
                outcome=refused,
                ack=ack.replace(b"AE", b"AA"),
            ),
            make.message(
                received_at=NOON + 3 * MINUTE,
                outcome=MessageOutcome.UNREADABLE,
                ack=b"",
            ),
            make.message(received_at=NOON + 9 * MINUTE, partner="ris-south"),
            make.message(received_at=NOON + 9 * MINUTE, partner=None),
        ):
            uow.messages.add(message)
        # A person's replay is filed, but is no sign of life.
        uow.messages.add(
            make.message(received_at=NOON + 8 * MINUTE, replay_of=message.id)
        )
        for minutes in (5, 6, 7):
            at = NOON + minutes * MINUTE
            kind = EventKind.APPOINTMENT_BOOKED
            uow.outbox.add(Event(kind, order.id, at, ("ris-north",)))
        uow.flush()
        first, second, _ = uow.outbox.of_order(order.id)
        uow.outbox.save(
            [
                replace(first, status=DeliveryStatus.DELIVERED),
                replace(second, status=DeliveryStatus.PARKED),
            ]
        )
        uow.commit()

    with store.units.reading() as uow:
        found = uow.traffic.readings(["ris-north", "ris-south", "ris-new"], NOON)
        assert found == {
            "ris-north": FeedReading(
                last_received_at=NOON + 3 * MINUTE,
                oldest_unsent_at=NOON + 7 * MINUTE,
                given=Answers(5, 2),
                unmapped=2,
            ),
            "ris-south": FeedReading(
                last_received_at=NOON + 9 * MINUTE, given=Answers(1, 0)
            ),
            "ris-new": FeedReading(),
        }
        assert uow.traffic.volume("ris-north", NOON - MINUTE, NOON) == (1, 1)
        assert uow.traffic.volume("ris-north", NOON, NOON + MINUTE) == (1, 0)


def test_entries_in_a_room_that_nobody_mapped_are_counted(store):
    room = UnknownName(MappingTable.RESOURCE, ("room 9",), 'Room "9"')
    exam = UnknownName(MappingTable.PROCEDURE, ('["resource"',), "resource")
    over = {"starts_at": NOON - 9 * MINUTE, "ends_at": NOON}
    with store.units() as uow:
        for entry in (
            entry_of(1, unknown=(exam, room)),
            entry_of(2, unknown=(room,), scanner=None),
            entry_of(3, unknown=(exam,)),
            entry_of(4, unknown=(room,), **over),
            entry_of(5, unknown=(room,), status=EntryStatus.ENDED),
            entry_of(6),
        ):
            uow.diary.add(entry)
        uow.commit()

    with store.units.reading() as uow:
        found = uow.traffic.readings(["ris-north", "ris-south"], NOON)
        assert found["ris-north"].unplaced == 2
        assert found["ris-south"].unplaced == 0


@pytest.fixture
def disputed(store, make):
    """Return what stores a booking, in conflict, from NOON for half an hour."""

    def build(code=HoldCode.DIARY_CONFLICT, status=OrderStatus.BOOKED, scanner="MR1"):
        order = make.order(status=status, holds=(HoldReason(code, "K1"),))
        session = make.session(scanner=scanner)
        with store.units() as uow:
            uow.orders.add(order)
            uow.schedule.add_sessions([session])
            booked = make.appointment(order, session, starts_at=NOON)
            uow.schedule.add(booked)
            uow.commit()
        return order, booked

    return build


def entry_of(number, partner="ris-north", **given):
    values = {
        "id": f"K{number}",
        "partner": partner,
        "number": f"N{number}",
        "kind": EntryKind.APPOINTMENT,
        "scanner": "MR1",
        "starts_at": NOON + 10 * MINUTE,
        "ends_at": NOON + 40 * MINUTE,
        "status": EntryStatus.TAKING,
        "sent_at": NOON,
    }
    return DiaryEntry(**values | given)


def conflicts(store, since=NOON):
    with store.units.reading() as uow:
        found = uow.traffic.readings(["ris-north", "ris-south"], since)
        return found["ris-north"].conflicts, found["ris-south"].conflicts


def test_a_booking_is_in_conflict_with_the_diary_that_lies_on_it(store, disputed):
    _, booked = disputed()
    assert conflicts(store) == (0, 0)
    with store.units() as uow:
        uow.diary.add(entry_of(1))
        uow.diary.add(entry_of(2))  # the same booking again
        uow.diary.add(entry_of(3, scanner="MR2"))
        uow.diary.add(entry_of(4, partner="ris-south", starts_at=NOON + 30 * MINUTE))
        uow.diary.add(entry_of(5, partner=None))
        uow.commit()

    assert booked.ends_at == NOON + 30 * MINUTE
    assert conflicts(store) == (1, 0)
    assert conflicts(store, NOON + 29 * MINUTE) == (1, 0)
    assert conflicts(store, NOON + 30 * MINUTE) == (0, 0)  # it is over
    with store.units() as uow:
        for name in ("K1", "K2"):
            uow.diary.save(replace(uow.diary.get(name), status=EntryStatus.ENDED))
        uow.commit()
    assert conflicts(store) == (0, 0)


def test_a_diary_that_has_the_order_elsewhere_contradicts_its_booking(store, disputed):
    order, _ = disputed(HoldCode.BOOKED_ELSEWHERE)
    later = NOON + 90 * MINUTE
    with store.units() as uow:
        times = {"starts_at": later, "ends_at": later + MINUTE}
        uow.diary.add(entry_of(1, order_id=order.id, **times))
        uow.commit()
    assert conflicts(store) == (1, 0)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (HoldCode.CHANGED_AFTER_BOOKING, OrderStatus.BOOKED),
        (HoldCode.DIARY_CONFLICT, OrderStatus.ARRIVED),
    ],
)
def test_other_questions_and_patients_who_came_are_no_conflict(
    store, disputed, code, status
):
    disputed(code, status)
    with store.units() as uow:
        uow.diary.add(entry_of(1))
        uow.commit()
    assert conflicts(store) == (0, 0)


def test_what_waited_in_vain_counts_until_it_is_replayed(store, make):
    expired = MessageOutcome.EXPIRED
    first, second = make.message(outcome=expired), make.message(outcome=expired)
    with store.units() as uow:
        for message in (
            *(first, second, make.message(outcome=MessageOutcome.PARKED)),
            make.message(outcome=expired, partner="ris-south"),
            make.message(replay_of=first.id),
        ):
            uow.messages.add(message)
        uow.commit()

    with store.units.reading() as uow:
        found = uow.traffic.readings(["ris-north", "ris-south", "ris-new"], NOON)
        assert {name: one.expired for name, one in found.items()} == {
            "ris-north": 1,
            "ris-south": 1,
            "ris-new": 0,
        }


def test_the_answers_of_each_partner_are_counted(store):
    ok, refused, busy, failed = (
        AttemptOutcome.ACCEPTED,
        AttemptOutcome.REFUSED,
        AttemptOutcome.BUSY,
        AttemptOutcome.FAILED,
    )
    with store.units() as uow:
        for partner, outcomes in (
            ("north", (ok, refused, busy, failed)),
            ("south", (failed,)),
        ):
            sent = f"X-{partner}"
            status = DeliveryStatus.DELIVERED
            uow.outbox.queue(Delivery(sent, None, None, partner, status, NOON))
            uow.outbox.record(
                [
                    DeliveryAttempt(sent, NOON + n * MINUTE, n * 1_500_000, outcome)
                    for n, outcome in enumerate(outcomes)
                ]
            )
        uow.commit()

    with store.units.reading() as uow:
        assert uow.traffic.heard(NOON) == {"north": Answers(3, 2, 3.0)}
        assert uow.traffic.heard(NOON + 2 * MINUTE) == {"north": Answers(1, 1, 3.0)}
        assert uow.traffic.heard(NOON + 3 * MINUTE) == {}


@pytest.mark.parametrize(
    ("most", "places"),
    [(1, [10]), (3, [4, 8]), (5, [2, 4, 6, 8, 10]), (50, list(range(1, 11)))],
)
def test_a_sample_is_spread_evenly(store, make, most, places):
    with store.units() as uow:
        for number in range(1, 11):
            raw = b"%d" % number
            uow.messages.add(make.message(raw=raw, received_at=NOON + number * MINUTE))
        uow.messages.add(make.message(partner="ris-south"))
        uow.commit()

    with store.units.reading() as uow:
        found = uow.traffic.sample("ris-north", NOON, NOON + 11 * MINUTE, most=most)
    assert found == [b"%d" % place for place in places]
