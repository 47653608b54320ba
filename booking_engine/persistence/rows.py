"""The tables, as SQLModel rows; nothing outside this package sees them.

Instants are bare ``datetime`` fields: SQLModel refuses naive values and stores UTC,
on SQLite as text of one fixed format, so that comparing text compares time. What is
filtered, sorted or searched on is a column; the rest of an aggregate is one JSON
document beside it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from booking_engine.persistence import guards, noting

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

COUNTER = BigInteger().with_variant(Integer, "sqlite")
"""Counting keys; SQLite counts by itself only in a column called INTEGER."""


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index over the rows that satisfy `where`, on either engine."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


_EMPTY: Final[dict[str, Any]] = {"server_default": text("''")}
"""For columns that came later: the rows stored before have nothing there."""


class Row(SQLModel):
    """What every table has in common: one metadata with a naming convention."""

    metadata: ClassVar[MetaData] = metadata


class ReferenceRow(Row):
    """A part of the catalogue: its key, its place in order, and all of it as JSON."""

    key: str = Field(primary_key=True)
    position: int
    data: dict[str, Any] = Field(sa_type=JSON)


class OrganisationRow(ReferenceRow, table=True):
    """An organisation."""

    __tablename__ = "organisation"


class SiteRow(ReferenceRow, table=True):
    """A site."""

    __tablename__ = "site"


class ScannerRow(ReferenceRow, table=True):
    """A scanner."""

    __tablename__ = "scanner"


class ContractRow(ReferenceRow, table=True):
    """A contract."""

    __tablename__ = "contract"


class ProcedureRow(ReferenceRow, table=True):
    """A procedure."""

    __tablename__ = "procedure"


class PlaceRow(ReferenceRow, table=True):
    """A postcode district."""

    __tablename__ = "place"


class SessionTemplateRow(ReferenceRow, table=True):
    """A weekly pattern of sessions; its key is its position."""

    __tablename__ = "session_template"


class CatalogueVersionRow(Row, table=True):
    """One row that counts replacements of the catalogue, so that caches notice."""

    __tablename__ = "catalogue_version"

    id: int = Field(primary_key=True)
    version: int


class ScanSessionRow(Row, table=True):
    """A session of scanner time."""

    __tablename__ = "scan_session"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index("ix_scan_session_scanner_ends_at", "scanner", "ends_at"),
        Index("ix_scan_session_ends_at", "ends_at"),
        partial_index(
            "ix_scan_session_contract", "contract", where="contract IS NOT NULL"
        ),
    )

    id: str = Field(primary_key=True)
    scanner: str
    starts_at: datetime
    ends_at: datetime
    list_type: int
    release_at: datetime | None
    contract: str | None
    status: str
    version: int


class ImagingOrderRow(Row, table=True):
    """An order; `content` holds what is neither filtered nor sorted by."""

    __tablename__ = "imaging_order"
    __table_args__ = (
        # The placer's number first: it serves searches for the number alone too.
        Index(
            "ix_imaging_order_placer",
            "placer_number",
            "partner",
            "placer_authority",
        ),
        Index("ix_imaging_order_worklist", "status", "tier", "breach_on", "id"),
        partial_index(  # with the codes, so that SQLite prefers it to the worklist's
            "ix_imaging_order_changed",
            *("status", "tier", "breach_on", "id", "hold_codes"),
            where=guards.CHANGED_SQL,
        ),
        Index("ix_imaging_order_clock", "status", "clock_started_on", "id"),
        Index("ix_imaging_order_received", "received_at", "id"),
        Index("ix_imaging_order_patient", "patient_key"),
        partial_index(
            "ix_imaging_order_local", "local_key", where="local_key IS NOT NULL"
        ),
        partial_index(
            "ix_imaging_order_accession", "accession", where="accession <> ''"
        ),
    )

    id: str = Field(primary_key=True)
    partner: str
    placer_authority: str
    placer_number: str
    patient_key: str
    nhs_number: str | None
    accession: str
    status: str
    status_since: datetime
    tier: int
    breach_on: date
    clock_started_on: date
    clock_requested_on: date
    procedure: str | None
    procedure_as_sent: str
    hold_codes: str
    """Codes between commas, such as ``,unknown_site,``; empty without holds."""
    received_at: datetime
    sent_at: datetime
    version: int
    content: dict[str, Any] = Field(sa_type=JSON)
    local_key: str | None
    """The hospital's own number where `patient_key` is the NHS number."""


