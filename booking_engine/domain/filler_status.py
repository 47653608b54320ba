"""How an order stands with whoever fills it, in our words."""

from __future__ import annotations

from enum import StrEnum


class FillerStatus(StrEnum):
    """What a filler may tell of an order (HL7 2.5.1 tables 0038 and 0123)."""

    SCHEDULED = "scheduled"
    UNDER_WAY = "under_way"
    PERFORMED = "performed"
    CANCELLED = "cancelled"
    HELD = "held"
