"""Several IPC in one order: steps of one booking, from the wire to the slot."""

from __future__ import annotations

from datetime import timedelta

import pytest
from feed import PID, orc
from network import CLERK, FEED, NOW
from order_desk import AA, S, book, codes, feed_with

from booking_engine.application.commands import (
    MapCode,
    RecordAnswers,
    ReleaseOrder,
    VetOrder,
)
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.orders import HoldCode, ProcedureStep
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.vocabulary import BookingMode
from hl7_adapters.message_shapes import shapes_of
from hl7_adapters.profile_source import ProfileSource
from hl7_adapters.settling import settle_waiting, unmapped

HEAD, LIVER = ProcedureCode("MRHEAD"), ProcedureCode("MRLIVER")
OBR = "OBR|1|||MR01^MRI Head^L"
TABLE = {"mr01": HEAD, "mr02": LIVER, "mr03^l": HEAD, "ct01": ProcedureCode("CTHEAD")}


@pytest.fixture
def feed():
    return feed_with(south={"procedures": TABLE, "booking_mode": BookingMode.AUTO})


def ipc(code, step=1, *, study="1.2.3", modality="MR", station="", aet=""):
    return f"IPC|A{step}|RP1|{study}|S{step}|{modality}|{code}|{station}||{aet}"


def place(feed, *steps, obr=OBR, control="NW", sent=0):
    order = orc(control, "P1", sent=sent).replace("^^^^^R", "")
    assert feed.ris(PID, order, obr, *steps, kind="OMI^O23") == AA
    return feed.orders()[-1]


def vetted(feed, order):
    none = tuple(SafetyAnswer(q, Answer.NO, NOW, "person:clerk") for q in Question)
    feed.engine.handle(RecordAnswers(order.id, none), CLERK)
    return feed.engine.handle(VetOrder(order.id), CLERK)


# What is read ---------------------------------------------------------------------


def test_two_steps_are_one_booking_of_their_times_together(feed):
    order = place(feed, ipc("MR01"), ipc("MR02^Liver^L", 2))
    assert order.status is S.AWAITING_VETTING
    assert order.content.procedure == HEAD
    assert order.content.further_steps == (ProcedureStep(LIVER, "MR02", "A2", "Liver"),)
    assert order.content.accession == "A1"

    booked = book(feed, vetted(feed, order), days=2)

    live = feed.live(booked)
    assert live.ends_at - live.starts_at == timedelta(minutes=20 + 40)
    decision = feed.read(lambda uow: uow.decisions.get(live.decision_id))
    assert (
        "One slot of 60 minutes for MR head and MR liver with contrast."
        in decision.sentence
    )


@pytest.mark.parametrize(
    ("steps", "further"),
    [
        # The exam is the step that means what OBR-4 means, wherever it stands …
        ((ipc("MR02"), ipc("MR01", 2)), [("MR02", LIVER, "A1")]),
        # … by whatever name, …
        ((ipc("MR03^Head^L"), ipc("MR02", 2)), [("MR02", LIVER, "A2")]),
        # … and only once: the same again is done again.
        ((ipc("MR01"), ipc("MR01", 2)), [("MR01", HEAD, "A2")]),
        # Codes that repeat in one step must mean the same.
        ((ipc("MR01~MR03^Head^L"), ipc("MR02", 2)), [("MR02", LIVER, "A2")]),
    ],
)
def test_the_exam_of_the_order_is_no_further_step(feed, steps, further):
    order = place(feed, *steps)

    assert order.holds == ()
    assert order.content.procedure == HEAD
    found = [
        (step.procedure_as_sent, step.procedure, step.accession)
        for step in order.content.further_steps
    ]
    assert found == further


