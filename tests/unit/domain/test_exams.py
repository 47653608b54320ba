"""Several procedures in one slot, as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from network import NOW, catalogue, content
from tellings import order

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.eligibility import order_facts
from booking_engine.domain.exams import (
    catalogue_holds,
    exam_of,
    is_bookable,
    why_not_one,
)
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.orders import HoldCode, ProcedureStep
from booking_engine.domain.policy import Policy
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import Capability, Modality, Trait

ONE = Procedure(
    *(ProcedureCode("ONE"), "one", Modality.MR, 20),
    needs=Capability.FIELD_3T,
    notice_days=1,
    preparation="Drink nothing.",
    questions=(Question.IMPLANT,),
    guideline="g v1",
)
TWO = Procedure(
    *(ProcedureCode("TWO"), "two", Modality.MR, 35),
    needs=Capability.CARDIAC,
    contrast=True,
    ionising=True,
    notice_days=3,
    preparation="Bring a list of medicines.",
    questions=(Question.CONTRAST_ALLERGY, Question.IMPLANT),
    guideline="g v1",
)
NETWORK = Catalogue.of(procedures=[ONE, TWO])


def asked(*codes):
    first, *others = (None if code is None else ProcedureCode(code) for code in codes)
    steps = tuple(ProcedureStep(code) for code in others)
    return content(procedure=first, further_steps=steps)


def test_a_single_exam_is_the_catalogues_own():
    assert exam_of(asked("TWO"), NETWORK) is TWO


def test_times_add_up_and_of_the_rest_all_or_the_strictest_counts():
    exam = exam_of(asked("ONE", "TWO", "ONE"), NETWORK)

    assert exam.minutes == 20 + 35 + 20
    assert exam.name == "one + two + one"
    assert exam.needs == Capability.FIELD_3T | Capability.CARDIAC
    assert exam.contrast
    assert exam.ionising
    assert exam.notice_days == 3
    assert exam.preparation == "Drink nothing.\nBring a list of medicines."
    assert exam.questions == (Question.IMPLANT, Question.CONTRAST_ALLERGY)


@pytest.mark.parametrize(("other", "expected"), [("g v1", "g v1"), ("h v1", None)])
def test_only_a_guideline_of_all_steps_authorises_them(other, expected):
    network = Catalogue.of(procedures=[ONE, replace(TWO, guideline=other)])

    assert exam_of(asked("ONE", "TWO"), network).guideline == expected


def test_the_rules_ask_for_what_any_step_needs():
    facts = order_facts(
        order(procedure=ProcedureCode("MRHEAD"), further_steps=LIVER),
        catalogue(),
        today=NOW.date(),
        policy=Policy(),
    )

    assert facts.required & Capability.CONTRAST_COVER
    assert facts.traits & Trait.CONTRAST
    assert facts.earliest_day == NOW.toordinal() + 2


LIVER = (ProcedureStep(ProcedureCode("MRLIVER")),)


def test_steps_of_several_modalities_or_of_more_than_a_day_are_not_one():
    assert why_not_one(asked("ONE", "TWO"), NETWORK) == ""
    far = Catalogue.of(procedures=[ONE, replace(TWO, modality=Modality.CT)])
    long = Catalogue.of(procedures=[ONE, replace(TWO, minutes=1421)])

    assert "MR, CT" in why_not_one(asked("ONE", "TWO"), far)
    assert "1441 minutes" in why_not_one(asked("ONE", "TWO"), long)
    assert not is_bookable(asked("ONE", "TWO"), far)
    assert is_bookable(asked("ONE", "TWO"), NETWORK)


def test_what_only_the_catalogue_can_tell_names_the_step():
    found = catalogue_holds(asked("ONE", None, "GONE"), NETWORK)

    assert [(hold.code, hold.detail, hold.step) for hold in found] == [
        (HoldCode.UNMAPPED_PROCEDURE, "GONE", 2)
    ]
    assert not is_bookable(asked("ONE", None), NETWORK)
