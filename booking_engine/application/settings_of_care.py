"""Admissions, transfers and discharges: where the patient of an open order is.

A slot that was chosen for an outpatient may be wrong for an inpatient, and the other
way round: a person looks again. Nothing is moved or cancelled for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from booking_engine.application.context import Context
from booking_engine.application.patient_orders import flagged, unflagged
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.register import Visit
from booking_engine.domain.vocabulary import PatientSetting

_IN_BED: Final = frozenset({PatientSetting.INPATIENT, PatientSetting.EMERGENCY})
_CODES: Final = frozenset({HoldCode.SETTING_CHANGED})
_CANCELLED: Final = frozenset({Visit.ADMISSION_CANCELLED, Visit.DISCHARGE_CANCELLED})
_WAS: Final = "was "


def moved(
    order: ImagingOrder,
    visit: Visit,
    setting: PatientSetting | None,
    uow: UnitOfWork,
    context: Context,
) -> tuple[ImagingOrder, str]:
    """Return the order as its patient is now, and a line for its history, if changed.

    Parameters
    ----------
    setting
        Where a transfer leads, if the message says.
    """
    was = order.content.setting
    if order.status in (OrderStatus.ARRIVED, OrderStatus.DID_NOT_ATTEND):
        return order, ""
    if visit in _CANCELLED:
        return _as_before(order, visit, uow, context)
    match visit:
        case Visit.ADMITTED:
            now = PatientSetting.INPATIENT
        case Visit.DISCHARGED:
            now = PatientSetting.OUTPATIENT if was in _IN_BED else was
        case _:
            now = setting or was
    if now is was:
        return order, ""
    changed = replace(order, content=replace(order.content, setting=now))
    # An outpatient who is admitted may still come; an exam that was asked for on the
    # ward may no longer be wanted once the patient has gone home.
    if order.status is OrderStatus.BOOKED or visit is Visit.DISCHARGED:
        reason = HoldReason(HoldCode.SETTING_CHANGED, f"{_WAS}{was.value}")
        changed = flagged(changed, reason, uow, context)
    return changed, f"setting {was.value} to {now.value}"


def _as_before(
    order: ImagingOrder, visit: Visit, uow: UnitOfWork, context: Context
) -> tuple[ImagingOrder, str]:
    """Return the order as it was before what is now cancelled."""
    was = order.content.setting
    if (was in _IN_BED) is (visit is Visit.DISCHARGE_CANCELLED):
        return order, ""
    before = _setting_before(order, uow)
    if before is None:
        return order, ""
    restored = replace(order, content=replace(order.content, setting=before))
    restored = unflagged(restored, _CODES, uow, context)
    return restored, f"setting {was.value} back to {before.value}"


def _setting_before(order: ImagingOrder, uow: UnitOfWork) -> PatientSetting | None:
    """Return the setting that the last change of it replaced, as the history tells."""
    ending = f" to {order.content.setting.value}"
    for change in reversed(uow.orders.history(order.id)):
        if change.note.startswith("setting ") and change.note.endswith(ending):
            words = change.note.removesuffix(ending).removeprefix("setting ")
            return PatientSetting(words.removesuffix(" back"))
    return None
