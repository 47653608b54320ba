"""The outbox on its way out: stored before sent, in order, retried, parked."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from network import INDIE, NORTH, NOW, dispatcher, receive

from booking_engine.application.commands import RetryDelivery
from booking_engine.domain.errors import InvalidValue, TransitionRefused
from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    DecisionId,
    ScannerId,
)
from booking_engine.domain.messages import DeliveryStatus
from hl7_adapters.ack import Answer, build_ack
from hl7_adapters.conditions import Reply
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.sender import DeliveryFailed, MllpSender, Phase
from hl7_adapters.peer import Behaviour, StandIn
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.relay import Relay
from hl7_adapters.relay_outcomes import RelayPolicy, RelayResult

PROFILES = load_profiles(Path(__file__).parents[2] / "data" / "profiles")
ME = Actor("person:tester")
S12, S13 = EventKind.APPOINTMENT_BOOKED, EventKind.APPOINTMENT_MOVED
S15 = EventKind.APPOINTMENT_CANCELLED
STARTS = NOW + timedelta(days=7)


class Line:
    """A connection whose answers a test decides; keeps what was sent."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.before = None

    def send(self, payload):
        if self.before is not None:
            self.before(payload)
        self.sent.append(payload)
        answer = self.answers.pop(0) if self.answers else "AA"
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            return answer
        reply = Reply.AE if answer == "AE" else Reply.AA
        ack = build_ack(
            decode(payload),
            Answer(reply, "" if reply is Reply.AA else "103", text="no such code"),
            control_id="P1",
            at=NOW,
        )
        return ack.replace(b"MSA|AA", b"MSA|CA") if answer == "CA" else ack

    @property
    def triggers(self):
        return [decode(payload).type[1] for payload in self.sent]


class Office:
    """An engine with some orders, and a relay to the feed's partner."""

    def __init__(self, *answers, orders=1, policy=None):
        self.engine = dispatcher()
        self.clock = self.engine.clock
        self.line = Line(*answers)
        self.relay = Relay(
            self.engine,
            PROFILES,
            {NORTH: self.line, INDIE: self.line},
            clock=self.clock,
            policy=policy,
        )
        with self.engine.session(ME) as session:
            self.orders = [
                session.handle(receive(f"P{n}")).order_id for n in range(orders)
            ]
            session.commit()

    def happens(self, *kinds, order=0, to=NORTH, **changes):
        with self.engine.session(ME) as session:
            for kind in kinds:
                event = Event(
                    kind,
                    self.orders[order],
                    self.clock.now(),
                    (to,),
                    AppointmentId(f"A{order:014}"),
                    ScannerId("MR1"),
                    STARTS,
                    STARTS + timedelta(minutes=20),
                )
                session.uow.outbox.add(replace(event, **changes))
            session.commit()

    def deliveries(self, order=0):
        with self.engine.reading(ME) as session:
            return session.uow.outbox.of_order(self.orders[order])

    def run(self):
        return self.relay.run_once(NORTH)


def lost(phase=Phase.AWAIT_ACK):
    return DeliveryFailed(phase, "10.0.0.1:2575", "timed out")


def test_a_booking_is_sent_and_marked():
    office = Office()
    office.happens(S12)

    assert office.run() == RelayResult(delivered=1)
    (delivery,) = office.deliveries()
    assert office.line.sent == [delivery.payload]
    assert decode(delivery.payload).control_id == delivery.id
    assert delivery.status is DeliveryStatus.DELIVERED
    assert delivery.delivered_at == NOW
    assert decode(delivery.ack).get("MSA-2") == delivery.id
    assert office.run() == RelayResult()


def test_the_bytes_are_stored_before_they_are_sent():
    office = Office()
    office.happens(S12)
    stored = []
    office.line.before = lambda _: stored.append(office.deliveries()[0].payload)

    office.run()

    assert stored == office.line.sent


