"""Messages to show a partner: an order as its profile expects it, and what we send.

Everything in them is made by the code that reads and writes real messages; the person
is invented, with an NHS number of the range reserved for tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

from booking_engine.application.commands import ReceiveOrder
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import (
    AppointmentId,
    DeliveryId,
    OrderId,
)
from booking_engine.domain.orders import ImagingOrder, OrderContent, OrderStatus
from booking_engine.domain.resources import Scanner
from booking_engine.domain.safety import Answer
from booking_engine.domain.vocabulary import Priority
from booking_engine.domain.waiting import WaitingClock
from hl7_adapters.ack import version_number
from hl7_adapters.datatypes import write_timestamp
from hl7_adapters.dialect import Place
from hl7_adapters.er7 import FieldValue, Repeated, decode, encode
from hl7_adapters.event_values import CannotRender, Telling
from hl7_adapters.inbound import MappingError, to_commands
from hl7_adapters.order_controls import CONTROLS, Control
from hl7_adapters.outbound import render
from hl7_adapters.profile import Profile

Components = dict[int, str]
Fields = dict[int, Components]

_ORDER: Final[tuple[str, ...]] = ("MSH", "PID", "PV1", "ORC", "TQ1", "OBR")
"""The order of segments in ORM^O01 as most senders write it; others follow."""
_SINCE_2_5: Final = frozenset({"TQ1", "IPC"})
_VERSION_2_5: Final = (2, 5)
_CANCELLED: Final = frozenset(
    {EventKind.ORDER_CANCELLED, EventKind.ORDER_REJECTED, EventKind.ORDER_HELD}
)
_LONGEST_EXAM: Final = timedelta(minutes=30)


def sample_order(profile: Profile, *, now: datetime, control: str = "NW") -> bytes:
    """Return an order as the profile expects it, every value at its first place.

    Parameters
    ----------
    now
        When it is written.
    control
        ORC-1 in the standard's words; their own code is used where they have one.
    """
    draft = _Draft(profile, now)
    draft.header()
    draft.patient()
    draft.order(control)
    draft.codes()
    return draft.encoded()


class _Draft:
    """A message under way: segments, each with fields, each with components."""

    def __init__(self, profile: Profile, now: datetime) -> None:
        self.profile = profile
        self.new_segments = version_number(profile.version) >= _VERSION_2_5
        self.stamp = write_timestamp(now, profile.zone)
        self.segments: dict[str, Fields] = {}
        self.observations: list[tuple[str, str, str, str]] = []
        self.identifiers: FieldValue = None

    def put(self, segment: str, field: int, value: str, component: int = 1) -> None:
        """Write one value, unless something stands there already."""
        fields = self.segments.setdefault(segment, {})
        fields.setdefault(field, {}).setdefault(component, value)

    def at(self, places: tuple[Place, ...], value: str) -> None:
        """Write a value at the first place that takes any value."""
        for place in places:
            new = place.segment in _SINCE_2_5 and not self.new_segments
            if not place.only and not new and place.segment != "MSH":
                self.put(place.segment, place.field, value, place.component)
                return

    def header(self) -> None:
        """Write MSH as the first of the partner's senders does."""
        profile = self.profile
        sender = profile.senders[0] if profile.senders else None
        self.put("MSH", 3, "SENDER" if sender is None else sender.application)
        self.put("MSH", 4, "" if sender is None else sender.facility)
        self.put("MSH", 5, "BOOKING")
        self.put("MSH", 7, self.stamp)
        self.put("MSH", 9, "ORM")
        self.put("MSH", 9, "O01", 2)
        self.put("MSH", 10, "SAMPLE1")
        self.put("MSH", 11, profile.processing_id)
        self.put("MSH", 12, profile.version)
        if profile.charset:
            self.put("MSH", 18, profile.charset)

    def patient(self) -> None:
        """Write PID and PV1 of somebody who does not exist."""
        authority = self.profile.local_authority or "HOSP"
        self.identifiers = Repeated(
            (
                ("9990000018", None, None, "NHS", "NH"),
                ("X000001", None, None, authority, "MR"),
            )
        )
        self.put("PID", 3, "")
        self.put("PID", 5, "Testperson")
        self.put("PID", 5, "Una", 2)
        self.put("PID", 7, "19800229")
        self.put("PID", 8, "F")
        self.put("PID", 11, "M13 9PL", 5)
        self.put("PV1", 2, "O")

    def order(self, control: str) -> None:
        """Write ORC and OBR: numbers, control, times."""
        profile, dialect = self.profile, self.profile.dialect
        own = next((t for t, std in profile.controls.items() if std == control), None)
        self.put("ORC", 1, own.upper() if own else control)
        self.put("ORC", 2, "P0000001")
        self.put("OBR", 1, "1")
        self.put("OBR", 2, "P0000001")
        if profile.placer_authority:
            self.put("ORC", 2, profile.placer_authority, 2)
        self.at(dialect.requested_at, self.stamp)
        self.at(dialect.sent_at, self.stamp)
        if CONTROLS[control].control is Control.CANCEL:
            self.at(dialect.reason, "NOTNEEDED")
            return
        self.at(dialect.accession, "A0000001")
        self.put("OBR", 13, "Headache for six weeks")

    def codes(self) -> None:
        """Write the first code of each of their tables, and their safety questions."""
        profile, dialect = self.profile, self.profile.dialect
        code, _, system = next(iter(profile.procedures), "exam").upper().partition("^")
        self.put("OBR", 4, code)
        self.put("OBR", 4, "as you call it", 2)
        self.put("OBR", 4, system or "L", 3)
        if profile.urgency:
            routine = [c for c, p in profile.urgency.items() if p is Priority.ROUTINE]
            chosen = next(iter((*routine, *profile.urgency)))
            self.at(dialect.urgency, chosen.upper())
        if profile.sites:
            self.at(dialect.site, next(iter(profile.sites)).upper())
        if profile.list_types and dialect.list_type:
            self.at(dialect.list_type, next(iter(profile.list_types)).upper())
        for name, safety in profile.safety.items():
            no = [value for value, a in safety.values.items() if a is Answer.NO]
            value = no[0].upper() if no else "90"
            kind = "ST" if no else "NM"
            self.observations.append((kind, name.upper(), value, ""))
        for name in sorted(profile.weight)[:1]:
            self.observations.append(("NM", name.upper(), "72", "kg"))

    def encoded(self) -> bytes:
        """Return the message."""
        names = [name for name in _ORDER if name in self.segments]
        names += [name for name in self.segments if name not in _ORDER]
        lines = [self._line(name) for name in names]
        for number, (kind, name, value, unit) in enumerate(self.observations, 1):
            code, _, system = name.partition("^")
            lines.append(
                ("OBX", str(number), kind, (code, None, system or None), None, value)
                + ((unit,) if unit else ())
            )
        return encode(lines, charset=self.profile.charset or "utf-8")

    def _line(self, name: str) -> tuple[FieldValue, ...]:
        fields = self.segments[name]
        line: list[FieldValue] = [name] + [None] * max(fields)
        for number, components in fields.items():
            parts = [components.get(n) for n in range(1, max(components) + 1)]
            line[number] = tuple(parts) if len(parts) > 1 else parts[0]
        if name == "PID":
            line[3] = self.identifiers
        return tuple(line)


