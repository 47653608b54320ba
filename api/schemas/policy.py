"""The policy, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from booking_engine.domain.fair_waits import Grouping
from booking_engine.domain.vocabulary import Modality, Priority


class WeightsDocument(Document):
    """The weights of one urgency, in cost units."""

    target_days: int = Field(description="Days of the wait by which it is wanted.")
    wait: int = Field(description="Each day of waiting.")
    late: int = Field(description="Each day beyond the target.")
    breach: int = Field(description="Reaching day 42 of the wait.")
    unplaced: int = Field(description="Left without a slot by a plan.")
    lists: list[str] = Field(description="The kinds of list that it may use.")


class UrgentRoomDocument(Document):
    """How room is protected for urgent orders that are still to come."""

    enabled: bool
    history_weeks: int
    quantile: float
    least_exams: int
    margin: float
    most_in_plans: int = Field(
        description="Most that a plan pays to keep room for one exam; 0: it keeps none."
    )
    displaced_cost: dict[Priority, int] = Field(
        description="What one exam costs that finds no room on its day."
    )
    hard_targets: list[Priority] = Field(
        description="Whose target comes before the protection."
    )


class ExamKindDocument(Document):
    """A kind of exam."""

    modality: Modality
    contrast: bool | None = Field(description="null: with contrast or without.")


class ExamPairDocument(Document):
    """Two kinds of exam of which one comes after the other in a visit."""

    first: ExamKindDocument
    second: ExamKindDocument
    least_minutes: int = Field(
        description="From the first's end to the second's start."
    )
    most_minutes: int | None = Field(description="The same at most; null: any time.")
    reason: str


class UnusableGapsDocument(Document):
    """What a plan pays for idle time that is too short for any exam."""

    minutes: int = Field(
        default=0, description="A shorter stretch is unusable; 0: none is."
    )
    cost_per_minute: int = Field(
        default=0, description="Of such a stretch, in cost units; 0: not weighed."
    )


class FairWaitsDocument(Document):
    """How much longer than all one group of patients may wait in a plan."""

    by: Grouping = Field(default=Grouping.AGE, description="What tells groups apart.")
    permille: int = Field(
        default=1100,
        description="Thousandths of the mean wait of all that a group's may be.",
    )
    cost_per_day: int = Field(
        default=0,
        description="Of each day beyond it, summed over the group; 0: not weighed.",
    )


class TermDocument(Document):
    """One part of what a booking costs."""

    name: str
    counts: str = Field(description="What one unit of it is.")
    weights: dict[str, float] = Field(
        description="By urgency or by what is counted; empty: not weighed."
    )


class RuleDocument(Document):
    """One rule that no booking breaks."""

    name: str
    keeps: str
    weight: str


class PolicyDocument(Document):
    """One version of the weights and limits."""

    version: str
    present: bool = Field(description="Whether bookings are made by it now.")
    digest: str = Field(description="SHA-256 of its values as canonical JSON.")
    first_in_force_at: Instant
    in_force_since: Instant = Field(
        description="When it last took the place of another."
    )
    weights: dict[Priority, WeightsDocument]
    travel_per_km: int
    price_per_pound: float
    other_trust: int
    max_travel_km: int
    horizon_days: int
    hold_minutes: int
    urgent_room: UrgentRoomDocument
    exam_pairs: list[ExamPairDocument] = Field(
        default_factory=list,
        description="Which exams of one visit come in an order, by which gap.",
    )
    unusable_gaps: UnusableGapsDocument = UnusableGapsDocument()
    fair_waits: FairWaitsDocument = FairWaitsDocument()
    terms: list[TermDocument]
    rules_version: str = Field(description="Of `rules`, which are this program's.")
    rules: list[RuleDocument]
    versions: list[str] = Field(
        description="Every version that was in force, the last one first."
    )
