"""The ``watch`` block of a profile: thresholds, quiet times, and what is wrong."""

from datetime import date, time, timedelta

import pytest

from booking_engine.domain.alerts import Thresholds
from booking_engine.domain.clock import LONDON
from booking_engine.domain.quiet_times import QuietTimes
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import load_profile
from hl7_adapters.watch_rules import WatchRules

HEAD = "id: r0a\nname: Manchester\n"


def profile(folder, text):
    file = folder / "r0a.yaml"
    file.write_text(HEAD + text)
    return load_profile(file)


def test_without_a_block_the_defaults_of_the_domain_hold(tmp_path):
    assert profile(tmp_path, "").watch.thresholds(LONDON) == Thresholds()


def test_each_threshold_is_read(tmp_path):
    found = profile(
        tmp_path,
        "watch:\n"
        "  silent_after_minutes: 90\n"
        "  quiet:\n"
        "    night: 21:30-06:00\n"
        "    days: [sun]\n"
        "    bank_holidays: no\n"
        "    dates: [2026-12-24]\n"
        "  oldest_unsent_minutes: 5\n"
        "  nak_rate: 0.05\n"
        "  ack_p99_ms: 250\n"
        "  unmapped_waiting: 3\n"
        "  diary_conflicts: 4\n"
        "  expired_messages: 5\n"
        "  least_refused: 2\n"
        "  least_messages: 7\n",
    )

    assert found.watch.thresholds(LONDON) == Thresholds(
        silent_after=timedelta(minutes=90),
        quiet=QuietTimes(
            night=(time(21, 30), time(6)),
            days=frozenset({6}),
            bank_holidays=False,
            dates=frozenset({date(2026, 12, 24)}),
        ),
        oldest_unsent=timedelta(minutes=5),
        nak_rate=0.05,
        ack_p99=timedelta(milliseconds=250),
        unmapped_waiting=3,
        diary_conflicts=4,
        expired_messages=5,
        least_refused=2,
        least_messages=7,
    )


def test_what_is_left_empty_is_not_watched(tmp_path):
    block = "watch:\n  silent_after_minutes:\n  nak_rate:\n  quiet:\n    night:\n"
    found = profile(tmp_path, block).watch.thresholds(LONDON)

    assert found.silent_after is None
    assert found.nak_rate is None
    assert found.quiet.night is None


@pytest.mark.parametrize(
    ("block", "line", "says"),
    [
        ("  nak_rate: 10\n", 4, "less than or equal to 1"),
        ("  silent_after_minutes: 0\n", 4, "greater than 0"),
        ("  quiet:\n    night: late\n", 5, "such as 19:00-08:00"),
        ("  quiet:\n    night: 25:00-08:00\n", 5, "such as 19:00-08:00"),
        ("  quiet:\n    night: 08:00-08:00\n", 5, "name days"),
        ("  quiet:\n    days: [saturday]\n", 5, "sat"),
        ("  silent_minutes: 5\n", 4, "silent_minutes"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(tmp_path, block, line, says):
    with pytest.raises(ProfileError) as caught:
        profile(tmp_path, "watch:\n" + block)

    assert f"r0a.yaml:{line}:" in str(caught.value)
    assert says in str(caught.value)


def test_the_defaults_of_the_block_and_of_the_domain_agree():
    assert WatchRules().thresholds(LONDON) == Thresholds()
