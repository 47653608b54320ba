"""Rows of the diary to sessions and appointments, by the thousand.

A search for a slot reads the diaries of weeks. So these rows come as the driver has
them, in the order of the table's columns, and a value's fields are filled in without
its constructor: that is written for callers who may be wrong, costs as much again as
reading the row, and what is stored has passed it before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from booking_engine.domain.schedule import (
    Appointment,
    AppointmentStatus,
    ScanSession,
    SessionStatus,
)
from booking_engine.domain.vocabulary import ListType

Rows = Iterable[Sequence[Any]]
Instant = Callable[[Any], datetime]

_new: Final = object.__new__
_APPOINTMENT: Final = tuple(
    getattr(Appointment, name).__set__ for name in Appointment.__slots__
)
_SESSION: Final = tuple(
    getattr(ScanSession, name).__set__ for name in ScanSession.__slots__
)
_APPOINTMENT_STATUS: Final = {status.value: status for status in AppointmentStatus}
_SESSION_STATUS: Final = {status.value: status for status in SessionStatus}
_list_type: Final = cache(ListType)  # a combination of flags as well


def appointments_of(found: Rows, instant: Instant) -> list[Appointment]:
    """Return the appointments of rows.

    Parameters
    ----------
    instant
        Reads an instant as the driver has it.
    """
    a, b, c, d, e, f, g, h, i, j, k, m, n = _APPOINTMENT
    read = []
    for (
        id_,
        order_id,
        session_id,
        scanner,
        patient,
        starts_at,
        ends_at,
        status,
        decision_id,
        told,
        expires_at,
        cancel_reason,
        version,
    ) in found:
        one = _new(Appointment)
        a(one, id_)
        b(one, order_id)
        c(one, session_id)
        d(one, scanner)
        e(one, patient)
        f(one, instant(starts_at))
        g(one, instant(ends_at))
        h(one, _APPOINTMENT_STATUS[status])
        i(one, decision_id)
        j(one, bool(told))
        k(one, None if expires_at is None else instant(expires_at))
        m(one, cancel_reason)
        n(one, version)
        read.append(one)
    return read


def sessions_of(found: Rows, instant: Instant) -> list[ScanSession]:
    """Return the sessions of rows; see `appointments_of`."""
    a, b, c, d, e, f, g, h, i = _SESSION
    read = []
    for (
        id_,
        scanner,
        starts_at,
        ends_at,
        list_type,
        release_at,
        contract,
        status,
        version,
    ) in found:
        one = _new(ScanSession)
        a(one, id_)
        b(one, scanner)
        c(one, instant(starts_at))
        d(one, instant(ends_at))
        e(one, _list_type(list_type))
        f(one, None if release_at is None else instant(release_at))
        g(one, contract)
        h(one, _SESSION_STATUS[status])
        i(one, version)
        read.append(one)
    return read
