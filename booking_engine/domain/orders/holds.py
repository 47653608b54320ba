"""Why an order needs a person before it can go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class HoldCode(StrEnum):
    """Why an order needs a person before it can go on."""

    UNMAPPED_PROCEDURE = "unmapped_procedure"
    UNKNOWN_URGENCY = "unknown_urgency"
    MISSING_BIRTH_DATE = "missing_birth_date"
    MISSING_PLACER_NUMBER = "missing_placer_number"
    IDENTITY_CONFLICT = "identity_conflict"
    INVALID_TIME = "invalid_time"
    CLOSED_PROVIDER = "closed_provider"
    UNKNOWN_SITE = "unknown_site"
    REQUESTED_BY_SENDER = "requested_by_sender"
    CHANGED_AFTER_BOOKING = "changed_after_booking"
    SAFETY_ANSWER_AFTER_BOOKING = "safety_answer_after_booking"
    CANCEL_OUT_OF_ORDER = "cancel_out_of_order"
    PLACER_NUMBER_REUSED = "placer_number_reused"
    DIARY_CONFLICT = "diary_conflict"
    """An entry of another diary, or a closure, has come to lie on the booking."""
    BOOKED_ELSEWHERE = "booked_elsewhere"
    """Another diary has booked the order, but it cannot be booked there here."""
    DISCONTINUED = "discontinued"
    """The exam was begun and broken off."""
    PATIENT_DECEASED = "patient_deceased"
    DUPLICATE_AFTER_MERGE = "duplicate_after_merge"
    SETTING_CHANGED = "setting_changed"
    REFUSED_BY_PARTNER = "refused_by_partner"
    UNKNOWN_SETTING = "unknown_setting"
    SEVERAL_STEPS = "several_steps"
    LINKED_EXAM_MOVED = "linked_exam_moved"
    """Another exam of the same visit was moved or cancelled, and this one was not."""


SETTLED_BY_ANOTHER_SLOT = frozenset(
    {HoldCode.DIARY_CONFLICT, HoldCode.LINKED_EXAM_MOVED}
)
"""Holds that go when the appointment is moved or cancelled."""
SETTLED_BY_VETTING = frozenset(
    {
        HoldCode.CHANGED_AFTER_BOOKING,
        HoldCode.SAFETY_ANSWER_AFTER_BOOKING,
        HoldCode.SETTING_CHANGED,
    }
)
"""Holds of an order with a slot that a new vetting settles."""


UNMAPPED = frozenset(
    {
        HoldCode.UNMAPPED_PROCEDURE,
        HoldCode.UNKNOWN_URGENCY,
        HoldCode.UNKNOWN_SITE,
        HoldCode.UNKNOWN_SETTING,
    }
)
"""Holds for a code of the sender's that is not mapped to anything of ours."""


@dataclass(frozen=True, slots=True)
class HoldReason:
    """One reason, with the value that was not understood (never patient data).

    Parameters
    ----------
    names
        What the value may be called in the partner's code tables, best first: mapping
        one of them settles the reason. Empty where no mapping could.
    text
        The sender's words beside the code: a hint for whoever maps it.
    step
        Of an unmapped procedure, which step of the order it is: 0 the procedure
        itself, then `OrderContent.further_steps`.
    """

    code: HoldCode
    detail: str = ""
    names: tuple[str, ...] = field(default=(), compare=False)
    text: str = field(default="", compare=False)
    step: int = 0