def test_a_single_step_adds_nothing_whatever_its_protocol(feed):
    order = place(feed, ipc("MR02"))

    assert order.holds == ()
    assert (order.content.procedure, order.content.further_steps) == (HEAD, ())


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((ipc("MR01"), ipc("", 2)), "IPC 2: no protocol code (IPC-6)"),
        ((ipc("MR01"), ipc("MR02~MR01", 2)), "IPC 2: its protocol codes (IPC-6)"),
        ((ipc("MR02"), ipc("MR02", 2)), "OBR-4 is none of the steps (IPC-6)"),
        ((ipc("MR01~MR02"), ipc("MR02", 2)), "OBR-4 is none of the steps (IPC-6)"),
        ((ipc("MR01"), ipc("MR02", 2, modality="CT")), "2 modalities (IPC-5)"),
        ((ipc("MR01"), ipc("MR02", 2, study="1.2.4")), "2 studies (IPC-3)"),
        (
            (ipc("MR01", station="X"), ipc("MR02", 2, station="Y")),
            "2 stations (IPC-7)",
        ),
        ((ipc("MR01", aet="X"), ipc("MR02", 2, aet="Y")), "2 scanners (IPC-9)"),
        ((ipc("MR01"), ipc("CT01", 2)), "steps on scanners of several kinds: MR, CT"),
    ],
)
def test_steps_that_cannot_be_one_booking_are_put_to_a_person(feed, steps, words):
    order = place(feed, *steps)

    assert order.status is S.HELD
    assert codes(order) == [HoldCode.SEVERAL_STEPS]
    assert words in order.holds[0].detail


def test_who_decides_on_the_slot_is_asked_for_the_most_careful_of_the_steps():
    modes = {LIVER: BookingMode.MANUAL}
    changed = {"procedures": TABLE, "booking_modes": modes}
    feed = feed_with(south={**changed, "booking_mode": BookingMode.AUTO})

    assert place(feed, ipc("MR01"), ipc("MR02", 2)).mode is BookingMode.MANUAL


# Codes without a meaning ----------------------------------------------------------


def test_a_step_without_a_meaning_holds_the_order_until_it_has_one(feed):
    order = place(feed, ipc("MR01"), ipc("MR77^New^L", 2), ipc("MR77^New^L", 3))
    assert codes(order) == [HoldCode.UNMAPPED_PROCEDURE] * 2
    assert [hold.step for hold in order.holds] == [1, 2]

    profiles = {profile.id: profile for profile in feed.profiles}
    source = ProfileSource(profiles, clock=feed.clock)
    (code,) = unmapped(feed.engine, source, actor=CLERK)
    assert (code.code, code.text) == ("mr77^l", "New")
    assert [one.id for one in code.orders] == [order.id]

    feed.engine.handle(MapCode("south", MappingTable.PROCEDURE, "MR77", LIVER), CLERK)
    source.refresh(feed.engine)
    done = settle_waiting(feed.engine, source, actor=FEED)

    assert done.released == (order.id,)
    after = feed.order("P1")
    assert after.status is S.AWAITING_VETTING
    assert after.content.procedures == (HEAD, LIVER, LIVER)


def test_a_step_that_turns_out_to_need_another_scanner_stays_held(feed):
    order = place(feed, ipc("MR01"), ipc("MR77", 2))
    profiles = {profile.id: profile for profile in feed.profiles}
    source = ProfileSource(profiles, clock=feed.clock)
    command = MapCode("south", MappingTable.PROCEDURE, "MR77", "CTHEAD")
    feed.engine.handle(command, CLERK)
    source.refresh(feed.engine)

    done = settle_waiting(feed.engine, source, actor=FEED)

    assert done.still_held == (order.id,)
    assert codes(feed.order("P1")) == [HoldCode.SEVERAL_STEPS]


def test_codes_of_steps_are_counted_with_those_of_exams(feed):
    (south,) = (profile for profile in feed.profiles if profile.id == "south")
    order = orc("NW", "P1").replace("^^^^^R", "")
    lines = (PID, order, OBR, ipc("MR01"), ipc("MR77", 2))
    raw = feed.message(*lines, sender="RIS|RB2", kind="OMI^O23", version="2.5.1")

    shapes = shapes_of([raw], south)

    assert shapes.codes["procedure"] == {"MR01": 1, "MR77": 1}
    assert ("procedure", "MR77") in shapes.unmapped