def sample_events(
    profile: Profile, catalogue: Catalogue, *, now: datetime
) -> Iterator[tuple[EventKind, bytes]]:
    """Yield each message that the partner would be told by, with its event.

    Parameters
    ----------
    catalogue
        An exam and a scanner for it are taken from it; without any, nothing is shown.
    now
        When the events happen.
    """
    found = _booking(profile, catalogue, now)
    if profile.outgoing is None or found is None:
        return
    order, scanner = found
    day = (now + timedelta(days=7)).astimezone(profile.zone).date()
    starts_at = datetime.combine(day, time(9, 30), profile.zone).astimezone(UTC)
    for number, kind in enumerate(EventKind, 1):
        of_order = kind in _CANCELLED
        moved = timedelta(days=2 if kind is EventKind.APPOINTMENT_MOVED else 0)
        event = Event(
            kind,
            order.id,
            now,
            (profile.id,),
            appointment_id=None if of_order else AppointmentId("A00000000000001"),
            scanner=None if of_order else scanner.id,
            starts_at=None if of_order else starts_at + moved,
            ends_at=None if of_order else starts_at + moved + _LONGEST_EXAM,
            reason="not imaging" if kind is EventKind.ORDER_REJECTED else "",
        )
        procedure = order.content.procedure
        telling = Telling(
            delivery_id=DeliveryId(f"X{number:014}"),
            event=event,
            order=order,
            scanner=None if of_order else scanner,
            site=None if of_order else catalogue.site_of(scanner.id),
            procedure=None if procedure is None else catalogue.procedure(procedure),
        )
        try:
            payload = render(telling, profile)
        except CannotRender:
            continue
        if payload is not None:
            yield kind, payload


def _booking(
    profile: Profile, catalogue: Catalogue, now: datetime
) -> tuple[ImagingOrder, Scanner] | None:
    """Return a synthetic order, and a scanner that its exam could be done on."""
    content = _content(profile, now)
    code = content.procedure
    chosen = None if code is None else catalogue.procedures.get(code)
    for procedure in filter(None, (chosen, *catalogue.procedures.values())):
        for scanner in catalogue.scanners.values():
            if scanner.modality is procedure.modality:
                content = replace(content, procedure=procedure.code)
                order = ImagingOrder(
                    id=OrderId("O00000000000001"),
                    partner=profile.id,
                    content=content,
                    status=OrderStatus.BOOKED,
                    status_since=now,
                    clock=WaitingClock.requested(now),
                    received_at=now,
                    sent_at=now,
                )
                return order, scanner
    return None


def _content(profile: Profile, now: datetime) -> OrderContent:
    raw = sample_order(profile, now=now)
    try:
        (command, *_) = to_commands(decode(raw), profile, now=now).commands
    except (MappingError, ValueError) as error:
        raise AssertionError("a sample must be readable by its own profile") from error
    assert isinstance(command, ReceiveOrder), "ORC-1 NW"
    return command.content
