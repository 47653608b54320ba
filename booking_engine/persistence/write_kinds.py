"""What is written: its kinds in order, their tables, and one buffered write."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from sqlalchemy import Table

from booking_engine.persistence import rows
from booking_engine.persistence.mapping import Values


class Kind(IntEnum):
    """What is written, in the order in which it reaches the database."""

    CATALOGUE = 0
    ORDER = 1
    SESSION = 2
    APPOINTMENT = 3
    PLAN_RUN = 4
    DECISION = 5
    POLICY = 24
    CHANGE = 6
    CLOCK = 7
    MESSAGE = 8
    MESSAGE_ORDER = 9
    EVENT = 10
    DELIVERY = 11
    ORDER_NAME = 12
    PARKED = 13
    PATIENT = 14
    PATIENT_IDENTIFIER = 15
    PARTNER_VERSION = 20
    PROFILE = 21
    MAPPING = 22
    MESSAGE_KEY = 30
    ATTEMPT = 31
    DELIVERY_CHANGE = 32
    OLD_DELIVERY = 33
    OLD_MESSAGE = 34
    OLD_CHANGES = 35
    DIARY = 23
    REBOOKING = 25
    ALERT = 40


class Write(NamedTuple):
    """One buffered write.

    Parameters
    ----------
    row
        Values by column.
    changes
        Whether the row is stored already.
    replaces
        The version that must be stored still, where the thing has versions.
    """

    kind: Kind
    row: Values
    changes: bool = False
    replaces: int | None = None


TABLES: Final[dict[Kind, Table]] = {
    Kind.ORDER: rows.table_of(rows.ImagingOrderRow),
    Kind.SESSION: rows.table_of(rows.ScanSessionRow),
    Kind.APPOINTMENT: rows.table_of(rows.AppointmentRow),
    Kind.DIARY: rows.table_of(rows.DiaryEntryRow),
    Kind.PLAN_RUN: rows.table_of(rows.PlanRunRow),
    Kind.REBOOKING: rows.table_of(rows.RebookingRow),
    Kind.DECISION: rows.table_of(rows.DecisionRow),
    Kind.POLICY: rows.table_of(rows.PolicyVersionRow),
    Kind.CHANGE: rows.table_of(rows.StatusChangeRow),
    Kind.CLOCK: rows.table_of(rows.ClockEventRow),
    Kind.MESSAGE: rows.table_of(rows.InboundMessageRow),
    Kind.MESSAGE_ORDER: rows.table_of(rows.MessageOrderRow),
    Kind.MESSAGE_KEY: rows.table_of(rows.MessageKeyRow),
    Kind.ATTEMPT: rows.table_of(rows.DeliveryAttemptRow),
    Kind.DELIVERY_CHANGE: rows.table_of(rows.DeliveryChangeRow),
    Kind.EVENT: rows.table_of(rows.OutboxEventRow),
    Kind.DELIVERY: rows.table_of(rows.DeliveryRow),
    Kind.ORDER_NAME: rows.table_of(rows.OrderNameRow),
    Kind.PARKED: rows.table_of(rows.ParkedMessageRow),
    Kind.PARTNER_VERSION: rows.table_of(rows.PartnerVersionRow),
    Kind.PROFILE: rows.table_of(rows.PartnerProfileRow),
    Kind.MAPPING: rows.table_of(rows.CodeMappingRow),
    Kind.PATIENT: rows.table_of(rows.PatientRow),
    Kind.PATIENT_IDENTIFIER: rows.table_of(rows.PatientIdentifierRow),
    Kind.ALERT: rows.table_of(rows.AlertRow),
}
LABELS: Final = {
    Kind.ORDER: "Order",
    Kind.SESSION: "Session",
    Kind.APPOINTMENT: "Appointment",
    Kind.DIARY: "Diary entry",
    Kind.PLAN_RUN: "Planning run",
    Kind.POLICY: "Policy version",
    Kind.REBOOKING: "Rebooking",
    Kind.DELIVERY: "Delivery",
    Kind.MESSAGE: "Message",
    Kind.PARKED: "Parked message",
    Kind.MAPPING: "Mapping",
    Kind.PATIENT: "Patient",
    Kind.ALERT: "Alert",
}
