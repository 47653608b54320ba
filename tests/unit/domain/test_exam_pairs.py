"""The table of exams that come in an order: what it may say, and what follows."""

from datetime import UTC, datetime, timedelta

import pytest

from booking_engine.domain.exam_pairs import (
    ExamKind,
    ExamPair,
    Timed,
    links_of,
    pair_for,
    room_beside,
)
from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.policy import InvalidPolicy, Policy
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.published_policy import content_of, digest_of
from booking_engine.domain.vocabulary import Modality

MR = Procedure(ProcedureCode("MR"), "MRI", Modality.MR, 30)
CT = Procedure(ProcedureCode("CT"), "CT", Modality.CT, 15)
CT_CONTRAST = Procedure(ProcedureCode("CTC"), "CT", Modality.CT, 20, contrast=True)
US = Procedure(ProcedureCode("US"), "Ultrasound", Modality.US, 20)
ANY_MR, ANY_CT = ExamKind(Modality.MR), ExamKind(Modality.CT)
WITH_CONTRAST = ExamKind(Modality.CT, contrast=True)
ROW = ExamPair(ANY_MR, WITH_CONTRAST, 30, 120, "contrast last")
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([ExamPair(ANY_MR, ANY_CT, -1, reason="x")], "exam_pairs.0.least_minutes"),
        ([ExamPair(ANY_MR, ANY_CT, 1441, reason="x")], "exam_pairs.0.least_minutes"),
        ([ExamPair(ANY_MR, ANY_CT, 30, 20, "x")], "exam_pairs.0.most_minutes"),
        ([ExamPair(ANY_MR, ANY_CT)], "exam_pairs.0.reason"),
        ([ExamPair(ANY_MR, ANY_MR, reason="x")], "exam_pairs.0.second"),
        ([ROW, ExamPair(WITH_CONTRAST, ANY_MR, reason="x")], "exam_pairs.1"),
        ([ROW] * 201, "exam_pairs"),
    ],
)
def test_a_row_that_means_nothing_is_named(rows, key):
    with pytest.raises(InvalidPolicy) as refused:
        Policy(exam_pairs=tuple(rows))

    assert ".".join(refused.value.key) == key


def test_a_row_speaks_of_its_kinds_alone():
    assert pair_for([ROW], MR, CT_CONTRAST) is ROW
    assert pair_for([ROW], CT_CONTRAST, MR) is None
    assert pair_for([ROW], MR, CT) is None


def test_a_version_without_a_table_keeps_its_digest():
    """Whoever stored 2026-11.2 before there was a table starts with it as before."""
    assert "exam_pairs" not in content_of(Policy())
    plain, said = (content_of(Policy(exam_pairs=rows)) for rows in ((), (ROW,)))
    assert digest_of(plain) != digest_of(said)


def test_what_is_booked_leaves_room_before_or_behind():
    """MRI of 30 minutes at 09:00: the CT of 20 from 10:00, over by 11:50."""
    behind = room_beside([ROW], Timed(CT_CONTRAST, 20), Timed(MR, 30), NINE)
    before = room_beside([ROW], Timed(MR, 30), Timed(CT_CONTRAST, 20), NINE)

    assert behind == (NINE + timedelta(minutes=60), NINE + timedelta(minutes=170))
    assert before == (NINE - timedelta(minutes=150), NINE - timedelta(minutes=30))
    assert room_beside([ROW], Timed(US, 20), Timed(MR, 30), NINE) == (None, None)


def test_a_circle_of_rows_is_left_open():
    us = ExamKind(Modality.US)
    rows = [
        ExamPair(ANY_MR, ANY_CT, reason="a"),
        ExamPair(ANY_CT, us, reason="b"),
        ExamPair(us, ANY_MR, reason="c"),
    ]

    found = links_of(rows, [MR, CT, US])

    assert [(a, b) for a, b, _ in found] == [(0, 1), (1, 2)]
