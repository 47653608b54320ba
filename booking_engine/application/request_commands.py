"""What another system may ask of the diary that the engine keeps (SRM, SQM).

As in `commands`: frozen, complete, free of HL7 and HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from booking_engine.application.diary_commands import Ending, OrderNumbers
from booking_engine.domain.identifiers import AppointmentId, PartnerId, ScannerId
from booking_engine.domain.vocabulary import Modality


@dataclass(frozen=True, slots=True)
class StartRange:
    """When an appointment may start; equal bounds mean exactly then.

    Parameters
    ----------
    earliest, latest
        ``None``: now, and as late as the policy's horizon reaches.
    """

    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestAppointment:
    """A sender asks for an appointment for an order of its own (SRM^S01).

    Handled by `requests.request_appointment`, which returns a `received.Received`:
    held, without an appointment, where a person must vet or settle something first.

    Parameters
    ----------
    number
        The sender's name of the appointment (ARQ-1); may be empty.
    ranges
        Alternatives; empty means the best there is.
    scanners
        Only these; empty means any that will do.
    """

    partner: PartnerId
    number: str
    order: OrderNumbers
    ranges: tuple[StartRange, ...] = ()
    scanners: frozenset[ScannerId] = frozenset()


@dataclass(frozen=True, slots=True)
class RequestMove:
    """A sender asks for another time for an appointment (SRM^S02).

    Handled by `requests.request_move`, which returns a `received.Received`.

    Parameters
    ----------
    appointment_id
        Ours (ARQ-2), if the sender names it; else `number` does.
    """

    partner: PartnerId
    number: str
    appointment_id: AppointmentId | None
    ranges: tuple[StartRange, ...] = ()
    scanners: frozenset[ScannerId] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RequestChange:
    """A sender says something anew of an appointment, but no other time (SRM^S03).

    Handled by `requests.request_change`, which returns a `received.Received`. What an
    exam is, its order says: here nothing changes.

    Parameters
    ----------
    starts_at
        As the sender believes; ``None`` where it does not say.
    """

    partner: PartnerId
    number: str
    appointment_id: AppointmentId | None
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestEnding:
    """A sender asks to cancel, break off or delete an appointment (SRM^S04 to S06).

    Handled by `requests.request_ending`, which returns a `received.Received`.

    Parameters
    ----------
    by_patient
        Whether the patient cancelled: that resets the clock (DM01).
    """

    partner: PartnerId
    number: str
    appointment_id: AppointmentId | None
    ending: Ending
    reason: str = ""
    by_patient: bool = False


@dataclass(frozen=True, slots=True)
class FindOpenings:
    """A sender asks which time is free (SQM^S25).

    Handled by `requests.find_openings`, which returns a `requests.Openings`.

    Parameters
    ----------
    modality
        Of the scanners; ``None`` means any.
    minutes
        The least length that is of use.
    limit
        The most openings to return, the earliest first.
    """

    partner: PartnerId
    ranges: tuple[StartRange, ...]
    scanners: frozenset[ScannerId] = frozenset()
    modality: Modality | None = None
    minutes: int = 1
    limit: int = 20
