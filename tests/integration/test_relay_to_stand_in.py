"""The relay against a peer that drops, is silent, is busy or refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from network import NORTH, NOW, dispatcher, receive

from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    ProcedureCode,
    ScannerId,
)
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.domain.orders import ProcedureStep
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.peer import Behaviour, StandIn
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.relay import Relay
from hl7_adapters.relay_outcomes import RelayPolicy

PROFILES = load_profiles(Path(__file__).parents[1] / "data" / "profiles")
ME = Actor("person:tester")


class Office:
    """An engine with bookings to tell, and a relay to a stand-in."""

    def __init__(self, peer, orders, events=1, ack_timeout=20.0, steps=(), **policy):
        self.engine = dispatcher()
        with self.engine.session(ME) as session:
            self.orders = [
                session.handle(receive(f"P{n}", further_steps=steps)).order_id
                for n in range(orders)
            ]
            for _ in range(events):
                for number, order_id in enumerate(self.orders):
                    session.uow.outbox.add(
                        Event(
                            EventKind.APPOINTMENT_BOOKED,
                            order_id,
                            self.engine.clock.now(),
                            (NORTH,),
                            AppointmentId(f"A{number:014}"),
                            ScannerId("MR1"),
                            NOW + timedelta(days=7),
                            NOW + timedelta(days=7, minutes=20 + 40 * len(steps)),
                        )
                    )
            session.commit()
        self.sender = MllpSender(*peer.address, ack_timeout=ack_timeout)
        given = {"first_wait": timedelta(seconds=1), "batch": 500} | policy
        self.relay = Relay(
            self.engine,
            PROFILES,
            {NORTH: self.sender},
            clock=self.engine.clock,
            policy=RelayPolicy(**given),
        )

    def deliveries(self):
        with self.engine.reading(ME) as session:
            return [session.uow.outbox.of_order(one) for one in self.orders]

    def run_until_settled(self, seconds=60):
        deadline = monotonic() + seconds
        with self.sender:
            while any(
                delivery.status is DeliveryStatus.PENDING
                for each in self.deliveries()
                for delivery in each
            ):
                assert monotonic() < deadline, "not settled in time"
                self.relay.run_once(NORTH)
                self.engine.clock.advance(timedelta(minutes=5))


def test_the_relay_gets_everything_through_a_peer_that_drops_and_is_silent():
    behaviour = Behaviour(drop_share=0.1, silent_share=0.05, seed=3)
    with StandIn(behaviour=behaviour, keep=5000) as peer:
        office = Office(peer, orders=20, events=3, ack_timeout=0.5)
        office.run_until_settled()
        came = peer.messages
        counts = peer.counts

    listed = [one for each in office.deliveries() for one in each]
    assert {one.status for one in listed} == {DeliveryStatus.DELIVERED}
    assert counts.dropped > 0
    assert counts.silent > 0
    assert counts.accepted >= len(listed) == 60
    raw = {}
    for message in came:
        raw.setdefault(message.control_id, set()).add(message.raw)
    assert set(raw) == {one.id for one in listed}
    assert all(len(each) == 1 for each in raw.values()), "a retry changed its bytes"
    for each in office.deliveries():
        ids = [one.id for one in each]
        order_of_arrival = [m.control_id for m in came if m.control_id in ids]
        assert list(dict.fromkeys(order_of_arrival)) == ids


def test_the_relay_tells_of_each_step_of_a_booking():
    steps = (ProcedureStep(ProcedureCode("MRLIVER"), "NO", "A2", "Liver"),)
    with StandIn(keep=5000) as peer:
        Office(peer, orders=1, steps=steps).run_until_settled()
        (came,) = peer.messages

    assert [
        (ais.value(3), ais.value(3, 2), ais.value(4), ais.value(7))
        for ais in decode(came.raw).all("AIS")
    ] == [
        ("MHEAD", "MR head", "20261201090000+0000", "20"),
        ("NO", "Liver", "20261201092000+0000", "40"),
    ]


def test_the_relay_sends_again_what_was_refused_for_now_and_lets_others_pass():
    behaviour = Behaviour(refuse_share=0.3, refuse_error="207", seed=1)
    with StandIn(behaviour=behaviour, keep=5000) as peer:
        office = Office(peer, orders=30)
        with office.sender:
            first = office.relay.run_once(NORTH)
        office.run_until_settled()

    assert first.busy > 0
    assert first.delivered + first.busy == 30
    assert first.failed == 0
    statuses = {one.status for each in office.deliveries() for one in each}
    assert statuses == {DeliveryStatus.DELIVERED}


def test_the_relay_parks_what_is_busy_for_too_long():
    behaviour = Behaviour(refuse_share=1, refuse_code="AR", refuse_error="206")
    with StandIn(behaviour=behaviour) as peer:
        office = Office(peer, orders=1, busy_attempts=3)
        office.run_until_settled()
        counts = peer.counts

    (only,) = office.deliveries()[0]
    assert only.status is DeliveryStatus.PARKED
    assert counts.refused == only.attempts == 3
    assert only.last_error.startswith("AR: refused by behaviour; 206")


@pytest.mark.parametrize("code", ["AE", "AR"])
def test_the_relay_parks_what_is_refused_for_good(code):
    behaviour = Behaviour(refuse_share=1, refuse_code=code)
    with StandIn(behaviour=behaviour) as peer:
        office = Office(peer, orders=2, events=2)
        with office.sender:
            result = office.relay.run_once(NORTH)
        counts = peer.counts

    assert result.parked == counts.refused == 2
    for first, second in office.deliveries():
        assert first.status is DeliveryStatus.PARKED
        assert second.status is DeliveryStatus.PENDING, "it overtook the parked one"
