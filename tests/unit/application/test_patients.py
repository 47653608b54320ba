"""Patient administration: whose orders change, what is held, what is taken back."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from network import CLERK, FEED, NHS_NUMBERS, NORTH, NOW, content, dispatcher, receive

from booking_engine.application.commands import (
    BookSlot,
    ReleaseOrder,
    VetOrder,
)
from booking_engine.application.patient_commands import (
    MergePatients,
    QuestionIdentity,
    RecordPatientAnswers,
    SettleDeath,
    TakeBackPatientAnswers,
    UpdatePatient,
)
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.errors import InvalidValue, TransitionRefused
from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.orders import HoldCode, HoldReason, OrderStatus
from booking_engine.domain.register import (
    OnDeath,
    PersonDetails,
    Visit,
    local_key,
    nhs_key,
)
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.schedule import AppointmentStatus
from booking_engine.domain.vocabulary import PatientSetting, Sex

ANN = content().patient
X1, X2, X3 = (local_key("RA1", f"X{n}") for n in (1, 2, 3))
N1, N2 = nhs_key(NHS_NUMBERS[0]), nhs_key(NHS_NUMBERS[1])
SOUTH = PartnerId("south")
LOCAL_ANN = replace(ANN, nhs_number=None)
NAMED = PersonDetails("Test", "Ann", date(1980, 3, 1), Sex.FEMALE, "M13")
MINUTE = timedelta(minutes=1)


class Desk:
    """What the tests do to the engine, each in its own transaction."""

    def __init__(self):
        self.engine = dispatcher()
        self.minutes = 0

    def do(self, command, actor=FEED):
        return self.engine.handle(command, actor)

    def order(self, number="P1", **given):
        return self.now(self.do(receive(number, **given)).order_id)

    def now(self, order):
        with self.engine.reading(CLERK) as session:
            return session.uow.orders.get(getattr(order, "id", order))

    def live(self, order):
        with self.engine.reading(CLERK) as session:
            return session.uow.schedule.live_appointment(order.id)

    def register(self, *keys):
        with self.engine.reading(CLERK) as session:
            return session.uow.patients.by_keys(keys)

    def book(self, order, hour=0):
        with self.engine.reading(CLERK) as session:
            free = [
                s
                for s in session.uow.schedule.sessions_between(
                    NOW + timedelta(days=2), NOW + timedelta(days=9)
                )
                if s.scanner == "MR1"
            ]
        chosen = free[0]
        starts_at = chosen.starts_at + timedelta(hours=hour)
        self.do(BookSlot(order.id, chosen.id, starts_at), CLERK)
        return self.now(order)

    def adt(self, *keys, at=None, details=NAMED, partner=NORTH, **given):
        self.minutes += 5
        sent_at = NOW + (self.minutes * MINUTE if at is None else at * MINUTE)
        command = UpdatePatient(
            partner, keys, sent_at, details, given.pop("authority", "RA1"), **given
        )
        return self.do(command)

    def merge(self, survivor, discarded, at=None):
        self.minutes += 5
        sent_at = NOW + (self.minutes * MINUTE if at is None else at * MINUTE)
        return self.do(MergePatients(NORTH, survivor, discarded, sent_at, NAMED))

    @property
    def events(self):
        return list(self.engine.open_work.published.events.values())


@pytest.fixture
def desk():
    return Desk()


def codes(order):
    return [hold.code for hold in order.holds]


# Updates


def test_details_reach_open_orders_and_leave_the_vetting(desk):
    order = desk.order()
    details = PersonDetails(family_name="Married", outward_code="BL4")

    result = desk.adt(X1, details=details)

    now = desk.now(order)
    assert result.kind is ReceivedAs.CHANGED
    assert result.order_ids == (order.id,)
    patient = now.content.patient
    assert (patient.family_name, patient.outward_code) == ("Married", "BL4")
    assert (patient.given_name, patient.birth_date) == ("Ann", date(1980, 3, 1))
    assert now.status is OrderStatus.WAITING
    assert now.vetting == order.vetting


def test_a_repeat_changes_no_order(desk):
    order = desk.order()
    desk.adt(X1, N1)
    version = desk.now(order).version

    assert desk.adt(X1, N1).kind is ReceivedAs.RECORDED
    assert desk.now(order).version == version


def test_orders_of_others_are_left_alone(desk):
    other = replace(ANN, nhs_number=NHS_NUMBERS[1], local_id="X2")
    same_number_elsewhere = replace(LOCAL_ANN, local_authority="RB2")
    orders = [
        desk.order("P2", patient=other),
        desk.order("P3", patient=same_number_elsewhere),
    ]

    assert desk.adt(X1, N1).kind is ReceivedAs.RECORDED
    assert [desk.now(order).version for order in orders] == [1, 1]


def test_an_nhs_number_reaches_other_hospitals_orders_with_the_birth_date(desk):
    elsewhere = replace(ANN, local_id="9", local_authority="RB2")
    theirs = desk.order("P2", patient=elsewhere)
    twin = desk.order("P3", patient=replace(elsewhere, birth_date=date(1980, 3, 2)))
    details = replace(NAMED, family_name="Married")

    desk.adt(X1, N1, details=details)

    assert desk.now(theirs).content.patient.family_name == "Married"
    assert desk.now(theirs).content.patient.local_id == "9"
    assert desk.now(twin).content.patient.family_name == "Test"


def test_older_news_is_ignored(desk):
    order = desk.order()
    desk.adt(X1, details=replace(NAMED, family_name="New"), at=10)

    old = desk.adt(X1, details=replace(NAMED, family_name="Old"), at=5)

    assert old.kind is ReceivedAs.IGNORED_OLDER
    assert desk.now(order).content.patient.family_name == "New"


def test_an_nhs_number_is_added_to_orders_that_lack_it(desk):
    order = desk.order(patient=LOCAL_ANN)
    booked = desk.book(order)

    desk.adt(X1, N1)

    assert desk.now(booked).content.patient.key == N1
    assert desk.live(order).patient == N1


def test_another_nhs_number_for_a_known_number_is_held_not_applied(desk):
    order = desk.order()
    desk.adt(X1, N1)

    result = desk.adt(X1, N2, details=replace(NAMED, family_name="Other"))

    now = desk.now(order)
    assert result.kind is ReceivedAs.HELD
    assert result.order_ids == (order.id,)
    assert codes(now) == [HoldCode.IDENTITY_CONFLICT]
    assert now.content.patient.family_name == "Test"
    assert N2 not in desk.register(X1, N2)


def test_an_order_with_another_nhs_number_than_the_first_message_is_held(desk):
    order = desk.order()

    desk.adt(X1, N2, details=replace(NAMED, family_name="Other"))

    assert codes(desk.now(order)) == [HoldCode.IDENTITY_CONFLICT]
    assert desk.now(order).content.patient.family_name == "Test"


@pytest.mark.parametrize("known", [True, False])
def test_a_number_that_names_somebody_else_now_is_held(desk, known):
    order = desk.order(patient=LOCAL_ANN)
    if known:
        desk.adt(X1)

    desk.adt(X1, details=PersonDetails("Else", "Bob", date(1950, 1, 1), Sex.MALE))

    assert codes(desk.now(order)) == [HoldCode.IDENTITY_CONFLICT]
    assert desk.now(order).content.patient == LOCAL_ANN


def test_a_birth_date_corrected_or_a_name_changed_is_no_conflict(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.adt(X1)

    desk.adt(X1, details=replace(NAMED, birth_date=date(1980, 3, 2)))
    desk.adt(X1, details=replace(NAMED, family_name="Wed", birth_date=date(1980, 3, 2)))

    patient = desk.now(order).content.patient
    assert (patient.family_name, patient.birth_date) == ("Wed", date(1980, 3, 2))
    assert desk.now(order).status is OrderStatus.WAITING


def test_a_birth_date_releases_what_waited_for_it_alone(desk):
    missing = HoldReason(HoldCode.MISSING_BIRTH_DATE)
    site = HoldReason(HoldCode.UNKNOWN_SITE, "Q")
    born = replace(ANN, birth_date=None)
    one = desk.order(patient=born, holds=(missing,))
    two = desk.order("P2", patient=born, holds=(missing, site))

    desk.adt(X1, N1)

    assert desk.now(one).status is OrderStatus.AWAITING_VETTING
    assert desk.now(one).content.patient.birth_date == date(1980, 3, 1)
    assert desk.now(two).status is OrderStatus.HELD
    assert desk.now(two).holds == (site,)


def test_a_birth_date_deleted_holds_the_order(desk):
    order = desk.order()

    desk.adt(X1, details=PersonDetails(birth_date=None))

    assert codes(desk.now(order)) == [HoldCode.MISSING_BIRTH_DATE]


def test_an_interpreter_needed_flags_a_booked_order(desk):
    booked = desk.book(desk.order())

    desk.adt(X1, interpreter=True)

    now = desk.now(booked)
    assert now.content.needs.interpreter
    assert (now.status, codes(now)) == (
        OrderStatus.BOOKED,
        [HoldCode.CHANGED_AFTER_BOOKING],
    )


def test_those_who_know_of_a_booking_are_told_of_new_details(desk):
    booked = desk.book(desk.order())

    desk.adt(X1, details=replace(NAMED, family_name="Married"))

    (event,) = (e for e in desk.events if e.kind is EventKind.APPOINTMENT_CHANGED)
    assert (event.order_id, event.audience) == (booked.id, (NORTH,))
    assert event.appointment_id == desk.live(booked).id
    assert not event.contact_stopped


def test_of_ones_own_numbers_what_is_not_listed_is_taken_back(desk):
    desk.adt(X1, X2, N1)
    desk.adt(local_key("RB2", "9"), N1, authority="RB2")

    desk.adt(X1)

    assert set(desk.register(X1, X2, N1, local_key("RB2", "9"))) == {
        X1,
        N1,
        local_key("RB2", "9"),
    }


# Orders that come later


def test_an_order_without_the_nhs_number_gets_the_one_that_is_known(desk):
    desk.adt(X1, N1)

    order = desk.order(patient=LOCAL_ANN)

    assert order.content.patient.key == N1
    assert order.status is OrderStatus.WAITING


def test_an_order_with_another_nhs_number_is_held(desk):
    desk.adt(X1, N1)

    order = desk.order(patient=replace(ANN, nhs_number=NHS_NUMBERS[1]))

    assert codes(order) == [HoldCode.IDENTITY_CONFLICT]
    assert order.content.patient.nhs_number == NHS_NUMBERS[1]


def test_a_resend_of_an_order_for_a_merged_number_is_a_repeat(desk):
    desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,))

    assert desk.do(receive(patient=LOCAL_ANN)).kind is ReceivedAs.DUPLICATE


# Death


def test_a_death_holds_every_open_order_and_keeps_the_slot(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))

    desk.adt(X1, N1, deceased=True, deceased_on=date(2026, 11, 23))

    first, second = desk.now(waiting), desk.now(booked)
    assert (first.status, codes(first)) == (
        OrderStatus.HELD,
        [HoldCode.PATIENT_DECEASED],
    )
    assert (second.status, codes(second)) == (
        OrderStatus.BOOKED,
        [HoldCode.PATIENT_DECEASED],
    )
    assert desk.live(booked).status is AppointmentStatus.BOOKED
    assert first.contact_stopped
    assert second.contact_stopped
    assert desk.register(X1)[X1].deceased_on == date(2026, 11, 23)


def test_an_order_that_comes_after_a_death_is_held(desk):
    desk.adt(X1, N1, deceased=True)

    assert codes(desk.order()) == [HoldCode.PATIENT_DECEASED]


def test_nobody_releases_or_vets_the_dead(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))
    desk.adt(X1, deceased=True)

    with pytest.raises(InvalidValue, match="died"):
        desk.do(ReleaseOrder(waiting.id), CLERK)
    with pytest.raises(InvalidValue, match="died"):
        desk.do(VetOrder(booked.id), CLERK)


def test_a_wrong_death_is_taken_back_whole(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))
    unvetted = desk.order("P3", guidelines=frozenset())
    site = HoldReason(HoldCode.UNKNOWN_SITE, "Q")
    held = desk.order("P4", holds=(site,))
    desk.adt(X1, deceased=True)

    desk.adt(X1, deceased=False)

    assert desk.now(waiting).status is OrderStatus.WAITING
    assert desk.now(waiting).vetting == waiting.vetting
    assert desk.now(booked).holds == ()
    assert desk.now(unvetted).status is OrderStatus.AWAITING_VETTING
    assert desk.now(held).holds == (site,)
    assert not desk.register(X1)[X1].deceased


def test_another_partners_routine_no_does_not_raise_the_dead(desk):
    order = desk.order()
    desk.adt(X1, N1, deceased=True)

    desk.adt(N1, deceased=False, partner=SOUTH)

    assert desk.now(order).contact_stopped


def test_an_older_death_counts_unless_it_was_denied_since(desk):
    order = desk.order()
    desk.adt(X1, at=30)
    desk.adt(X1, deceased=True, at=20)
    assert desk.now(order).contact_stopped

    desk.adt(X1, deceased=False, at=40)
    desk.adt(X1, deceased=True, at=35)
    assert not desk.now(order).contact_stopped


def test_slots_are_released_at_once_where_the_partner_says_so(desk):
    booked = desk.book(desk.order())

    desk.adt(X1, deceased=True, on_death=OnDeath.RELEASE)

    assert desk.now(booked).status is OrderStatus.CANCELLED
    assert desk.live(booked) is None
    told = [e for e in desk.events if e.kind is EventKind.APPOINTMENT_CANCELLED]
    assert [(e.reason, e.contact_stopped) for e in told] == [("deceased", True)]


def test_a_person_confirms_a_death_and_all_slots_are_released(desk):
    booked, waiting = desk.book(desk.order()), desk.order("P2")
    desk.adt(X1, N1, deceased=True)

    settled = desk.do(SettleDeath(waiting.id, deceased=True), CLERK)

    assert {order.id for order in settled} == {booked.id, waiting.id}
    assert desk.now(booked).status is OrderStatus.CANCELLED
    assert desk.now(waiting).status is OrderStatus.CANCELLED
    assert desk.live(booked) is None
    assert desk.register(X1)[X1].deceased


def test_a_person_denies_a_death(desk):
    booked, waiting = desk.book(desk.order()), desk.order("P2")
    desk.adt(X1, N1, deceased=True)

    desk.do(SettleDeath(booked.id, deceased=False), CLERK)

    assert desk.now(booked).holds == ()
    assert desk.now(waiting).status is OrderStatus.WAITING
    assert desk.order("P3").status is OrderStatus.WAITING
    with pytest.raises(TransitionRefused):
        desk.do(SettleDeath(booked.id, deceased=True), CLERK)


# Merges


def test_a_merge_moves_orders_and_appointments(desk):
    booked = desk.book(desk.order(patient=LOCAL_ANN))

    result = desk.merge((X2,), (X1,))

    now = desk.now(booked)
    assert (result.kind, result.order_ids) == (ReceivedAs.CHANGED, (booked.id,))
    assert now.content.patient == replace(LOCAL_ANN, local_id="X2")
    assert (now.status, now.holds) == (OrderStatus.BOOKED, ())
    assert desk.live(booked).patient == X2
    assert any(e.kind is EventKind.APPOINTMENT_CHANGED for e in desk.events)


def test_a_merge_repeated_or_older_changes_nothing(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,), at=10)
    version = desk.now(order).version

    assert desk.merge((X2,), (X1,), at=10).kind is ReceivedAs.RECORDED
    assert desk.merge((X3,), (X1,), at=5).kind is ReceivedAs.IGNORED_OLDER
    assert desk.now(order).version == version


def test_an_order_that_comes_under_the_old_number_is_the_survivors(desk):
    assert desk.merge((X2, N1), (X1,)).kind is ReceivedAs.RECORDED

    order = desk.order(patient=LOCAL_ANN)

    assert order.content.patient.local_id == "X2"
    assert order.content.patient.key == N1


def test_chains_lead_to_the_last_number(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,))
    desk.merge((X3,), (X2,))

    late = desk.order("P2", patient=replace(LOCAL_ANN, local_id="X1"))

    assert desk.now(order).content.patient.local_id == "X3"
    assert late.content.patient.local_id == "X3"
    assert {one.id for one in desk.register(X1, X2, X3).values()} == {
        desk.register(X3)[X3].id
    }


def test_a_chain_that_comes_backwards_ends_at_the_same_number(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X3,), (X2,), at=20)
    desk.merge((X2,), (X1,), at=10)

    assert desk.now(order).content.patient.local_id == "X3"


def test_a_number_that_survives_again_is_used_again(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.merge((X2,), (X1,))

    desk.merge((X1,), (X2,))

    assert desk.now(order).content.patient.local_id == "X1"
    late = desk.order("P2", patient=replace(LOCAL_ANN, local_id="X2"))
    assert late.content.patient.local_id == "X1"


def test_the_same_patient_twice_is_refused(desk):
    with pytest.raises(InvalidValue, match="MRG-1"):
        desk.merge((X1, N1), (X1,))


def test_the_same_exam_twice_is_put_to_a_person(desk):
    other = replace(ANN, nhs_number=None, local_id="X2")
    mine = desk.book(desk.order(patient=LOCAL_ANN))
    theirs = desk.book(desk.order("P2", patient=other), hour=2)

    desk.merge((X2,), (X1,))

    assert codes(desk.now(mine)) == [HoldCode.DUPLICATE_AFTER_MERGE]
    assert desk.now(mine).status is OrderStatus.BOOKED
    assert desk.now(theirs).holds == ()
    assert desk.live(mine).status is AppointmentStatus.BOOKED


def test_an_nhs_number_that_differs_is_put_to_a_person(desk):
    order = desk.order()

    desk.merge((X2, N2), (X1,))

    now = desk.now(order)
    assert codes(now) == [HoldCode.IDENTITY_CONFLICT]
    assert now.content.patient.nhs_number == NHS_NUMBERS[1]


def test_the_discarded_nhs_number_serves_a_survivor_without_one(desk):
    desk.adt(X1, N1)
    desk.adt(X2, details=replace(NAMED, given_name="Anne"))

    desk.merge((X2,), (X1,))

    known = desk.register(X1, X2, N1)
    assert len({one.id for one in known.values()}) == 1
    assert known[X2].nhs_number == NHS_NUMBERS[0]
    assert known[X2].given_name == "Anne"


def test_closed_orders_are_filed_under_the_survivor(desk):
    booked = desk.book(desk.order(patient=LOCAL_ANN))
    desk.adt(X1, deceased=True, on_death=OnDeath.RELEASE)
    assert desk.now(booked).status is OrderStatus.CANCELLED

    desk.merge((X2,), (X1,))

    assert desk.now(booked).content.patient.local_id == "X2"
    assert desk.now(booked).status is OrderStatus.CANCELLED


def test_a_merge_into_the_dead_stops_contact(desk):
    order = desk.order(patient=LOCAL_ANN)
    desk.adt(X2, deceased=True)

    desk.merge((X2,), (X1,))

    assert desk.now(order).contact_stopped


# Stays


def test_an_admission_changes_the_setting_and_flags_what_is_booked(desk):
    waiting, booked = desk.order(), desk.book(desk.order("P2"))

    desk.adt(X1, visit=Visit.ADMITTED)

    first, second = desk.now(waiting), desk.now(booked)
    assert first.content.setting is second.content.setting is PatientSetting.INPATIENT
    assert (first.status, first.holds) == (OrderStatus.WAITING, ())
    assert first.vetting == waiting.vetting
    assert (second.status, codes(second)) == (
        OrderStatus.BOOKED,
        [HoldCode.SETTING_CHANGED],
    )


def test_an_admission_that_is_cancelled_is_as_if_it_had_not_been(desk):
    orders = [
        desk.order(),
        desk.book(desk.order("P2")),
        desk.order("P3", setting=PatientSetting.GP),
        desk.order("P4", setting=PatientSetting.INPATIENT),
    ]
    desk.adt(X1, visit=Visit.ADMITTED)

    desk.adt(X1, visit=Visit.ADMISSION_CANCELLED)

    for order in orders:
        now = desk.now(order)
        assert now.content.setting is order.content.setting
        assert (now.status, now.holds) == (order.status, ())


def test_a_discharge_puts_ward_orders_to_a_person(desk):
    ward = desk.order(setting=PatientSetting.INPATIENT)
    booked = desk.book(desk.order("P2", setting=PatientSetting.INPATIENT))
    clinic = desk.order("P3")

    desk.adt(X1, visit=Visit.DISCHARGED)

    assert (desk.now(ward).status, codes(desk.now(ward))) == (
        OrderStatus.HELD,
        [HoldCode.SETTING_CHANGED],
    )
    assert desk.now(booked).status is OrderStatus.BOOKED
    assert codes(desk.now(booked)) == [HoldCode.SETTING_CHANGED]
    assert desk.now(clinic).version == clinic.version

    desk.adt(X1, visit=Visit.DISCHARGE_CANCELLED)

    assert desk.now(ward).status is OrderStatus.WAITING
    assert desk.now(ward).content.setting is PatientSetting.INPATIENT
    assert desk.now(booked).holds == ()


def test_an_older_stay_is_ignored_but_not_its_news_of_the_person(desk):
    order = desk.order()
    desk.adt(X1, visit=Visit.DISCHARGED, at=30)

    desk.adt(X1, visit=Visit.ADMITTED, at=10)

    assert desk.now(order).content.setting is PatientSetting.OUTPATIENT


def test_a_transfer_without_another_setting_changes_nothing(desk):
    order = desk.order()

    desk.adt(X1, visit=Visit.TRANSFERRED)
    assert desk.now(order).version == order.version

    desk.adt(X1, visit=Visit.TRANSFERRED, setting=PatientSetting.INPATIENT)
    assert desk.now(order).content.setting is PatientSetting.INPATIENT


# Doubts and answers


def test_a_doubt_holds_the_open_orders_of_the_hospitals_number(desk):
    mine = desk.order()
    elsewhere = desk.order("P2", patient=replace(ANN, local_authority="RB2"))

    result = desk.do(QuestionIdentity(NORTH, (X1, N1), "A37: unlink"))

    assert result.order_ids == (mine.id,)
    assert codes(desk.now(mine)) == [HoldCode.IDENTITY_CONFLICT]
    assert desk.now(elsewhere).holds == ()


def test_an_allergy_reaches_every_open_order_once(desk):
    order = desk.order()
    allergy = SafetyAnswer(Question.CONTRAST_ALLERGY, Answer.YES, NOW, "north IAM-3")
    command = RecordPatientAnswers(NORTH, (X1,), (allergy,))

    assert desk.do(command).order_ids == (order.id,)
    assert desk.do(command).kind is ReceivedAs.RECORDED
    assert desk.now(order).content.safety.count(allergy) == 1


def test_an_allergy_taken_back_stands_and_is_noted_once(desk):
    order = desk.order()
    allergy = SafetyAnswer(Question.CONTRAST_ALLERGY, Answer.YES, NOW, "north IAM-3")
    desk.do(RecordPatientAnswers(NORTH, (X1,), (allergy,)))
    other = desk.order("P2")  # came later, without it
    command = TakeBackPatientAnswers(NORTH, (X1,), Question.CONTRAST_ALLERGY)

    first, again = desk.do(command), desk.do(command)

    assert (first.kind, first.order_ids) == (ReceivedAs.HELD, (order.id,))
    assert (again.kind, again.order_ids) == (ReceivedAs.RECORDED, ())
    assert allergy in desk.now(order).content.safety
    with desk.engine.reading("person:test") as session:
        notes = [c.note for c in session.uow.orders.history(order.id)]
        others = [c.note for c in session.uow.orders.history(other.id)]
    assert (
        notes.count("contrast_allergy taken back by north; a clinician clears it") == 1
    )
    assert not any("taken back" in note for note in others)
