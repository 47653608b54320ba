"""How an order is summed up for lists, the same whatever it is stored in."""

from __future__ import annotations

from typing import Final

from booking_engine.application.views import WorklistItem
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.orders import TERMINAL, ImagingOrder, OrderStatus

UNKNOWN_TIER: Final = -1
"""Sorts before every known urgency: what is not known may be the worst (HAZ-6)."""

OPEN_STATUSES: Final = tuple(
    status
    for status in OrderStatus
    if status not in TERMINAL and status is not OrderStatus.BOOKED
)
"""What the worklist shows unless asked otherwise: somebody has to act on these."""


def tier_of(order: ImagingOrder) -> int:
    """Return the urgency as a number, 0 the most urgent; `UNKNOWN_TIER` if unknown."""
    priority = order.content.priority
    return UNKNOWN_TIER if priority is None else priority.tier


def worklist_item(order: ImagingOrder, catalogue: Catalogue) -> WorklistItem:
    """Return the line that stands for `order` in a list.

    Parameters
    ----------
    catalogue
        Tells the procedure's modality; an unknown procedure has none.
    """
    content = order.content
    procedure = (
        None
        if content.procedure is None
        else catalogue.procedures.get(content.procedure)
    )
    names = (content.patient.family_name, content.patient.given_name)
    return WorklistItem(
        order_id=order.id,
        status=order.status,
        status_since=order.status_since,
        priority=None if content.priority is None else content.priority.value,
        tier=tier_of(order),
        procedure=content.procedure,
        procedure_as_sent=content.procedure_as_sent,
        further_procedures=content.procedures[1:],
        modality=None if procedure is None else procedure.modality.value,
        partner=order.partner,
        placer_number=content.placer_number,
        patient_name=", ".join(name for name in names if name),
        nhs_number=content.patient.nhs_number,
        clock_started_on=order.clock.started_on,
        breach_on=order.clock.breach_on,
        hold_codes=tuple(reason.code.value for reason in order.holds),
        overdue_at=order.overdue_at,
    )
