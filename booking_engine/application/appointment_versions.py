"""Which version of an appointment a caller saw, and which one is stored now."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.schedule import Appointment


def seen(appointment: Appointment, version: int | None) -> Appointment:
    """Return the appointment if the caller saw it as it is, or says no version.

    Raises
    ------
    StaleVersion
        The caller saw another version.
    """
    if version is not None and version != appointment.version:
        raise StaleVersion(
            f"Appointment {appointment.id} is at version {appointment.version}, not"
            f" {version}; read it again."
        )
    return appointment


def stored(appointment: Appointment) -> Appointment:
    """Return the appointment with the version that it has once saved."""
    return replace(appointment, version=appointment.version + 1)
