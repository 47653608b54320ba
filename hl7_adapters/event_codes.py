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


SCHEDULING: Final = {
    EventKind.APPOINTMENT_BOOKED: Scheduling(
        "S12", "A", "Booked", "BOOKED", "Appointment booked"
    ),
    EventKind.APPOINTMENT_MOVED: Scheduling(
        "S13", "U", "Booked", "MOVED", "Appointment moved"
    ),
    EventKind.APPOINTMENT_CANCELLED: Scheduling(
        "S15", "D", "Cancelled", "CANCELLED", "Appointment cancelled"
    ),
}
"""The appointment events that SIU tells; others are not told by it."""


@dataclass(frozen=True, slots=True)
class Status:
    """How an event is told as order status.

    Parameters
    ----------
    control, status, result
        ORC-1 (table 0119), ORC-5 (0038), OBR-25 (0123).
    """

    control: str
    status: str
    result: str


STATUS: Final = {
    EventKind.APPOINTMENT_BOOKED: Status("SC", "SC", "S"),
    EventKind.APPOINTMENT_MOVED: Status("SC", "SC", "S"),
    # The slot is gone, the order is not: it waits. IP would say that the patient came.
    EventKind.APPOINTMENT_CANCELLED: Status("SC", "HD", "O"),
    EventKind.ORDER_HELD: Status("SC", "HD", "O"),
    EventKind.ORDER_CANCELLED: Status("OC", "CA", "X"),
    EventKind.ORDER_REJECTED: Status("OC", "CA", "X"),
}
"""The events that an order status tells."""
