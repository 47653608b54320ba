"""An imaging order and its life: the states, who owns each, and what may follow."""

from __future__ import annotations

from booking_engine.domain.orders.holds import (
    SETTLED_BY_ANOTHER_SLOT,
    SETTLED_BY_VETTING,
    UNMAPPED,
    HoldCode,
    HoldReason,
)
from booking_engine.domain.orders.order import (
    NOBODY,
    ImagingOrder,
    OrderContent,
    Orderer,
    StatusChange,
    Vetting,
)
from booking_engine.domain.orders.states import (
    DWELL,
    TERMINAL,
    TRANSITIONS,
    WITH_A_SLOT,
    Action,
    Dwell,
    OrderStatus,
)
from booking_engine.domain.orders.steps import (
    ProcedureStep,
    as_decided,
    with_meanings_of,
)

__all__ = [
    "DWELL",
    "NOBODY",
    "SETTLED_BY_ANOTHER_SLOT",
    "SETTLED_BY_VETTING",
    "TERMINAL",
    "TRANSITIONS",
    "UNMAPPED",
    "WITH_A_SLOT",
    "Action",
    "Dwell",
    "HoldCode",
    "HoldReason",
    "ImagingOrder",
    "OrderContent",
    "OrderStatus",
    "Orderer",
    "ProcedureStep",
    "StatusChange",
    "Vetting",
    "as_decided",
    "with_meanings_of",
]
