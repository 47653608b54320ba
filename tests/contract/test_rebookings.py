"""Rebookings, on every store."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.decisions import Choice, MoveCause, Reasons, Terms
from booking_engine.domain.diary_entries import DiaryEntry, EntryKind, EntryStatus
from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.rebookings import (
    FrontierPoint,
    Line,
    LineOutcome,
    Rebooking,
    RebookingAction,
    RebookingStatus,
)

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHOSEN = Choice("MR1", "S1", NOON, 30, 12, Terms(1, 2, 3, 4, 5), 6)


def line(number, **given):
    values = {
        "number": number,
        "order_id": "O1",
        "appointment_id": "A1",
        "appointment_version": 3,
        "cause": MoveCause.MAKES_ROOM,
        "scanner": "MR2",
        "starts_at": NOON,
        "ends_at": NOON + HOUR,
        "to": None,
        "options": 4,
        "excluded": (("travel", 2),),
        "breach": True,
    }
    return Line(**values | given)


FULL_LINE = line(
    2,
    to=Reasons(CHOSEN, {"deep": {"a": [1, None]}}, 7, (("room", 1),), CHOSEN),
    needs=(1,),
    obstacle="order.transition",
    outcome=LineOutcome.OVERTAKEN,
    code="slot.taken",
)


def rebooking(number, closure="K1", **given):
    values = {
        "id": f"B{number}",
        "closure_id": closure,
        "status": RebookingStatus.PROPOSED,
        "made_at": NOON + number * HOUR,
        "made_by": "person:a",
        "policy_version": "p1",
        "lines": (line(1),),
        "frontier": (),
        "cost": 2**40,
        "seconds": 0.25,
    }
    return Rebooking(**values | given)


def closures(store, *names):
    with store.units() as uow:
        for name in names:
            uow.diary.add(
                DiaryEntry(
                    name,
                    None,
                    name,
                    EntryKind.CLOSURE,
                    "MR2",
                    NOON,
                    NOON + HOUR,
                    EntryStatus.TAKING,
                    NOON,
                )
            )
        uow.commit()


def test_one_comes_back_whole(store):
    closures(store, "K1", "K2")
    full = rebooking(
        1,
        status=RebookingStatus.PARTLY_APPROVED,
        lines=(line(1), FULL_LINE),
        frontier=(FrontierPoint(0, 2, 1, 9), FrontierPoint(1, 1, 0, 3)),
        most_moves=4,
        gap=0.125,
        improving=True,
        improved_at=NOON,
        decided_at=NOON + HOUR,
        decided_by="person:b",
        note="rung",
        version=3,
    )
    assert all(getattr(full, f.name) != f.default for f in fields(Rebooking))
    assert all(getattr(FULL_LINE, f.name) != f.default for f in fields(Line))
    with store.units() as uow:
        uow.rebookings.add(full)
        assert uow.rebookings.get("B1") == full
        uow.commit()

    with store.units.reading() as uow:
        assert uow.rebookings.get("B1") == full
        assert uow.rebookings.latest_of("K1") == full
        assert uow.rebookings.latest_of("K2") is None
        with pytest.raises(NotKnown, match="Rebooking B9"):
            uow.rebookings.get("B9")


def test_the_newest_of_a_closure_is_found_and_what_is_to_be_improved(store):
    closures(store, "K1", "K2")
    declined = RebookingStatus.DECLINED
    with store.units() as uow:
        uow.rebookings.add(rebooking(3, improving=True))
        uow.rebookings.add(rebooking(2, status=declined))
        uow.rebookings.add(rebooking(1, "K2", improving=True))
        assert uow.rebookings.latest_of("K1").id == "B3"
        assert uow.rebookings.to_improve() == ["B1", "B3"]
        uow.commit()
    with store.units() as uow:
        one = uow.rebookings.get("B1")
        uow.rebookings.save(one.after(RebookingAction.DECLINE))
        assert uow.rebookings.to_improve() == ["B3"]


def test_a_closure_has_one_undecided_rebooking(store):
    closures(store, "K1")
    with store.units() as uow:
        uow.rebookings.add(rebooking(1))
        uow.commit()
    with store.units() as uow:
        uow.rebookings.add(rebooking(2))
        with pytest.raises(StaleVersion):
            uow.commit()
    with store.units() as uow:
        uow.rebookings.save(uow.rebookings.get("B1").after(RebookingAction.OVERTAKE))
        uow.rebookings.add(rebooking(2))
        uow.commit()
    with store.units.reading() as uow:
        assert uow.rebookings.get("B1").status is RebookingStatus.OVERTAKEN
        assert uow.rebookings.latest_of("K1").id == "B2"


def test_a_stale_one_is_refused(store):
    closures(store, "K1")
    with store.units() as uow:
        uow.rebookings.add(rebooking(1))
        uow.commit()
    with store.units() as uow:
        seen = uow.rebookings.get("B1")
        uow.rebookings.save(replace(seen, note="first"))
        uow.commit()
    with store.units() as uow:
        uow.rebookings.save(replace(seen, note="second"))
        with pytest.raises(StaleVersion, match="Rebooking B1"):
            uow.flush()


def test_one_of_no_closure_is_refused(store):
    with store.units() as uow:
        uow.rebookings.add(rebooking(1, "K-none"))
        with pytest.raises(NotKnown):
            uow.flush()
