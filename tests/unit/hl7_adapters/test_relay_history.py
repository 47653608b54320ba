"""What the relay tried is kept; what a person decides lets the rest go in order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from network import NORTH, NOW, dispatcher, receive

from booking_engine.application.commands import (
    EditDelivery,
    RetryDelivery,
    RetryParked,
    SkipDelivery,
)
from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAction
from booking_engine.domain.errors import NotKnown, TransitionRefused
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import Actor, AppointmentId, ScannerId
from booking_engine.domain.messages import DeliveryStatus
from hl7_adapters.ack import Answer, build_ack
from hl7_adapters.conditions import Reply
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.sender import DeliveryFailed, Phase
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.relay import Relay

PROFILES = load_profiles(Path(__file__).parents[2] / "data" / "profiles")
ME = Actor("person:tester")
S12, S13 = EventKind.APPOINTMENT_BOOKED, EventKind.APPOINTMENT_MOVED
S15 = EventKind.APPOINTMENT_CANCELLED
LOST = DeliveryFailed(Phase.CONNECT, "10.0.0.1:2575", "timed out")


class Office:
    """An engine with orders, and a line to their partner that answers as told."""

    def __init__(self, *answers, orders=1):
        self.engine = dispatcher()
        self.answers = list(answers)
        self.sent = []
        self.relay = Relay(
            self.engine, PROFILES, {NORTH: self}, clock=self.engine.clock
        )
        with self.engine.session(ME) as session:
            self.orders = [
                session.handle(receive(f"P{n}")).order_id for n in range(orders)
            ]
            session.commit()

    def send(self, payload):
        """Answer as told; AA when nothing is told any more."""
        self.sent.append(payload)
        answer = self.answers.pop(0) if self.answers else "AA"
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            return answer
        reply = Reply.AA if answer == "AA" else Reply.AE
        code = {"AA": "", "AE": "103"}.get(answer, answer)
        told = Answer(reply, code, text="no such code")
        return build_ack(decode(payload), told, control_id="P1", at=NOW)

    def happens(self, *kinds, order=0):
        with self.engine.session(ME) as session:
            for kind in kinds:
                event = Event(
                    kind,
                    self.orders[order],
                    NOW,
                    (NORTH,),
                    AppointmentId(f"A{order:014}"),
                    ScannerId("MR1"),
                    NOW + timedelta(days=7),
                    NOW + timedelta(days=7, minutes=20),
                )
                session.uow.outbox.add(event)
            session.commit()

    def run(self):
        self.relay.run_once(NORTH)

    def do(self, command):
        return self.engine.handle(command, ME)

    def deliveries(self, order=0):
        with self.engine.reading(ME) as session:
            return session.uow.outbox.of_order(self.orders[order])

    def attempts(self, delivery):
        with self.engine.reading(ME) as session:
            return session.uow.outbox.attempts(delivery.id)

    def changes(self, delivery):
        with self.engine.reading(ME) as session:
            return session.uow.outbox.changes(delivery.id)

    @property
    def triggers(self):
        return [decode(payload).type[1] for payload in self.sent]


def parked(*kinds, orders=1):
    """An office whose first message was refused."""
    office = Office("AE", orders=orders)
    office.happens(*kinds)
    office.run()
    assert office.deliveries()[0].status is DeliveryStatus.PARKED
    return office


def test_every_attempt_is_kept_with_what_became_of_it():
    office = Office(LOST, b"noise", "207", "AE", "AA")
    office.happens(S12)
    for _ in range(4):
        office.run()
        office.engine.clock.advance(timedelta(minutes=10))
    (delivery,) = office.deliveries()
    office.do(RetryDelivery(delivery.id, "their table was mended"))
    office.run()

    found = office.attempts(delivery)
    assert [(a.outcome, a.phase, a.code) for a in found] == [
        (AttemptOutcome.FAILED, "connect", ""),
        (AttemptOutcome.FAILED, "await_ack", ""),
        (AttemptOutcome.BUSY, "", "AE"),
        (AttemptOutcome.REFUSED, "", "AE"),
        (AttemptOutcome.ACCEPTED, "", "AA"),
    ]
    assert found[0].text == "10.0.0.1:2575, connect: timed out"
    assert found[0].started_at == NOW
    assert found[1].started_at == NOW + timedelta(minutes=10)
    assert "no such code" in found[3].text
    assert all(attempt.duration_us >= 0 for attempt in found)
    (change,) = office.changes(delivery)
    assert (change.action, change.actor) == (DeliveryAction.RETRY, ME)
    assert change.reason == "their table was mended"


def test_attempts_are_stored_with_their_outcomes_in_one_transaction():
    office = Office()
    office.happens(*[S12, *[S13] * 9])
    commits = []
    open_work = office.engine.open_work
    original = type(open_work).__call__

    class Counting(type(open_work)):
        def __call__(self):
            commits.append(1)
            return original(self)

    open_work.__class__ = Counting
    office.run()

    assert len(commits) == 2  # rendered, then sent
    assert all(len(office.attempts(one)) == 1 for one in office.deliveries())


def test_what_waits_behind_a_skipped_message_flows_in_order():
    office = parked(S12, S13, S15)
    office.run()
    assert office.triggers == ["S12"]
    first, second, third = office.deliveries()
    skipped = office.do(SkipDelivery(first.id, "told by telephone"))
    office.run()

    assert skipped.status is DeliveryStatus.SKIPPED
    assert office.triggers == ["S12", "S13", "S15"]
    (change,) = office.changes(first)
    assert (change.action, change.reason) == (DeliveryAction.SKIP, "told by telephone")
    assert [d.status for d in office.deliveries()[1:]] == [DeliveryStatus.DELIVERED] * 2
    assert office.attempts(second)[0].outcome is AttemptOutcome.ACCEPTED
    assert third.sequence > second.sequence


def test_an_edited_message_goes_before_what_waits_behind_it():
    office = parked(S12, S13, S15)
    (first, *_) = office.deliveries()
    payload = first.payload.replace(b"BOOKING", b"BOOKED!")
    edited = office.do(EditDelivery(first.id, payload, "wrong name"))
    assert edited.status is DeliveryStatus.PENDING
    office.run()

    assert office.sent[1] == payload
    assert office.triggers == ["S12", "S12", "S13", "S15"]
    (change,) = office.changes(first)
    assert (change.action, change.reason) == (DeliveryAction.EDIT, "wrong name")
    assert change.payload == first.payload
    assert office.deliveries()[0].payload == payload


def test_an_edited_message_that_is_refused_again_waits_again():
    office = parked(S12, S13)
    (first, _) = office.deliveries()
    office.answers = ["AE"]
    office.do(EditDelivery(first.id, first.payload + b"ZZZ|1\r", "once more"))
    office.run()

    again, second = office.deliveries()
    assert again.status is DeliveryStatus.PARKED
    assert second.status is DeliveryStatus.PENDING
    assert office.triggers == ["S12", "S12"]
    assert len(office.attempts(first)) == 2


def test_all_parked_messages_of_a_partner_go_again():
    office = Office("AE", "AE", "AE", orders=3)
    for order in range(3):
        office.happens(S12, order=order)
    office.run()
    again = office.do(RetryParked(NORTH, limit=2, reason="their system is back"))
    assert [d.order_id for d in again] == office.orders[:2]
    office.run()

    statuses = [office.deliveries(order)[0].status for order in range(3)]
    assert statuses == [
        DeliveryStatus.DELIVERED,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.PARKED,
    ]
    assert office.do(RetryParked(NORTH, limit=9)) != []
    assert office.do(RetryParked(NORTH, limit=9)) == []


@pytest.mark.parametrize(
    "command",
    [
        lambda name: SkipDelivery(name, "x"),
        lambda name: EditDelivery(name, b"MSH", "x"),
        RetryDelivery,
    ],
)
def test_only_what_is_parked_is_decided_about(command):
    office = Office()
    office.happens(S12)
    (delivery,) = office.deliveries()
    with pytest.raises(TransitionRefused, match="pending"):
        office.do(command(delivery.id))
    office.run()
    with pytest.raises(TransitionRefused, match="delivered"):
        office.do(command(delivery.id))
    with pytest.raises(NotKnown):
        office.do(command("X-none"))
    assert office.changes(delivery) == []