# What people say ------------------------------------------------------------------


def test_a_person_says_what_is_done_beside_the_exam(feed):
    order = place(feed, ipc("MR01"), ipc("", 2))
    with pytest.raises(InvalidValue, match="further_procedures"):
        feed.engine.handle(ReleaseOrder(order.id), CLERK)

    decided = ReleaseOrder(order.id, further_procedures=(LIVER,))
    released = feed.engine.handle(decided, CLERK)

    assert released.content.further_steps == (ProcedureStep(LIVER, "", "A2"),)
    # Sent again as it was, it is the order that it was.
    assert place(feed, ipc("MR01"), ipc("", 2)).id == order.id
    assert len(feed.orders()) == 1


def test_nothing_beside_the_exam_is_an_answer_too(feed):
    order = place(feed, ipc("MR02"), ipc("MR02", 2))

    none = ReleaseOrder(order.id, further_procedures=())
    assert feed.engine.handle(none, CLERK).content.procedures == (HEAD,)


def test_an_unmapped_step_must_be_answered_on_release(feed):
    order = place(feed, ipc("MR01"), ipc("MR77", 2))
    with pytest.raises(InvalidValue, match="give further_procedures to release"):
        feed.engine.handle(ReleaseOrder(order.id, procedure=HEAD), CLERK)


@pytest.mark.parametrize("command", [ReleaseOrder, VetOrder])
def test_nobody_can_put_two_kinds_of_scanner_into_one_booking(feed, command):
    held = command is ReleaseOrder
    order = place(feed, ipc("MR01"), ipc("" if held else "MR02", 2))
    apart = command(order.id, further_procedures=(ProcedureCode("CTHEAD"),))
    with pytest.raises(InvalidValue, match="cannot be one booking"):
        feed.engine.handle(apart, CLERK)


def test_vetting_may_choose_other_protocols_for_all_steps(feed):
    order = place(feed, ipc("MR01"), ipc("MR02", 2))
    chosen = VetOrder(order.id, procedure=LIVER, further_procedures=(HEAD,))

    content = feed.engine.handle(chosen, CLERK).content

    assert content.procedures == (LIVER, HEAD)
    assert content.further_steps[0].procedure_as_sent == "MR02"


# What a change says ---------------------------------------------------------------


def test_a_change_without_steps_keeps_them_and_one_with_steps_replaces_them(feed):
    order = place(feed, ipc("MR01"), ipc("MR02", 2))
    silent = place(feed, control="XO", sent=5)
    assert silent.content.further_steps == order.content.further_steps

    fewer = place(feed, ipc("MR01"), control="XO", sent=6)
    assert fewer.content.further_steps == ()


def test_another_step_is_another_exam_for_vetting(feed):
    order = place(feed, ipc("MR01"), ipc("MR01", 2))
    booked = book(feed, vetted(feed, order))

    changed = place(feed, ipc("MR01"), ipc("MR02", 2), control="XO", sent=5)

    assert codes(changed) == [HoldCode.CHANGED_AFTER_BOOKING]
    assert feed.live(changed) == feed.live(booked), "the slot stays"


def test_a_change_that_names_the_steps_settles_them(feed):
    order = place(feed, ipc("MR01"), ipc("", 2))
    assert order.status is S.HELD

    changed = place(feed, ipc("MR01"), ipc("MR02", 2), control="XO", sent=5)

    assert changed.status is S.AWAITING_VETTING
    assert changed.content.procedures == (HEAD, LIVER)


def test_a_repeat_changes_nothing(feed):
    order = place(feed, ipc("MR01"), ipc("MR02", 2))
    again = place(feed, ipc("MR01"), ipc("MR02", 2))
    assert again == order
    assert len(feed.orders()) == 1
