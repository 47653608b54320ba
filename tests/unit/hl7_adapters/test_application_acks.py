"""What partners answer, as messages of their own, to what we sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from network import CLERK, NORTH, NOW, dispatcher, receive

from booking_engine.application.on_arrival import book_best
from booking_engine.domain.messages import DeliveryStatus, MessageOutcome
from booking_engine.domain.orders import HoldCode
from hl7_adapters.ack import ACCEPTED, build_ack
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver
from hl7_adapters.relay import Relay
from hl7_adapters.relay_outcomes import RelayResult

PROFILES = load_profiles(Path(__file__).parents[2] / "data" / "profiles")


class Partner:
    """A partner that commits what it is sent, and answers later."""

    def __init__(self):
        enhanced = AckOptions.model_validate({"mode": "enhanced"})
        outgoing = PROFILES[NORTH].outgoing.model_copy(
            update={"accept_ack": "AL", "application_ack": "AL"}
        )
        profile = PROFILES[NORTH].model_copy(
            update={"ack": enhanced, "outgoing": outgoing}
        )
        self.engine = dispatcher()
        self.order_id = self.engine.handle(receive(), CLERK).order_id
        book_best(self.engine, self.order_id, CLERK)
        self.relay = Relay(
            self.engine, {NORTH: profile}, {NORTH: self}, clock=self.engine.clock
        )
        self.receiver = Receiver(
            self.engine, [profile], ids=self.engine.ids, clock=self.engine.clock
        )

    def send(self, payload):
        return build_ack(decode(payload), ACCEPTED, control_id="P1", at=NOW, code="CA")

    def answers(self, code, kind="ACK^S12", rest=""):
        """Send the application answer to the booking; return what it is answered."""
        header = rf"MSH|^~\&|EPR|RA1|BOOKING|RA1|20261124100000+0000||{kind}|E1|P|2.4"
        text = f"{header}|||AL|NE\rMSA|{code}|{self.delivery.id}|no such code\r{rest}"
        frame = Received(text.encode(), "10.0.0.1:4000", 1, NOW, 2575)
        (ack,) = self.receiver.handle([frame])
        return decode(ack).get("MSA-1")

    @property
    def tables(self):
        return self.engine.open_work.published

    @property
    def delivery(self):
        (only,) = self.tables.deliveries.values()
        return only

    @property
    def holds(self):
        return [hold.code for hold in self.tables.orders[self.order_id].holds]


@pytest.fixture
def partner():
    found = Partner()
    assert found.relay.run_once(NORTH) == RelayResult(delivered=1)
    assert (found.delivery.status, found.delivery.application_ack) == (
        DeliveryStatus.DELIVERED,
        "",
    )
    return found


def test_we_ask_for_both_answers(partner):
    header = decode(partner.delivery.payload).header

    assert (header.value(15), header.value(16)) == ("AL", "AL")


def test_what_a_partner_has_done_is_kept_with_the_delivery(partner):
    assert partner.answers("AA") == "CA"

    (message,) = partner.tables.messages.values()
    assert partner.delivery.application_ack == "AA"
    assert partner.delivery.status is DeliveryStatus.DELIVERED
    assert message.outcome is MessageOutcome.PROCESSED
    assert partner.holds == []


@pytest.mark.parametrize(
    ("code", "kind", "rest", "kept"),
    [
        ("AE", "ACK^S12", "", "AE"),
        ("AR", "ACK^S12", "", "AR"),
        ("AA", "ORR^O02", "ORC|UA|P1^RA1\r", "UA"),
    ],
)
def test_what_a_partner_refuses_later_is_put_to_a_person(
    partner, code, kind, rest, kept
):
    assert partner.answers(code, kind, rest) == "CA"

    assert partner.delivery.application_ack == kept
    assert partner.holds == [HoldCode.REFUSED_BY_PARTNER]


def test_an_answer_leads_to_no_answer_of_ours(partner):
    partner.answers("AE")

    assert len(partner.tables.deliveries) == 1
