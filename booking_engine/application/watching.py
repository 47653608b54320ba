"""Alerts begin, are seen by a person, and end: each once, whoever watches."""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.commands import (
    AcknowledgeAlert,
    ClearAlert,
    RaiseAlert,
    RecordTold,
)
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.alerts import Alert, AlertId
from booking_engine.domain.errors import TransitionRefused


def raise_alert(command: RaiseAlert, uow: UnitOfWork, context: Context) -> Alert | None:
    """Begin an alert, unless one of its condition is open.

    Raises
    ------
    StaleVersion
        Another process began it at the same time.
    """
    key = (command.partner, command.condition)
    if any((one.partner, one.condition) == key for one in uow.alerts.open()):
        return None
    alert = Alert(
        id=AlertId(context.ids("W")),
        partner=command.partner,
        condition=command.condition,
        raised_at=context.now,
        value=command.value,
        threshold=command.threshold,
    )
    uow.alerts.add(alert)
    return alert


def clear_alert(command: ClearAlert, uow: UnitOfWork, context: Context) -> Alert | None:
    """End an alert, unless it has ended.

    Raises
    ------
    NotKnown
        There is no such alert.
    StaleVersion
        Somebody else changed it at the same time.
    """
    found = uow.alerts.get(command.alert_id)
    if not found.is_open:
        return None
    uow.alerts.save(replace(found, cleared_at=context.now))
    return uow.alerts.get(command.alert_id)


def acknowledge_alert(
    command: AcknowledgeAlert, uow: UnitOfWork, context: Context
) -> Alert:
    """Note who has seen an alert; the last one counts.

    Raises
    ------
    NotKnown
        There is no such alert.
    TransitionRefused
        It has ended.
    """
    found = uow.alerts.get(command.alert_id)
    if not found.is_open:
        raise TransitionRefused(
            f"Alert {found.id} has been cleared; there is nothing to acknowledge."
        )
    seen = replace(
        found,
        acknowledged_at=context.now,
        acknowledged_by=context.actor,
        note=command.note,
    )
    uow.alerts.save(seen)
    return uow.alerts.get(command.alert_id)


def record_told(command: RecordTold, uow: UnitOfWork, _: Context) -> Alert:
    """Note that the webhook has taken an alert's beginning or end.

    Raises
    ------
    NotKnown
        There is no such alert.
    """
    found = uow.alerts.get(command.alert_id)
    told = (
        replace(found, told_cleared=True)
        if command.cleared
        else replace(found, told_raised=True)
    )
    uow.alerts.save(told)
    return uow.alerts.get(command.alert_id)
