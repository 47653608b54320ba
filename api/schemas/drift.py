"""The drift report, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from hl7_adapters.drift import Change


class FindingDocument(Document):
    """One difference."""

    change: Change
    where: str = Field(
        description="Kind of message or table of codes; empty where it concerns all."
    )
    what: str = Field(description="Segment, field or code.")
    before: float = Field(description="Share of the messages; of the volume, a count.")
    now: float
    mapped: bool | None = Field(
        description="Of a code, whether it means anything to us."
    )


class DriftDocument(Document):
    """How a partner's messages differ from those of the same weekday before."""

    partner: str
    begin: Instant
    end: Instant
    messages: int
    refused: int
    before: list[int] = Field(description="Messages one to four weeks earlier.")
    refused_before: float | None = Field(description="Share of refusals in them.")
    expected: tuple[int, int] | None = Field(
        description="From how many to how many messages; null if too little is known."
    )
    sampled: int = Field(description="Messages that were looked at.")
    sampled_before: int
    findings: list[FindingDocument]
