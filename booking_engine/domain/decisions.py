"""Why a booking was made: the record, and the sentence rendered from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    DecisionId,
    OrderId,
    PlanRunId,
    ProcedureCode,
    ScannerId,
    SessionId,
)


class DecisionKind(StrEnum):
    """How the slot was chosen."""

    PLANNED = "planned"
    ON_ARRIVAL = "on_arrival"
    BY_PERSON = "by_person"
    REBOOKED = "rebooked"
    """Proposed by the engine because of a closure, and approved by a person."""


class MoveCause(StrEnum):
    """Why the engine proposes to move a booking."""

    CLOSED = "closed"
    """It lies in closed time."""
    MAKES_ROOM = "makes_room"
    """Its slot is needed for one that does."""


@dataclass(frozen=True, slots=True)
class MovedFrom:
    """Where a booking was that the engine proposed to move, and why.

    Parameters
    ----------
    reason
        Why the scanner is closed, as coded; never patient data.
    """

    cause: MoveCause
    scanner: ScannerId
    starts_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """An option's cost by term, in cost units of the policy."""

    waiting: int
    lateness: int
    breach: int
    pair: int
    opening: int

    @property
    def total(self) -> int:
        """Sum of the terms."""
        return self.waiting + self.lateness + self.breach + self.pair + self.opening


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: where, when, and what it costs.

    Parameters
    ----------
    price
        What the time is worth to other patients, in thousandths of a cost unit for the
        whole exam: to those who wait, at the plan's prices, and to those to come.
    to_come
        The part of the price that is due to more urgent orders still to come.
    reserved
        Whether it takes room that is kept for them.
    """

    scanner: ScannerId
    session_id: SessionId
    starts_at: datetime
    minutes: int
    travel_km: int
    terms: Terms
    price: int = 0
    to_come: int = 0
    reserved: bool = False

    @property
    def ends_at(self) -> datetime:
        """When the exam ends."""
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class LinkedExam:
    """Another exam that the patient comes for at the same time."""

    order: OrderId
    procedure: ProcedureCode


@dataclass(frozen=True, slots=True)
class Reasons:
    """What led to a choice, before it is written down as a decision.

    Parameters
    ----------
    inputs
        What the decision was made from, as plain JSON values.
    options
        How many feasible options there were.
    excluded
        How many scanners or openings each rule took out, in the order applied.
    visit_with
        The linked exams on whose day, and at whose site, it is.
    """

    chosen: Choice
    inputs: dict[str, object]
    options: int
    excluded: tuple[tuple[str, int], ...]
    runner_up: Choice | None
    visit_with: tuple[LinkedExam, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The record of one decision; never changed once written.

    Parameters
    ----------
    inputs_digest
        SHA-256, in hex, of the canonical JSON of `inputs`.
    inputs
        What the decision was made from, enough to check it again.
    policy_version, rules_version
        The weights and the eligibility rules that were in force.
    options
        How many feasible options there were.
    excluded
        How many scanners or openings each rule took out, in the order applied.
    runner_up
        The next best option, or ``None`` if there was no other.
    sentence
        Plain English, rendered once, when the decision was made.
    """

    id: DecisionId
    order_id: OrderId
    appointment_id: AppointmentId
    kind: DecisionKind
    made_at: datetime
    actor: Actor
    policy_version: str
    rules_version: str
    inputs_digest: str
    inputs: dict[str, object]
    chosen: Choice
    options: int
    excluded: tuple[tuple[str, int], ...]
    runner_up: Choice | None
    plan_run_id: PlanRunId | None
    sentence: str
