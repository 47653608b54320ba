"""Why an order is, or is not, somewhere, as seen over HTTP."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from api.schemas.appointments import ChoiceDocument
from api.schemas.common import Body, Document, Identifier, Instant, MinuteIn, example
from booking_engine.domain.blockers import BlockerKind, Standing


class WhyNotBody(Body):
    """A slot that is asked about: by its list, or by its scanner."""

    model_config = example(
        order_id="O06QH8K3PCD0A1B",
        scanner="R0A02-MR1",
        starts_at="2026-12-01T15:00:00+00:00",
    )

    order_id: Identifier
    scanner: Identifier | None = Field(
        default=None, description="Whichever list is there then has least in the way."
    )
    session_id: Identifier | None = None
    starts_at: MinuteIn

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if (self.scanner is None) == (self.session_id is None):
            raise ValueError("give either scanner or session_id")
        return self


class BlockerDocument(Document):
    """One thing in the way; none of another patient but a name and times."""

    kind: BlockerKind
    name: str = Field(description="Of the appointment, entry or question; or empty.")
    starts_at: Instant | None
    ends_at: Instant | None
    detail: str
    lasting: bool = Field(description="Nobody can lift it for this order.")
    sentence: str
    remedy: str = Field(description="What would lift it.")


class WhyNotDocument(Document):
    """What keeps an order from a slot, and what the slot would cost."""

    order_id: str
    scanner: str
    session_id: str | None = Field(description="The list; null: none is there.")
    starts_at: Instant
    ends_at: Instant
    standing: Standing
    blockers: list[BlockerDocument] = Field(
        description=(
            "Minimal: with all of them lifted the slot is possible, with all but any"
            " one it is not."
        )
    )
    appointment_id: str | None = Field(description="The order's present slot.")
    there: ChoiceDocument | None = Field(description="What the slot would cost.")
    best: ChoiceDocument | None = Field(description="The best slot that is free now.")
    costs_more: int | None = Field(
        description="Cost to this patient above the best slot, in cost units."
    )
    sentence: str = Field(description="In plain English, to be read out.")
