"""OBX in the demo: safety answers and needs, in each sender's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from api.demo.cases import DemoOrder
from api.demo.mix import Intent
from booking_engine.domain.safety import Answer, Question
from booking_engine.domain.vocabulary import Sex
from hl7_adapters.er7 import FieldValue

_NEVER_PREGNANT_FROM: Final = 56
"""Age from which the senders write that the question does not apply."""
_RENAL_WORST: Final = 22
_RENAL_BEST: Final = 58
_RENAL_SPREAD: Final = 40
_RENAL_REPORTED: Final = 90

_Q = Question


@dataclass(frozen=True, slots=True)
class Words:
    """How one sender writes observations.

    Parameters
    ----------
    system
        OBX-3.3.
    questions
        OBX-3.1 of each safety question.
    answers
        OBX-5 of yes, no and unknown.
    not_applicable
        OBX-5 where pregnancy does not apply.
    renal_number
        Whether kidney function is sent as an eGFR; with a comparator from 90 if
        `renal_sn`.
    needs
        OBX-3.1 of hoist, interpreter, wide bore and general anaesthetic.
    weight, travel
        OBX-3.1 of the weight and of the furthest the patient travels.
    """

    system: str
    questions: Mapping[Question, str]
    answers: Mapping[Answer, str]
    not_applicable: str
    needs: Mapping[str, str]
    weight: str
    travel: str
    renal_number: bool = False
    renal_sn: bool = False
    renal_unknown: str = ""


_NAMES: Final = ("hoist", "interpreter", "wide_bore", "general_anaesthetic")


def _needs(*codes: str) -> dict[str, str]:
    return dict(zip(_NAMES, codes, strict=True))


WORDS: Final[Mapping[str, Words]] = {
    "r0a": Words(
        system="R0A",
        questions={
            _Q.PREGNANCY: "PREG",
            _Q.CARDIAC_DEVICE: "PACE",
            _Q.IMPLANT: "IMPL",
            _Q.CONTRAST_ALLERGY: "CALL",
            _Q.RENAL_IMPAIRMENT: "EGFR",
        },
        answers={Answer.YES: "Y", Answer.NO: "N", Answer.UNKNOWN: "U"},
        not_applicable="NA",
        needs=_needs("HOIST", "INTERP", "WIDE", "GA"),
        weight="WT",
        travel="TRAVEL",
        renal_number=True,
        renal_unknown="ND",
    ),
    "rw6": Words(
        system="L",
        questions={
            _Q.PREGNANCY: "Q1",
            _Q.CARDIAC_DEVICE: "Q2",
            _Q.IMPLANT: "Q3",
            _Q.CONTRAST_ALLERGY: "Q4",
            _Q.RENAL_IMPAIRMENT: "Q5",
        },
        answers={Answer.YES: "1", Answer.NO: "0", Answer.UNKNOWN: "9"},
        not_applicable="8",
        needs=_needs("N1", "N2", "N3", "N4"),
        weight="WGT",
        travel="MAXKM",
    ),
    "rmc": Words(
        system="BOL",
        questions={
            _Q.PREGNANCY: "S-PREG",
            _Q.CARDIAC_DEVICE: "S-CIED",
            _Q.IMPLANT: "S-IMPLANT",
            _Q.CONTRAST_ALLERGY: "S-ALLERGY",
            _Q.RENAL_IMPAIRMENT: "S-EGFR",
        },
        answers={Answer.YES: "Yes", Answer.NO: "No", Answer.UNKNOWN: "Not known"},
        not_applicable="Not applicable",
        needs=_needs("P-HOIST", "P-INTERPRETER", "P-WIDE", "P-ANAESTHETIC"),
        weight="P-WEIGHT",
        travel="P-TRAVEL",
        renal_number=True,
        renal_sn=True,
        renal_unknown="Not known",
    ),
}
_TEXTS: Final = {
    _Q.PREGNANCY: "Pregnancy",
    _Q.CARDIAC_DEVICE: "Pacemaker or other cardiac device",
    _Q.IMPLANT: "Implant",
    _Q.CONTRAST_ALLERGY: "Allergy to contrast",
    _Q.RENAL_IMPAIRMENT: "Kidney function",
}


def observations(order: DemoOrder, age: int) -> list[list[FieldValue]]:
    """Return the OBX segments of an order.

    Parameters
    ----------
    age
        The patient's, in whole years.
    """
    if order.intent is Intent.NON_IMAGING:
        return []
    words = WORDS[order.partner]
    found = [*_safety(order, age, words), *_statements(order, words)]
    return [["OBX", str(at), *fields] for at, fields in enumerate(found, 1)]


def _safety(
    order: DemoOrder, age: int, words: Words
) -> Iterator[tuple[FieldValue, ...]]:
    for question, answer in order.answers.items():
        code = (words.questions[question], _TEXTS[question], words.system)
        if question is _Q.RENAL_IMPAIRMENT and words.renal_number:
            yield _renal(code, answer, order, words)
            continue
        value = words.answers[answer]
        free = order.person.sex is Sex.MALE or age >= _NEVER_PREGNANT_FROM
        if question is _Q.PREGNANCY and answer is Answer.NO and free:
            value = words.not_applicable
        yield "ST", code, None, value


def _renal(
    code: FieldValue, answer: Answer, order: DemoOrder, words: Words
) -> tuple[FieldValue, ...]:
    """Return kidney function as an eGFR; below 30 is an impairment (NICE NG148)."""
    unit = "mL/min/1.73m2"
    match answer:
        case Answer.UNKNOWN:
            return "ST", code, None, words.renal_unknown
        case Answer.YES:
            number = str(_RENAL_WORST)
        case _:
            number = str(_RENAL_BEST + order.number % _RENAL_SPREAD)
    above = answer is Answer.NO and int(number) > _RENAL_REPORTED
    if words.renal_sn and above:  # as laboratories do: "more than 90"
        return "SN", code, None, (">", str(_RENAL_REPORTED)), unit
    return "NM", code, None, number, unit


def _statements(order: DemoOrder, words: Words) -> Iterator[tuple[FieldValue, ...]]:
    needs = order.needs
    if needs.weight_kg is not None:
        code = (words.weight, "Weight", words.system)
        yield "NM", code, None, str(needs.weight_kg), "kg"
    if needs.travel_cap_km is not None:
        code = (words.travel, "Furthest the patient travels", words.system)
        yield "NM", code, None, str(needs.travel_cap_km), "km"
    for name in _NAMES:
        if getattr(needs, name):
            code = (words.needs[name], name.replace("_", " "), words.system)
            yield "ST", code, None, words.answers[Answer.YES]
