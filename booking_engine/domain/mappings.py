"""What a partner's codes mean: mappings with effective dates, and names without one.

A mapping is never rewritten. It begins, and one day it ends; what was in force when an
order came can always be told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from booking_engine.domain.identifiers import Actor, MappingId, PartnerId
from booking_engine.domain.orders import HoldCode, HoldReason, OrderContent

LONGEST_NAME: Final = 199
"""Of a sender's code; longer ones are cut, here as in the orders that wait for them."""


class MappingTable(StrEnum):
    """Which of a partner's code tables."""

    PROCEDURE = "procedure"
    URGENCY = "urgency"
    SITE = "site"
    PATIENT_CLASS = "patient_class"
    LIST_TYPE = "list_type"
    SAFETY = "safety"
    """Observation and value, such as ``PACE=Y``, to yes, no or unknown."""
    RESOURCE = "resource"
    """A room or machine of a diary that the partner keeps, to a scanner, or to none."""
    CLINICIAN = "clinician"
    """Who orders, to a `Clinician` as text; a code that is not here holds nothing."""


NO_SCANNER: Final = "none"
"""What a resource means that is no scanner of ours: a waiting room, an injector."""


TABLE_OF_HOLD: Final[dict[HoldCode, MappingTable]] = {
    HoldCode.UNMAPPED_PROCEDURE: MappingTable.PROCEDURE,
    HoldCode.UNKNOWN_URGENCY: MappingTable.URGENCY,
    HoldCode.UNKNOWN_SITE: MappingTable.SITE,
    HoldCode.UNKNOWN_SETTING: MappingTable.PATIENT_CLASS,
}
"""The holds that a mapping settles."""


@dataclass(frozen=True, slots=True)
class CodeMapping:
    """One of a partner's codes and what it means to us, for a time.

    Parameters
    ----------
    code
        As the partner sends it, or ``code^system``; compared without regard to case.
    target
        Our code, or the word of ours (`Priority`, `PatientSetting`, …).
    valid_from, valid_to
        In force from the first instant until just before the second; ``None``: for
        good. Equal where it was ended before it began.
    made_by, made_at, why
        Who mapped it.
    ended_by, ended_at, ended_why
        Who ended it, and when that was decided.
    """

    id: MappingId
    partner: PartnerId
    table: MappingTable
    code: str
    target: str
    valid_from: datetime
    valid_to: datetime | None
    made_by: Actor
    made_at: datetime
    why: str = ""
    ended_by: Actor | None = None
    ended_at: datetime | None = None
    ended_why: str = ""
    version: int = 1

    @property
    def key(self) -> str:
        """The code as compared."""
        return folded_name(self.code)

    def in_force(self, at: datetime) -> bool:
        """Return whether it counts at an instant."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)

    def overlaps(self, other: CodeMapping) -> bool:
        """Return whether both would give the same code a meaning at one instant."""
        return (
            (self.partner, self.table, self.key)
            == (other.partner, other.table, other.key)
            and (other.valid_to is None or self.valid_from < other.valid_to)
            and (self.valid_to is None or other.valid_from < self.valid_to)
        )


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """One version of a partner profile that came over the API.

    Parameters
    ----------
    version
        Counts from 1; the newest is in force.
    text
        The YAML, as it was written.
    """

    partner: PartnerId
    version: int
    text: str
    made_by: Actor
    made_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class UnknownName:
    """Something that an appointment of another diary names and no table knows.

    Parameters
    ----------
    table
        `MappingTable.RESOURCE`, or `MappingTable.PROCEDURE`.
    names
        What it may be called in the table, folded, the best first.
    text
        What the sender wrote beside it: a hint only.
    """

    table: MappingTable
    names: tuple[str, ...]
    text: str = field(default="", compare=False)


def folded_name(code: str) -> str:
    """Return a code as tables and orders name it: trimmed, folded, not endless."""
    return code.strip().casefold()[:LONGEST_NAME]


def names_waited_for(hold: HoldReason, content: OrderContent) -> tuple[str, ...]:
    """Return the names of which one must be mapped to settle a hold; none if no name.

    An order stored before holds carried names is known by its code as sent.
    """
    match hold.code:
        case HoldCode.UNMAPPED_PROCEDURE if content.is_open(hold.step):
            if hold.names or hold.step:
                return hold.names
            return (folded_name(content.procedure_as_sent),)
        case HoldCode.UNKNOWN_URGENCY if content.priority is None:
            sent = folded_name(content.priority_as_sent)
            return hold.names or ((sent,) if sent else ())
        case HoldCode.UNKNOWN_SITE if content.site is None:
            return hold.names
        case HoldCode.UNKNOWN_SETTING:
            return hold.names
        case _:
            return ()
