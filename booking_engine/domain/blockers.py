"""What stands between an order and one slot: the rules broken and the things in it.

Every reason for which a booking is refused has its kind here, so that "why not there"
can name what it is, whether anybody could lift it, and who.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from booking_engine.domain.decisions import Choice
from booking_engine.domain.eligibility import Rule
from booking_engine.domain.identifiers import (
    AppointmentId,
    OrderId,
    ScannerId,
    SessionId,
)


class BlockerKind(StrEnum):
    """What is in the way; those of the eligibility rules have the rules' names."""

    ORDER_STATE = "order_state"
    """The order is in a state from which it cannot be booked or moved."""
    VETTING = "vetting"
    """No vetting is recorded."""
    SAFETY = "safety"
    """A safety answer is missing, or is one that only a clinician may clear."""
    OWN_HOLD = "own_hold"
    """The order holds another slot."""
    MODALITY = "modality"
    PROVIDER_OPEN = "provider_open"
    CAPABILITY = "capability"
    WEIGHT = "weight"
    CONTRACT_EXCLUSION = "contract_exclusion"
    SITE = "site"
    TRAVEL = "travel"
    NO_SESSION = "no_session"
    """No list is staffed on the scanner at that time."""
    SESSION_OPEN = "session_open"
    LIST_TYPE = "list_type"
    NOTICE = "notice"
    LATEST = "latest"
    OUTSIDE_SESSION = "outside_session"
    """The exam begins before the list or ends after it."""
    PAST = "past"
    CONTRACT_CEILING = "contract_ceiling"
    APPOINTMENT = "appointment"
    """Another order's appointment or hold is on the scanner then."""
    DIARY_ENTRY = "diary_entry"
    """Another system's diary has an appointment on the scanner then."""
    CLOSURE = "closure"
    PATIENT_ELSEWHERE = "patient_elsewhere"
    """The patient has another appointment then, ours or another diary's."""


RULE_OF: Final = {
    **{BlockerKind(rule): rule for rule in Rule if rule is not Rule.LENGTH},
    BlockerKind.OUTSIDE_SESSION: Rule.LENGTH,
    BlockerKind.PAST: Rule.NOTICE,
}
"""The rule by whose name a booking is refused; the other kinds are no such rules."""

THINGS: Final = frozenset(
    {
        BlockerKind.APPOINTMENT,
        BlockerKind.DIARY_ENTRY,
        BlockerKind.CLOSURE,
        BlockerKind.PATIENT_ELSEWHERE,
    }
)
"""Kinds that stand for something with a name and times: lifting one takes it away."""

NOBODY_LIFTS: Final = frozenset(
    {
        BlockerKind.MODALITY,
        BlockerKind.CAPABILITY,
        BlockerKind.WEIGHT,
        BlockerKind.PAST,
    }
)
"""What the machine is, what it bears, and what is over: a slot behind one is never
possible, and no answer may read as if a person could wave it through."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing in the way.

    Parameters
    ----------
    name
        Of the thing: an appointment, an entry, a safety question, the order's state;
        empty for a rule that is about the slot itself.
    starts_at, ends_at
        When the thing is, or the list that the exam does not lie in.
    detail
        What the rule goes by here, in a few words; nothing of another patient.
    lasting
        Whether nobody can lift it for this order.
    """

    kind: BlockerKind
    name: str = ""
    starts_at: datetime | None = field(default=None, compare=False)
    ends_at: datetime | None = field(default=None, compare=False)
    detail: str = field(default="", compare=False)
    lasting: bool = field(default=False, compare=False)


class Standing(StrEnum):
    """What the answer to "why not there" is, in a word."""

    THERE = "there"
    """The order has this very slot, booked or held."""
    POSSIBLE = "possible"
    """Booking it now would succeed."""
    BLOCKED = "blocked"
    """Something is in the way that somebody could lift."""
    IMPOSSIBLE = "impossible"
    """Something is in the way that nobody can lift for this order."""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why an order is not in one slot.

    Parameters
    ----------
    session_id
        The list that the slot lies in, or ``None`` where there is none.
    blockers
        A minimal set: with all of them lifted the slot is possible, with all but any
        one it is not. In the order in which the rules are asked; empty where it is
        possible or there.
    appointment_id
        The order's present appointment or hold, if it has one.
    there
        What the slot would cost; ``None`` where it is impossible or no list is there.
    best
        The best slot that is free now; ``None`` where there is none, or the order
        cannot be booked in any.
    """

    order_id: OrderId
    scanner: ScannerId
    session_id: SessionId | None
    starts_at: datetime
    ends_at: datetime
    standing: Standing
    blockers: tuple[Blocker, ...]
    appointment_id: AppointmentId | None
    there: Choice | None
    best: Choice | None

    @property
    def costs_more(self) -> int | None:
        """What the slot costs this patient above the best one, in cost units."""
        if self.there is None or self.best is None:
            return None
        return self.there.terms.total - self.best.terms.total
