"""What a profile says of the diary that a partner keeps itself."""

from __future__ import annotations

from pydantic import Field, field_validator

from booking_engine.domain.identifiers import ScannerId
from hl7_adapters.dialect import Strict, folded


class KeptDiary(Strict):
    """The diary that a partner keeps: its SIU messages are the last word on it.

    Parameters
    ----------
    resources
        Their names of scanners (AIG-3, AIL-3, AIP-3: code, text, or both with ``^``)
        to ours, or to ``none`` where that is no scanner of ours. What is not here takes
        no time of a scanner, only the patient's, until it is mapped.
    upsert_unknown
        Whether S13, S14 and S18 to S22 for a number that is not known make it new;
        else they are refused (204).
    lenient
        Whether times, durations and states are looked for in neighbouring fields.
    default_minutes
        How long an appointment takes whose message says neither end nor duration;
        none: such a message is refused.
    a05_is_appointment
        Whether ADT^A05 books and ADT^A38 cancels: PV1-19 is the number, PV2-8 and -9
        the times, PV1-3 (point of care, room, bed) the resource.
    patient_reasons
        Reasons (SCH-6) that mean that the patient cancelled: the clock starts anew.
    """

    resources: dict[str, ScannerId] = Field(default_factory=dict)
    upsert_unknown: bool = True
    lenient: bool = True
    default_minutes: int | None = Field(default=None, ge=1, le=24 * 60)
    a05_is_appointment: bool = False
    patient_reasons: frozenset[str] = frozenset()

    @field_validator("resources")
    @classmethod
    def _fold(cls, table: dict[str, ScannerId]) -> dict[str, ScannerId]:
        return folded(table)

    @field_validator("patient_reasons")
    @classmethod
    def _fold_words(cls, words: frozenset[str]) -> frozenset[str]:
        return frozenset(word.strip().casefold() for word in words)