def test_a_commit_acknowledgement_counts_as_accepted():
    office = Office("CA")
    office.happens(S12)

    assert office.run() == RelayResult(delivered=1)


def test_the_messages_of_an_order_go_in_sequence():
    office = Office(orders=2)
    office.happens(S12, S13, S15)
    office.happens(S12, order=1)

    assert office.run() == RelayResult(delivered=4)
    assert office.line.triggers == ["S12", "S13", "S15", "S12"]


def test_a_refused_message_is_parked_and_holds_back_the_later_ones_of_its_order():
    office = Office("AE", orders=2)
    office.happens(S12, S15)
    office.happens(S12, order=1)

    assert office.run() == RelayResult(delivered=1, parked=1)
    first, second = office.deliveries()
    assert first.status is DeliveryStatus.PARKED
    assert first.last_error == "AE: no such code; 103; Table value not found"
    assert second.status is DeliveryStatus.PENDING
    office.clock.advance(timedelta(days=1))
    assert office.run() == RelayResult()

    office.engine.handle(RetryDelivery(first.id), ME)

    assert office.run() == RelayResult(delivered=2)
    assert office.line.triggers == ["S12", "S12", "S12", "S15"]
    assert office.line.sent[0] == office.line.sent[2]


def test_an_unanswered_message_is_sent_again_byte_for_byte_after_a_while():
    office = Office(lost(), lost(Phase.CONNECT))
    office.happens(S12, S13)

    assert office.run() == RelayResult(failed=1)
    (first, _) = office.deliveries()
    assert (first.attempts, first.next_attempt_at) == (1, NOW + timedelta(seconds=2))
    assert first.last_error == "10.0.0.1:2575, await_ack: timed out"
    assert office.run() == RelayResult()
    office.clock.advance(timedelta(seconds=2))
    assert office.run() == RelayResult(failed=1)
    assert office.deliveries()[0].next_attempt_at == NOW + timedelta(seconds=6)
    office.clock.advance(timedelta(seconds=4))

    assert office.run() == RelayResult(delivered=2)
    assert office.line.sent[0] == office.line.sent[1] == office.line.sent[2]
    assert office.deliveries()[0].attempts == 3


def test_a_lost_line_stops_the_run_and_keeps_what_was_delivered():
    office = Office("AA", lost(), orders=3)
    for order in range(3):
        office.happens(S12, order=order)

    assert office.run() == RelayResult(delivered=1, failed=1)
    states = [office.deliveries(order)[0] for order in range(3)]
    assert [d.status.value for d in states] == ["delivered", "pending", "pending"]
    assert [d.attempts for d in states] == [1, 1, 0]


def test_an_answer_that_is_none_is_no_delivery():
    office = Office(b"MSH|^~\\&|||||||ACK|1|P|2.4\r")
    office.happens(S12)

    assert office.run() == RelayResult(failed=1)


def test_what_a_partner_does_not_want_is_skipped_and_holds_nothing_back():
    office = Office()
    office.happens(EventKind.ORDER_HELD, S12, to=INDIE)

    assert office.relay.run_once(INDIE) == RelayResult(delivered=1, skipped=1)
    first, second = office.deliveries()
    assert (first.status.value, second.status.value) == ("skipped", "delivered")
    assert first.last_error == "indie is not told of order_held: see outgoing"


def test_a_partner_that_is_told_needs_a_connection():
    office = Office()
    office.happens(S12)
    relay = Relay(office.engine, PROFILES, {}, clock=office.clock)

    with pytest.raises(InvalidValue, match="no connection to north"):
        relay.run_once(NORTH)
    assert office.run() == RelayResult(delivered=1)


def test_what_cannot_be_written_is_parked_with_the_reason():
    office = Office(orders=2)
    office.happens(S12, scanner=ScannerId("GONE"))
    office.happens(S13)
    office.happens(S12, order=1)

    assert office.run() == RelayResult(delivered=1, parked=1)
    first, second = office.deliveries()
    assert first.last_error.startswith("render: Scanner GONE")
    assert second.status is DeliveryStatus.PENDING


