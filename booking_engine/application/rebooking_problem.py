"""A closure as the solver's problem: the bookings under it, and who might make room.

Everybody else's bookings are time that is not free. Those who might make room are
orders that have a place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from booking_engine.application.context import Context
from booking_engine.application.free_time import (
    FreeTime,
    Ints,
    free_time,
    minute_of,
)
from booking_engine.application.planned_room import with_room_priced
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.rebooking_engagements import (
    engagements_of,
    with_engagements,
)
from booking_engine.application.slots import prices_of
from booking_engine.application.snapshot import Snapshot, take_snapshot
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import local_date
from booking_engine.domain.diary_entries import TakenOnScanner
from booking_engine.domain.identifiers import ContractId, ScannerId, SessionId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Appointment, ScanSession
from solver.losses import Damage
from solver.plan import UNPLACED, Certificate


@dataclass(frozen=True, slots=True)
class Booked:
    """An order and its appointment."""

    order: ImagingOrder
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class Disruption:
    """What was lost, as the solver sees it, and what its rows mean.

    Parameters
    ----------
    snapshot
        The problem without what keeps patients busy elsewhere; its rows are the first
        of those of `damage`.
    damage
        What the solver repairs.
    bookings
        By row: the affected, then those who might make room.
    prices
        Of the snapshot's openings and contracts.
    """

    snapshot: Snapshot
    damage: Damage
    bookings: tuple[Booked, ...]
    prices: Certificate


def disruption(
    affected: Sequence[Booked],
    uow: UnitOfWork,
    context: Context,
    *,
    neighbours: Sequence[Booked] = (),
) -> Disruption:
    """Return the problem of finding places for the affected.

    Parameters
    ----------
    affected
        Bookings that cannot stay; the time that they lie in is closed.
    neighbours
        Bookings that might move instead. One whose present slot would not be given to
        it today stays out of it.
    """
    catalogue = uow.catalogue()
    until = context.now + timedelta(days=context.policy.horizon_days)
    free = uow.schedule.free_time(context.now, until)
    sessions = _sessions(neighbours, uow)
    movable = list(neighbours)
    while True:
        snapshot = take_snapshot(
            [one.order for one in (*affected, *movable)],
            _freed(free, movable, sessions, uow) if movable else free,
            context.network(catalogue),
            contract_use=_use_of_others((*affected, *movable), sessions, uow),
            now=context.now,
            policy=context.policy,
            scanners=of_modalities(affected, catalogue),
        )
        first = len(affected)
        places = [
            _place(snapshot, first + row, one.appointment)
            for row, one in enumerate(movable)
        ]
        fitting = [
            one for one, at in zip(movable, places, strict=True) if at is not None
        ]
        if len(fitting) == len(movable):
            break
        movable = fitting
    stays = np.array([at for at in places if at is not None], np.int64).reshape(-1, 3)
    prices = prices_of(snapshot, context, uow)
    bookings = (*affected, *movable)
    damage = _damage(snapshot, first, stays, affected, prices)
    patients = [one.order.content.patient.key for one in affected]
    lost = {one.order.id for one in affected}
    busy = engagements_of(patients, uow, context, besides=lost)
    return Disruption(
        snapshot,
        with_room_priced(with_engagements(damage, patients, busy), snapshot, context),
        bookings,
        prices,
    )


def _damage(
    snapshot: Snapshot,
    first: int,
    stays: Ints,
    affected: Sequence[Booked],
    prices: Certificate,
) -> Damage:
    """Return what was lost; the closed time is not free in the snapshot already."""
    nowhere = np.full(first, UNPLACED, np.int64)
    today = snapshot.today.toordinal()
    lost_on = [
        local_date(one.appointment.starts_at).toordinal() - today for one in affected
    ]
    opening = np.concatenate([nowhere, stays[:, 0]])
    return Damage(
        problem=snapshot.problem,
        origin=np.arange(len(snapshot.free), dtype=np.int64),
        opening=opening,
        pair=np.concatenate([nowhere, stays[:, 1]]),
        start_minute=np.concatenate([np.zeros(first, np.int64), stays[:, 2]]),
        displaced=np.arange(first, dtype=np.int64),
        day=np.concatenate(
            [np.array(lost_on, np.int64), snapshot.problem.openings.day[stays[:, 0]]]
        ),
        minute_price=prices.minute_price,
        exam_price=prices.exam_price,
    )


def _place(
    snapshot: Snapshot, row: int, booked: Appointment
) -> tuple[int, int, int] | None:
    """Return opening, pair and start of a booking; ``None`` if it may not be there."""
    problem, free = snapshot.problem, snapshot.free
    since, until = minute_of(booked.starts_at), minute_of(booked.ends_at)
    around = (free.start <= since) & (free.start + free.minutes >= until)
    for b in np.flatnonzero(around).tolist():
        if free.session_of(b).id != booked.session_id:
            continue
        scanner = problem.scanner_key.index(booked.scanner)
        start = int(problem.openings.begin_minute[b] + since - free.start[b])
        orders, day = problem.orders, int(problem.openings.day[b])
        mine = range(int(problem.pairs.start[row]), int(problem.pairs.start[row + 1]))
        for p in mine:
            if (
                problem.pairs.scanner[p] == scanner
                and problem.pairs.minutes[p] == until - since
                and orders.earliest_day[row] <= day <= orders.latest_day[row]
                and orders.list_mask[row] & problem.openings.list_bit[b]
            ):
                return b, p, start
    return None


def _sessions(
    bookings: Sequence[Booked], uow: UnitOfWork
) -> dict[SessionId, ScanSession]:
    """Return the sessions of these bookings."""
    if not bookings:
        return {}
    wanted = {one.appointment.session_id for one in bookings}
    found = uow.schedule.sessions_between(
        min(one.appointment.starts_at for one in bookings),
        max(one.appointment.ends_at for one in bookings),
        scanners={one.appointment.scanner for one in bookings},
    )
    return {session.id: session for session in found if session.id in wanted}


def _freed(
    free: FreeTime,
    movable: Sequence[Booked],
    sessions: Mapping[SessionId, ScanSession],
    uow: UnitOfWork,
) -> FreeTime:
    """Return what would be free without these bookings."""
    gone = {one.appointment.id for one in movable}
    opened = [
        sessions[name]
        for name in dict.fromkeys(one.appointment.session_id for one in movable)
    ]
    window = (
        min(session.starts_at for session in opened),
        max(session.ends_at for session in opened),
    )
    scanners = {session.scanner for session in opened}
    taken: list[TakenOnScanner] = [
        one
        for one in uow.schedule.occupying_between(*window, scanners=scanners)
        if one.id not in gone
    ]
    taken += uow.diary.taking_between(*window, scanners=scanners)
    names = {session.id for session in opened}
    elsewhere = np.array(
        [session.id not in names for session in free.sessions.tolist()], np.bool_
    )
    return FreeTime.joined(
        [free.take(elsewhere[free.session]), free_time(opened, taken)]
    )


def _use_of_others(
    bookings: Iterable[Booked],
    sessions: Mapping[SessionId, ScanSession],
    uow: UnitOfWork,
) -> dict[ContractId, int]:
    """Return what counts against each contract besides these bookings."""
    known = dict(sessions)
    use = Counter(uow.schedule.contract_use())
    for one in bookings:
        name = one.appointment.session_id
        if name not in known:
            known[name] = uow.schedule.session(name)
        contract = known[name].contract
        if contract is not None:
            use[contract] -= 1
    return dict(use)


def of_modalities(
    affected: Sequence[Booked], catalogue: Catalogue
) -> frozenset[ScannerId]:
    """Return the scanners of the modalities that are needed."""
    wanted = {
        catalogue.procedure(one.order.content.procedure).modality
        for one in affected
        if one.order.content.procedure is not None
    }
    return frozenset(
        one.id for one in catalogue.scanners.values() if one.modality in wanted
    )
