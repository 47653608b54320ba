"""What a message says of an event: its times, numbers, codes and names, field by field.

Errors::

    CannotRender   the event lacks a time, or its message a scanner
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from booking_engine.domain.decisions import Decision
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import DeliveryId
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import Scanner, Site
from hl7_adapters.ack import version_number
from hl7_adapters.datatypes import write_timestamp
from hl7_adapters.destination import Outgoing
from hl7_adapters.er7 import FieldValue
from hl7_adapters.event_codes import (
    BEFORE_NOSHOW,
    FIRST_WITH_NOSHOW,
    NOSHOW,
    STATUS,
    Scheduling,
)
from hl7_adapters.profile import Profile

_WITH_OPTIONAL_TIMING: Final = (2, 3, 1)  # ORC-7, OBR-27
WITH_TQ1: Final = (2, 5)  # TQ1 replaces the TQ data type, HL7 2.5 section 4.5.4


Coded: TypeAlias = tuple[str, ...]
"""Code, name and coding system, as far as they are known."""


class CannotRender(Exception):
    """An event lacks what its message must say; never patient data in the text."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One event and what there is to say about it.

    Parameters
    ----------
    scanner, site, decision
        Of the appointment; ``None`` on order events.
    procedure
        ``None`` while it is not mapped.
    further
        Likewise of each further step.
    """

    delivery_id: DeliveryId
    event: Event
    order: ImagingOrder
    scanner: Scanner | None = None
    site: Site | None = None
    procedure: Procedure | None = None
    further: tuple[Procedure | None, ...] = ()
    decision: Decision | None = None


class EventValues:
    """The values of the fields of one message, for one partner."""

    def __init__(self, telling: Telling, profile: Profile, outgoing: Outgoing) -> None:
        self.telling = telling
        self.event = telling.event
        self.order = telling.order
        self.content = telling.order.content
        self.profile = profile
        self.outgoing = outgoing
        self.version = version_number(outgoing.version)

    def _time(self, instant: datetime | None) -> str:
        if instant is None:
            raise CannotRender(
                f"{self.event.kind.value} of order {self.order.id} has no time."
            )
        return write_timestamp(instant, self.profile.zone)

    @property
    def _has_time(self) -> bool:
        """Whether the order has the appointment's time: a cancelled one is none."""
        return STATUS[self.event.kind].timed

    @property
    def _minutes(self) -> str:
        starts, ends = self.event.starts_at, self.event.ends_at
        if starts is None or ends is None:
            return self._time(None)
        return str(round((ends - starts).total_seconds() / 60))

    @property
    def _parts(self) -> list[tuple[datetime | None, str]]:
        """Return when each step begins in the slot, and its minutes.

        What the patient's needs add comes first. A slot that was kept for a changed
        exam may be too short for its steps: then each is only somewhere in it.
        """
        starts, further = self.event.starts_at, self.telling.further
        whole = int(self._minutes)
        lengths = [0 if step is None else step.minutes for step in further]
        first = whole - sum(lengths)
        if starts is None or first <= 0 or 0 in lengths:
            return [(starts, str(whole))] * (1 + len(lengths))
        parts: list[tuple[datetime | None, str]] = []
        for minutes in (first, *lengths):
            parts.append((starts, str(minutes)))
            starts += timedelta(minutes=minutes)
        return parts

    @property
    def _timing(self) -> FieldValue:
        """Return TQ (HL7 2.4 section 4.3): start, end, priority as they sent it."""
        event = self.event
        urgency = self._urgency
        return (
            *(None, None, None, self._time(event.starts_at)),
            *(self._time(event.ends_at), urgency),
        )

    @property
    def _order_timing(self) -> FieldValue:
        """Return ORC-7 and OBR-27; HL7 2.3 demands them without a time too: once."""
        if self.version >= WITH_TQ1:
            return None
        if self._has_time:
            return self._timing
        return "1" if self.version < _WITH_OPTIONAL_TIMING else None

    @property
    def _urgency(self) -> str | None:
        """The sender's own code back; to others, and for derived ones, nothing."""
        own = self.order.partner == self.profile.id
        sent = self.content.priority_as_sent
        return sent if own and sent and "=" not in sent else None

    @property
    def _placer_number(self) -> FieldValue:
        number = as_placed(self.content.placer_number)
        return (number, self.content.placer_authority) if number else None

    @property
    def _filler_number(self) -> FieldValue:
        number = self.content.filler_number
        if number:
            return number
        return (self.order.id, self.outgoing.own_application)

    @property
    def _procedure(self) -> Coded:
        """Return code and name of the exam, in their code where they have one."""
        content = self.content
        sent, text = content.procedure_as_sent, content.procedure_text
        return self._exam(sent, text, self.telling.procedure)

    @property
    def _further(self) -> list[Coded]:
        """Return code and name of each further step, likewise."""
        steps = self.content.further_steps
        return [
            self._exam(step.procedure_as_sent, step.procedure_text, procedure)
            for step, procedure in zip(steps, self.telling.further, strict=True)
        ]

    def _exam(self, sent: str, text: str, procedure: Procedure | None) -> Coded:
        """Return an exam in their code; with it go the words that came with it."""
        own = text if self.order.partner == self.profile.id else ""
        if procedure is None:
            return (sent or "UNKNOWN", own) if own else (sent or "UNKNOWN",)
        theirs = self.profile.procedures
        if theirs.get(sent.casefold()) == procedure.code:
            code = sent
        else:
            code = self.profile.own_codes.get(procedure.code, procedure.code)
        code, _, system = code.partition("^")
        name = own if code.casefold() == sent.casefold() else ""
        return (code, name or procedure.name, system or "L")

    @property
    def _reason(self) -> tuple[str, str] | None:
        reason = self.event.reason
        return (reason, reason) if reason else None

    def _filler_status(self, row: Scheduling) -> str:
        """Return SCH-25 and the like (table 0278) in the partner's words."""
        theirs = self.outgoing.appointment_status.get(row.status)
        if theirs is not None:
            return theirs
        if row.status == NOSHOW and self.version < FIRST_WITH_NOSHOW:
            return BEFORE_NOSHOW
        return row.status
