"""Two people file old messages at the same time."""

import threading
from random import Random

import pytest

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import Actor, TimeOrderedIds
from booking_engine.domain.messages import KeyKind, SearchKey
from booking_engine.domain.policy import Policy
from hl7_adapters.refiling import file_again

JOB = Actor("job:test")
MESSAGES = 300


def raw(number):
    return (
        f"MSH|^~\\&|RIS|R0A|||202611020900||ORM^O01|{number}|P|2.4\r"
        f"PID|1||X{number}^^^RA1^PI\rORC|NW|P{number}\rOBR|1|P{number}|||\r"
    ).encode()


@pytest.mark.parametrize("together", [7, 100])
def test_two_runs_at_once_file_each_message_once(sql_store, make, together):
    store = sql_store
    clock = FixedClock(make.message().received_at.replace(year=2027))
    messages = [
        make.message(raw=raw(number), control_id=str(number))
        for number in range(MESSAGES)
    ]
    with store.units() as uow:
        for message in messages:
            uow.messages.add(message)
        uow.commit()
    start, filed, failed = threading.Barrier(2), [], []

    def run(units, seed):
        ids = TimeOrderedIds(clock, Random(seed))
        engine = Dispatcher(units, clock=clock, ids=ids, policy=Policy())
        start.wait()
        try:
            filed.append(file_again(engine, {}, actor=JOB, together=together))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            failed.append(error)

    runs = [
        threading.Thread(target=run, args=(units, seed))
        for seed, units in enumerate((store.units, store.another_process()))
    ]
    for each in runs:
        each.start()
    for each in runs:
        each.join()

    assert failed == []
    assert sum(filed) == MESSAGES
    with store.units.reading() as uow:
        for number, message in enumerate(messages):
            keys = uow.messages.get(message.id).keys
            assert SearchKey(KeyKind.PLACER, f"P{number}") in keys
