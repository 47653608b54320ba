"""Which code, when, on which way: original and enhanced mode, and every condition."""

from __future__ import annotations

import pytest
from acknowledged import BY_NAME, ENHANCED, ORIGINAL, ROWS, SAFE, asking, hospital_for
from strictly import check


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_original_mode_answers_once_whatever_is_asked(each):
    hospital = hospital_for(each, ORIGINAL)

    assert hospital.code(asking(each.raw, "AL", "AL")) == each.original
    assert hospital.later == []


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_enhanced_mode_says_first_that_it_is_safe_and_then_what_was_done(each):
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(asking(each.raw, "AL", "AL")) == each.told_later
    assert hospital.told == ([each.application] if each.application else [])


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_what_nobody_would_be_told_of_is_not_acknowledged_as_safe(each):
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(asking(each.raw, "AL", "NE")) == each.not_told
    assert hospital.later == []


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_without_either_field_enhanced_mode_is_original_mode(each):
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(each.raw) == each.original
    assert hospital.later == []


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_without_a_line_to_the_partner_the_connection_says_all(each):
    hospital = hospital_for(each, ENHANCED, outgoing=False)

    assert hospital.code(asking(each.raw, "AL", "AL")) == each.original


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_a_commit_acknowledgement_may_be_written_like_an_application_one(each):
    hospital = hospital_for(each, "enhanced_but_aa")
    code, error = each.told_later

    assert (
        hospital.code(asking(each.raw, "AL", "AL")) == (f"A{code[1]}", error)
        or (
            code,
            error,
        )
        == SAFE
    )
    assert hospital.told == ([each.application] if each.application else [])


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1"])
@pytest.mark.parametrize("apply", ["AL", "NE"])
@pytest.mark.parametrize("name", ["accepted", "table value", "type not taken"])
def test_hl7apy_finds_no_fault_in_either_answer(version, apply, name):
    each = BY_NAME[name]
    hospital = hospital_for(each, ENHANCED)
    raw = asking(each.raw, "AL", apply).replace(b"|P|2.4", f"|P|{version}".encode())
    answers = [hospital.send(raw).raw, *(d.payload for d in hospital.later)]

    for answer in answers:
        check(answer)
