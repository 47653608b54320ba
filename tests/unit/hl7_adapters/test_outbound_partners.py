"""Each partner is told what it wants to be told, in its own words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from network import INDIE, catalogue
from tellings import PROFILES, order, partner, telling

from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import PartnerId, ProcedureCode
from booking_engine.domain.orders import ProcedureStep
from booking_engine.domain.vocabulary import Priority
from hl7_adapters.destination import Outgoing, Sending
from hl7_adapters.er7 import decode
from hl7_adapters.event_codes import OF_THE_DAY
from hl7_adapters.event_values import CannotRender
from hl7_adapters.outbound import render

LIVER = ProcedureCode("MRLIVER")


def test_the_sender_gets_its_own_codes_back_and_others_get_theirs():
    placed = order(priority=Priority.URGENT, priority_as_sent="URGENT")
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=placed)

    own = decode(render(told, partner("2.4", Sending.SIU)))
    other = decode(render(told, partner("2.4", Sending.SIU, "indie")))

    assert (own.get("AIS-3"), own.get("SCH-11.6")) == ("MHEAD", "URGENT")
    assert (other.get("AIS-3"), other.get("SCH-11.6")) == ("MRHEAD", "")
    assert (other.get("AIG-3"), other.get("PID-3")) == ("MR1", "9990000018")


def test_the_words_beside_a_code_go_back_to_their_sender_alone():
    step = ProcedureStep(LIVER, "NO", procedure_text="Liver triple phase")
    whole = {
        "procedure_as_sent": "mhead",
        "procedure_text": "MRI Head, urgent clinic",
        "further_steps": (step,),
    }
    further = (catalogue().procedures[LIVER],)
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=order(**whole), further=further)

    own = decode(render(told, partner("2.4", Sending.SIU)))
    other = decode(render(told, partner("2.4", Sending.SIU, "indie")))

    assert [(ais.value(3), ais.value(3, 2)) for ais in own.all("AIS")] == [
        ("mhead", "MRI Head, urgent clinic"),
        ("NO", "Liver triple phase"),
    ]
    assert other.get("AIS-3.2") == "MR head"


def test_a_code_that_is_not_mapped_goes_back_as_it_came():
    placed = order(procedure=None, procedure_as_sent="ZZ", procedure_text="Some scan")
    held = telling(EventKind.ORDER_HELD, placed=placed, procedure=None)

    message = decode(render(held, partner("2.4", Sending.ORM_SC)))

    assert (message.get("OBR-4"), message.get("OBR-4.2")) == ("ZZ", "Some scan")


def test_an_exam_changed_in_vetting_is_told_as_what_it_is_now():
    placed = order(procedure_as_sent="CCHAPC", procedure_text="CT CAP")
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=placed)

    message = decode(render(told, partner("2.4", Sending.SIU)))

    assert (message.get("AIS-3"), message.get("AIS-3.2")) == ("MHEAD", "MR head")


def test_what_was_added_to_a_placer_number_is_not_sent_back():
    base = order()
    numbered = replace(base.content, placer_number="PL4001#2#MHEAD")
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=replace(base, content=numbered))

    message = decode(render(told, partner("2.4", Sending.ORM_SC)))

    assert (message.get("ORC-2"), message.get("OBR-1")) == ("PL4001", "2")


def test_names_are_escaped_and_kept():
    base = order()
    patient = replace(base.content.patient, family_name="O'Brien & Müller|^~\\")
    named = replace(base, content=replace(base.content, patient=patient))
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=named)

    message = decode(render(told, partner("2.4", Sending.SIU)))

    assert message.get("PID-5") == "O'Brien & Müller|^~\\"


def test_a_patient_without_a_number_is_sent_without_one():
    base = order()
    patient = replace(
        base.content.patient,
        nhs_number=None,
        local_id="RA1:PL1",
        local_authority="unidentified",
    )
    nameless = replace(base, content=replace(base.content, patient=patient))
    told = telling(EventKind.APPOINTMENT_BOOKED, placed=nameless)

    assert decode(render(told, partner("2.4", Sending.SIU))).get("PID-3") == ""


@pytest.mark.parametrize(
    ("kind", "sending"),
    [
        (EventKind.APPOINTMENT_BOOKED, Sending.NONE),
        (EventKind.ORDER_HELD, Sending.SIU),
    ],
)
def test_what_a_partner_does_not_want_is_not_told(kind, sending):
    assert render(telling(kind), partner("2.4", sending)) is None


def test_a_partner_without_an_address_is_told_nothing():
    silent = PROFILES[PartnerId("north")].model_copy(update={"outgoing": None})

    assert render(telling(EventKind.APPOINTMENT_BOOKED), silent) is None


def test_what_cannot_be_told_says_why_without_naming_the_patient():
    told = telling(EventKind.APPOINTMENT_BOOKED)

    with pytest.raises(CannotRender, match="names no scanner"):
        render(replace(told, scanner=None), partner("2.4", Sending.SIU))
    with pytest.raises(CannotRender, match="has no time"):
        render(
            replace(told, event=replace(told.event, starts_at=None)),
            partner("2.4", Sending.SIU),
        )


def test_a_partner_that_never_sent_the_order_is_told_too():
    message = decode(
        render(
            telling(EventKind.APPOINTMENT_BOOKED),
            PROFILES[PartnerId(INDIE)],
        )
    )

    assert (message.version, message.get("MSH-18")) == ("2.3.1", "8859/1")


def test_a_partner_is_told_of_each_event_as_it_wants():
    wants = {
        EventKind.DID_NOT_ATTEND: Sending.ORM_SC,
        EventKind.APPOINTMENT_MOVED: Sending.NONE,
    }
    profile = partner("2.4", Sending.SIU, events=wants)

    missed = decode(render(telling(EventKind.DID_NOT_ATTEND), profile))
    booked = decode(render(telling(EventKind.APPOINTMENT_BOOKED), profile))

    assert (missed.type, missed.get("ORC-5")) == (("ORM", "O01"), "HD")
    assert booked.type == ("SIU", "S12")
    assert render(telling(EventKind.APPOINTMENT_MOVED), profile) is None


@pytest.mark.parametrize("kind", sorted(OF_THE_DAY))
def test_what_happens_on_the_day_is_told_only_if_asked_for(kind):
    profile = partner("2.4", Sending.SIU, events={})

    assert render(telling(kind), profile) is None


def test_a_partner_has_its_own_word_for_a_status():
    profile = partner(
        "2.4",
        Sending.SIU,
        appointment_status={"Noshow": "DNA"},
        order_status={EventKind.DID_NOT_ATTEND: "CA"},
    )
    as_order = profile.outgoing.model_copy(update={"appointments": Sending.ORM_SC})
    told = telling(EventKind.DID_NOT_ATTEND)

    siu = decode(render(told, profile))
    orm = decode(render(told, profile.model_copy(update={"outgoing": as_order})))

    assert siu.get("SCH-25") == siu.get("AIS-10") == siu.get("AIG-14") == "DNA"
    assert orm.get("ORC-5") == "CA"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"events": {"order_held": "siu"}}, "no SIU for order_held"),
        ({"events": {"arrived": "omg_sc"}, "version": "2.3"}, "no OMG"),
        ({"appointment_status": {"Waitlist": "W"}}, "never send the status 'Waitlist'"),
        ({"application_ack": "AL"}, "needs accept_ack"),
    ],
)
def test_what_no_message_can_say_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        Outgoing.model_validate({"host": "127.0.0.1", **changes})
