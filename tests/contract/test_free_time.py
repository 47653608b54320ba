"""What is free: kept by each process, and always what the diary says now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from booking_engine.application.free_time import free_time
from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, EntryStatus
from booking_engine.domain.errors import DomainError
from booking_engine.domain.schedule import AppointmentStatus, SessionStatus
from booking_engine.persistence import kept_free_time

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
A_DAY = timedelta(days=1)
SINCE, UNTIL = NOON - A_DAY, NOON + 20 * A_DAY


def at(minutes, day=0):
    return NOON + timedelta(days=day, minutes=minutes)


def stretches(free):
    """Return the rows as plain values, in one order."""
    columns = (free.start, free.day, free.begin, free.minutes, free.list_bits)
    more = (free.release, free.key)
    numbers = zip(*(c.tolist() for c in (*columns, *more)), strict=True)
    return sorted(
        (free.session_of(n).scanner, free.session_of(n).id, *row)
        for n, row in enumerate(numbers)
    )


def found(units, since=SINCE, until=UNTIL):
    with units.reading() as uow:
        return stretches(uow.schedule.free_time(since, until))


def cut_afresh(units, since=SINCE, until=UNTIL):
    """Return the same from the rows themselves, with nothing kept."""
    with units.reading() as uow:
        taken = [
            *uow.schedule.occupying_between(since - A_DAY, until + A_DAY),
            *uow.diary.taking_between(since - A_DAY, until + A_DAY),
        ]
        sessions = uow.schedule.sessions_between(since, until)
        return stretches(free_time(sessions, taken).between(since, until))


def minutes(rows):
    return [row[5] for row in rows]


def entry(ids, **given):
    values = {
        "id": ids("D"),
        "partner": None,
        "number": ids("N"),
        "kind": EntryKind.CLOSURE,
        "scanner": "MR1",
        "starts_at": at(60),
        "ends_at": at(120),
        "status": EntryStatus.TAKING,
        "sent_at": NOON,
    }
    return DiaryEntry(**values | given)


@pytest.fixture
def order(store, make):
    made = make.order()
    with store.units() as uow:
        uow.orders.add(made)
        uow.schedule.add_sessions([make.session(), make.session(scanner="MR2")])
        uow.commit()
    return made


@pytest.fixture
def session(store, order):
    with store.units.reading() as uow:
        return uow.schedule.sessions_between(SINCE, UNTIL)[0]


def test_a_booking_a_cancellation_and_an_entry_are_cut_out(
    store, make, ids, order, session
):
    assert minutes(found(store.units)) == [480, 480]

    with store.units() as uow:
        booked = make.appointment(order, session, starts_at=at(0), minutes=30)
        uow.schedule.add(booked)
        uow.commit()
    assert minutes(found(store.units)) == [450, 480]

    with store.units() as uow:
        uow.diary.add(entry(ids))
        uow.commit()
    assert minutes(found(store.units)) == [30, 360, 480]

    with store.units() as uow:
        cancelled = replace(
            uow.schedule.appointment(booked.id), status=AppointmentStatus.CANCELLED
        )
        uow.schedule.save(cancelled)
        uow.commit()
    assert minutes(found(store.units)) == [60, 360, 480]


def test_some_scanners_come_in_the_order_asked_for(store, make, order, session):
    with store.units() as uow:
        uow.schedule.add_sessions(
            [make.session(starts_at=at(0, day=1), ends_at=at(60, day=1))]
        )
        uow.schedule.add(make.appointment(order, session, starts_at=at(60), minutes=30))
        uow.commit()

    with store.units.reading() as uow:
        asked = ["MR2", "MR1", "MR9"]
        free = uow.schedule.free_time(SINCE, UNTIL, scanners=asked)
        one = uow.schedule.free_time(SINCE, UNTIL, scanners=["MR2"])
        none = uow.schedule.free_time(SINCE, UNTIL, scanners=[])

    where = [free.session_of(row).scanner for row in range(len(free))]
    assert where == ["MR2", "MR1", "MR1", "MR1"]
    assert free.minutes.tolist() == [480, 60, 390, 60]
    assert stretches(free) == found(store.units)
    assert (one.minutes.tolist(), len(none)) == ([480], 0)


def test_a_moved_booking_gives_back_the_time_that_it_had(store, make, order, session):
    with store.units() as uow:
        booked = make.appointment(order, session, starts_at=at(0), minutes=30)
        uow.schedule.add(booked)
        uow.commit()
    assert minutes(found(store.units)) == [450, 480]

    with store.units() as uow:
        stored = uow.schedule.appointment(booked.id)
        uow.schedule.save(
            replace(stored, scanner="MR2", starts_at=at(450), ends_at=at(480))
        )
        uow.commit()
    assert minutes(found(store.units)) == [480, 450]


def test_a_closed_session_is_not_free_and_a_longer_one_is(store, session, order):
    assert minutes(found(store.units)) == [480, 480]
    with store.units() as uow:
        stored = uow.schedule.session(session.id)
        uow.schedule.save_session(replace(stored, status=SessionStatus.CLOSED))
        uow.commit()
    assert minutes(found(store.units)) == [480]
    with store.units() as uow:
        stored = uow.schedule.session(session.id)
        opened = replace(stored, status=SessionStatus.OPEN, ends_at=at(600))
        uow.schedule.save_session(opened)
        uow.commit()
    assert minutes(found(store.units)) == [600, 480]


def test_a_unit_sees_its_own_changes_and_nobody_else_does_before_it_commits(
    store, make, order, session
):
    assert minutes(found(store.units)) == [480, 480]
    with store.units() as uow:
        uow.schedule.add(make.appointment(order, session, minutes=30))
        assert minutes(stretches(uow.schedule.free_time(SINCE, UNTIL))) == [450, 480]
        assert minutes(found(store.units)) == [480, 480]
    assert minutes(found(store.units)) == [480, 480]


def test_what_a_unit_undid_is_free_again(store, make, order, session):
    def book_and_fail(uow):
        with uow.savepoint():
            uow.schedule.add(make.appointment(order, session, minutes=30))
            own = stretches(uow.schedule.free_time(SINCE, UNTIL))
            assert minutes(own) == [450, 480]
            raise ZeroDivisionError

    with store.units() as uow:
        with pytest.raises(ZeroDivisionError):
            book_and_fail(uow)
        assert minutes(stretches(uow.schedule.free_time(SINCE, UNTIL))) == [480, 480]
        uow.commit()
    assert minutes(found(store.units)) == [480, 480]


def test_another_process_sees_what_was_committed(store, make, order, session):
    other = store.another_process()
    assert minutes(found(other)) == [480, 480]
    with store.units() as uow:
        uow.schedule.add(make.appointment(order, session, minutes=30))
        uow.commit()
    assert minutes(found(other)) == [450, 480]


def test_lines_that_were_deleted_unseen_are_made_up_for(store, make, order, session):
    other = store.another_process()
    assert minutes(found(other)) == [480, 480]
    with store.units() as uow:
        uow.schedule.add(make.appointment(order, session, minutes=30))
        uow.commit()
    second, third = make.order(), make.order()
    with store.units() as uow:
        for each, minute in ((second, 60), (third, 90)):
            uow.orders.add(each)
            uow.schedule.add(
                make.appointment(each, session, starts_at=at(minute), minutes=30)
            )
        uow.commit()
    with store.units() as uow:
        uow.schedule.forget_changes(keep=1)
        uow.commit()
    assert minutes(found(other)) == [30, 360, 480]


def test_what_began_first_and_ended_last_is_seen(sql_store, make):
    """On PostgreSQL its lines have lower numbers than those that were seen already."""
    if sql_store.name == "sqlite":
        pytest.skip("one writes at a time")
    orders = make.order(), make.order()
    sessions = make.session(), make.session(scanner="MR2")
    with sql_store.units() as uow:
        for each in orders:
            uow.orders.add(each)
        uow.schedule.add_sessions(sessions)
        uow.commit()
    with sql_store.units() as slow:
        slow.schedule.add(make.appointment(orders[0], sessions[0], minutes=30))
        slow.flush()
        with sql_store.another_process()() as fast:
            fast.schedule.add(make.appointment(orders[1], sessions[1], minutes=60))
            fast.commit()
        assert minutes(found(sql_store.units)) == [480, 420]
        slow.commit()
    assert minutes(found(sql_store.units)) == [450, 420]


def test_an_old_snapshot_puts_nothing_back(sql_store, make):
    order, session = make.order(), make.session()
    with sql_store.units() as uow:
        uow.orders.add(order)
        uow.schedule.add_sessions([session])
        uow.commit()
    with sql_store.units.reading() as old:
        old.orders.get(order.id)  # the snapshot is taken
        with sql_store.another_process()() as uow:
            uow.schedule.add(make.appointment(order, session, minutes=30))
            uow.commit()
        assert minutes(found(sql_store.units)) == [450]
        # Days that nobody had asked for are read in the old snapshot, for it alone.
        assert old.schedule.free_time(SINCE - 9 * A_DAY, UNTIL + 9 * A_DAY) is not None
    assert minutes(found(sql_store.units)) == [450]
    wide = SINCE - 9 * A_DAY, UNTIL + 9 * A_DAY
    assert found(sql_store.units, *wide) == cut_afresh(sql_store.units, *wide)


def test_each_change_is_read_once(sql_store, make, monkeypatch):
    """Not again with every change after it: searches would grow slower all day."""
    session = make.session()
    orders = [make.order() for _ in range(7)]
    with sql_store.units() as uow:
        uow.schedule.add_sessions([session])
        for each in orders:
            uow.orders.add(each)
        uow.commit()
    found(sql_store.units)
    read = []
    bring = kept_free_time._brought_up_to

    def bringing(session, kept, lines):
        read.append(len(lines))
        return bring(session, kept, lines)

    monkeypatch.setattr(kept_free_time, "_brought_up_to", bringing)
    for number, each in enumerate(orders):
        with sql_store.units() as uow:
            starts_at = at(30 * number)
            uow.schedule.add(make.appointment(each, session, starts_at=starts_at))
            if number == 4:
                uow.schedule.forget_changes(keep=1)
            uow.commit()
        found(sql_store.units)
        found(sql_store.units)
    assert read == [1, 0] * len(orders)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_always_what_the_diary_says(store, make, ids, seed):
    """Two processes book, cancel, move, close and block at random."""
    random = Random(seed)
    factories = store.units, store.another_process()
    sessions = [
        make.session(
            id=f"S{scanner}{day}",
            scanner=scanner,
            starts_at=at(0, day),
            ends_at=at(random.choice((240, 480, 780)), day),  # over midnight too
            release_at=random.choice((None, at(-2000, day))),
        )
        for day in range(8)
        for scanner in ("MR1", "MR2", "CT1")
    ]
    with store.units() as uow:
        uow.schedule.add_sessions(sessions)
        uow.commit()
    booked = []
    for _ in range(60):
        units = random.choice(factories)
        session = random.choice(sessions)
        starts_at = session.starts_at + timedelta(minutes=random.randrange(0, 700, 15))
        try:
            with units() as uow:
                match random.randrange(5):
                    case 0 | 1:
                        order = make.order()
                        uow.orders.add(order)
                        made = make.appointment(order, session, starts_at=starts_at)
                        uow.schedule.add(made)
                        uow.commit()
                        booked.append(made.id)
                    case 2 if booked:
                        chosen = uow.schedule.appointment(random.choice(booked))
                        status = random.choice(list(AppointmentStatus))
                        uow.schedule.save(replace(chosen, status=status))
                        uow.commit()
                    case 3:
                        stored = uow.schedule.session(session.id)
                        status = random.choice(list(SessionStatus))
                        uow.schedule.save_session(replace(stored, status=status))
                        uow.commit()
                    case _:
                        blocked = starts_at + timedelta(minutes=30)
                        uow.diary.add(
                            entry(
                                ids,
                                scanner=random.choice((session.scanner, None)),
                                starts_at=starts_at,
                                ends_at=blocked,
                            )
                        )
                        uow.commit()
        except DomainError:
            continue
        reader = random.choice(factories)
        since = at(0, random.randrange(-1, 4))
        until = since + timedelta(days=random.randrange(1, 12))
        assert found(reader, since, until) == cut_afresh(reader, since, until)
    assert len(booked) > 5
