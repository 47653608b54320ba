"""OBX, AL1 and PV1-15: safety answers and the patient's needs (HAZ-5).

An answer is yes, no or unknown; what was not sent is not recorded, and a value that
the profile does not explain is unknown, which blocks booking.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from booking_engine.domain.patients import Needs
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from hl7_adapters.datatypes import BadValue
from hl7_adapters.dialect import PREGNANT, NeedName, SafetyCode
from hl7_adapters.er7 import Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.reading import Reading

_NOT_A_RESULT: Final = frozenset({"D", "W", "X"})  # OBX-11, table 0085
_NUMBER = re.compile(r"([<>]=?|=)?\s*(\d{1,6}(?:\.\d{1,6})?)")
_COMPARATORS: Final = frozenset({"", "=", ">", ">=", "<", "<="})
"""SN.1, where empty is equal; ``<>`` says too little (HL7 2.5.1 section 2.A.70)."""
_VALUE_COMPONENTS: Final = (1, 2, 4, 5)
"""Where OBX-5 says something: CWE.3 and .6 are coding systems, SN.3 is a separator."""
_KILOGRAMS: Final = {
    **dict.fromkeys(("", "kg", "kgs", "kilogram", "kilograms"), 1.0),
    **dict.fromkeys(("g", "gram", "grams"), 0.001),
    **dict.fromkeys(("lb", "lbs", "[lb_av]", "pound", "pounds"), 0.45359237),
    **dict.fromkeys(("st", "stone", "[stone_av]"), 6.35029318),
}
_POSSIBLE_KG: Final = (0.2, 700)
"""Weights outside are a slip of unit or field; they are not used."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a measurement says: a value lies between two others, inclusive."""

    least: float
    most: float


@dataclass(slots=True)
class Findings:
    """What the observations of an order say."""

    answers: list[SafetyAnswer] = field(default_factory=list)
    needs: dict[str, bool] = field(default_factory=dict)
    weight_kg: int | None = None
    travel_cap_km: int | None = None
    told: set[str] = field(default_factory=set)

    @property
    def all_needs(self) -> Needs:
        """What the patient needs on the day, as far as the order says."""
        return Needs(
            weight_kg=self.weight_kg, travel_cap_km=self.travel_cap_km, **self.needs
        )


def read_findings(
    group: OrderGroup,
    allergies: Iterable[Segment],
    reading: Reading,
    *,
    at: datetime,
) -> Findings:
    """Return the safety answers and needs that an order carries.

    Parameters
    ----------
    allergies
        The AL1 segments of the message.
    at
        When the answers count as given, if OBX-14 does not say.
    """
    profile = reading.profile
    found = Findings()
    for segment in group.observations:
        for name in code_names(segment):
            if name in profile.observed:
                if segment.value(11).strip().upper() in _NOT_A_RESULT:
                    _withdraw(name, reading, found)
                else:
                    _read_observation(name, segment, reading, found, at)
                break
    if profile.allergens and any(
        name in profile.allergens for each in allergies for name in code_names(each)
    ):
        source = f"{profile.id} AL1-3"
        found.answers.append(
            SafetyAnswer(Question.CONTRAST_ALLERGY, Answer.YES, at, source)
        )
    if reading.changes:
        for need in (*NeedName, "weight_kg", "travel_cap_km"):
            if need not in found.told:
                reading.keep(f"needs.{need}")
    visit = group.segments.get("PV1")
    if visit is not None and any(
        status.component(1).strip().upper() == PREGNANT
        for status in visit.repetitions(15)
    ):
        source = f"{profile.id} PV1-15 {PREGNANT}"
        found.answers.append(SafetyAnswer(Question.PREGNANCY, Answer.YES, at, source))
    return found


def _read_observation(
    name: str, segment: Segment, reading: Reading, found: Findings, at: datetime
) -> None:
    profile = reading.profile
    value = _value(segment)
    if not value:  # nothing is known
        if segment.deletes(5):
            _withdraw(name, reading, found)
        return
    if name in profile.safety:
        code = profile.safety[name]
        answer = _answer(code, value, segment, reading)
        source = f"{profile.id} OBX-3 {name}"
        when = _recorded_at(segment, reading, at)
        found.answers.append(SafetyAnswer(code.question, answer, when, source))
    elif name in profile.needs:
        need = profile.needs[name]
        found.told.add(need.need)
        refused = {word.casefold() for word in need.no}
        found.needs[need.need] = value.casefold() not in refused
    elif name in profile.weight:
        found.told.add("weight_kg")
        found.weight_kg = _weight_kg(segment, reading)
    else:
        cap = _bounds(segment)
        found.told.add("travel_cap_km")
        found.travel_cap_km = None if cap is None else int(cap.least)


