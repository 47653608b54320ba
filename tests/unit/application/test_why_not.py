"""Why not there: what is said of a slot is what becomes of a booking there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from booking_desk import (
    MR1_WED,
    MRX_WED,
    WEDNESDAY_9,
    order_of,
    patient,
    placed,
)
from network import CLERK, NOW, catalogue, dispatcher, no_risk
from slot_questions import MR1, MRX, ask, close, kinds

from booking_engine.application.commands import (
    BookSlot,
    CancelOrder,
    HoldSlot,
    ReleaseHold,
)
from booking_engine.domain.blockers import (
    NOBODY_LIFTS,
    RULE_OF,
    BlockerKind,
    Standing,
)
from booking_engine.domain.eligibility import Rule
from booking_engine.domain.errors import NotBookable, NotKnown
from booking_engine.domain.identifiers import ScannerId, SessionId
from booking_engine.domain.orders import HoldCode, HoldReason, ProcedureStep
from booking_engine.domain.patients import Needs
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import PatientSetting
from booking_engine.domain.why_not_sentences import (
    BLOCKER_WORDS,
    REMEDIES,
    why_not_sentence,
)

K = BlockerKind


@pytest.fixture
def engine():
    return dispatcher()


def test_a_free_slot_is_possible_and_compared_with_the_best(engine):
    order_id = placed(engine)
    answer = ask(engine, order_id, MRX)

    assert (answer.standing, answer.blockers) == (Standing.POSSIBLE, ())
    assert answer.session_id == MRX_WED
    assert answer.best.scanner == MR1
    assert answer.costs_more == answer.there.terms.total - answer.best.terms.total > 0
    sentence = why_not_sentence(answer, catalogue())
    assert sentence == (
        "Wed 25 November 2026 at 09:00 on MR X at Indie A is free and allowed. The"
        " best free slot is Wed 25 November 2026 at 08:00 on MR 1 at North A; the slot"
        " asked for costs this patient 17 more (travel and provider +17)."
    )


def test_the_best_slot_is_said_to_be_the_best(engine):
    order_id = placed(engine)
    best = ask(engine, order_id).best
    answer = ask(engine, order_id, best.scanner, best.starts_at)
    assert answer.costs_more == 0
    assert why_not_sentence(answer, catalogue()).endswith("No slot is better.")


def test_room_that_is_kept_for_urgent_patients_is_said_to_be(engine):
    answer = ask(engine, placed(engine), MRX)
    kept = replace(answer, there=replace(answer.there, reserved=True))
    assert why_not_sentence(kept, catalogue()).endswith(
        "the slot asked for takes room that is kept for more urgent patients to come."
    )
    for price, words in ((0, "as well."), (9000, "as well but takes room that other")):
        there = replace(answer.best, scanner=MRX, price=answer.best.price + price)
        assert words in why_not_sentence(replace(answer, there=there), catalogue())


def test_what_the_order_has_already_is_there(engine):
    booked, held = placed(engine, "P1"), placed(engine, "P2", patient=patient(1))
    engine.handle(BookSlot(booked, MR1_WED, WEDNESDAY_9), CLERK)
    later = WEDNESDAY_9 + timedelta(hours=1)
    engine.handle(HoldSlot(held, MR1_WED, later), CLERK)
    for order_id, at in ((booked, WEDNESDAY_9), (held, later)):
        answer = ask(engine, order_id, at=at)
        assert (answer.standing, answer.blockers) == (Standing.THERE, ())
        assert answer.appointment_id in why_not_sentence(answer, catalogue())


@pytest.mark.parametrize(
    ("changes", "session", "hour", "kind", "standing"),
    [
        ({"needs": Needs(hoist=True)}, MRX_WED, 9, K.CAPABILITY, "impossible"),
        ({"needs": Needs(weight_kg=160)}, MRX_WED, 9, K.WEIGHT, "impossible"),
        ({}, SessionId("CT1-261125-0800"), 8, K.MODALITY, "impossible"),
        (
            {"setting": PatientSetting.INPATIENT},
            SessionId("MR2-261125-0900"),
            9,
            K.SITE,
            "blocked",
        ),
        (
            {"needs": Needs(travel_cap_km=3)},
            SessionId("MR2-261125-0900"),
            9,
            K.TRAVEL,
            "blocked",
        ),
        ({}, SessionId("MR1-261127-1400"), 14, K.LIST_TYPE, "blocked"),
        ({}, SessionId("MR1-261124-0800"), 10, K.NOTICE, "blocked"),
        (
            {"latest_on": datetime(2026, 11, 24, tzinfo=UTC).date()},
            MR1_WED,
            9,
            K.LATEST,
            "blocked",
        ),
        ({}, MR1_WED, 14, K.OUTSIDE_SESSION, "blocked"),
        ({}, SessionId("MR1-261124-0800"), 8, K.PAST, "impossible"),
    ],
)
def test_each_rule_is_named_with_what_it_goes_by(
    engine, changes, session, hour, kind, standing
):
    order_id = placed(engine, **changes)
    with engine.reading(CLERK) as reading:
        day = reading.uow.schedule.session(session).starts_at
    answer = ask(engine, order_id, at=day.replace(hour=hour), session_id=session)
    assert kind in kinds(answer)
    assert answer.standing == standing
    assert why_not_sentence(answer, catalogue())
    assert "{" not in why_not_sentence(answer, catalogue())


def test_another_appointment_is_named_by_its_id_and_times_alone(engine):
    other = placed(engine, "P1", patient=patient(2))
    taken = engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)
    order_id = placed(engine, "P2", patient=patient(1))
    answer = ask(engine, order_id, at=WEDNESDAY_9 + timedelta(minutes=10))

    (blocker,) = answer.blockers
    assert (blocker.kind, blocker.name) == (K.APPOINTMENT, taken.id)
    assert (blocker.starts_at, blocker.ends_at) == (taken.starts_at, taken.ends_at)
    sentence = why_not_sentence(answer, catalogue())
    assert f"appointment {taken.id} is there from 09:00 to 09:20" in sentence
    assert "move that appointment, if its patient agrees" in sentence
    told = order_of(engine, other)
    for secret in (other, told.content.patient.key, told.content.placer_number):
        assert secret not in repr(answer)


def test_the_patients_own_appointment_and_a_closure_are_both_needed(engine):
    own = placed(engine, "P1")
    mine = engine.handle(
        BookSlot(own, SessionId("MR2-261125-0900"), WEDNESDAY_9), CLERK
    )
    closure = close(engine)
    answer = ask(engine, placed(engine, "P2"))
    assert [(one.kind, one.name) for one in answer.blockers] == [
        (K.CLOSURE, closure),
        (K.PATIENT_ELSEWHERE, mine.id),
    ]
    assert "Each of these would have to change." in why_not_sentence(
        answer, catalogue()
    )


def test_an_appointment_of_the_patient_on_the_same_scanner_is_one_thing(engine):
    own = placed(engine, "P1")
    mine = engine.handle(BookSlot(own, MR1_WED, WEDNESDAY_9), CLERK)
    answer = ask(engine, placed(engine, "P2"))
    assert [(one.kind, one.name) for one in answer.blockers] == [
        (K.PATIENT_ELSEWHERE, mine.id)
    ]


def test_where_no_list_is_staffed_that_is_said(engine):
    answer = ask(engine, placed(engine), at=WEDNESDAY_9.replace(hour=20))
    assert kinds(answer) == [K.NO_SESSION]
    assert (answer.session_id, answer.there) == (None, None)
    assert answer.best is not None


def test_of_two_lists_at_the_time_the_one_with_less_in_the_way_is_meant(engine):
    """13:50 for 20 minutes runs from the general list into the cancer list."""
    at = datetime(2026, 11, 27, 13, 50, tzinfo=UTC)
    answer = ask(engine, placed(engine), at=at)
    assert answer.session_id == "MR1-261127-0800"
    assert kinds(answer) == [K.OUTSIDE_SESSION]


def test_the_appointment_that_uses_up_the_contract_is_all_that_is_in_the_way(engine):
    """Without it the contract has an exam left as well: the ceiling is struck out."""
    for number in range(3):
        order_id = placed(engine, f"P{number}", patient=patient(number))
        at = WEDNESDAY_9 + timedelta(minutes=20 * number)
        taken = engine.handle(BookSlot(order_id, MRX_WED, at), CLERK)
    last = placed(engine, "P3", patient=patient(3))

    there = ask(engine, last, MRX, taken.starts_at)
    beside = ask(engine, last, MRX, WEDNESDAY_9 + timedelta(hours=2))

    assert [(one.kind, one.name) for one in there.blockers] == [
        (K.APPOINTMENT, taken.id)
    ]
    assert kinds(beside) == [K.CONTRACT_CEILING]
    assert "under contract K1 all 3 exams are used" in why_not_sentence(
        beside, catalogue()
    )


def test_an_order_not_vetted_is_in_the_way_of_itself_and_has_no_best(engine):
    order_id = placed(engine, guidelines=frozenset(), safety=no_risk(Question.IMPLANT))
    answer = ask(engine, order_id)
    assert [(one.kind, one.name) for one in answer.blockers] == [
        (K.VETTING, ""),
        (K.SAFETY, "cardiac_device"),
    ]
    assert answer.best is None


def test_a_hold_elsewhere_has_to_be_settled_first(engine):
    order_id = placed(engine)
    hold = engine.handle(HoldSlot(order_id, MR1_WED, WEDNESDAY_9), CLERK)
    answer = ask(engine, order_id, MRX)
    assert [(one.kind, one.name) for one in answer.blockers] == [(K.OWN_HOLD, hold.id)]
    engine.handle(ReleaseHold(hold.id), CLERK)
    assert ask(engine, order_id, MRX).standing is Standing.POSSIBLE


def test_a_closed_order_can_be_nowhere(engine):
    order_id = placed(engine)
    engine.handle(CancelOrder("gone", NOW, order_id=order_id), CLERK)
    answer = ask(engine, order_id)
    assert answer.standing is Standing.IMPOSSIBLE
    assert [(one.kind, one.name) for one in answer.blockers] == [
        (K.ORDER_STATE, "cancelled")
    ]


def test_what_cannot_be_asked_is_refused(engine):
    unmapped = placed(
        engine,
        procedure=None,
        holds=(HoldReason(HoldCode.UNMAPPED_PROCEDURE, "MHD"),),
    )
    with pytest.raises(NotBookable, match="unmapped_procedure"):
        ask(engine, unmapped)
    step = placed(
        engine,
        "P4",
        further_steps=(ProcedureStep(None, "MHD"),),
        holds=(HoldReason(HoldCode.UNMAPPED_PROCEDURE, "MHD", step=1),),
    )
    with pytest.raises(NotBookable, match="unmapped_procedure"):
        ask(engine, step)
    with pytest.raises(NotKnown):
        ask(engine, placed(engine, "P2"), ScannerId("NONE"))
    with pytest.raises(NotKnown):
        ask(engine, placed(engine, "P3"), session_id=SessionId("NONE"))


def test_every_kind_has_words_a_remedy_and_a_rule_its_name():
    assert set(BLOCKER_WORDS) == set(REMEDIES) == set(BlockerKind)
    assert set(RULE_OF.values()) == set(Rule)
    # What the machine bears is never offered as something to wave through.
    assert {K.MODALITY, K.CAPABILITY, K.WEIGHT, K.PAST} == NOBODY_LIFTS
