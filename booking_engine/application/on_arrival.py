"""The best slot for one order, at once: searched while reading, booked in a moment.

The search reads the diaries of many scanners; done inside the booking's transaction it
would keep every other writer waiting.
"""

from __future__ import annotations

from typing import Final

from booking_engine.application.commands import BookChosen
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.linked_slots import search_linked
from booking_engine.application.protecting import may_take_kept
from booking_engine.application.vetting import refuse_if_not_bookable
from booking_engine.domain.errors import PatientBusy, SlotTaken, StaleVersion
from booking_engine.domain.identifiers import Actor, OrderId
from booking_engine.domain.schedule import Appointment

TRIES: Final = 5
"""Searches before giving up against others who book at the same time."""


def book_best(
    dispatcher: Dispatcher, order_id: OrderId, actor: Actor
) -> Appointment | None:
    """Book the least costly slot at the present prices; ``None`` if there is none.

    Room that is kept for more urgent orders is left alone, except by orders whose
    target comes first (`protecting.may_take_kept`); a person may choose it.

    Raises
    ------
    NotBookable
        No vetting is recorded, or a safety answer blocks.
    TransitionRefused
        The order is not waiting.
    SlotTaken, PatientBusy, StaleVersion
        It holds a slot already, or others were faster `TRIES` times.
    """
    tries = 0
    while True:
        tries += 1
        with dispatcher.reading(actor) as session:
            order = session.uow.orders.get(order_id)
            refuse_if_not_bookable(order, session.uow)
            found = search_linked(order, session.uow, session.context, limit=2)
            takes_kept = may_take_kept(order, session.context.policy)
        if not found.options or (found.options[0].chosen.reserved and not takes_kept):
            return None
        try:
            booked: Appointment = dispatcher.handle(
                BookChosen(order_id, order.version, found.options[0]), actor
            )
        except (SlotTaken, PatientBusy, StaleVersion):
            if tries == TRIES:
                raise
        else:
            return booked