class PatientRow(Row, table=True):
    """A patient of the register; `content` holds what nothing is found by."""

    __tablename__ = "patient"

    id: str = Field(primary_key=True)
    deceased: bool
    merged_into: str | None
    version: int
    content: dict[str, Any] = Field(sa_type=JSON)


class PatientIdentifierRow(Row, table=True):
    """Whose a number is; nobody's once the one who gave it has taken it back."""

    __tablename__ = "patient_identifier"
    __table_args__ = (Index("ix_patient_identifier_patient", "patient_id"),)

    key: str = Field(primary_key=True)
    patient_id: str | None = Field(foreign_key="patient.id")
    since: datetime
    retired: bool


class OrderNameRow(Row, table=True):
    """A number by which a partner knows an order, besides its placer key."""

    __tablename__ = "order_name"

    number: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    partner: str = Field(primary_key=True)
    authority: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True, foreign_key="imaging_order.id")


class StatusChangeRow(Row, table=True):
    """One line of an order's history."""

    __tablename__ = "status_change"
    __table_args__ = (Index("ix_status_change_order", "order_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    order_id: str = Field(foreign_key="imaging_order.id")
    at: datetime
    actor: str
    action: str
    before: str | None
    after: str
    note: str


class ClockEventRow(Row, table=True):
    """One line of an order's clock log."""

    __tablename__ = "clock_event"
    __table_args__ = (Index("ix_clock_event_order", "order_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    order_id: str = Field(foreign_key="imaging_order.id")
    at: datetime
    reason: str
    clock_started_on: date


class AppointmentRow(Row, table=True):
    """An appointment or hold; see `guards` for what may not overlap."""

    __tablename__ = "appointment"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index(
            "uq_appointment_live_order",
            "order_id",
            unique=True,
            sqlite_where=text(guards.OCCUPYING_SQL),
            postgresql_where=text(guards.OCCUPYING_SQL),
        ),
        # By end, so that asking for what is ahead skips the past.
        partial_index(
            "ix_appointment_live_scanner",
            "scanner",
            "ends_at",
            where=guards.OCCUPYING_SQL,
        ),
        partial_index(
            "ix_appointment_live_patient",
            "patient",
            "ends_at",
            where=guards.OCCUPYING_SQL,
        ),
        partial_index("ix_appointment_expiry", "expires_at", where="status = 'held'"),
        Index("ix_appointment_start", "starts_at", "id"),
        Index("ix_appointment_order", "order_id"),
        # With the state, so that what each session holds is counted in the index.
        Index("ix_appointment_session", "session_id", "status"),
    )

    id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="imaging_order.id")
    session_id: str = Field(foreign_key="scan_session.id")
    scanner: str
    patient: str
    starts_at: datetime
    ends_at: datetime
    status: str
    decision_id: str | None
    told: bool
    expires_at: datetime | None
    cancel_reason: str
    version: int


class DiaryEntryRow(Row, table=True):
    """A stretch of time in somebody else's diary; see `guards` for what it forbids."""

    __tablename__ = "diary_entry"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index(
            "uq_diary_entry_number",
            *("partner", "number", "scanner"),
            unique=True,
        ),
        # By end, so that asking for what is ahead skips the past.
        partial_index(
            "ix_diary_entry_scanner", "scanner", "ends_at", where=guards.TAKING_SQL
        ),
        partial_index(
            "ix_diary_entry_patient", "patient", "ends_at", where=guards.TAKING_SQL
        ),
        partial_index("ix_diary_entry_order", "order_id", where="order_id IS NOT NULL"),
        partial_index(
            "ix_diary_entry_appointment",
            "appointment_id",
            where="appointment_id IS NOT NULL",
        ),
        partial_index("ix_diary_entry_sought", "id", where=guards.SOUGHT_SQL),
    )

    id: str = Field(primary_key=True)
    partner: str | None
    number: str
    kind: str
    scanner: str | None
    starts_at: datetime
    ends_at: datetime
    status: str
    sent_at: datetime
    order_id: str | None = Field(foreign_key="imaging_order.id")
    appointment_id: str | None = Field(foreign_key="appointment.id")
    patient: str | None
    reason: str
    version: int
    sought: list[str] | None = Field(sa_type=JSON)


class PlanRunRow(Row, table=True):
    """A planning run with its gzipped files."""

    __tablename__ = "plan_run"
    __table_args__ = (Index("ix_plan_run_requested", "requested_at", "id"),)

    id: str = Field(primary_key=True)
    status: str
    requested_at: datetime
    requested_by: str
    policy_version: str
    seed: int = Field(sa_type=BigInteger)
    orders: int
    openings: int
    placed: int
    booked: int
    lost: int
    cost: int | None = Field(sa_type=BigInteger)
    bound: int | None = Field(sa_type=BigInteger)
    seconds: float
    finished_at: datetime | None
    problem: bytes | None
    plan: bytes | None
    error: str


class DecisionRow(Row, table=True):
    """A decision record; all but its keys is in `content`."""

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_run", "plan_run_id"),
        Index("ix_decision_order", "order_id"),
    )

    id: str = Field(primary_key=True)
    order_id: str = Field(foreign_key="imaging_order.id")
    appointment_id: str
    plan_run_id: str | None
    kind: str
    made_at: datetime
    content: dict[str, Any] = Field(sa_type=JSON)


