"""Stored messages carried out again: linked, never twice, the original untouched."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from network import NOW, dispatcher

from booking_engine.domain.errors import (
    InvalidValue,
    NotKnown,
    StoreUnavailable,
    TransitionRefused,
)
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import OrderStatus
from hl7_adapters.er7 import decode
from hl7_adapters.frames import FrameReader
from hl7_adapters.mllp.received import Fault, Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver
from hl7_adapters.replaying import Replayer

DATA = Path(__file__).parents[2] / "data"
PROFILES = load_profiles(DATA / "profiles")
ME = Actor("person:engineer")
NW = (DATA / "hl7" / "orders" / "orm_nw_24.er7").read_bytes().replace(b"\n", b"\r")


class Hospital:
    """A receiver and a replayer over one store in memory."""

    def __init__(self):
        self.engine = dispatcher()
        ids, clock = self.engine.ids, self.engine.clock
        self.receiver = Receiver(self.engine, PROFILES.values(), ids=ids, clock=clock)
        self.replayer = Replayer(self.engine, self.receiver, ids=ids, clock=clock)

    def came(self, raw, *, fault=None, at=NOW):
        """Let a message come in; return it as stored."""
        self.receiver.handle([Received(raw, "10.0.0.1:4000", 1, at, 2575, fault)])
        return self.messages[-1]

    def replay(self, message, reason="tried again", **given):
        return self.replayer.replay(message.id, by=ME, reason=reason, **given)

    @property
    def messages(self):
        return list(self.engine.open_work.published.messages.values())

    @property
    def orders(self):
        return list(self.engine.open_work.published.orders.values())


@pytest.fixture
def hospital():
    return Hospital()


def test_a_replay_is_a_new_message_that_names_the_original(hospital):
    original = hospital.came(NW)
    hospital.engine.clock.advance(timedelta(hours=1))
    replay = hospital.replay(original, "to be sure")

    assert hospital.messages == [original, replay]
    assert replay.replay_of == original.id
    assert (replay.replayed_by, replay.replay_reason) == (ME, "to be sure")
    assert replay.received_at == NOW + timedelta(hours=1)
    assert replay.raw == original.raw
    assert not replay.edited
    assert decode(replay.ack).get("MSA-2") == "EPR0001"


def test_a_replay_of_an_order_that_exists_is_a_duplicate(hospital):
    original = hospital.came(NW)
    replay = hospital.replay(original)

    assert replay.outcome is MessageOutcome.DUPLICATE
    assert replay.order_ids == original.order_ids
    assert len(hospital.orders) == 1


def test_what_failed_before_succeeds_once_its_cause_is_gone(hospital):
    stranger = hospital.came(NW.replace(b"|EPR|RA1|", b"|EPR|NEW|"))
    assert stranger.outcome is MessageOutcome.REFUSED
    text = stranger.raw.decode().replace("|EPR|NEW|", "|EPR|RA1|")
    replay = hospital.replay(stranger, "facility corrected", text=text)

    assert replay.outcome is MessageOutcome.PROCESSED
    assert replay.edited
    (order,) = hospital.orders
    assert order.status is OrderStatus.WAITING
    assert hospital.messages[0] == stranger


def test_the_sender_that_repeats_an_edited_message_is_answered_as_before(hospital):
    refused = hospital.came(NW.replace(b"ORC|NW", b"ORC|QQ"))
    assert refused.error_code == "103"
    hospital.replay(refused, text=NW.decode())
    (ack,) = hospital.receiver.handle(
        [Received(refused.raw, "10.0.0.1:4000", 1, NOW, 2575)]
    )

    assert ack == refused.ack
    assert len(hospital.messages) == 2


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_an_edited_text_may_have_any_line_ends(hospital, end):
    original = hospital.came(NW.replace(b"ORC|NW", b"ORC|QQ"))
    replay = hospital.replay(original, text=NW.decode().replace("\r", end))

    assert replay.raw == NW


def test_an_edited_text_keeps_the_character_set_of_the_original(hospital):
    latin = NW.replace(b"TESTER", b"T\xe9STER").replace(b"ORC|NW", b"ORC|QQ")
    original = hospital.came(latin)
    text = latin.decode("cp1252").replace("ORC|QQ", "ORC|NW")
    replay = hospital.replay(original, text=text)

    assert b"T\xe9STER" in replay.raw
    assert hospital.orders[0].content.patient.family_name == "TéSTER"
    with pytest.raises(InvalidValue, match="character set"):
        hospital.replay(original, text=text.replace("Anna", "Анна"))


def test_what_is_no_whole_frame_must_be_completed_first(hospital):
    """The tail that was cut off may be the order's safety answers."""
    cut = hospital.came(NW[:400], fault=Fault.TOO_LONG)
    assert cut.fault == "too_long"
    with pytest.raises(TransitionRefused, match="too_long"):
        hospital.replay(cut)
    replay = hospital.replay(cut, text=NW.decode())

    assert replay.outcome is MessageOutcome.PROCESSED
    assert replay.fault == ""


def test_what_cannot_be_read_is_stored_and_can_be_edited(hospital):
    noise = hospital.came(b"hello\xff")
    again = hospital.replay(noise)
    assert again.outcome is MessageOutcome.UNREADABLE
    assert hospital.replay(noise, text=NW.decode()).outcome is MessageOutcome.PROCESSED


def test_an_older_change_is_still_older_when_replayed(hospital):
    hospital.came(NW)
    change = NW.replace(b"ORC|NW", b"ORC|XO").replace(b"EPR0001", b"EPR0002")
    older = hospital.came(change)
    newer = change.replace(b"20261102090000", b"20261110090000")
    hospital.came(newer.replace(b"EPR0002", b"EPR0003"))

    assert hospital.replay(older).outcome is MessageOutcome.IGNORED


def test_an_unknown_message_is_no_replay(hospital):
    with pytest.raises(NotKnown):
        hospital.replayer.replay("M-none", by=ME, reason="x")


def test_a_replay_that_was_not_stored_says_so(hospital, monkeypatch):
    original = hospital.came(NW)
    monkeypatch.setattr(hospital.receiver, "replay", lambda *_: False)
    with pytest.raises(StoreUnavailable):
        hospital.replay(original)


def test_a_partner_known_by_its_port_alone_is_replayed_as_that_partner(hospital):
    known = [p.model_copy(update={"senders": ()}) for p in PROFILES.values()]
    hospital.receiver._reader = FrameReader(known, clock=hospital.engine.clock)
    raw = NW.replace(b"|EPR|", b"|NOBODY|").replace(b"ORC|NW", b"ORC|QQ")
    hospital.receiver.handle(
        [
            Received(
                *(raw, "10.0.0.1:4000", 1, NOW, 2575),
                certificate_names=(),
                partner="north",
            )
        ]
    )
    (refused,) = hospital.messages
    assert (refused.partner, refused.error_code) == ("north", "103")

    text = raw.decode().replace("ORC|QQ", "ORC|NW")
    again = hospital.replay(refused, text=text)

    assert (again.partner, again.outcome) == ("north", MessageOutcome.PROCESSED)
