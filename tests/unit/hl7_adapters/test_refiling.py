"""Messages stored before there were search keys, filed by what they name."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from network import NOW

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import Actor, TimeOrderedIds
from booking_engine.domain.messages import KeyKind, SearchKey
from booking_engine.domain.policy import Policy
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory
from hl7_adapters.profile import Profile
from hl7_adapters.refiling import file_again

JOB = Actor("job:test")
RIS = Profile.model_validate(
    {
        "id": "ris-north",
        "name": "North",
        "senders": [{"application": "RIS"}],
        "dialect": {"accession": ["OBR-21"]},
        "charset": "ISO-8859-1",
    }
)
ORDER = (
    b"MSH|^~\\&|RIS|R0A|||202611020900||ORM^O01|1|P|2.4\rPID|1||X1^^^RA1^PI\r"
    b"ORC|XO|P1\rOBR|1|||" + b"|" * 17 + b"\xc4CC1\r"
)


@pytest.fixture
def engine():
    clock = FixedClock(NOW)
    ids = TimeOrderedIds(clock, Random(3))
    units = InMemoryUnitOfWorkFactory(ids)
    return Dispatcher(units, clock=clock, ids=ids, policy=Policy())


def keep(engine, *messages):
    with engine.session(JOB) as session:
        for message in messages:
            session.uow.messages.add(replace(message, received_at=NOW.replace(hour=1)))
        session.commit()


def stored(engine, message):
    with engine.reading(JOB) as session:
        return session.uow.messages.get(message.id)


@pytest.mark.parametrize("together", [1, 2, 500])
def test_each_message_without_keys_is_filed_by_its_partners_profile(
    engine, make, together
):
    bare = [make.message(raw=ORDER) for _ in range(3)]
    kept = make.message(raw=ORDER, keys=(SearchKey(KeyKind.PLACER, "kept"),))
    names_nothing = make.message(raw=b"MSH|^~\\&|RIS|||||ACK|1|P|2.4\r")
    unreadable = make.message(raw=b"\xff\x00", partner=None)
    keep(engine, *bare, kept, names_nothing, unreadable)

    assert file_again(engine, {RIS.id: RIS}, actor=JOB, together=together) == 3
    assert file_again(engine, {RIS.id: RIS}, actor=JOB, together=together) == 0

    for message in bare:
        found = stored(engine, message)
        assert set(found.keys) == {
            SearchKey(KeyKind.HOSPITAL_NUMBER, "X1"),
            SearchKey(KeyKind.PLACER, "P1"),
            SearchKey(KeyKind.ACCESSION, "ÄCC1"),
        }
        assert found.order_control == "XO"
        assert found.sent_at == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert stored(engine, kept).keys == kept.keys
    assert stored(engine, unreadable).keys == ()


def test_a_partner_that_is_gone_is_read_as_the_standard_has_it(engine, make):
    message = make.message(raw=ORDER, partner="gone")
    keep(engine, message)

    assert file_again(engine, {}, actor=JOB) == 1

    assert SearchKey(KeyKind.PLACER, "P1") in stored(engine, message).keys
