"""Whether an order may have one certain slot: the rules, asked again before booking."""

from __future__ import annotations

from datetime import datetime, timedelta

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.clock import LONDON
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.eligibility import (
    Rule,
    broken_scanner_rules,
    broken_session_rules,
    order_facts,
    scanner_facts,
    session_facts,
    travel_km,
)
from booking_engine.domain.errors import PatientBusy, RulesBroken, SlotTaken
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Appointment, ScanSession


def check_slot(
    order: ImagingOrder,
    session: ScanSession,
    starts_at: datetime,
    minutes: int,
    uow: UnitOfWork,
    context: Context,
) -> None:
    """Raise unless the order may have this very slot.

    Raises
    ------
    RulesBroken
        A hard rule forbids it, or the exam does not lie within the session.
    SlotTaken
        Another appointment or hold overlaps.
    PatientBusy
        The patient is elsewhere at that time.
    """
    catalogue = uow.catalogue()
    today = starts_at.astimezone(LONDON).date()
    now_day = context.now.astimezone(LONDON).date()
    facts = order_facts(order, catalogue, today=now_day, policy=context.policy)
    scanner = catalogue.scanner(session.scanner)
    travel = travel_km(order, catalogue.sites[scanner.site], catalogue)
    broken = [
        *broken_scanner_rules(
            facts, scanner_facts(scanner, catalogue, today=now_day, travel=travel)
        ),
        *broken_session_rules(
            facts,
            session_facts(session, at=session.list_type_at(context.now), day=today),
        ),
    ]
    ends_at = starts_at + timedelta(minutes=minutes)
    if starts_at < session.starts_at or ends_at > session.ends_at:
        broken.append(Rule.LENGTH)
    if starts_at <= context.now:
        broken.append(Rule.NOTICE)
    if session.contract is not None and not _within_ceiling(order, session, uow):
        broken.append(Rule.CONTRACT_CEILING)
    if broken:
        names = tuple(dict.fromkeys(str(rule) for rule in broken))
        raise RulesBroken(
            f"Order {order.id} may not use {session.id} at"
            f" {starts_at.astimezone(LONDON):%H:%M}: {', '.join(names)}.",
            names,
        )
    for taken in uow.schedule.occupying_between(
        starts_at, ends_at, scanners=[session.scanner]
    ):
        if taken.order_id != order.id:
            raise SlotTaken(
                f"{session.scanner} is taken from"
                f" {taken.starts_at.astimezone(LONDON):%H:%M} to"
                f" {taken.ends_at.astimezone(LONDON):%H:%M}; choose another time."
            )
    for entry in uow.diary.taking_between(
        starts_at, ends_at, scanners=[session.scanner]
    ):
        raise SlotTaken(
            f"The diary of {session.scanner} has an entry or a closure from"
            f" {entry.starts_at.astimezone(LONDON):%H:%M} to"
            f" {entry.ends_at.astimezone(LONDON):%H:%M}; choose another time."
        )
    patient = [order.content.patient.key]
    elsewhere: list[Appointment | DiaryEntry] = [
        *uow.schedule.occupying_patients(patient, starts_at),
        *uow.diary.taking_patients(patient, starts_at),
    ]
    for other in elsewhere:
        overlaps = other.starts_at < ends_at and other.ends_at > starts_at
        if overlaps and other.order_id != order.id:
            raise PatientBusy(
                f"The patient of order {order.id} has another appointment then;"
                " choose another time."
            )


def _within_ceiling(order: ImagingOrder, session: ScanSession, uow: UnitOfWork) -> bool:
    """Return whether one more exam is covered; the order's own slot is not one more."""
    assert session.contract is not None, "asked only of contracted sessions"
    ceiling = uow.catalogue().contracts[session.contract].ceiling
    used = uow.schedule.contract_use().get(session.contract, 0)
    live = uow.schedule.live_appointment(order.id)
    if live is not None:
        used -= uow.schedule.session(live.session_id).contract == session.contract
    return used < ceiling
