"""How each event is told: trigger events, actions and states of the HL7 tables.

An event that stands in neither table is not told; a new row is all it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from booking_engine.domain.events import EventKind


@dataclass(frozen=True, slots=True)
class Scheduling:
    """How an appointment event is told as SIU.

    Parameters
    ----------
    trigger
        MSH-9.2.
    action
        RGS-2, AIS-2 and so on, table 0206.
    status
        SCH-25 and the like, table 0278.
    reason, text
        SCH-6, where the event itself gives no reason.
    """

    trigger: str
    action: str
    status: str
    reason: str
    text: str


_K = EventKind
SCHEDULING: Final = {
    _K.APPOINTMENT_BOOKED: Scheduling(
        "S12", "A", "Booked", "BOOKED", "Appointment booked"
    ),
    _K.APPOINTMENT_MOVED: Scheduling(
        "S13", "U", "Booked", "MOVED", "Appointment moved"
    ),
    _K.APPOINTMENT_CHANGED: Scheduling(
        "S14", "U", "Booked", "CHANGED", "Appointment details changed"
    ),
    _K.APPOINTMENT_CANCELLED: Scheduling(
        "S15", "D", "Cancelled", "CANCELLED", "Appointment cancelled"
    ),
    _K.ENTERED_IN_ERROR: Scheduling(
        "S17", "D", "Deleted", "ERROR", "Appointment entered in error"
    ),
    _K.DID_NOT_ATTEND: Scheduling(
        "S26", "D", "Noshow", "NOSHOW", "Patient did not attend"
    ),
    # There is no event for these two: a changed status is a modification (S14).
    _K.ARRIVED: Scheduling("S14", "U", "Started", "ARRIVED", "Patient arrived"),
    _K.PERFORMED: Scheduling("S14", "U", "Complete", "PERFORMED", "Exam performed"),
}
"""The appointment events, as SIU tells them (HL7 2.5.1 section 10.4)."""

NOSHOW: Final = "Noshow"
FIRST_WITH_NOSHOW: Final = (2, 5)
BEFORE_NOSHOW: Final = "Cancelled"
"""Table 0278 has Noshow from HL7 2.5 on; before, S26 itself says what happened."""


@dataclass(frozen=True, slots=True)
class Status:
    """How an event is told as order status.

    Parameters
    ----------
    control, status, result
        ORC-1 (table 0119), ORC-5 (0038), OBR-25 (0123; empty: nothing to say).
    timed
        Whether the order has the appointment's time, for OBR-36, ORC-7 and TQ1-7.
    """

    control: str
    status: str
    result: str
    timed: bool = False


STATUS: Final = {
    _K.APPOINTMENT_BOOKED: Status("SC", "SC", "S", timed=True),
    _K.APPOINTMENT_MOVED: Status("SC", "SC", "S", timed=True),
    _K.APPOINTMENT_CHANGED: Status("SC", "SC", "S", timed=True),
    # The slot is gone, the order is not: it waits. IP would say that the patient came.
    _K.APPOINTMENT_CANCELLED: Status("SC", "HD", "O"),
    _K.ENTERED_IN_ERROR: Status("SC", "HD", "O"),
    _K.DID_NOT_ATTEND: Status("SC", "HD", "O"),
    _K.ARRIVED: Status("SC", "IP", "I", timed=True),
    # Performed is not reported: of results there is nothing to say yet.
    _K.PERFORMED: Status("SC", "CM", "", timed=True),
    _K.ORDER_HELD: Status("SC", "HD", "O"),
    _K.ORDER_CANCELLED: Status("OC", "CA", "X"),
    _K.ORDER_REJECTED: Status("OC", "CA", "X"),
}
"""Every event, as an order status tells it (HL7 2.5.1 section 4.5.1)."""

OF_THE_DAY: Final = frozenset({_K.ARRIVED, _K.PERFORMED})
"""Told only to those who ask for it: most learn it from the department itself."""
