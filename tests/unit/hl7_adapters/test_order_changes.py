"""A change from the wire to the order: what it changes, and what stays."""

from __future__ import annotations

import pytest
from feed import MR_HEAD, PID, PV1, SAFE, orc
from network import CLERK
from order_desk import AA, S, codes, feed_with

from booking_engine.application.commands import ReleaseOrder, VetOrder
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.orders import HoldCode
from booking_engine.domain.vocabulary import PatientSetting, Priority


@pytest.fixture
def feed():
    return feed_with()


def change(*lines, sent=5, urgency="^^^^^A"):
    return (
        orc("XO", "P1", sent=sent).replace("^^^^^R", urgency),
        *lines,
    )


def test_what_a_change_is_silent_about_stays(feed):
    before = feed.place(filler="F5")
    assert feed.send(*change("OBR|1|||MHEAD")) == AA
    after = feed.order("P1")
    assert after.content.priority is Priority.URGENT
    for name in (
        "patient",
        "site",
        "setting",
        "filler_number",
        "safety",
        "requested_at",
    ):
        assert getattr(after.content, name) == getattr(before.content, name), name


def test_an_explicit_null_deletes(feed):
    line = "OBR|1|||MHEAD^MRI Head|||||||||Headache"
    feed.send(PID, PV1, orc("NW", "P1", filler="F5"), line, *SAFE)
    assert feed.order("P1").content.clinical_reason == "Headache"
    null = orc("XO", "P1", filler='""', sent=5)
    assert feed.send(null, 'OBR|1||""|MHEAD|||||||||""', 'OBX|1|CE|IMPL||""') == AA
    content = feed.order("P1").content
    assert (content.filler_number, content.clinical_reason) == ("", "")
    assert {a.question.value for a in content.safety} == {"cardiac_device"}
    assert feed.order("P1").status is S.VETTED, "an unknown answer blocks booking"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("9990000018^^^NHS^NH~X1234^^^RA1^MR", '""'),
        ("TESTER^Anna", '""'),
    ],
)
def test_an_identity_cannot_be_deleted(feed, old, new):
    feed.place()
    assert feed.send(PID.replace(old, new), PV1, *change("OBR|1|||MHEAD")) == (
        "AE",
        "101",
    )


def test_an_exam_cannot_be_deleted(feed):
    feed.place()
    assert feed.send(*change('OBR|1|||""')) == ("AE", "101")


def test_numbers_of_other_authorities_are_not_the_senders_to_delete(feed):
    before = feed.place()
    own = PID.replace("9990000018^^^NHS^NH~", "")
    assert feed.send(own, PV1, *change("OBR|1|||MHEAD")) == AA
    assert feed.order("P1").content.patient == before.content.patient


def test_another_patient_is_never_merged_in(feed):
    before = feed.place()
    other = PID.replace("9990000018", "9990000026")
    assert feed.send(other, PV1, *change("OBR|1|||MHEAD")) == AA
    after = feed.order("P1")
    assert codes(after) == [HoldCode.IDENTITY_CONFLICT]
    assert after.content.patient == before.content.patient


def test_a_change_that_repairs_what_held_an_order_lets_it_go_on(feed):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    assert codes(feed.order("P1")) == [HoldCode.UNMAPPED_PROCEDURE]
    feed.send(orc("HD", "P1", sent=2))
    assert feed.send(*change(MR_HEAD)) == AA
    assert codes(feed.order("P1")) == [HoldCode.REQUESTED_BY_SENDER]
    feed.send(orc("RL", "P1", sent=7))
    assert feed.order("P1").status is S.WAITING


def test_a_change_that_repairs_nothing_leaves_the_hold(feed):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    assert feed.send(*change("OBR|1")) == AA
    assert codes(feed.order("P1")) == [HoldCode.UNMAPPED_PROCEDURE]


