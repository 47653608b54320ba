"""The demo's messages: their mix, their dialects, and that the profiles read them."""

from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from itertools import islice
from random import Random

import pytest
from demo_capacity import weekly_minutes

from api.demo.cases import MOST_ORDERS, plain_orders
from api.demo.mix import PROBLEMS, WEEKS_WAITED, Intent, apportion
from api.demo.network import demo_catalogue, demo_profiles
from api.demo.orders import DemoOrders
from api.demo.people import nhs_numbers, with_wrong_check_digit
from booking_engine.application.commands import CancelOrder, ChangeOrder, ReceiveOrder
from booking_engine.domain.orders import HoldCode
from booking_engine.domain.patients import nhs_number_is_valid
from booking_engine.domain.safety import blocks
from booking_engine.domain.vocabulary import (
    Modality,
    PatientSetting,
    Priority,
    WaitingListType,
)
from hl7_adapters.er7 import decode
from hl7_adapters.inbound import to_commands

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
KINDS = {
    "r0a": (("ORM", "O01"), "2.3.1"),
    "rw6": (("OMG", "O19"), "2.4"),
    "rmc": (("OMI", "O23"), "2.5.1"),
}
FIRST = frozenset({Intent.NEW, *PROBLEMS})
READ_IN_FULL = FIRST - {
    Intent.UNMAPPED_PROCEDURE,
    Intent.UNKNOWN_URGENCY,
    Intent.MISSING_BIRTH_DATE,
    Intent.NON_IMAGING,
}
HELD = {
    Intent.UNMAPPED_PROCEDURE: HoldCode.UNMAPPED_PROCEDURE,
    Intent.UNKNOWN_URGENCY: HoldCode.UNKNOWN_URGENCY,
    Intent.MISSING_BIRTH_DATE: HoldCode.MISSING_BIRTH_DATE,
}


@cache
def network():
    return demo_catalogue(TODAY), demo_profiles()


@cache
def demo(count=300, seed=1):
    catalogue, profiles = network()
    return DemoOrders(catalogue, count=count, seed=seed, today=TODAY, profiles=profiles)


@cache
def messages(count=300, seed=1):
    return tuple(demo(count, seed))


def mapped(message):
    profile = network()[1][message.partner]
    decoded = decode(message.payload, charset=profile.charset or None)
    (command,) = to_commands(decoded, profile, now=NOW).commands
    return command


def test_as_many_new_orders_as_asked_for():
    first = [m for m in messages() if m.intent in FIRST]

    assert len({m.order.placer_number for m in first}) == len(first) == 300
    assert sum(demo().expected[intent] for intent in FIRST) == 300


def test_expected_counts_are_what_is_sent():
    assert Counter(m.intent for m in messages()) == demo().expected
    assert len(demo()) == len(messages())


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_handful_of_orders_is_plain(count):
    assert demo(count).expected == ({Intent.NEW: count} if count else {})


def test_every_kind_of_problem_occurs_in_a_hundred_orders():
    assert set(demo(100).expected) == set(Intent)


def test_the_same_arguments_give_the_same_bytes():
    again = DemoOrders(network()[0], count=300, seed=1, today=TODAY)

    assert [m.payload for m in again] == [m.payload for m in messages()]
    assert [m.payload for m in messages(300, 2)] != [m.payload for m in messages()]


def test_iterating_twice_gives_the_same():
    assert tuple(demo()) == messages()


def test_each_sender_speaks_its_own_dialect():
    for message in messages():
        decoded = decode(message.payload)
        assert (decoded.type, decoded.version) == KINDS[message.partner]
        assert decoded.control_id == message.control_id
        assert decoded.header.value(11) == "T"


def test_control_ids_are_unique_but_for_duplicates():
    sent = Counter(m.control_id for m in messages() if m.intent != Intent.DUPLICATE)

    assert set(sent.values()) == {1}


def test_a_duplicate_repeats_earlier_bytes():
    seen = set()
    for message in messages():
        if message.intent is Intent.DUPLICATE:
            assert message.payload in seen
        seen.add(message.payload)


def test_changes_and_cancellations_follow_their_order():
    sent = set()
    for message in messages():
        number = message.order.placer_number
        if message.intent in FIRST:
            sent.add(number)
        else:
            assert number in sent


