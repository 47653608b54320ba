"""When a feed is well: quiet times, thresholds, and the way back."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest

from booking_engine.domain.alerts import (
    Answers,
    Condition,
    FeedReading,
    Level,
    Thresholds,
    judge,
)
from booking_engine.domain.quiet_times import (
    QuietTimes,
    bank_holidays,
)

HOUR = timedelta(hours=1)
ALWAYS_AWAKE = QuietTimes(night=None, days=frozenset(), bank_holidays=False)


def utc(month, day, hour=0, minute=0, year=2026):
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


# Quiet times -------------------------------------------------------------------------


def test_nights_and_weekends_do_not_count():
    friday, monday = utc(11, 6, 18), utc(11, 9, 9)

    assert QuietTimes().awake_between(friday, monday) == 2 * HOUR
    assert QuietTimes().awake_between(friday, utc(11, 7, 12)) == HOUR
    assert QuietTimes().awake_between(utc(11, 7, 9), utc(11, 7, 10)) == timedelta(0)
    assert ALWAYS_AWAKE.awake_between(friday, monday) == monday - friday


def test_a_night_may_lie_within_one_day():
    quiet = QuietTimes(night=(time(1), time(5)), days=frozenset(), bank_holidays=False)

    assert quiet.awake_between(utc(11, 3), utc(11, 4)) == 20 * HOUR
    assert quiet.awake_between(utc(11, 3, 0, 30), utc(11, 3, 6)) == 1.5 * HOUR


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)],
)
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(day, hours):
    begin = ALWAYS_AWAKE._at(day, time(0))
    end = ALWAYS_AWAKE._at(day + timedelta(days=1), time(0))

    assert ALWAYS_AWAKE.awake_between(begin, end) == hours * HOUR


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_every_minute_of_the_clock_change_is_counted_once(day):
    quiet = QuietTimes(night=(time(1, 30), time(5)), days=frozenset())
    begin = ALWAYS_AWAKE._at(day, time(0))
    minutes = [begin + timedelta(minutes=n) for n in range(24 * 60)]

    whole = quiet.awake_between(minutes[0], minutes[-1])
    parts = sum(
        (quiet.awake_between(a, b) for a, b in pairwise(minutes)),
        timedelta(0),
    )
    assert whole == parts


def test_bank_holidays_and_single_days_are_quiet():
    christmas = utc(12, 24, 19), utc(12, 29, 8)  # a Thursday to a Tuesday
    quiet = QuietTimes()

    assert quiet.awake_between(*christmas) == timedelta(0)
    assert replace(quiet, bank_holidays=False).awake_between(*christmas) == 22 * HOUR
    day = utc(11, 3), utc(11, 4)
    assert quiet.awake_between(*day) == 11 * HOUR
    closed = replace(quiet, dates=frozenset({date(2026, 11, 3)}))
    assert closed.awake_between(*day) == timedelta(0)


def test_bank_holidays_are_those_that_were_announced():
    """As published on gov.uk for England and Wales."""
    announced = {
        2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
        2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
        2028: "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26",
    }
    for year, days in announced.items():
        expected = {date.fromisoformat(f"{year}-{day}") for day in days.split()}
        weekdays = {day for day in bank_holidays(year) if day.weekday() < 5}
        assert weekdays == expected


# Judging -----------------------------------------------------------------------------

NOW = utc(11, 3, 12)
THRESHOLDS = Thresholds(quiet=ALWAYS_AWAKE)


def level(condition, reading, thresholds=THRESHOLDS):
    return judge(reading, thresholds, NOW)[condition].level


def test_every_condition_is_judged_and_an_empty_feed_is_never_bad():
    found = judge(FeedReading(), THRESHOLDS, NOW)

    assert set(found) == set(Condition)
    assert Level.BAD not in {verdict.level for verdict in found.values()}


@pytest.mark.parametrize(
    ("condition", "bad", "between", "well"),
    [
        (
            Condition.SILENT_FEED,
            *(FeedReading(last_received_at=NOW - h * HOUR) for h in (4, 3, 1)),
        ),
        (
            Condition.UNSENT_MESSAGES,
            *(
                FeedReading(oldest_unsent_at=NOW - timedelta(minutes=m))
                for m in (15, 10, 5)
            ),
        ),
        (
            Condition.REFUSED_BY_US,
            *(FeedReading(given=Answers(100, refused)) for refused in (10, 6, 4)),
        ),
        (
            Condition.REFUSED_BY_THEM,
            *(FeedReading(heard=Answers(100, refused)) for refused in (10, 6, 4)),
        ),
        (
            Condition.SLOW_ANSWERS,
            *(FeedReading(given=Answers(100, 0, p99)) for p99 in (5.0, 4.5, 3.9)),
        ),
        (
            Condition.SLOW_ACKNOWLEDGEMENTS,
            *(FeedReading(heard=Answers(100, 0, p99)) for p99 in (5.0, 4.5, 3.9)),
        ),
    ],
)
def test_the_way_back_is_longer_than_the_way_there(condition, bad, between, well):
    assert level(condition, bad) is Level.BAD
    assert level(condition, between) is Level.BETWEEN
    assert level(condition, well) is Level.WELL


@pytest.mark.parametrize(
    ("condition", "counted", "threshold"),
    [
        (Condition.UNMAPPED_CODES, "unmapped", "unmapped_waiting"),
        (Condition.DIARY_CONFLICTS, "conflicts", "diary_conflicts"),
        (Condition.EXPIRED_MESSAGES, "expired", "expired_messages"),
    ],
)
def test_one_that_waits_for_a_person_is_bad_until_none_is_left(
    condition, counted, threshold
):
    assert level(condition, FeedReading(**{counted: 1})) is Level.BAD
    assert level(condition, FeedReading()) is Level.WELL
    ten = replace(THRESHOLDS, **{threshold: 10})
    for count, expected in ((10, Level.BAD), (8, Level.BETWEEN), (7, Level.WELL)):
        assert level(condition, FeedReading(**{counted: count}), ten) is expected


def test_few_messages_raise_nothing_and_none_clear_nothing():
    few = FeedReading(given=Answers(4, 2, 60.0), heard=Answers(4, 2, 60.0))
    for condition in (
        Condition.REFUSED_BY_US,
        Condition.REFUSED_BY_THEM,
        Condition.SLOW_ANSWERS,
        Condition.SLOW_ACKNOWLEDGEMENTS,
    ):
        assert level(condition, few) is Level.BETWEEN
        assert level(condition, FeedReading()) is Level.BETWEEN


def test_three_refusals_are_enough_of_a_feed_that_sends_little():
    for reading in (
        FeedReading(given=Answers(3, 3)),
        FeedReading(given=Answers(30, 3)),
    ):
        assert level(Condition.REFUSED_BY_US, reading) is Level.BAD


def test_what_is_not_watched_is_well():
    off = Thresholds(
        silent_after=None,
        oldest_unsent=None,
        nak_rate=None,
        ack_p99=None,
        unmapped_waiting=None,
        diary_conflicts=None,
        expired_messages=None,
    )
    reading = FeedReading(
        last_received_at=NOW - timedelta(days=9),
        oldest_unsent_at=NOW - timedelta(days=9),
        given=Answers(100, 100, 60.0),
        heard=Answers(100, 100, 60.0),
        unmapped=100,
        conflicts=100,
        expired=100,
    )

    assert {one.level for one in judge(reading, off, NOW).values()} == {Level.WELL}
    bad = {one.level for one in judge(reading, THRESHOLDS, NOW).values()}
    assert bad == {Level.BAD}