class InboundMessageRow(Row, table=True):
    """An inbound message, with its bytes and those of its acknowledgement."""

    __tablename__ = "inbound_message"
    __table_args__ = (
        Index("ix_inbound_message_key", "control_id", "sender", "received_at", "id"),
        Index("ix_inbound_message_received", "received_at", "id"),
        Index("ix_inbound_message_partner", "partner", "received_at", "id"),
        Index("ix_inbound_message_kind", "kind", "received_at", "id"),
        # Nearly all are processed: they are found in the order of their receipt.
        partial_index(
            "ix_inbound_message_outcome",
            *("outcome", "received_at", "id"),
            where="outcome <> 'processed'",
        ),
        partial_index(
            "ix_inbound_message_error",
            *("error_code", "received_at", "id"),
            where="error_code <> ''",
        ),
        partial_index(
            "ix_inbound_message_replay",
            *("replay_of", "id"),
            where="replay_of IS NOT NULL",
        ),
    )

    id: str = Field(primary_key=True)
    received_at: datetime
    peer: str
    partner: str | None
    sender: str
    control_id: str
    kind: str
    digest: str
    raw: bytes
    ack: bytes
    outcome: str
    error_code: str
    error_text: str
    warnings: str = Field(sa_column_kwargs=_EMPTY)
    """One a line."""
    sent_at: datetime | None
    order_control: str = Field(sa_column_kwargs=_EMPTY)
    search_keys: str = Field(sa_column_kwargs=_EMPTY)
    """One a line: kind, blank, value. What `message_key` has of this message."""
    latency_us: int = Field(
        sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")}
    )
    fault: str = Field(sa_column_kwargs=_EMPTY)
    replay_of: str | None
    replayed_by: str | None
    replay_reason: str = Field(sa_column_kwargs=_EMPTY)
    edited: bool = Field(sa_column_kwargs={"server_default": false()})


class MessageKeyRow(Row, table=True):
    """The index by which a message is searched; nothing is here that it does not say.

    No foreign key: it is written and deleted with its message and by nothing else, and
    to check each row would cost the intake more than the row.
    """

    __tablename__ = "message_key"
    __table_args__ = ({"sqlite_with_rowid": False},)

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    message_id: str = Field(primary_key=True)


class MessageOrderRow(Row, table=True):
    """Which orders a message created or changed."""

    __tablename__ = "message_order"
    __table_args__ = (Index("ix_message_order_order", "order_id", "message_id"),)

    message_id: str = Field(primary_key=True, foreign_key="inbound_message.id")
    position: int = Field(primary_key=True)
    order_id: str = Field(foreign_key="imaging_order.id")


class ParkedMessageRow(Row, table=True):
    """An acknowledged message that waits, or waited, for its order."""

    __tablename__ = "parked_message"
    __table_args__ = (
        partial_index(
            "ix_parked_message_number",
            *("placer_number", "partner"),
            where="status = 'waiting'",
        ),
        partial_index(
            "ix_parked_message_expiry", "expires_at", where="status = 'waiting'"
        ),
    )

    id: str = Field(primary_key=True, foreign_key="inbound_message.id")
    partner: str
    placer_authority: str
    placer_number: str
    sent_at: datetime
    expires_at: datetime
    status: str