def test_nhs_numbers_are_of_the_test_range():
    found = []
    for message in messages():
        value = decode(message.payload).get("PID-3.1")
        if message.order.person.nhs_number:
            assert value.startswith("999")
            is_valid = message.intent is not Intent.INVALID_NHS_NUMBER
            assert nhs_number_is_valid(value) is is_valid
            found.append(value)
    assert len(found) > 280


def test_generated_numbers_never_repeat():
    numbers = list(islice(nhs_numbers(Random(5)), 20_000))

    assert len(set(numbers)) == 20_000
    assert all(nhs_number_is_valid(number) for number in numbers)
    assert not nhs_number_is_valid(with_wrong_check_digit(numbers[0]))


def test_profiles_read_every_good_order_as_it_was_meant():
    for message in messages():
        if message.intent not in READ_IN_FULL:
            continue
        command, order = mapped(message), message.order
        content = command.content
        assert isinstance(command, ReceiveOrder)
        assert (command.holds, command.refusal) == ((), "")
        assert content.placer_number == order.placer_number
        assert content.procedure == order.procedure
        assert content.priority is order.priority
        assert content.setting is order.setting
        assert content.list_type is order.list_type
        assert content.site == order.site
        assert content.needs == order.needs
        assert content.earliest_on == order.earliest_on
        assert content.requested_at == order.requested_at
        assert content.patient.birth_date == order.person.born_on
        assert content.patient.sex is order.person.sex
        assert content.patient.outward_code == order.person.outward_code
        assert content.patient.family_name in (order.person.family, "Zielinska")
        assert {a.question: a.answer for a in content.safety} == order.answers


def test_profiles_hold_what_is_unknown():
    for message in messages():
        if message.intent in HELD:
            command = mapped(message)
            assert [hold.code for hold in command.holds] == [HELD[message.intent]]


def test_what_is_no_imaging_is_refused():
    refusals = {mapped(m).refusal for m in messages() if m.intent is Intent.NON_IMAGING}

    assert refusals == {"not_imaging"}


def test_changes_and_cancellations_name_their_order():
    kinds = {Intent.CHANGE: ChangeOrder, Intent.CANCEL: CancelOrder}
    for message in messages():
        if message.intent in kinds:
            command = mapped(message)
            assert isinstance(command, kinds[message.intent])
            named = getattr(command, "named", None)
            number = None if named is None else named.number
            if number is None:
                assert command.holds == ()
                number = command.content.placer_number
            assert number == message.order.placer_number


def test_a_change_differs_from_the_order_and_is_later():
    first = {m.order.placer_number: mapped(m) for m in messages() if m.intent in FIRST}
    for message in messages():
        if message.intent is Intent.CHANGE:
            before, after = first[message.order.placer_number], mapped(message)
            assert before.content != after.content
            assert before.content.requested_at == after.content.requested_at
            assert before.sent_at < after.sent_at


def test_safety_blocks_only_where_it_is_meant_to():
    catalogue = network()[0]
    blocked = {Intent.MISSING_SAFETY_ANSWER, Intent.NEEDS_CLINICIAN}
    for message in messages():
        if message.intent in READ_IN_FULL:
            content = mapped(message).content
            procedure = catalogue.procedure(content.procedure)
            found = blocks(procedure.questions, content.safety)
            assert bool(found) is (message.intent in blocked)


def test_an_order_of_the_closed_provider_comes_from_its_clinic():
    sites = {
        mapped(m).content.site for m in messages() if m.intent is Intent.CLOSED_PROVIDER
    }

    assert sites == {"ZZ901"}


def test_shares_of_problems():
    orders = demo(2000)

    for intent, share in PROBLEMS.items():
        assert orders.expected[intent] == round(share * 2000)
    assert orders.expected[Intent.CHANGE] == 40
    assert orders.expected[Intent.CANCEL] == 60
    assert orders.expected[Intent.DUPLICATE] == 20


def test_mix_of_modalities_is_that_of_england():
    catalogue = network()[0]
    found = Counter(
        catalogue.procedure(o.procedure).modality
        for o in demo(2000).orders
        if o.list_type is not WaitingListType.UNSCHEDULED
    )

    assert found == {
        Modality.MR: 493,  # 25.4 % of 1,940
        Modality.CT: 507,
        Modality.US: 877,
        Modality.DEXA: 63,
    }


