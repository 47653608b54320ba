"""The tables, as SQLModel rows; nothing outside this package sees them.

Instants are bare ``datetime`` fields: SQLModel refuses naive values and stores UTC,
on SQLite as text of one fixed format, so that comparing text compares time. What is
filtered, sorted or searched on is a column; the rest of an aggregate is one JSON
document beside it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, event

from booking_engine.persistence import noting
from booking_engine.persistence.rows.base import metadata, table_of
from booking_engine.persistence.rows.catalogue import (
    CatalogueVersionRow,
    ContractRow,
    OrganisationRow,
    PlaceRow,
    ProcedureRow,
    ScannerRow,
    SessionTemplateRow,
    SiteRow,
)
from booking_engine.persistence.rows.deliveries import (
    DeliveryAttemptRow,
    DeliveryChangeRow,
    DeliveryRow,
    OutboxEventRow,
)
from booking_engine.persistence.rows.diary import (
    AppointmentRow,
    DiaryChangeRow,
    DiaryEntryRow,
    ScanSessionRow,
)
from booking_engine.persistence.rows.messages import (
    InboundMessageRow,
    MessageKeyRow,
    MessageOrderRow,
    ParkedMessageRow,
)
from booking_engine.persistence.rows.orders import (
    ClockEventRow,
    ImagingOrderRow,
    OrderNameRow,
    PatientIdentifierRow,
    PatientRow,
    StatusChangeRow,
)
from booking_engine.persistence.rows.partners import (
    AlertRow,
    CodeMappingRow,
    PartnerProfileRow,
    PartnerVersionRow,
)
from booking_engine.persistence.rows.planning import (
    DecisionRow,
    PlanRunRow,
    PolicyVersionRow,
    RebookingRow,
)

__all__ = [
    "AlertRow",
    "AppointmentRow",
    "CatalogueVersionRow",
    "ClockEventRow",
    "CodeMappingRow",
    "ContractRow",
    "DecisionRow",
    "DeliveryAttemptRow",
    "DeliveryChangeRow",
    "DeliveryRow",
    "DiaryChangeRow",
    "DiaryEntryRow",
    "ImagingOrderRow",
    "InboundMessageRow",
    "MessageKeyRow",
    "MessageOrderRow",
    "OrderNameRow",
    "OrganisationRow",
    "OutboxEventRow",
    "ParkedMessageRow",
    "PartnerProfileRow",
    "PartnerVersionRow",
    "PatientIdentifierRow",
    "PatientRow",
    "PlaceRow",
    "PlanRunRow",
    "PolicyVersionRow",
    "ProcedureRow",
    "RebookingRow",
    "ScanSessionRow",
    "ScannerRow",
    "SessionTemplateRow",
    "SiteRow",
    "StatusChangeRow",
    "metadata",
    "table_of",
]


@event.listens_for(metadata, "after_create")
def _note(_: MetaData, connection: Connection, **__: Any) -> None:
    for statement in noting.statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