def test_what_a_clerk_settled_is_not_asked_again(feed):
    feed.send(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    held = feed.order("P1")
    feed.engine.handle(ReleaseOrder(held.id, procedure=ProcedureCode("MRHEAD")), CLERK)
    feed.engine.handle(VetOrder(held.id), CLERK)
    repeat = feed.message(PID, PV1, orc("NW", "P1"), "OBR|1|||WHAT^What", *SAFE)
    assert feed.answers(repeat) == [AA]
    assert len(feed.orders()) == 1
    line = "OBR|1|||WHAT^What|||||||||Headache"
    assert feed.send(*change(line, urgency="^^^^^R")) == AA
    after = feed.order("P1")
    assert (after.content.procedure, codes(after)) == ("MRHEAD", [])


def test_a_resend_is_known_although_the_patients_name_was_put_right(feed):
    lines = (PID, PV1, orc("NW", "P1"), MR_HEAD, *SAFE)
    assert feed.send(*lines) == AA
    married = PID.replace("TESTER", "EXAMPLE")
    routine = change("OBR|1|||MHEAD", sent=0, urgency="^^^^^R")
    assert feed.send(married, PV1, *routine) == AA
    assert feed.order("P1").content.patient.family_name == "EXAMPLE"
    assert feed.send(*lines) == AA
    assert len(feed.orders()) == 1
    urgent = orc("NW", "P1").replace("^^^^^R", "^^^^^A")
    assert feed.send(PID, PV1, urgent, MR_HEAD, *SAFE) == ("AE", "205")


def test_a_known_order_that_is_booked_elsewhere_is_not_booked_here(feed):
    feed.place()
    for _ in range(2):
        assert feed.send(PID, PV1, orc("NW", "P1", status="SC"), MR_HEAD, *SAFE) == AA
        assert codes(feed.order("P1")) == [HoldCode.BOOKED_ELSEWHERE]
    assert len(feed.orders()) == 1


def test_the_words_beside_a_code_are_kept_and_mean_nothing_by_themselves(feed):
    feed.place()
    assert feed.order("P1").content.procedure_text == "MRI Head"

    other = MR_HEAD.replace("MRI Head", "Head, MRI")
    assert feed.send(PID, PV1, orc("NW", "P1"), other, *SAFE) == AA
    assert len(feed.orders()) == 1

    feed.send(*change(""))
    assert feed.order("P1").content.procedure_text == "MRI Head"
    feed.send(*change(other, sent=6))
    assert feed.order("P1").content.procedure_text == "Head, MRI"


def test_an_unknown_setting_is_held_until_somebody_says(feed):
    feed.send(PID, PV1.replace("|O|", "|Q|"), orc("NW", "P1"), MR_HEAD, *SAFE)
    held = feed.order("P1")
    assert codes(held) == [HoldCode.UNKNOWN_SETTING]
    release = ReleaseOrder(held.id, setting=PatientSetting.INPATIENT)
    feed.engine.handle(release, CLERK)
    assert feed.order("P1").content.setting is PatientSetting.INPATIENT


def test_several_steps_are_put_to_a_person_and_the_study_is_kept(feed):
    lines = ("IPC|A1|RP1|1.2.3|S1|MR", "IPC|A1|RP1|1.2.3|S2|MR")
    order = orc("NW", "P1").replace("^^^^^R", "")
    feed.ris(PID, order, "OBR|1|||MR01", *lines, kind="OMI^O23")
    held = feed.orders()[0]
    assert codes(held) == [HoldCode.SEVERAL_STEPS]
    assert held.content.study_uid == "1.2.3"


def test_a_study_is_kept_from_a_zds_segment(feed):
    feed.send(PID, PV1, orc("NW", "P1"), MR_HEAD, "ZDS|1.2.9^^Application^DICOM", *SAFE)
    assert feed.order("P1").content.study_uid == "1.2.9"


def test_who_asked_stays_unless_a_change_says_otherwise(feed):
    asked = "OBR|1|||MR01" + "|" * 12 + "DRX^Ex^Al"
    feed.send(PID, PV1, orc("NW", "P1"), asked, *SAFE)
    feed.send(PID, PV1, orc("XO", "P1"), MR_HEAD, *SAFE)
    assert feed.order("P1").content.orderer.name == "Al Ex"
    feed.send(PID, PV1, orc("XO", "P1"), asked.replace("DRX^Ex", "DRY^Wy"), *SAFE)
    assert feed.order("P1").content.orderer.code == "DRY"
