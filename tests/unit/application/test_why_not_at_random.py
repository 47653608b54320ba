"""Why not there, at random: a crowded week, and the world changed as is said."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from booking_desk import (
    MR1_WED,
    WEDNESDAY_9,
    order_of,
    patient,
    placed,
)
from network import CLERK, NOW, dispatcher, no_risk
from slot_questions import CT1, MR1, MR2, MRX, ask, close, save_session

from booking_engine.application import slot_rules
from booking_engine.application.asked_slot import asked_slot
from booking_engine.application.commands import (
    BookSlot,
    CancelAppointment,
    HoldSlot,
    MoveAppointment,
    RecordAnswers,
    ReleaseHold,
    VetOrder,
)
from booking_engine.application.diary_commands import EndEntry, Ending
from booking_engine.application.slot_rules import blockers, check_slot
from booking_engine.domain.blockers import (
    BlockerKind,
    Standing,
)
from booking_engine.domain.errors import DomainError
from booking_engine.domain.identifiers import SessionId
from booking_engine.domain.patients import Needs
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.schedule import SessionStatus
from booking_engine.domain.vocabulary import PatientSetting, Priority

K = BlockerKind


def crowded(seed):
    """A dispatcher with bookings, closures and used contracts, and orders to ask of."""
    random = Random(seed)
    engine = dispatcher()
    asked = []
    for number in range(14):
        changes = {
            "patient": patient(random.randrange(4)),
            "priority": random.choice([Priority.ROUTINE, Priority.URGENT]),
            "setting": random.choice(
                [PatientSetting.OUTPATIENT, PatientSetting.INPATIENT]
            )
            if random.random() < 0.3
            else PatientSetting.OUTPATIENT,
            "needs": Needs(
                weight_kg=random.choice([None, 80, 160]),
                hoist=random.random() < 0.15,
                travel_cap_km=random.choice([None, None, 3, 8]),
            ),
        }
        if random.random() < 0.2:
            changes["latest_on"] = (NOW + timedelta(days=random.randrange(3))).date()
        if random.random() < 0.2:
            changes["safety"] = no_risk(Question.IMPLANT)
        if random.random() < 0.2:
            changes["guidelines"] = frozenset()
        order_id = placed(engine, f"P{number}", **changes)
        asked.append(order_id)
        for _ in range(3):
            scanner, at = somewhere(random)
            kind = random.choice([BookSlot, HoldSlot, BookSlot])
            answer = ask(engine, order_id, scanner, at)
            if answer.session_id is None or random.random() < 0.3:
                continue
            try:
                engine.handle(kind(order_id, answer.session_id, at), CLERK)
                break
            except DomainError:
                continue
    for _ in range(2):
        scanner, at = somewhere(random)
        close(engine, scanner, at, 40)
    save_session(engine, SessionId("MR2-261125-0900"), status=SessionStatus.CLOSED)
    return random, engine, asked


def somewhere(random):
    scanner = random.choice([MR1, MR1, MR2, MRX, MRX, CT1])
    day = NOW.replace(hour=0) + timedelta(days=random.choice([0, 1, 1, 1, 2, 3]))
    return scanner, day + timedelta(minutes=random.randrange(8 * 6, 17 * 6) * 10)


def attempt(engine, order_id, answer):
    """Return whether a person could have the slot, leaving everything as it was."""
    at, session_id = answer.starts_at, answer.session_id
    if session_id is None:
        return False
    with engine.session(CLERK) as session:
        live = session.uow.schedule.live_appointment(order_id)
        command = BookSlot(order_id, session_id, at)
        if live is not None and live.status == "booked":
            command = MoveAppointment(live.id, session_id, at, "asked")
        try:
            session.handle(command)
        except DomainError:
            return False
    return True


@pytest.mark.parametrize("seed", range(12))
def test_an_answer_is_possible_just_where_a_booking_would_succeed(seed):
    random, engine, asked = crowded(seed)
    seen = set()
    for order_id in asked:
        for _ in range(12):
            scanner, at = somewhere(random)
            answer = ask(engine, order_id, scanner, at)
            seen.add(answer.standing)
            if answer.standing is Standing.THERE:
                continue
            possible = answer.standing is Standing.POSSIBLE
            assert possible == (not answer.blockers)
            assert possible == attempt(engine, order_id, answer), answer
    assert {Standing.POSSIBLE, Standing.BLOCKED} <= seen


def lift(session, order_id, answer, blocker):
    """Change the world as a person would; return False where the test knows no way."""
    uow, now = session.uow, session.context.now
    order = uow.orders.get(order_id)
    match blocker.kind:
        case K.APPOINTMENT | K.PATIENT_ELSEWHERE | K.OWN_HOLD:
            live = uow.schedule.appointment(blocker.name)
            if live.status == "held":
                session.handle(ReleaseHold(live.id))
            else:
                session.handle(CancelAppointment(live.id, "x", by_patient=False))
        case K.CLOSURE:
            session.handle(
                EndEntry(None, "", Ending.REOPENED, sent_at=now, entry_id=blocker.name)
            )
        case K.TRAVEL | K.LATEST:
            needs = replace(order.content.needs, travel_cap_km=1000)
            if blocker.kind is K.LATEST:
                needs = order.content.needs
            latest = order.content.latest_on if blocker.kind is K.TRAVEL else None
            content = replace(order.content, needs=needs, latest_on=latest)
            uow.orders.save(replace(order, content=content))
        case K.VETTING:
            session.handle(VetOrder(order_id))
        case K.SAFETY:
            given = SafetyAnswer(Question(blocker.name), Answer.NO, now, "person:x")
            session.handle(RecordAnswers(order_id, (given,)))
        case K.SESSION_OPEN | K.LIST_TYPE | K.OUTSIDE_SESSION:
            listed = uow.schedule.session(answer.session_id)
            changes = {
                K.SESSION_OPEN: {"status": SessionStatus.OPEN},
                K.LIST_TYPE: {"release_at": now},
                K.OUTSIDE_SESSION: {
                    "starts_at": min(listed.starts_at, answer.starts_at),
                    "ends_at": max(listed.ends_at, answer.ends_at),
                },
            }
            uow.schedule.save_session(replace(listed, **changes[blocker.kind]))
        case K.CONTRACT_CEILING:
            known = uow.catalogue()
            contract = known.contracts[blocker.name]
            raised = {blocker.name: replace(contract, ceiling=contract.ceiling + 1)}
            uow.replace_catalogue(
                replace(known, contracts={**known.contracts, **raised})
            )
        case _:
            return False
    uow.flush()
    return True


def succeeds_after(engine, order_id, answer, lifted):
    """Return whether a booking succeeds once these are lifted; None: no way known."""
    with engine.session(CLERK) as session:
        for blocker in lifted:
            if not lift(session, order_id, answer, blocker):
                return None
        live = session.uow.schedule.live_appointment(order_id)
        command = BookSlot(order_id, answer.session_id, answer.starts_at)
        if live is not None and live.status == "booked":
            command = MoveAppointment(
                live.id, answer.session_id, answer.starts_at, "asked"
            )
        try:
            session.handle(command)
        except DomainError:
            return False
    return True


@pytest.mark.parametrize("seed", range(12))
def test_lifting_all_blockers_in_the_world_books_and_all_but_one_does_not(seed):
    random, engine, asked = crowded(seed)
    tried = 0
    for order_id in asked:
        for _ in range(12):
            scanner, at = somewhere(random)
            answer = ask(engine, order_id, scanner, at)
            if answer.standing is not Standing.BLOCKED or answer.session_id is None:
                continue
            done = succeeds_after(engine, order_id, answer, answer.blockers)
            if done is None:
                continue
            assert done, (answer.blockers, order_of(engine, order_id).status)
            tried += 1
            for spared in answer.blockers:
                rest = [one for one in answer.blockers if one != spared]
                assert not succeeds_after(engine, order_id, answer, rest), spared
    assert tried > 10


def test_a_rule_that_is_forgotten_would_be_noticed(monkeypatch):
    """No rule of booking is asked by booking alone, or by the answer alone."""
    engine = dispatcher()
    other = placed(engine, "P1", patient=patient(2))
    engine.handle(BookSlot(other, MR1_WED, WEDNESDAY_9), CLERK)
    order = order_of(engine, placed(engine, "P2", patient=patient(1)))
    for left_out in slot_rules.SLOT_RULES:
        rules = tuple(rule for rule in slot_rules.SLOT_RULES if rule is not left_out)
        with monkeypatch.context() as patched, engine.reading(CLERK) as session:
            patched.setattr(slot_rules, "SLOT_RULES", rules)
            listed = session.uow.schedule.session(MR1_WED)
            given = (listed, WEDNESDAY_9, 20, session.uow, session.context)
            slot = asked_slot(order, MR1, *given)
            try:
                check_slot(order, *given)
                refused = False
            except DomainError:
                refused = True
            assert refused == bool(blockers(slot))
