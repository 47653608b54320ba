"""What may be asked of the engine; each command has one handler.

Commands are facts about an intention: frozen, complete, free of HL7 and HTTP.
"""

from __future__ import annotations

from booking_engine.application.commands.alerts import (
    AcknowledgeAlert,
    ClearAlert,
    RaiseAlert,
    RecordTold,
)
from booking_engine.application.commands.appointments import (
    ApplyPlan,
    BookChosen,
    BookSlot,
    CancelAppointment,
    ConfirmHold,
    EnterInError,
    ExpireHolds,
    HoldSlot,
    MoveAppointment,
    PlannedBooking,
    RecordOutcome,
    ReleaseHold,
    RelistOrder,
)
from booking_engine.application.commands.deliveries import (
    EditDelivery,
    ExpireParked,
    RetryDelivery,
    RetryParked,
    SkipDelivery,
)
from booking_engine.application.commands.mappings import (
    EndMapping,
    MapCode,
    NameOrderer,
    SettleHolds,
    StoreProfile,
)
from booking_engine.application.commands.orders import (
    AskStatus,
    CancelOrder,
    ChangeOrder,
    HoldOrder,
    LiftHold,
    NumberOrder,
    ReceiveOrder,
    RecordAnswer,
    RecordStatus,
    ReplaceOrders,
)
from booking_engine.application.commands.rebookings import (
    ApproveRebooking,
    DeclineRebooking,
    FinishRebooking,
    ImproveRebooking,
    MoveLines,
    OvertakeLines,
    ProposeRebooking,
)
from booking_engine.application.commands.vetting import (
    RecordAnswers,
    RejectOrder,
    ReleaseOrder,
    VetOrder,
)

__all__ = [
    "AcknowledgeAlert",
    "ApplyPlan",
    "ApproveRebooking",
    "AskStatus",
    "BookChosen",
    "BookSlot",
    "CancelAppointment",
    "CancelOrder",
    "ChangeOrder",
    "ClearAlert",
    "ConfirmHold",
    "DeclineRebooking",
    "EditDelivery",
    "EndMapping",
    "EnterInError",
    "ExpireHolds",
    "ExpireParked",
    "FinishRebooking",
    "HoldOrder",
    "HoldSlot",
    "ImproveRebooking",
    "LiftHold",
    "MapCode",
    "MoveAppointment",
    "MoveLines",
    "NameOrderer",
    "NumberOrder",
    "OvertakeLines",
    "PlannedBooking",
    "ProposeRebooking",
    "RaiseAlert",
    "ReceiveOrder",
    "RecordAnswer",
    "RecordAnswers",
    "RecordOutcome",
    "RecordStatus",
    "RecordTold",
    "RejectOrder",
    "ReleaseHold",
    "ReleaseOrder",
    "RelistOrder",
    "ReplaceOrders",
    "RetryDelivery",
    "RetryParked",
    "SettleHolds",
    "SkipDelivery",
    "StoreProfile",
    "VetOrder",
]
