"""What the use cases need from outside, as protocols; `persistence` provides them.

Every read returns domain values. Writes are buffered by the unit of work and reach
the database together when it is flushed or committed, so that a batch of messages
costs a handful of statements, not thousands. Where the store itself fails, whether
reading or writing, it raises `StoreUnavailable`, and the unit can only be rolled back.
"""

from __future__ import annotations

from booking_engine.application.ports.history import BookedExams, History
from booking_engine.application.ports.messages import (
    AppointmentNumber,
    MessageKey,
    Messages,
    OldMessage,
    Parking,
)
from booking_engine.application.ports.orders import Orders, Patients, PlacerKey
from booking_engine.application.ports.outbox import OldDelivery, Outbox
from booking_engine.application.ports.partners import Alerts, PartnerData, Traffic
from booking_engine.application.ports.planning import (
    Decisions,
    PlanRuns,
    Policies,
    Rebookings,
)
from booking_engine.application.ports.schedule import Diary, Engaged, Schedule
from booking_engine.application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

__all__ = [
    "Alerts",
    "AppointmentNumber",
    "BookedExams",
    "Decisions",
    "Diary",
    "Engaged",
    "History",
    "MessageKey",
    "Messages",
    "OldDelivery",
    "OldMessage",
    "Orders",
    "Outbox",
    "Parking",
    "PartnerData",
    "Patients",
    "PlacerKey",
    "PlanRuns",
    "Policies",
    "Rebookings",
    "Schedule",
    "Traffic",
    "UnitOfWork",
    "UnitOfWorkFactory",
]
