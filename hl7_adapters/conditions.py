"""What can be wrong with a message, and what each is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reply(StrEnum):
    """MSA-1 in original mode (table 0008)."""

    AA = "AA"
    AE = "AE"
    AR = "AR"


class Condition(StrEnum):
    """What can be wrong with a message that was received whole."""

    MISSING_CONTROL_ID = "missing_control_id"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNSUPPORTED_EVENT = "unsupported_event"
    WRONG_PROCESSING_ID = "wrong_processing_id"
    UNSUPPORTED_VERSION = "unsupported_version"
    SEVERAL_MESSAGES = "several_messages"
    FRAGMENT = "fragment"
    TOO_MANY_ORDERS = "too_many_orders"
    MISSING_SEGMENT = "missing_segment"
    MISSING_FIELD = "missing_field"
    CONFLICTING_FIELDS = "conflicting_fields"
    UNKNOWN_CONTROL = "unknown_control"
    NOT_HUMAN = "not_human"
    BAD_NHS_NUMBER = "bad_nhs_number"
    BAD_BIRTH_DATE = "bad_birth_date"
    BAD_TIME = "bad_time"
    CANCEL_UNKNOWN_ORDER = "cancel_unknown_order"
    CHANGE_UNKNOWN_ORDER = "change_unknown_order"
    DUPLICATE_ORDER = "duplicate_order"
    REUSED_CONTROL_ID = "reused_control_id"
    BAD_APPOINTMENT_TIME = "bad_appointment_time"
    UNKNOWN_RESOURCE = "unknown_resource"
    CHANGE_UNKNOWN_APPOINTMENT = "change_unknown_appointment"
    CANCEL_UNKNOWN_APPOINTMENT = "cancel_unknown_appointment"
    UNSUPPORTED_REQUEST = "unsupported_request"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a condition is answered with.

    Parameters
    ----------
    error
        Code of table 0357.
    reply
        Unless the profile says otherwise.
    accepting
        What AA would mean; empty where AA would lose an order and is not allowed.
    """

    error: str
    reply: Reply
    accepting: str = ""


_AA, _AE, _AR = Reply.AA, Reply.AE, Reply.AR

_C = Condition

RULES: Final[dict[Condition, Rule]] = {
    _C.MISSING_CONTROL_ID: Rule("101", _AR),
    _C.UNSUPPORTED_TYPE: Rule("200", _AR, "stored and ignored"),
    _C.UNSUPPORTED_EVENT: Rule("201", _AR, "stored and ignored"),
    _C.WRONG_PROCESSING_ID: Rule("202", _AR),
    _C.UNSUPPORTED_VERSION: Rule("203", _AA, "read as the nearest version"),
    _C.SEVERAL_MESSAGES: Rule("100", _AE),
    _C.FRAGMENT: Rule("207", _AR),
    _C.TOO_MANY_ORDERS: Rule("100", _AE),
    _C.MISSING_SEGMENT: Rule("100", _AE),
    _C.MISSING_FIELD: Rule("101", _AE),
    _C.CONFLICTING_FIELDS: Rule("102", _AE),
    _C.UNKNOWN_CONTROL: Rule("103", _AE),
    _C.NOT_HUMAN: Rule("103", _AE),
    _C.BAD_NHS_NUMBER: Rule("102", _AA, "the number is dropped"),
    _C.BAD_BIRTH_DATE: Rule("102", _AA, "the order is held"),
    _C.BAD_TIME: Rule("102", _AA, "the order is held"),
    _C.CANCEL_UNKNOWN_ORDER: Rule("204", _AE, "stored and ignored"),
    _C.CHANGE_UNKNOWN_ORDER: Rule("204", _AE),
    _C.DUPLICATE_ORDER: Rule("205", _AE),
    _C.REUSED_CONTROL_ID: Rule("205", _AA, "processed as a new message"),
    _C.BAD_APPOINTMENT_TIME: Rule("102", _AE),
    _C.UNKNOWN_RESOURCE: Rule("103", _AE, "stored and ignored"),
    _C.CHANGE_UNKNOWN_APPOINTMENT: Rule("204", _AE),
    _C.CANCEL_UNKNOWN_APPOINTMENT: Rule("204", _AE, "stored and ignored"),
    _C.UNSUPPORTED_REQUEST: Rule("207", _AE),
}
"""Defaults for every condition; `Profile.policies` overrides the reply."""
