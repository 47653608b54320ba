"""Why an order waits for a person, and what settles it, in words for both ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from booking_engine.domain.orders import HoldCode


@dataclass(frozen=True, slots=True)
class Remedy:
    """One kind of hold.

    Parameters
    ----------
    when
        What in a message leads to it.
    remedy
        What settles it.
    """

    when: str
    remedy: str


_C = HoldCode
REMEDIES: Final[dict[HoldCode, Remedy]] = {
    _C.UNMAPPED_PROCEDURE: Remedy(
        "The code of the exam is in no table.",
        "Map it (booking-engine partner map, or POST /v1/mappings, table procedure):"
        " its orders go on at once.",
    ),
    _C.UNKNOWN_URGENCY: Remedy(
        "The urgency is in no table, or was not sent.",
        "Map it (table urgency), or let a clinician give the priority on release.",
    ),
    _C.UNKNOWN_SITE: Remedy(
        "Where the request came from is in no table, or was not sent.",
        "Map it (table site), or set site_when_absent in the profile.",
    ),
    _C.MISSING_BIRTH_DATE: Remedy(
        "PID-7 is empty or no date.",
        "Send the order again with it, or give it on release.",
    ),
    _C.MISSING_PLACER_NUMBER: Remedy(
        "ORC-2 and OBR-2 are empty.",
        "Send a number with each order; without one nothing can be told back.",
    ),
    _C.IDENTITY_CONFLICT: Remedy(
        "PID names no patient, several NHS numbers, or somebody else.",
        "A person finds out who it is.",
    ),
    _C.INVALID_TIME: Remedy(
        "A time is none, or an hour that the clock change skips.",
        "Send the order again with a valid time, or release it without.",
    ),
    _C.CLOSED_PROVIDER: Remedy(
        "The site's organisation takes no orders any more.",
        "Map the site to its successor, or reject the order.",
    ),
    _C.REQUESTED_BY_SENDER: Remedy(
        "The sender has asked to wait, or gave the order a time itself (ORC-5 SC).",
        "The sender releases it, or a person does.",
    ),
    _C.CHANGED_AFTER_BOOKING: Remedy(
        "The sender changed a request that is booked: the slot stays for the moment.",
        "A person vets the change, and the slot stays, or cancels the appointment.",
    ),
    _C.SAFETY_ANSWER_AFTER_BOOKING: Remedy(
        "A safety answer that blocks came after the booking.",
        "A clinician clears it by vetting, or the appointment is cancelled.",
    ),
    _C.CANCEL_OUT_OF_ORDER: Remedy(
        "A cancellation is older than the last change.",
        "Send the cancellation again with the present time, or a person decides.",
    ),
    _C.PLACER_NUMBER_REUSED: Remedy(
        "The number belonged to an order that ended without a scan.",
        "A person decides whether it is wanted after all.",
    ),
    _C.DIARY_CONFLICT: Remedy(
        "An entry or a closure of another diary has come to lie on the booking.",
        "The appointment is moved or cancelled.",
    ),
    _C.BOOKED_ELSEWHERE: Remedy(
        "Another diary has booked the order where it cannot be booked here, or perhaps"
        " this order: an appointment without its number is for the same exam.",
        "A person agrees the slot with that department, or releases the order.",
    ),
    _C.DISCONTINUED: Remedy(
        "The exam was begun and broken off.",
        "A person lists it again, or closes it.",
    ),
    _C.SETTING_CHANGED: Remedy(
        "The patient has been admitted, discharged or transferred since.",
        "A person looks whether the request still fits.",
    ),
    _C.UNKNOWN_SETTING: Remedy(
        "The patient class (PV1-2) is in no table.",
        "Map it (table patient_class), or give the setting on release.",
    ),
    _C.REFUSED_BY_PARTNER: Remedy(
        "A partner has refused what it was told of the order.",
        "A person agrees with that partner, and releases or cancels the order.",
    ),
    _C.SEVERAL_STEPS: Remedy(
        "Several IPC cannot be read as the steps of one booking: one has no protocol"
        " code, none is the exam of OBR-4, or they differ in modality, study or"
        " scanner.",
        "A person says what is done in the one slot (further_procedures on release), or"
        " the sender places an order for each.",
    ),
    _C.LINKED_EXAM_MOVED: Remedy(
        "Another exam of the same visit (ORC-4) was moved or cancelled, not this.",
        "A person moves it along, cancels it, or lets it stay by vetting it again.",
    ),
    _C.DUPLICATE_AFTER_MERGE: Remedy(
        "Two records of one patient were merged, and both have an order for the exam.",
        "A person cancels one of them, or releases both.",
    ),
    _C.PATIENT_DECEASED: Remedy(
        "The patient is said to have died.",
        "A person closes the order, or releases it if the news was wrong.",
    ),
}
"""Every hold; a test holds this to the enum."""

OTHER: Final = Remedy("See the code.", "A person looks.")
