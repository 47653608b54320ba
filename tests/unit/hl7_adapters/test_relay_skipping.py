"""What is for a partner that is told nothing is skipped, and never waits for ever."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from network import NORTH, NOW, dispatcher, receive

from booking_engine.domain.events import Event, EventKind
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    PartnerId,
    ScannerId,
)
from hl7_adapters.mllp.sender import DeliveryFailed, Phase
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.relay import Relay
from hl7_adapters.relay_outcomes import RelayResult

PROFILES = load_profiles(Path(__file__).parents[2] / "data" / "profiles")
QUIET = {NORTH: PROFILES[NORTH].model_copy(update={"outgoing": None})}
GONE = PartnerId("gone")
ME = Actor("person:tester")
S12, S13 = EventKind.APPOINTMENT_BOOKED, EventKind.APPOINTMENT_MOVED
S15 = EventKind.APPOINTMENT_CANCELLED


class DeadLine:
    """A connection over which nothing goes."""

    def send(self, payload):
        raise DeliveryFailed(Phase.CONNECT, "10.0.0.1:2575", "timed out")


class Office:
    """An engine with one order, and the events that happen to it."""

    def __init__(self):
        self.engine = dispatcher()
        with self.engine.session(ME) as session:
            self.order = session.handle(receive("P0")).order_id
            session.commit()

    def happens(self, *kinds, to=NORTH):
        with self.engine.session(ME) as session:
            for kind in kinds:
                event = Event(
                    kind,
                    self.order,
                    NOW,
                    (to,),
                    AppointmentId("A1"),
                    ScannerId("MR1"),
                    NOW + timedelta(days=7),
                    NOW + timedelta(days=7, minutes=20),
                )
                session.uow.outbox.add(event)
            session.commit()

    def relay(self, profiles, *, senders=None, policy=None):
        return Relay(
            self.engine, profiles, senders or {}, clock=self.engine.clock, policy=policy
        )

    @property
    def deliveries(self):
        with self.engine.reading(ME) as session:
            return session.uow.outbox.of_order(self.order)


@pytest.fixture
def office():
    return Office()


def test_a_partner_without_outgoing_is_told_nothing_and_nothing_waits(office):
    office.happens(S12, S15)
    relay = office.relay(QUIET)

    assert relay.run_once(NORTH) == RelayResult(skipped=2)
    assert [(d.status.value, d.last_error) for d in office.deliveries] == [
        ("skipped", "north is told nothing: its profile has no outgoing")
    ] * 2
    assert relay.run_once(NORTH) == RelayResult()


def test_what_was_written_while_the_partner_was_still_told_is_skipped_too(office):
    """Once its retry is due, as any other delivery."""
    office.happens(S12)
    office.relay(PROFILES, senders={NORTH: DeadLine()}).run_once(NORTH)
    relay = office.relay(QUIET)

    assert relay.run_once(NORTH) == RelayResult()
    office.engine.clock.advance(timedelta(minutes=1))

    assert relay.run_once(NORTH) == RelayResult(skipped=1)
    (delivery,) = office.deliveries
    assert delivery.payload is not None
    assert delivery.next_attempt_at is None
