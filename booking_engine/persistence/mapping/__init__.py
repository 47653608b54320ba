"""Rows to domain values and back: the only bridge, written by hand for speed.

``…_row`` returns the values of one row by column, for a bulk insert; ``…_of`` reads a
result row by column name. A test sends every kind of value there and back.
"""

from __future__ import annotations

from booking_engine.persistence.mapping.deliveries import (
    attempt_of,
    attempt_row,
    delivery_change_of,
    delivery_change_row,
    delivery_of,
    delivery_row,
    delivery_state,
    event_of,
    event_row,
)
from booking_engine.persistence.mapping.messages import keys_of, message_of, message_row
from booking_engine.persistence.mapping.orders import (
    change_of,
    change_row,
    clock_of,
    clock_row,
    identifier_row,
    order_of,
    order_row,
    patient_of,
    patient_row,
)
from booking_engine.persistence.mapping.partners import (
    alert_of,
    alert_row,
    mapping_of,
    mapping_row,
    profile_of,
    profile_row,
)
from booking_engine.persistence.mapping.planning import (
    decision_of,
    decision_row,
    policy_of,
    policy_row,
    run_of,
    run_row,
)
from booking_engine.persistence.mapping.rebookings import (
    rebooking_of,
    rebooking_row,
)
from booking_engine.persistence.mapping.schedule import (
    appointment_of,
    appointment_row,
    diary_entry_of,
    diary_entry_row,
    session_row,
)
from booking_engine.persistence.mapping.values import Values

__all__ = [
    "Values",
    "alert_of",
    "alert_row",
    "appointment_of",
    "appointment_row",
    "attempt_of",
    "attempt_row",
    "change_of",
    "change_row",
    "clock_of",
    "clock_row",
    "decision_of",
    "decision_row",
    "delivery_change_of",
    "delivery_change_row",
    "delivery_of",
    "delivery_row",
    "delivery_state",
    "diary_entry_of",
    "diary_entry_row",
    "event_of",
    "event_row",
    "identifier_row",
    "keys_of",
    "mapping_of",
    "mapping_row",
    "message_of",
    "message_row",
    "order_of",
    "order_row",
    "patient_of",
    "patient_row",
    "policy_of",
    "policy_row",
    "profile_of",
    "profile_row",
    "rebooking_of",
    "rebooking_row",
    "run_of",
    "run_row",
    "session_row",
]