def _withdraw(name: str, reading: Reading, found: Findings) -> None:
    """Note that the sender deletes what it said: nobody has answered then."""
    profile = reading.profile
    if name in profile.safety:
        reading.withdrawn.add(profile.safety[name].question)
    elif name in profile.needs:
        found.told.add(profile.needs[name].need)
    else:
        found.told.add("weight_kg" if name in profile.weight else "travel_cap_km")


def code_names(segment: Segment) -> Iterator[str]:
    """Yield the names of OBX-3, AL1-3, AIS-3, best first; the text if no code."""
    code = segment.first(3)
    first, system = code.component(1).strip(), code.component(3).strip()
    if first:
        if system:
            yield f"{first}^{system}".casefold()
        yield first.casefold()
    other = code.component(4).strip()
    if other:
        yield other.casefold()
    if not first and not other:
        yield code.component(2).strip().casefold()


def _value(segment: Segment) -> str:
    """Return what OBX-5 says first: a code, its text, or a part of a number (SN)."""
    given = segment.first(5)
    texts = (given.component(number).strip() for number in _VALUE_COMPONENTS)
    return next(filter(None, texts), "")


def _answer(code: SafetyCode, value: str, segment: Segment, reading: Reading) -> Answer:
    given = code.values.get(value.casefold())
    if given is not None:
        return given
    bounds = None if code.yes_below is None else _bounds(segment)
    if code.yes_below is not None and bounds is not None:
        if bounds.most < code.yes_below:
            return Answer.YES
        if bounds.least >= code.yes_below:
            return Answer.NO
        return Answer.UNKNOWN
    reading.warn(f"OBX-5: value not known for {code.question.value}; taken as unknown")
    return Answer.UNKNOWN


def _bounds(segment: Segment) -> _Bounds | None:
    """Return the range of a number: ``84``, ``>90``, or ``<^15``, ``^84^-^90`` (SN).

    None where it is none, or a ratio or grade (``^1^:^128``, ``^2^+``).
    """
    given = segment.first(5)
    first, number, mark, upper = (given.component(n).strip() for n in (1, 2, 3, 4))
    if number and first not in _COMPARATORS:
        return None
    match = _NUMBER.fullmatch(first + number)
    if match is None:
        return None
    if not mark and not upper:
        return _compared(match)
    # A range is inclusive at both ends, and a comparator would contradict it.
    end = _NUMBER.fullmatch(upper)
    if mark != "-" or end is None or first not in {"", "="} or end[1]:
        return None
    least, most = float(match[2]), float(end[2])
    return _Bounds(least, most) if least <= most else None


def _compared(match: re.Match[str]) -> _Bounds:
    """Return the range that a number with its comparator means."""
    number = float(match[2])
    match match[1]:
        case ">":
            # At 90, "more than 90" is not below 90.
            return _Bounds(number, math.inf)
        case ">=":
            return _Bounds(number, math.inf)
        case "<":
            return _Bounds(0, math.nextafter(number, 0))
        case "<=":
            return _Bounds(0, number)
        case _:
            return _Bounds(number, number)


def _weight_kg(segment: Segment, reading: Reading) -> int | None:
    bounds = _bounds(segment)
    unit = segment.value(6).strip().casefold()
    factor = _KILOGRAMS.get(unit)
    if bounds is None or factor is None:
        reading.warn("OBX-5: weight cannot be read; not used")
        return None
    # "More than 150" is at least 151, "less than 150" at most 150.
    number = bounds.least if math.isinf(bounds.most) else bounds.most
    kilograms = number * factor
    if not _POSSIBLE_KG[0] <= kilograms <= _POSSIBLE_KG[1]:
        reading.warn("OBX-5: weight is not possible; not used")
        return None
    return (
        math.floor(kilograms) + 1 if math.isinf(bounds.most) else math.ceil(kilograms)
    )


def _recorded_at(segment: Segment, reading: Reading, at: datetime) -> datetime:
    text = segment.value(14)
    if not text.strip():
        return at
    try:
        found = reading.time(text.strip())
    except BadValue:
        reading.warn("OBX-14: time cannot be read; the message's is used")
        return at
    # An answer dated ahead would outrank what a person says later.
    return min(found.instant, at)
