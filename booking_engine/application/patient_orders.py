"""What happens to one order when something is learnt about its patient.

Nothing here moves or cancels a patient who has been told: an order without a slot is
held, one with a slot is flagged, and what turns out to be wrong is taken back.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from booking_engine.application.announcing import appointment_event, tell_of_hold
from booking_engine.application.booking import cancel_live_appointment
from booking_engine.application.context import Context
from booking_engine.application.history import save_change
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.vetting import safety_blocks
from booking_engine.domain.errors import PatientBusy
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.orders import (
    WITH_A_SLOT,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.patients import Patient
from booking_engine.domain.register import RegisteredPatient, nhs_key
from booking_engine.domain.schedule import Appointment
from booking_engine.domain.waiting import ClockEvent, ClockReason

DECEASED = "deceased"
"""Reason of a cancellation, as it is told to others."""


def flagged(
    order: ImagingOrder, reason: HoldReason, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Return the order held for a further reason; with a slot, only flagged with it.

    A slot that is only offered is given back: it was offered to another situation.
    """
    reasons = (*(h for h in order.holds if h.code is not reason.code), reason)
    if order.status in WITH_A_SLOT:
        return replace(order, holds=reasons)
    if order.status is not OrderStatus.HELD:
        cancel_live_appointment(order, uow, context, reason=reason.code)
    return order.held(reasons, context.now)


def unflagged(
    order: ImagingOrder, codes: Collection[HoldCode], uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Return the order without these holds, where it stood before, if nothing is left.

    What was vetted before stays vetted: the request has not changed meanwhile.
    """
    gone = tuple(hold for hold in order.holds if hold.code in codes)
    after = order.settled(gone, context.now)
    if after.status is not OrderStatus.AWAITING_VETTING or order.vetting is None:
        return after
    vetted = after.after(Action.VET, context.now, vetting=order.vetting)
    if safety_blocks(vetted, uow):
        return vetted
    return vetted.after(Action.LIST, context.now)


def with_patient(
    order: ImagingOrder,
    patient: Patient,
    live: Appointment | None,
    uow: UnitOfWork,
    context: Context,
) -> ImagingOrder:
    """Return the order of this patient, their appointment with them.

    Where it would then overlap another of the patient, the diary keeps it under the
    old identity, and a person is asked to look.
    """
    moved = replace(order, content=replace(order.content, patient=patient))
    if live is None or live.patient == patient.key:
        return moved
    try:
        with uow.savepoint():
            uow.schedule.save(replace(live, patient=patient.key))
            uow.flush()
    except PatientBusy:
        overlap = HoldReason(HoldCode.DUPLICATE_AFTER_MERGE, "overlapping times")
        return flagged(moved, overlap, uow, context)
    return moved


def keep_busy_as(known: RegisteredPatient, uow: UnitOfWork, context: Context) -> None:
    """Keep the patient busy, in other diaries, under the key that orders have now."""
    number = known.nhs_number
    for entry in uow.diary.taking_patients(known.keys, context.now):
        key = None if number is None else nhs_key(number)
        if key is None and entry.patient is not None:
            key = known.in_use_for(entry.patient)
        if key is not None and key != entry.patient:
            uow.diary.save(replace(entry, patient=key))


def stored(
    before: ImagingOrder,
    after: ImagingOrder,
    uow: UnitOfWork,
    context: Context,
    *,
    note: str,
) -> None:
    """Store the changed order and its history; tell others if it has a booking."""
    if after.status is before.status:
        action = Action.CHANGE
    elif after.status is OrderStatus.HELD:
        action = Action.HOLD
    else:
        action = Action.RELEASE
    save_change(before, after, action, uow, context, note=note)
    tell_of_hold(before, after, uow, context)


def tell_of_change(
    order: ImagingOrder, live: Appointment | None, uow: UnitOfWork, context: Context
) -> None:
    """Tell those who know of a booking that what is known of the patient changed."""
    if order.status is OrderStatus.BOOKED and live is not None:
        uow.outbox.add(
            appointment_event(EventKind.APPOINTMENT_CHANGED, order, live, uow, context)
        )


def close_deceased(
    order: ImagingOrder, uow: UnitOfWork, context: Context, *, note: str = ""
) -> None:
    """End an order whose patient has died; its slot is released, systems are told."""
    cancel_live_appointment(order, uow, context, reason=DECEASED)
    closed = order.after(Action.CANCEL, context.now)
    save_change(order, closed, Action.CANCEL, uow, context, note=note or DECEASED)
    uow.orders.log_clock(
        ClockEvent(
            order.id,
            context.now,
            ClockReason.CLOSED_WITHOUT_SCAN,
            order.clock.started_on,
        )
    )
    uow.outbox.add(
        Event(
            EventKind.ORDER_CANCELLED,
            order.id,
            context.now,
            (order.partner,),
            reason=DECEASED,
            contact_stopped=True,
        )
    )