def test_a_missing_decision_record_does_not_keep_a_booking_back():
    office = Office()
    office.happens(S12, decision_id=DecisionId("D1"))

    assert office.run() == RelayResult(delivered=1)


def test_only_a_parked_delivery_is_released():
    office = Office()
    office.happens(S12)

    with pytest.raises(TransitionRefused, match="only what is parked"):
        office.engine.handle(RetryDelivery(office.deliveries()[0].id), ME)


def test_waits_double_up_to_the_longest():
    policy = RelayPolicy(
        first_wait=timedelta(seconds=1), longest_wait=timedelta(seconds=10)
    )
    waits = [policy.wait_after(n).total_seconds() for n in (1, 2, 3, 4, 5, 1000)]

    assert waits == [1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"first_wait": timedelta(0)}, {"idle_seconds": 0}]
)
def test_a_policy_that_would_never_send_is_refused(wrong):
    with pytest.raises(InvalidValue):
        RelayPolicy(**wrong)


# Over real sockets --------------------------------------------------------------------


def over(office, peer):
    host, port = peer.address
    sender = MllpSender(host, port, connect_timeout=1, ack_timeout=1)
    return sender, Relay(office.engine, PROFILES, {NORTH: sender}, clock=office.clock)


def test_five_hundred_messages_go_fast_enough():
    """The target is 400 a second; a machine that is shared may take longer."""
    office = Office(orders=50)
    for order in range(50):
        office.happens(*[S12, S13, S13, S13, S13, S13, S13, S13, S13, S15], order=order)
    with StandIn(keep=10) as peer:
        sender, relay = over(office, peer)
        with sender:
            begin = time.process_time()
            delivered = 0
            while (result := relay.run_once(NORTH)).total:
                delivered += result.delivered
            seconds = time.process_time() - begin

        assert (delivered, peer.counts.accepted) == (500, 500)
    assert delivered / seconds > 100


def test_a_partner_that_drops_lines_gets_everything_in_the_end():
    office = Office(orders=10)
    for order in range(10):
        office.happens(S12, S13, S15, order=order)
    with StandIn(behaviour=Behaviour(drop_share=0.3, seed=4), keep=1000) as peer:
        sender, relay = over(office, peer)
        with sender:
            for _ in range(200):
                relay.run_once(NORTH)
                office.clock.advance(timedelta(minutes=6))
        messages = peer.messages

    for order in range(10):
        assert {d.status.value for d in office.deliveries(order)} == {"delivered"}
        number = f"A{order:014}"
        seen = [m for m in messages if m.get("SCH-2") == number]
        once = dict.fromkeys(m.type[1] for m in seen)
        assert list(once) == ["S12", "S13", "S15"]
        raws = {
            m.control_id: {k.raw for k in seen if k.control_id == m.control_id}
            for m in seen
        }
        assert all(len(raw) == 1 for raw in raws.values())


def test_the_message_under_way_is_the_last_once_it_is_told_to_stop():
    office = Office(orders=3)
    for order in range(3):
        office.happens(S12, order=order)
    stop = threading.Event()
    office.line.before = lambda _: stop.set()

    assert office.relay.run_once(NORTH, stop=stop) == RelayResult(delivered=1)
    assert office.run() == RelayResult(delivered=2)


def test_a_thread_sends_until_it_is_stopped():
    office = Office(policy=RelayPolicy(idle_seconds=0.01))
    stop = threading.Event()
    thread = threading.Thread(target=office.relay.run, args=(NORTH, stop))
    thread.start()
    try:
        office.happens(S12)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not office.line.sent:
            stop.wait(0.01)
    finally:
        stop.set()
        thread.join(5)

    assert not thread.is_alive()
    assert office.line.triggers == ["S12"]
    assert office.deliveries()[0].status is DeliveryStatus.DELIVERED
