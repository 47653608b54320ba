"""A patient has died, as far as is known: contact stops at once, and can resume.

A wrong flag happens, so nothing is thrown away before a person has confirmed it,
unless the partner's profile says otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from booking_engine.application.context import Context
from booking_engine.application.patient_commands import (
    SettleDeath,
)
from booking_engine.application.patient_orders import (
    DECEASED,
    close_deceased,
    flagged,
    stored,
    unflagged,
)
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.orders import (
    TRANSITIONS,
    Action,
    HoldCode,
    HoldReason,
    ImagingOrder,
)
from booking_engine.domain.register import OnDeath, keys_of

DIED: Final = HoldReason(HoldCode.PATIENT_DECEASED)
_CODES: Final = frozenset({HoldCode.PATIENT_DECEASED})


def stop_contact(
    order: ImagingOrder, on_death: OnDeath, uow: UnitOfWork, context: Context
) -> ImagingOrder | None:
    """Return the order held or flagged; ``None`` where it was ended and stored."""
    stopped = order
    if not order.contact_stopped:
        stopped = flagged(order, DIED, uow, context)
    if on_death is OnDeath.RELEASE and (stopped.status, Action.CANCEL) in TRANSITIONS:
        close_deceased(stopped, uow, context)
        return None
    return stopped


def resume_contact(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Return the order as it stood before its patient was said to have died."""
    return unflagged(order, _CODES, uow, context) if order.contact_stopped else order


def settle_death(
    command: SettleDeath, uow: UnitOfWork, context: Context
) -> tuple[ImagingOrder, ...]:
    """Record a person's word on whether a patient has died; settle all their orders.

    Raises
    ------
    NotKnown
        No such order.
    TransitionRefused
        Nobody has said that its patient has died.
    """
    order = uow.orders.get(command.order_id)
    if not order.contact_stopped:
        raise TransitionRefused(
            f"Order {order.id} is not held for a death; there is nothing to settle."
        )
    known = uow.patients.by_keys(keys_of(order.content.patient))
    people = {one.id: one for one in known.values() if one.deceased}.values()
    keys = {key for one in people for key in one.keys}
    for one in people:
        uow.patients.save(
            replace(
                one,
                deceased=command.deceased,
                deceased_on=one.deceased_on if command.deceased else None,
                death_at=context.now,
                death_by=context.actor,
            )
        )
    found = uow.orders.of_patient(
        keys | set(keys_of(order.content.patient)), open_only=True
    )
    settled = tuple(each for each in found if each.contact_stopped)
    for each in settled:
        if not command.deceased:
            note = command.note or "not deceased"
            after = resume_contact(each, uow, context)
            stored(each, after, uow, context, note=note)
        elif (each.status, Action.CANCEL) in TRANSITIONS:
            close_deceased(each, uow, context, note=command.note or DECEASED)
    return settled
