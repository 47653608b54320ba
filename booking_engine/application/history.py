"""An order's history: every change of its state leaves a line of who did what, when."""

from __future__ import annotations

from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.orders import ImagingOrder, StatusChange


def save_change(
    before: ImagingOrder,
    after: ImagingOrder,
    action: str,
    uow: UnitOfWork,
    context: Context,
    *,
    note: str = "",
) -> None:
    """Store an order as it stands after `action`, with a line of its history."""
    uow.orders.save(after)
    log_change(before, after, action, uow, context, note=note)


def log_change(
    before: ImagingOrder,
    after: ImagingOrder,
    action: str,
    uow: UnitOfWork,
    context: Context,
    *,
    note: str = "",
) -> None:
    """Add a line to the history of an order that is stored elsewhere, or unchanged.

    Parameters
    ----------
    before, after
        The order before and after `action`; the line names the states of both.
    action
        An `Action`, or another word for what happened without a change of state.
    note
        Why, or what with; never patient data.
    """
    uow.orders.log(
        StatusChange(
            after.id,
            context.now,
            context.actor,
            action,
            before.status,
            after.status,
            note,
        )
    )
