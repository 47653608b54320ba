"""SRR and SQR out: the answers to requests and queries, built inside the transaction.

What could not be granted is refused with AE, for who asked waits for the answer; the
code in ERR-5 says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from booking_engine.application.ports import UnitOfWork
from booking_engine.application.request_commands import (
    RequestAppointment,
    RequestChange,
    RequestEnding,
    RequestMove,
)
from booking_engine.application.requests import Openings
from booking_engine.domain.errors import DomainError, NoSlot, TransitionRefused
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.exams import known_steps
from booking_engine.domain.identifiers import DeliveryId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Appointment, AppointmentStatus
from hl7_adapters.ack import Answer, version_number
from hl7_adapters.conditions import Reply
from hl7_adapters.datatypes import write_timestamp
from hl7_adapters.destination import Outgoing
from hl7_adapters.er7 import FieldValue, Message
from hl7_adapters.event_values import Telling
from hl7_adapters.outbound import appointment_segments, pending_segments
from hl7_adapters.profile import Profile
from hl7_adapters.responding import Response, Result

REQUESTS: Final = (RequestAppointment, RequestMove, RequestChange, RequestEnding)

NO_SLOT: Final = "NO_SLOT"
"""ERR-5 where nothing is free."""

_ANSWERS: Final = {"SRM": ("SRR", "SRR_S01"), "SQM": ("SQR", "SQR_S25")}
_WRITTEN: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
"""Versions whose segments we know; others are answered as the nearest of these."""

_OF_STATUS: Final[dict[AppointmentStatus, EventKind]] = {
    AppointmentStatus.CANCELLED: EventKind.APPOINTMENT_CANCELLED,
    AppointmentStatus.ENTERED_IN_ERROR: EventKind.ENTERED_IN_ERROR,
    AppointmentStatus.DID_NOT_ATTEND: EventKind.DID_NOT_ATTEND,
    AppointmentStatus.ARRIVED: EventKind.ARRIVED,
    AppointmentStatus.PERFORMED: EventKind.PERFORMED,
}
"""How an appointment is told as it stands; all else is booked."""


def as_asked(error: DomainError, answer: Answer) -> Answer:
    """Return the refusal of a request: never AA, for nothing was done."""
    if isinstance(error, TransitionRefused):
        answer = replace(answer, error="206")
    elif isinstance(error, NoSlot):
        answer = replace(answer, application=NO_SLOT)
    return replace(answer, reply=Reply.AE if answer.reply is Reply.AA else answer.reply)


def _named(
    message: Message, segments: tuple[tuple[FieldValue, ...], ...] = ()
) -> Response | None:
    code, event = message.type
    if code not in _ANSWERS:
        return None
    answer, structure = _ANSWERS[code]
    return Response((answer, event, structure), segments)


def answer_request(
    message: Message, profile: Profile, results: Sequence[Result], uow: UnitOfWork
) -> Response | None:
    """Return the appointment that was asked for (SRR, HL7 2.5.1 section 10.3).

    Of what was refused as a whole there is nothing to say besides.
    """
    received = next((r.received for r in results if r.received is not None), None)
    if received is None or received.order_id is None:
        return _named(message)
    order = uow.orders.get(received.order_id)
    outgoing = _outgoing(message, profile)
    arq = message.first("ARQ")
    number = "" if arq is None else arq.value(1).strip()
    catalogue = uow.catalogue()
    procedure, *others = known_steps(order.content, catalogue)
    further = tuple(others)
    if received.appointment_id is None:
        event = Event(EventKind.ORDER_HELD, order.id, order.received_at, ())
        telling = Telling(
            DeliveryId(""), event, order, procedure=procedure, further=further
        )
        segments = pending_segments(telling, profile, outgoing, number=number)
        return _named(message, tuple(segments))
    appointment = uow.schedule.appointment(received.appointment_id)
    decision = appointment.decision_id
    telling = Telling(
        delivery_id=DeliveryId(""),
        event=_as_it_stands(order, appointment),
        order=order,
        scanner=catalogue.scanner(appointment.scanner),
        site=catalogue.site_of(appointment.scanner),
        procedure=procedure,
        further=further,
        decision=None if decision is None else uow.decisions.get(decision),
    )
    segments = appointment_segments(telling, profile, outgoing, number=number)
    return _named(message, tuple(segments))


def answer_query(
    message: Message, profile: Profile, results: Sequence[Result], uow: UnitOfWork
) -> Response | None:
    """Return the free time that was asked for (SQR, HL7 2.4 section 10.5.3)."""
    received = next((r.received for r in results if r.received is not None), None)
    if not isinstance(received, Openings):
        return _named(message)
    outgoing = _outgoing(message, profile)
    qrd = message.first("QRD")
    tag = "" if qrd is None else qrd.value(4).strip()
    status = "OK" if received.found else "NF"
    segments: list[tuple[FieldValue, ...]] = [("QAK", tag or None, status)]
    catalogue = uow.catalogue()
    old = version_number(outgoing.version) < _WITH_TQ1
    for number, stretch in enumerate(received.found, 1):
        assert stretch.scanner is not None, "openings are on scanners"
        scanner = catalogue.scanner(stretch.scanner)
        name = outgoing.scanners.get(scanner.id, scanner.id)
        starts = write_timestamp(stretch.starts_at, profile.zone)
        ends = write_timestamp(stretch.ends_at, profile.zone)
        minutes = str(round((stretch.ends_at - stretch.starts_at).total_seconds() / 60))
        timing = (None, None, None, starts, ends)
        clerk = ("BOOKING", "Imaging booking")
        site = outgoing.sites.get(scanner.site, scanner.site)
        place: FieldValue = (None, None, None, site)
        segments += [
            (
                *("SCH", None, f"OPEN{number}", None, None, None),
                *(("FREE", "Free time"), None, ("Normal", "Normal", "HL70277")),
                *(minutes, "min", timing if old else None, None, None, None, None),
                *(clerk, None, None, None, clerk),
            ),
            *(() if old else (("TQ1", "1", *(None,) * 5, starts, ends),)),
            ("RGS", str(number)),
            (
                *("AIG", "1", None, (name, scanner.name, "L"), scanner.modality.value),
                *(None, None, None, starts, None, None, minutes, "min"),
            ),
            (
                *("AIL", "1", None, place, "SITE", None),
                *(starts, None, None, minutes, "min"),
            ),
        ]
    return _named(message, tuple(segments))


_WITH_TQ1: Final = (2, 5)


def _outgoing(message: Message, profile: Profile) -> Outgoing:
    """Return how to write to this partner, in the version of its own message."""
    asked = message.version or profile.version
    version = asked if asked in _WRITTEN else "2.5.1"
    outgoing = profile.outgoing or Outgoing(host="none")
    return outgoing.model_copy(update={"version": version})


def _as_it_stands(order: ImagingOrder, appointment: Appointment) -> Event:
    """Return what there is to tell of an appointment now."""
    return Event(
        _OF_STATUS.get(appointment.status, EventKind.APPOINTMENT_BOOKED),
        order.id,
        order.received_at,
        (),
        appointment_id=appointment.id,
        scanner=appointment.scanner,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        decision_id=appointment.decision_id,
        reason=appointment.cancel_reason,
    )
