"""Rebookings of closures, as seen over HTTP."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from api.schemas.appointments import ChoiceDocument, ExcludedDocument
from api.schemas.common import Body, Document, Instant, Note, Reason, example
from booking_engine.domain.decisions import MoveCause
from booking_engine.domain.rebookings import LineOutcome, RebookingStatus


class RebookingBody(Body):
    """How far to go for those who lose their slot."""

    model_config = example(most_moves=2)

    most_moves: int | None = Field(
        default=None,
        ge=0,
        le=200,
        strict=True,
        description="Most patients who are not affected and may be asked to make room;"
        " null: as many as it pays to ask; 0: nobody.",
    )


AS_IT_PAYS: Final = RebookingBody()
"""Of a request without a body."""


class ApproveBody(Body):
    """Which lines to move."""

    model_config = example(lines=[1, 2, 5], note="rung all three")

    lines: list[int] | None = Field(
        default=None,
        max_length=2000,
        description="Their numbers; null: all that have a place.",
    )
    note: Note = ""


class DeclineBody(Body):
    """Why nothing is to move."""

    model_config = example(reason="the scanner works again")

    reason: Reason


class BookedSlotDocument(Document):
    """Where and when a booking is."""

    scanner: str
    starts_at: Instant
    ends_at: Instant


class LineDocument(Document):
    """One booking, and where it should go."""

    number: int
    order_id: str
    appointment_id: str
    cause: MoveCause = Field(description="In the closed time, or asked to make room.")
    booked: BookedSlotDocument = Field(description="Where it was when this was made.")
    to: ChoiceDocument | None = Field(description="Null: there is no place for it.")
    options: int = Field(description="How many openings are feasible, full ones too.")
    excluded: list[ExcludedDocument]
    breach: bool = Field(
        description="On or beyond its breach day there, or without a place."
    )
    together: list[int] = Field(
        description="Lines that move with it or not at all: approve them together."
    )
    obstacle: str = Field(
        description="Code of what keeps the booking from being moved; empty if nothing."
    )
    outcome: LineOutcome
    code: str = Field(description="Why it was overtaken; empty unless it was.")


class FrontierDocument(Document):
    """What asking so many others to move would buy."""

    moved: int = Field(description="Patients who are not affected.")
    breaches: int
    no_place: int
    cost: int = Field(description="In cost units; of the moves themselves, nothing.")


class RebookingDocument(Document):
    """A proposal for all bookings under a closure; nothing moves until approved."""

    id: str
    version: int
    closure_id: str
    status: RebookingStatus
    made_at: Instant
    made_by: str
    policy_version: str
    most_moves: int | None
    improving: bool = Field(
        description="A better one is being looked for: it will take this one's place"
        " unless somebody decides before."
    )
    improved_at: Instant | None
    affected: int = Field(description="Bookings in the closed time.")
    making_room: int = Field(description="Others asked to move.")
    no_place: int
    breaches: int
    cost: int
    gap: float | None = Field(
        description="How far from the best it may be; null until that was looked for."
    )
    seconds: float = Field(description="Of the solver.")
    frontier: list[FrontierDocument]
    lines: list[LineDocument]
    decided_at: Instant | None
    decided_by: str | None
    note: str