def test_waits_have_the_shape_of_the_national_list():
    orders = [o for o in demo(2000).orders if o.setting in (_OUT, _GP)]
    catalogue = network()[0]
    for modality in (Modality.MR, Modality.US):
        waited = [
            (TODAY - o.requested_at.date()).days // 7
            for o in orders
            if catalogue.procedure(o.procedure).modality is modality
        ]
        shape = WEEKS_WAITED[modality]
        over_six = sum(1 for weeks in waited if weeks >= 6) / len(waited)
        assert over_six == pytest.approx(sum(shape[6:]) / sum(shape), abs=0.005)


_OUT, _GP = PatientSetting.OUTPATIENT, PatientSetting.GP


def test_the_urgent_have_waited_less():
    days = {
        urgency: [
            (TODAY - o.requested_at.date()).days
            for o in demo(2000).orders
            if o.priority is urgency
        ]
        for urgency in Priority
    }
    mean = {urgency: sum(found) / len(found) for urgency, found in days.items()}

    assert max(days[Priority.INPATIENT]) <= 2
    assert mean[Priority.SUSPECTED_CANCER] < 7
    assert mean[Priority.SUSPECTED_CANCER] < mean[Priority.URGENT]
    assert mean[Priority.URGENT] < mean[Priority.ROUTINE]


def test_requests_are_made_in_office_hours_of_the_past():
    for order in demo(2000).orders:
        assert order.requested_at < NOW
        assert 7 <= order.requested_at.hour <= 17  # UTC, winter or summer


def test_most_orders_are_under_a_guideline_that_their_sender_signed():
    catalogue, profiles = network()
    signed = [
        catalogue.procedure(o.procedure).guideline in profiles[o.partner].guidelines
        for o in demo(2000).orders
    ]

    assert 0.7 <= sum(signed) / len(signed) <= 0.9


def test_inpatients_lie_where_they_can_be_scanned():
    beds = {
        order.site
        for order in demo(2000).orders
        if order.setting in (PatientSetting.INPATIENT, PatientSetting.EMERGENCY)
    }

    assert beds == {"R0A02", "R0A07", "RW601", "RW602", "RW603", "RMC01"}


def test_some_patients_have_a_ct_and_an_mri():
    catalogue = network()[0]
    by_patient = {}
    for order in demo(2000).orders:
        modality = catalogue.procedure(order.procedure).modality
        by_patient.setdefault(order.person, []).append(modality)
    several = [sorted(found) for found in by_patient.values() if len(found) > 1]

    assert several == [[Modality.CT, Modality.MR]] * 20


def test_lists_hold_a_tenth_more_than_five_thousand_orders_need():
    catalogue = network()[0]
    plain = demo(5000)
    weekly = weekly_minutes(catalogue)

    for modality in Modality:
        assert 1.04 <= 4 * weekly[modality] / plain.minutes[modality] <= 1.16
    assert 1.05 <= 4 * weekly.total() / plain.minutes.total() <= 1.15


def test_apportioning_keeps_the_total_and_is_near():
    assert Counter(apportion({"a": 1, "b": 2}, 10)) == {"a": 3, "b": 7}
    assert apportion({"a": 1}, 0) == []


def test_too_many_orders_are_refused():
    with pytest.raises(ValueError, match="ask for 0 to"):
        plain_orders(network()[0], MOST_ORDERS + 1, random=None, today=TODAY)


def test_other_days_and_clock_changes_work():
    """Requests reach back over both clock changes, messages fall on one."""
    catalogue, profiles = network()
    for day in (date(2026, 3, 29), date(2026, 10, 25), date(2028, 2, 29)):
        orders = DemoOrders(catalogue, count=60, seed=3, today=day, profiles=profiles)
        for message in orders:
            profile = profiles[message.partner]
            now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            decoded = decode(message.payload, charset=profile.charset or None)
            found = to_commands(decoded, profile, now=now)
            if message.intent in READ_IN_FULL:
                assert found.warnings == ()
                assert found.commands[0].content.requested_at == (
                    message.order.requested_at
                )
