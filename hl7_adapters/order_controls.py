"""Order control codes and statuses of the standard: what each asks for or tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from booking_engine.domain.filler_status import FillerStatus


class Control(StrEnum):
    """What an order control code (ORC-1, table 0119) asks for."""

    NEW = "new"
    CHANGE = "change"
    CANCEL = "cancel"
    DISCONTINUE = "discontinue"
    """As cancel, but what is done already may stay."""
    REPLACE = "replace"
    """Of this order; what comes in its place follows."""
    REPLACEMENT = "replacement"
    SPLIT = "split"
    """Of this order; the exams that are made of it follow."""
    CHILD = "child"
    HOLD = "hold"
    RELEASE = "release"
    STATUS = "status"
    """Tells how the order stands: ORC-5, OBR-25."""
    RESULT = "result"
    """As status, but only where OBR-25 says that the exam is done."""
    ASK_STATUS = "ask_status"
    ASK_NUMBER = "ask_number"
    ACCEPTED = "accepted"
    """Answers what we sent."""
    REFUSED = "refused"
    """Likewise; a person must look."""
    IGNORE = "ignore"
    """Understood and of no concern to booking: acknowledged, stored, nothing done."""


class Speaker(StrEnum):
    """Who may send an order control code."""

    ANYBODY = "anybody"
    FILLER = "filler"
    """Only a partner that fills orders: from others it may be a slip (103)."""


@dataclass(frozen=True, slots=True)
class ControlRule:
    """What an order control code means, and from whom."""

    control: Control
    by: Speaker = Speaker.ANYBODY


def _rules(by: Speaker, **codes: Control) -> dict[str, ControlRule]:
    return {code: ControlRule(control, by) for code, control in codes.items()}


def _all(control: Control, codes: str) -> dict[str, ControlRule]:
    return dict.fromkeys(codes.split(), ControlRule(control))


CONTROLS: Final[dict[str, ControlRule]] = {
    # A placer asks.
    **_rules(
        Speaker.ANYBODY,
        NW=Control.NEW,
        XO=Control.CHANGE,
        CA=Control.CANCEL,
        DC=Control.DISCONTINUE,
        RP=Control.REPLACE,
        RO=Control.REPLACEMENT,
        HD=Control.HOLD,
        RL=Control.RELEASE,
        SS=Control.ASK_STATUS,
        # A filler's by the standard; in practice records systems send it as well.
        SC=Control.STATUS,
        RE=Control.RESULT,
    ),
    # A filler tells, unasked.
    **_rules(
        Speaker.FILLER,
        OC=Control.CANCEL,
        OD=Control.DISCONTINUE,
        XX=Control.CHANGE,
        RU=Control.REPLACE,
        OH=Control.HOLD,
        OE=Control.RELEASE,
        PA=Control.SPLIT,
        CH=Control.CHILD,
        SN=Control.ASK_NUMBER,
    ),
    # Either answers what we sent.
    **_all(Control.ACCEPTED, "OK CR DR XR HR OR RQ NA SR"),
    **_all(Control.REFUSED, "UA UC UD UX UH UR UM DE"),
    # Results, refills, pathways, receipts and earlier studies: no order in them.
    **_all(Control.IGNORE, "CN PR RR RF AF DF FU OF UF LI UN OP PY MC CP"),
}
"""By code of table 0119. One that is not here is refused (103): it may be an order."""

FILLER_STATUSES: Final = {
    "SC": FillerStatus.SCHEDULED,
    "IP": FillerStatus.UNDER_WAY,
    "A": FillerStatus.UNDER_WAY,
    "CM": FillerStatus.PERFORMED,
    "CA": FillerStatus.CANCELLED,
    "DC": FillerStatus.CANCELLED,
    "HD": FillerStatus.HELD,
}
"""ORC-5, table 0038; some results (A) may yet be followed by the rest of the exam."""

RESULT_STATUSES: Final = {
    "S": FillerStatus.SCHEDULED,
    "I": FillerStatus.UNDER_WAY,
    "P": FillerStatus.PERFORMED,
    "F": FillerStatus.PERFORMED,
    "C": FillerStatus.PERFORMED,
    "X": FillerStatus.CANCELLED,
}
"""OBR-25, table 0123, where ORC-5 says nothing."""