class OutboxEventRow(Row, table=True):
    """An event that was told, or was worth telling."""

    __tablename__ = "outbox_event"

    id: str = Field(primary_key=True)
    kind: str
    order_id: str = Field(foreign_key="imaging_order.id")
    occurred_at: datetime
    audience: list[str] = Field(sa_type=JSON)
    appointment_id: str | None
    scanner: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    decision_id: str | None
    reason: str
    contact_stopped: bool | None


class DeliveryRow(Row, table=True):
    """An event or answer on its way to a partner; the database counts the sequence."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "destination", name="uq_delivery_destination"),
        Index("ix_delivery_id", "id", unique=True),
        Index("ix_delivery_order", "order_id", "sequence"),
        # What is due, in sequence, and how many there are in each status.
        Index("ix_delivery_due", "destination", "status", "sequence"),
        partial_index(
            "ix_delivery_unsent",
            *("status", "sequence"),
            where=guards.UNSENT_SQL,
        ),
        partial_index("ix_delivery_answers", "answers", where="answers IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    sequence: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    id: str
    event_id: str | None = Field(foreign_key="outbox_event.id")
    order_id: str | None
    destination: str
    status: str
    created_at: datetime
    payload: bytes | None
    attempts: int
    next_attempt_at: datetime | None
    last_error: str
    ack: bytes | None
    delivered_at: datetime | None
    answers: str | None = Field(foreign_key="inbound_message.id")
    application_ack: str


class PartnerProfileRow(Row, table=True):
    """One version of a profile that came over the API; the newest is in force."""

    __tablename__ = "partner_profile"

    partner: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    text: str
    made_by: str
    made_at: datetime
    why: str


class CodeMappingRow(Row, table=True):
    """One of a partner's codes and what it means, for a time."""

    __tablename__ = "code_mapping"
    __table_args__ = (Index("ix_code_mapping_partner", "partner", "id"),)

    id: str = Field(primary_key=True)
    partner: str
    code_table: str
    code: str
    target: str
    valid_from: datetime
    valid_to: datetime | None
    made_by: str
    made_at: datetime
    why: str
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str
    version: int


class PartnerVersionRow(Row, table=True):
    """One row that counts changes of profiles and mappings, so that others notice."""

    __tablename__ = "partner_version"

    id: int = Field(primary_key=True)
    version: int


class AlertRow(Row, table=True):
    """An alert; at most one of a partner's condition is open, whoever watches."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "uq_alert_open",
            *("partner", "condition"),
            unique=True,
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index("ix_alert_raised", "raised_at", "id"),
    )

    id: str = Field(primary_key=True)
    partner: str
    condition: str
    raised_at: datetime
    value: float
    threshold: float
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str
    cleared_at: datetime | None
    told_raised: bool
    told_cleared: bool
    version: int


class DeliveryAttemptRow(Row, table=True):
    """One attempt to send; written by the relay alone, and deleted with its delivery.

    Without a foreign key, as `MessageKeyRow`.
    """

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index("ix_delivery_attempt_delivery", "delivery_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    delivery_id: str
    started_at: datetime
    duration_us: int = Field(sa_type=BigInteger)
    outcome: str
    phase: str
    code: str
    text: str


class DeliveryChangeRow(Row, table=True):
    """What a person did with a parked delivery."""

    __tablename__ = "delivery_change"
    __table_args__ = (Index("ix_delivery_change_delivery", "delivery_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    delivery_id: str
    at: datetime
    actor: str
    action: str
    reason: str
    payload: bytes | None


class DiaryChangeRow(Row, table=True):
    """Some time on a scanner of which something changed; see `noting`."""

    __tablename__ = "diary_change"
    __table_args__ = (Index("ix_diary_change_unit", "unit"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    unit: int = Field(sa_type=BigInteger)
    scanner: str
    starts_at: datetime
    ends_at: datetime


def table_of(row: type[Row]) -> Table:
    """Return the table behind a row class."""
    return metadata.tables[str(row.__tablename__)]


@event.listens_for(table_of(AppointmentRow), "after_create")
def _guard(_: Table, connection: Connection, **__: Any) -> None:
    for statement in guards.statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


@event.listens_for(table_of(DiaryEntryRow), "after_create")
def _guard_diary(_: Table, connection: Connection, **__: Any) -> None:
    for statement in guards.diary_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


@event.listens_for(metadata, "after_create")
def _note(_: MetaData, connection: Connection, **__: Any) -> None:
    for statement in noting.statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
