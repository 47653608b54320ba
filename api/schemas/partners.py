"""Partners, their profiles, and what their codes mean, as seen over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.common import (
    Body,
    Document,
    Identifier,
    Instant,
    InstantIn,
    Note,
    example,
)
from booking_engine.domain.mappings import LONGEST_NAME, MappingTable
from booking_engine.domain.vocabulary import BookingMode

Code = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=LONGEST_NAME,
        pattern=r"^[^\x00-\x1f\x7f]*$",
    ),
]


class SenderDocument(Document):
    """How a partner names itself (MSH-3, MSH-4)."""

    application: str
    facility: str


class PartnerDocument(Document):
    """A system that messages are exchanged with."""

    id: str
    name: str
    senders: list[SenderDocument]
    zone: str
    version: str
    booking_mode: BookingMode
    guidelines: list[str]
    mapped_procedures: int
    destination: str | None = Field(description="Host and port that are told.")
    appointments: str | None = Field(description="Message for appointments.")


class MeaningDocument(Document):
    """What one code means at this moment, and who says so."""

    table: MappingTable
    code: str = Field(description="Folded, as it is compared.")
    target: str
    begins: Instant | None
    ends: Instant | None
    origin: str = Field(description="`profile`, or the mapping and who made it.")
    mapping_id: str | None


class ProfileVersionDocument(Document):
    """One version of a profile that came over the API."""

    version: int
    made_by: str
    made_at: Instant
    why: str


class ProfileDocument(PartnerDocument):
    """A partner's profile as it is in force: what was written, with the mappings."""

    source: str = Field(description="`file`, or `stored`: it came over the API.")
    text: str = Field(description="The YAML, as it was written.")
    versions: list[ProfileVersionDocument] = Field(description="Newest first.")
    codes: list[MeaningDocument]
    next_change: Instant | None = Field(
        description="When the next code begins or ends to count."
    )


class MappingBody(Body):
    """A partner's code gets a meaning."""

    model_config = example(
        partner="r0a",
        table="procedure",
        code="XXKNEE",
        target="MRKNEE",
        why="their list of 3 November",
    )

    partner: Identifier
    table: MappingTable
    code: Code = Field(
        description="As sent, or `code^system`; for `safety` like `PACE=Y`."
    )
    target: Code = Field(
        description="Our code, or the word of ours; for `clinician` like"
        " `Dr A. Example (GMC 1234567)`."
    )
    valid_from: InstantIn | None = Field(None, description="Now, by default.")
    valid_to: InstantIn | None = Field(None, description="For good, by default.")
    why: Note = ""
    replaces: Identifier | None = Field(
        None, description="The mapping of the same code that ends when this one begins."
    )


class EndBody(Body):
    """A mapping ends."""

    model_config = example(why="typing error")

    at: InstantIn | None = Field(None, description="Now, by default.")
    why: Note = ""


class MappingDocument(Document):
    """One of a partner's codes and what it means, for a time."""

    id: str
    partner: str
    table: MappingTable
    code: str
    target: str
    valid_from: Instant
    valid_to: Instant | None
    made_by: str
    made_at: Instant
    why: str
    ended_by: str | None
    ended_at: Instant | None
    ended_why: str
    version: int


class MappedDocument(MappingDocument):
    """A new mapping, and what became of what waited for it."""

    released: list[str] = Field(description="Orders held for nothing any more.")
    still_held: list[str] = Field(description="Orders held for something else yet.")
    entries: list[str] = Field(
        description="Diary entries whose scanner or exam is known by now."
    )
    named: list[str] = Field(
        description="Orders of which it is known by now who asked."
    )
    left: int = Field(description="How many follow within seconds.")


class WaitingEntryDocument(Document):
    """An appointment or closure of a partner's diary that waits for a code."""

    id: str
    number: str = Field(description="What it is called there (SCH-2, else SCH-1).")
    scanner: str | None = Field(description="Null: it takes no scanner's time yet.")
    starts_at: Instant
    ends_at: Instant


class UnmappedDocument(Document):
    """A code that a partner sends and that means nothing yet."""

    partner: str
    table: MappingTable
    code: str = Field(description="Folded; the best name to map.")
    names: list[str] = Field(description="Any of them may be mapped.")
    text: str = Field(description="What the sender wrote beside it: a hint only.")
    count: int = Field(description="Orders and diary entries that wait for it.")
    first_seen: Instant
    last_seen: Instant
    orders: list[str] = Field(description="The oldest of them, at most 100.")
    entries: list[WaitingEntryDocument] = Field(
        description="The next of them, at most 100."
    )
    messages: list[str] = Field(description="Up to three that carried it.")
