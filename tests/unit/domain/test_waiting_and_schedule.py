"""Clocks, sessions across the clock changes, identifiers, NHS numbers, safety."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_engine.domain.clock import FixedClock, local_date
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import ScannerId, TimeOrderedIds
from booking_engine.domain.patients import Patient, nhs_number_is_valid
from booking_engine.domain.safety import Answer, Question, SafetyAnswer, blocks
from booking_engine.domain.schedule import (
    ScanSession,
    SessionTemplate,
    expand,
    free_intervals,
    local_instant,
)
from booking_engine.domain.vocabulary import ListType, Sex
from booking_engine.domain.waiting import RESETS, ClockReason, WaitingClock

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_breach_date_counts_from_the_local_day():
    """23:30 UTC in summer is already tomorrow in London: 2 June + 42 days."""
    clock = WaitingClock.requested(datetime(2026, 6, 1, 23, 30, tzinfo=UTC))

    assert clock.started_on == date(2026, 6, 2)
    assert clock.breach_on == date(2026, 7, 14)


@pytest.mark.parametrize("reason", ClockReason)
def test_only_the_patients_own_reasons_restart_a_clock(reason):
    clock = WaitingClock(date(2026, 1, 1), date(2026, 1, 1))
    after = clock.after(reason, date(2026, 3, 1))

    assert after.original_request_on == date(2026, 1, 1)
    expected = date(2026, 3, 1) if reason in RESETS else date(2026, 1, 1)
    assert after.started_on == expected
    assert ClockReason.HOSPITAL_CANCELLED not in RESETS


def test_local_times_become_instants_on_both_clock_change_days():
    assert local_instant(date(2026, 3, 29), time(8)) == datetime(
        2026, 3, 29, 7, tzinfo=UTC
    )
    assert local_instant(date(2026, 10, 25), time(8)) == datetime(
        2026, 10, 25, 8, tzinfo=UTC
    )
    # 01:30 happens twice in autumn: the first pass, still summer time, is meant.
    assert local_instant(date(2026, 10, 25), time(1, 30)) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
    with pytest.raises(InvalidValue, match="does not exist"):
        local_instant(date(2026, 3, 29), time(1, 30))


def test_a_template_expands_to_local_times_before_and_after_the_change():
    template = SessionTemplate(
        ScannerId("MR1"), frozenset(range(7)), time(8), time(14), ListType.CANCER, 48
    )
    days = [date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)]
    sessions = expand(template, days, session_id="MR1", closed_on=frozenset({days[2]}))

    assert [s.id for s in sessions] == ["MR1-261024-0800", "MR1-261025-0800"]
    assert [s.starts_at.hour for s in sessions] == [7, 8]
    release = sessions[0].release_at
    assert release is not None
    assert sessions[0].list_type_at(release - timedelta(minutes=1)) is ListType.CANCER
    assert sessions[0].list_type_at(release) is ListType.GENERAL


def test_a_template_that_ends_before_it_starts_is_refused():
    with pytest.raises(InvalidValue, match="midnight"):
        SessionTemplate(ScannerId("MR1"), frozenset({0}), time(20), time(2))


SESSION = ScanSession("S", "MR1", NOW, NOW + timedelta(hours=4), ListType.GENERAL)


@given(st.lists(st.tuples(st.integers(-60, 300), st.integers(1, 90)), max_size=8))
def test_free_and_occupied_time_together_fill_the_session(spans):
    """Minute by minute: free exactly where nothing occupies."""
    busy = [
        (NOW + timedelta(minutes=b), NOW + timedelta(minutes=b + length))
        for b, length in spans
    ]
    free = free_intervals(SESSION, busy)
    for minute in range(240):
        at = NOW + timedelta(minutes=minute)
        occupied = any(b <= at < e for b, e in busy)
        assert any(b <= at < e for b, e in free) is not occupied
    assert all(b < e for b, e in free)
    assert free == sorted(free)


def test_identifiers_sort_by_time_and_never_repeat():
    clock = FixedClock(NOW)
    ids = TimeOrderedIds(clock, Random(1))
    made = [ids("O") for _ in range(2000)]
    clock.advance(timedelta(milliseconds=5))
    made.append(ids("O"))

    assert made == sorted(set(made))
    assert {len(one) for one in made} == {15}


def test_identifiers_never_look_like_the_header_of_a_message():
    """node-hl7-server cuts a message at MSH, FHS, BHS, BTS and FTS, wherever it is."""
    ids = TimeOrderedIds(FixedClock(NOW), Random(1))

    assert not [one for one in (ids("O") for _ in range(2000)) if "S" in one]


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("9990000018", True),
        ("9990000026", True),
        ("9876543210", True),
        ("9990000019", False),
        ("9999999999", False),  # a placeholder, though the arithmetic is right
        ("9990000034", True),
        ("9990000042", True),
        ("9990000000", False),
        ("3333333333", False),
        ("0000000000", False),
        ("", False),
        ("99900000180", False),
        ("999000001X", False),
        ("999000001\uff18", False),
        ("999000001", False),
        ("99900000a8", False),
        ("٩٩٩٠٠٠٠٠١٨", False),
    ],
)
def test_nhs_numbers_are_checked(number, valid):
    assert nhs_number_is_valid(number) is valid


def test_a_patient_is_known_by_nhs_number_else_by_authority_and_local_number():
    known = Patient("9990000018", "X1", "R0A", "Test", "Ann", None, Sex.FEMALE)
    local = Patient(None, "X1", "R0A", "Test", "Ann", date(1980, 3, 1), Sex.FEMALE)

    assert known.key == "nhs:9990000018"
    assert local.key == "local:R0A:X1"
    assert local.age_on(date(2026, 2, 28)) == 45
    assert local.age_on(date(2026, 3, 1)) == 46
    with pytest.raises(InvalidValue):
        Patient("9990000019", "X1", "R0A", "Test", "Ann", None, Sex.FEMALE)


def answer(question, value, minute=0):
    return SafetyAnswer(question, value, NOW + timedelta(minutes=minute), "OBX")


def test_a_missing_answer_blocks_and_is_never_taken_for_no():
    needed = (Question.CARDIAC_DEVICE, Question.IMPLANT)
    found = blocks(needed, (answer(Question.IMPLANT, Answer.NO),))

    assert [(b.question, b.answer) for b in found] == [
        (Question.CARDIAC_DEVICE, Answer.UNKNOWN)
    ]


def test_the_latest_answer_counts_and_a_clinician_may_clear_a_yes():
    needed = (Question.IMPLANT,)
    given_answers = (
        answer(Question.IMPLANT, Answer.NO, 0),
        answer(Question.IMPLANT, Answer.YES, 5),
    )
    assert blocks(needed, given_answers)[0].answer is Answer.YES
    assert not blocks(needed, given_answers, cleared=frozenset(needed))
    assert not blocks(needed, given_answers[:1])


def test_a_cardiac_device_is_left_to_a_scanner_that_can():
    given_answers = (answer(Question.CARDIAC_DEVICE, Answer.YES),)
    assert not blocks((Question.CARDIAC_DEVICE,), given_answers)


def test_a_local_date_is_that_of_london():
    assert local_date(datetime(2026, 7, 1, 23, 30, tzinfo=UTC)) == date(2026, 7, 2)
    assert local_date(datetime(2026, 12, 1, 23, 30, tzinfo=UTC)) == date(2026, 12, 1)
