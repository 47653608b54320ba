"""What a partner's system does differently: told when it is, and not by chance."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from booking_engine.domain.clock import LONDON
from hl7_adapters.drift import Change, compare, drift_of, expected_volume
from hl7_adapters.message_shapes import UNREADABLE, shapes_of
from hl7_adapters.profile_files import load_profiles

NORTH = load_profiles(Path(__file__).parents[2] / "data" / "profiles")["north"]
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def order(
    number,
    code="MHEAD",
    urgency="R",
    sex="F",
    control="NW",
    kind="ORM^O01",
    extra="",
):
    return (
        f"MSH|^~\\&|EPR|RA1|BOOKING||20261124080000||{kind}|M{number}|P|2.4\r"
        f"PID|1||X{number}^^^RA1||Testperson^Una||19800101|{sex}\r"
        f"PV1|1|O|RA101^^^RA101\r"
        f"ORC|{control}|P{number}|||||^^^^^{urgency}\rOBR|1|P{number}||{code}\r{extra}"
    ).encode()


def shapes(*raws):
    return shapes_of(raws, NORTH)


def changes(before, now):
    return {(f.change, f.where, f.what) for f in compare(before, now)}


MANY = [order(n) for n in range(200)]


def test_the_same_messages_differ_in_nothing():
    assert compare(shapes(*MANY), shapes(*MANY)) == []


def test_shapes_hold_codes_and_places_and_nothing_of_a_patient():
    found = shapes(*MANY[:3], b"\xff\x00 no message")

    assert found.kinds == {"ORM^O01": 3, UNREADABLE: 1}
    assert found.fields["ORM^O01"]["PID-5"] == 3
    assert found.codes["procedure"] == {"MHEAD": 3}
    assert found.codes["urgency"] == {"R": 3}
    assert found.codes["order_control"] == {"NW": 3}
    assert "Testperson" not in repr(found)
    assert "19800101" not in repr(found)


def test_a_field_that_is_no_longer_sent_is_told_and_one_that_is_new():
    before = shapes(*MANY)
    now = shapes(*(order(n, sex="", extra="NTE|1||x\r") for n in range(200)))

    assert changes(before, now) == {
        (Change.LOST_FIELD, "ORM^O01", "PID-8"),
        (Change.NEW_SEGMENT, "ORM^O01", "NTE"),
    }


def test_new_codes_are_told_with_whether_they_mean_anything():
    now = [order(n, code="CCHAPC" if n % 2 else "MHEAD") for n in range(200)]
    now += [order(900, code="STRANGE", urgency="??")]

    found = compare(shapes(*MANY), shapes(*now))

    assert {(f.where, f.what, f.mapped) for f in found} == {
        ("procedure", "CCHAPC", True),
        ("procedure", "STRANGE", False),
        ("urgency", "??", False),
    }
    assert all(f.change is Change.NEW_CODE and f.before == 0 for f in found)


def test_a_code_that_is_gone_is_told_and_a_rare_one_is_not():
    before = [order(n, code="CCHAPC" if n % 2 else "MHEAD") for n in range(200)]
    before += [order(900, code="NO")]

    found = compare(shapes(*before), shapes(*MANY))

    assert [(f.change, f.what) for f in found] == [(Change.LOST_CODE, "CCHAPC")]
    assert 0.49 < found[0].before < 0.51


def test_a_lost_kind_is_told_without_all_that_it_carried():
    before = [order(n, kind="OMG^O19" if n % 2 else "ORM^O01") for n in range(200)]

    assert changes(shapes(*before), shapes(*MANY)) == {
        (Change.LOST_KIND, "", "OMG^O19")
    }


def test_few_messages_say_nothing():
    strange = [order(n, code="STRANGE", sex="") for n in range(19)]

    assert compare(shapes(*MANY), shapes(*strange)) == []
    assert compare(shapes(*strange), shapes(*MANY)) == []


def test_chance_alone_is_seldom_told():
    """Two hundred comparisons of the same source tell hardly anything."""
    random = Random(7)
    codes, weights = ["MHEAD", "CCHAPC", "NO", "010"], [60, 30, 8, 2]

    def source(count):
        drawn = random.choices(codes, weights, k=count)
        return shapes(*(order(n, code=code) for n, code in enumerate(drawn)))

    before = [source(120) for _ in range(10)]
    told = sum(len(compare(one, source(60))) for one in before for _ in range(20))
    assert told <= 2


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [
        ((), None),
        ((100, 0, 0, 0), None),
        ((100, 100, 100, 100), (70, 130)),
        ((100, 100, 0, 0), (70, 130)),
        ((10_000, 10_000, 10_000, 10_000), (9_000, 11_000)),
        ((80, 100, 120, 100), (56, 144)),
    ],
)
def test_the_expected_volume(volumes, expected):
    assert expected_volume(volumes) == expected


# The whole report --------------------------------------------------------------------


def filled(store, make, per_window):
    """Store messages so many weeks ago; return the store."""
    with store.units() as uow:
        for weeks, raws in per_window.items():
            end = (NOON.astimezone(LONDON) - timedelta(weeks=weeks)).astimezone(UTC)
            for place, raw in enumerate(raws):
                at = end - DAY + DAY * (place + 1) / (len(raws) + 1)
                uow.messages.add(make.message(partner="north", raw=raw, received_at=at))
        uow.commit()
    return store


def report(store, **how):
    with store.units.reading() as uow:
        return drift_of(uow.traffic, NORTH, **{"end": NOON} | how)


def test_the_report_compares_the_same_local_hours_of_four_weeks(store, make):
    usual = [order(n) for n in range(60)]
    now = [order(n, sex="") for n in range(10)] * 2
    filled(store, make, {0: now, 1: usual, 2: usual, 3: usual, 4: usual})

    found = report(store)

    assert (found.messages, found.before) == (20, (60, 60, 60, 60))
    assert (found.sampled, found.sampled_before) == (20, 240)
    assert found.expected == (37, 83)
    assert [(f.change, f.what) for f in found.findings] == [
        (Change.VOLUME_LOW, "messages"),
        (Change.LOST_FIELD, "PID-8"),
    ]
    assert report(store, sample=20).sampled_before == 80


def test_the_clock_change_does_not_shift_what_is_compared(memory_store, make):
    """The window ends at noon in London, also in the weeks before October's change."""
    usual = [order(n) for n in range(30)]
    end = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)  # two weeks earlier it was 11:00 UTC
    with memory_store.units() as uow:
        for weeks, hour in ((0, 12), (1, 12), (2, 11), (3, 11), (4, 11)):
            last = (end - timedelta(weeks=weeks)).replace(hour=hour)
            for raw in usual:
                at = last - timedelta(minutes=1)
                uow.messages.add(make.message(partner="north", raw=raw, received_at=at))
            for _ in range(40):  # a minute too late for the window
                uow.messages.add(make.message(partner="north", received_at=last))
        uow.commit()
    found = report(memory_store, end=end)

    assert (found.messages, found.before) == (30, (30, 30, 30, 30))


def test_nothing_stored_is_a_report_that_says_so(memory_store):
    found = report(memory_store)

    assert (found.messages, found.expected, found.refused_before) == (0, None, None)
    assert found.findings == ()


def test_no_bytes_stop_the_counting():
    random = Random(11)
    sources = [
        path.read_bytes()
        for path in sorted((Path(__file__).parents[2] / "data" / "hl7").rglob("*.er7"))
    ]
    broken = []
    for _ in range(600):
        raw = bytearray(random.choice(sources))
        for _ in range(random.randrange(1, 12)):
            at = random.randrange(len(raw))
            raw[at : at + random.randrange(3)] = random.choice(
                [b"", b"|", b"^", b"~", b"\r", b"\\", b"&", b"\x00", b"\xff", b"MSH|"]
            )
        broken.append(bytes(raw))

    assert shapes_of(broken, NORTH).messages == 600
