"""Rebookings: who makes room, who moves together, and what the checker refuses."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from booking_desk import patient, urgent_to_come
from diary_desk import Engine
from network import CLERK, INDIE

from booking_engine.application import rebooker
from booking_engine.application.commands import CancelAppointment
from booking_engine.application.rebooker import Rebooker, RebookingSettings
from booking_engine.application.rebooking_affected import affected_by
from booking_engine.application.rebooking_lines import RebookingRefused, proposed
from booking_engine.application.rebooking_problem import disruption
from booking_engine.domain.decisions import MoveCause
from booking_engine.domain.diary_entries import EntryKind, Stretch
from booking_engine.domain.errors import InvalidValue, TransitionRefused
from booking_engine.domain.patients import Needs
from booking_engine.domain.policy import Policy
from booking_engine.domain.rebookings import LineOutcome, RebookingStatus
from booking_engine.domain.urgent_room import UrgentRoom
from booking_engine.domain.vocabulary import Priority
from solver.repair import repair_at_once
from solver.repair_options import Places

WEDNESDAY = datetime(2026, 11, 25, tzinfo=UTC)
CLOSED, ROOM = MoveCause.CLOSED, MoveCause.MAKES_ROOM
HEAVY = Needs(weight_kg=160)  # too heavy for MRX


def at(hour, minute=0):
    return WEDNESDAY + timedelta(hours=hour, minutes=minute)


class Ward(Engine):
    """An engine with rebookings."""

    def __init__(self):
        super().__init__()
        self.rebooker = Rebooker(
            self.engine,
            RebookingSettings(seconds=2.0, step_seconds=0.5, workers=1),
        )

    def close(self, scanner, starts_at, ends_at):
        received = self.record(
            "",
            Stretch(scanner, starts_at, ends_at),
            partner=None,
            kind=EntryKind.CLOSURE,
            reason="fault",
        )
        return received.entry_ids[0]

    def booked(self, number, who, start, scanner, **asked):
        order_id = self.place(number, patient=patient(who), **asked)
        return self.book(order_id, start, scanner)

    def now(self, appointment):
        return self.tables.appointments[appointment.id]

    def propose(self, closure, **how):
        return self.rebooker.make(closure, CLERK, **how)

    def better(self, rebooking):
        assert self.rebooker.improve(rebooking.id)
        return self.rebooker.latest(rebooking.closure_id, CLERK)

    def approve(self, rebooking, **what):
        return self.rebooker.approve(
            rebooking.closure_id, CLERK, version=rebooking.version, **what
        )


@pytest.fixture
def ward():
    return Ward()


@pytest.fixture
def crowded(ward):
    """Who must be seen on Wednesday loses MR2; on MR1 a neighbour has all there is."""
    neighbour = ward.booked("P1", 0, at(8), "MR1")
    stuck = ward.booked(
        "P2", 1, at(9), "MR2", latest_on=date(2026, 11, 25), needs=HEAVY
    )
    ward.close("MR1", at(8, 20), at(16))
    return ward, neighbour, stuck, ward.close("MR2", at(8), at(12))


def test_at_once_nobody_else_moves(crowded):
    ward, _, stuck, closure = crowded

    made = ward.propose(closure)

    (line,) = made.lines
    assert (line.order_id, line.to) == (stuck.order_id, None)
    assert line.outcome is LineOutcome.NO_PLACE
    assert (made.no_place, made.breaches, made.making_room) == (1, 1, 0)
    # MRX by weight; and what MR1 and MR2 have left is too late.
    assert dict(line.excluded)["weight"] == 1
    assert "day_window" in dict(line.excluded)


@pytest.mark.parametrize("priority", [Priority.ROUTINE, Priority.URGENT])
def test_room_for_urgent_orders_to_come_is_dear_to_whoever_is_not_urgent(
    ward, priority
):
    """MR1 has an hour left on Wednesday, and two urgent orders are expected there."""
    ward.booked("P1", 0, at(9), "MR2", priority=priority)
    ward.close("MR1", at(9), at(16))
    closure = ward.close("MR2", at(8), at(12))

    def proposed(most):
        room = UrgentRoom(most_in_plans=most)
        ward.engine.policy = replace(Policy(), version=f"m{most}", urgent_room=room)
        (line,) = ward.propose(closure).lines
        return line.to.chosen.scanner, line.to.chosen.starts_at

    before = proposed(None)
    ward.engine.room_kept = urgent_to_come("MR1")

    assert before == proposed(0) == ("MR1", at(8))
    assert (proposed(None) == before) == (priority is Priority.URGENT)


def test_later_a_neighbour_is_asked_to_make_room(crowded):
    ward, neighbour, stuck, closure = crowded
    first = ward.propose(closure)

    made = ward.better(first)

    lost, room = made.lines
    assert (lost.cause, lost.order_id) == (CLOSED, stuck.order_id)
    assert (lost.to.chosen.scanner, lost.to.chosen.starts_at) == ("MR1", at(8))
    assert (room.cause, room.order_id) == (ROOM, neighbour.order_id)
    assert lost.needs == (room.number,)
    assert [line.number for line in made.groups()[0]] == [room.number, lost.number]
    assert [(p.moved, p.no_place) for p in made.frontier] == [(0, 1), (1, 0)]
    assert made.frontier[1].cost == made.cost < first.cost == made.frontier[0].cost
    assert ward.now(neighbour) == neighbour
    assert ward.now(stuck) == stuck


def test_a_search_that_fails_is_not_begun_again_and_the_first_answer_stands(
    crowded, monkeypatch
):
    ward, _, _, closure = crowded
    first = ward.propose(closure)

    def failing(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(rebooker, "improve_repair", failing)
    assert not ward.rebooker.improve(first.id)

    now = ward.rebooker.latest(closure, CLERK)
    assert (now.improving, now.lines) == (False, first.lines)


def test_nobody_is_asked_where_nobody_may_be(crowded):
    ward, _, stuck, closure = crowded

    made = ward.better(ward.propose(closure, most_moves=0))

    assert [line.order_id for line in made.lines] == [stuck.order_id]
    assert [point.moved for point in made.frontier] == [0]


def test_who_makes_room_moves_first_and_is_told_why(crowded):
    ward, neighbour, stuck, closure = crowded
    made = ward.better(ward.propose(closure))

    done = ward.approve(made)

    assert done.status is RebookingStatus.APPROVED
    assert ward.now(stuck).starts_at == at(8)
    assert ward.now(neighbour).starts_at != at(8)
    decision = ward.tables.decisions[ward.now(neighbour).decision_id]
    assert decision.sentence.startswith(
        "Moved from Wed 25 November 2026 at 08:00 on MR 1 at North A to make room for"
        " a patient whose scanner is closed."
    )


def test_lines_that_move_together_are_approved_together(crowded):
    ward, neighbour, stuck, closure = crowded
    made = ward.better(ward.propose(closure))
    for number in (1, 2):
        with pytest.raises(InvalidValue, match="Lines 1, 2"):
            ward.approve(made, lines=(number,))
    assert (ward.now(neighbour), ward.now(stuck)) == (neighbour, stuck)


def test_nobody_makes_room_in_vain(crowded):
    ward, neighbour, stuck, closure = crowded
    made = ward.better(ward.propose(closure))
    target = made.lines[1].to.chosen
    thief = ward.booked("P3", 2, target.starts_at, target.scanner)

    done = ward.approve(made)

    assert done.status is RebookingStatus.OVERTAKEN
    assert {(one.outcome, one.code) for one in done.lines} == {
        (LineOutcome.OVERTAKEN, "slot.taken")
    }
    assert ward.now(neighbour) == neighbour
    assert ward.now(stuck) == stuck
    assert ward.now(thief) == thief


def test_if_the_one_in_need_is_gone_the_neighbour_stays(crowded):
    ward, neighbour, stuck, closure = crowded
    made = ward.better(ward.propose(closure))
    ward.do(CancelAppointment(stuck.id, "rang", by_patient=True))

    done = ward.approve(made)

    assert [one.code for one in done.lines] == ["version.stale", "rebooking.together"]
    assert ward.now(neighbour) == neighbour


def test_a_neighbour_whom_a_person_must_look_at_is_not_asked(crowded):
    ward, neighbour, _, closure = crowded
    ward.close("MR1", at(8), at(8, 10))  # now it lies in closed time itself
    assert ward.holds(neighbour.order_id) == ["diary_conflict"]

    made = ward.better(ward.propose(closure))

    assert [line.cause for line in made.lines] == [CLOSED]
    assert made.no_place == 1


def test_who_has_other_engagements_is_neither_asked_nor_doubly_booked(ward):
    lost = ward.booked("P1", 0, at(9), "MR2")
    closure = ward.close("MR2", at(8), at(12))
    free = ward.propose(closure).lines[0].to.chosen
    # The patient turns out to be busy elsewhere just then.
    busy = Stretch(None, free.starts_at - timedelta(minutes=5), free.ends_at)
    ward.record("D1", busy, partner=INDIE, patient=lost.patient)

    made = ward.propose(closure)

    chosen = made.lines[0].to.chosen
    assert chosen.starts_at != free.starts_at
    assert not (chosen.starts_at < busy.ends_at and busy.starts_at < chosen.ends_at)
    assert ward.approve(made).status is RebookingStatus.APPROVED


def test_two_exams_of_one_patient_are_placed_apart(ward):
    lost = [
        ward.booked("P1", 0, at(9), "MR2"),
        ward.booked("P2", 0, at(10), "MR2"),
    ]
    done = ward.approve(ward.propose(ward.close("MR2", at(8), at(12))))

    assert done.status is RebookingStatus.APPROVED
    one, other = (ward.now(booked) for booked in lost)
    assert one.ends_at <= other.starts_at or other.ends_at <= one.starts_at


def test_the_contract_of_the_closed_scanner_counts_what_leaves_it(ward):
    """The ceiling is three exams: all three go elsewhere on the same contract."""
    for n in range(3):
        ward.booked(f"P{n}", n, at(9 + n), "MRX")
    closure = ward.close("MRX", at(9), at(12))
    ward.close("MR1", WEDNESDAY, WEDNESDAY + timedelta(days=40))
    ward.close("MR2", WEDNESDAY, WEDNESDAY + timedelta(days=40))

    made = ward.propose(closure)

    assert {line.to.chosen.scanner for line in made.lines} == {"MRX"}
    assert ward.approve(made).count(LineOutcome.MOVED) == 3


def test_a_spoiled_repair_is_refused(ward):
    ward.booked("P1", 0, at(9), "MR2")
    ward.booked("P2", 1, at(9, 20), "MR2")
    closure = ward.close("MR2", at(8), at(12))
    with ward.engine.reading(CLERK) as session:
        uow, context = session.uow, session.context
        affected = affected_by(uow.diary.get(closure), uow, context)
        problem = disruption(affected.movable, uow, context)
    repair = repair_at_once(problem.damage)
    assert len(proposed(problem, repair).lines) == 2
    places = repair.places
    for spoiled in (
        Places(places.opening, places.pair, places.start_minute - 600),
        # Both in one place.
        Places(
            *(column[[0, 0]] for column in (places.opening, places.pair)),
            places.start_minute[[0, 0]],
        ),
    ):
        with pytest.raises(RebookingRefused, match="refused by the checker"):
            proposed(problem, replace(repair, places=spoiled))


def test_an_entry_that_is_no_closure_has_no_rebooking(ward):
    received = ward.record("D1", Stretch("MRX", at(9), at(10)))
    with pytest.raises(TransitionRefused, match="not a closure"):
        ward.propose(received.entry_ids[0])
