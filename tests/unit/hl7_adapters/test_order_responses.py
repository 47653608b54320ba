"""Answers to orders: what was asked, what became of it, in the family that asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from network import NOW, dispatcher
from stored_orders import CA, NW, OMI, PROFILES, XO, stored
from strictly import check

from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.errors import TransitionRefused
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.orders import OrderStatus
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode
from hl7_adapters.mllp import received as wire
from hl7_adapters.order_groups import group_orders
from hl7_adapters.order_responses import DONE, respond_to_orders
from hl7_adapters.receiver import Receiver
from hl7_adapters.responding import Result

OMG, THREE = stored("omg_nw_24"), stored("orm_three_obr_24")
LAB = stored("orm_lab_24")


def wanting(name):
    options = AckOptions(order_answers=True)
    return PROFILES[PartnerId(name)].model_copy(update={"ack": options})


class Hospital:
    """A receiver for partners that want their orders answered."""

    def __init__(self):
        self.engine = dispatcher()
        self.receiver = Receiver(
            self.engine,
            [wanting(name) for name in PROFILES],
            ids=self.engine.ids,
            clock=self.engine.clock,
        )

    def answer(self, raw):
        frame = wire.Received(raw, "10.0.0.1:4000", 1, NOW, 2575)
        (ack,) = self.receiver.handle([frame])
        check(ack)
        return decode(ack)

    @property
    def orders(self):
        return list(self.engine.open_work.published.orders.values())


@pytest.fixture
def hospital():
    return Hospital()


def codes(answer):
    return [orc.value(1) for orc in answer.all("ORC")]


def test_an_order_that_is_taken_is_answered_with_our_number(hospital):
    answer = hospital.answer(NW)
    (order,) = hospital.orders

    assert answer.type == ("ORR", "O02")
    assert (answer.get("MSA-1"), answer.get("MSA-2")) == ("AA", "EPR0001")
    assert codes(answer) == ["OK"]
    assert (answer.get("ORC-2"), answer.get("ORC-2.2")) == ("PL1001", "RA1")
    assert (answer.get("ORC-3"), answer.get("ORC-3.2")) == (order.id, "BOOKING")
    assert answer.get("OBR-2") == "PL1001"
    assert (answer.get("OBR-4"), answer.get("OBR-4.3")) == ("MHEAD", "NICIP")
    assert answer.get("ORC-16") == ""
    assert answer.first("PID") is None


@pytest.mark.parametrize(
    ("raw", "kind", "message"),
    [(NW, "ORM", "ORR"), (OMG, "OMG", "ORG"), (OMI, "OMI", "ORI")],
)
def test_each_family_of_orders_has_its_own_answer(hospital, raw, kind, message):
    answer = hospital.answer(raw)

    assert decode(raw).type[0] == kind
    assert answer.type[0] == message
    assert codes(answer) == ["OK"] * len(decode(raw).all("ORC"))


def test_an_answer_to_procedure_steps_names_the_step(hospital):
    answer = hospital.answer(OMI)

    assert answer.get("IPC-1") == "RB000123"
    assert answer.get("IPC-3") == "1.2.826.0.1.3680043.9.7777.1"
    assert answer.get("ORC-3") == "FL3001"


def test_an_answer_to_several_steps_names_each_with_its_protocol(hospital):
    second = b"IPC|RB000124|RP1|1.2.826.0.1.3680043.9.7777.1|SPS2|CT|CT01^CT Head^L\n"
    raw = OMI.replace(b"|RIS0001|", b"|RIS0002|").replace(b"PL3001", b"PL3002")
    answer = hospital.answer(
        raw.replace(b"|SPS1|CT", b"|SPS1|CT|CT01^CT Head^L") + second
    )

    assert [line.value(4) for line in answer.all("IPC")] == ["SPS1", "SPS2"]
    assert [line.value(6) for line in answer.all("IPC")] == ["CT01", "CT01"]


def test_an_order_that_is_held_is_taken_and_says_why(hospital):
    answer = hospital.answer(NW.replace(b"MHEAD^MRI Head", b"WHAT^Something"))

    assert codes(answer) == ["OK"]
    assert (answer.get("ORC-5"), answer.get("ORC-16")) == ("HD", "held")
    assert "unmapped_procedure" in answer.get("NTE-3")


def test_an_order_for_another_department_is_not_taken(hospital):
    answer = hospital.answer(LAB)

    assert (answer.get("MSA-1"), codes(answer)) == ("AA", ["UA"])
    assert answer.get("ORC-16") == "not_imaging"


def test_several_orders_are_answered_one_by_one(hospital):
    answer = hospital.answer(THREE)
    exams = [obr.value(4) for obr in answer.all("OBR")]

    assert exams == [obr.value(4) for obr in decode(THREE).all("OBR")]
    assert len({orc.value(3) for orc in answer.all("ORC")}) == len(exams) == 3


def test_a_change_and_a_cancellation_are_answered(hospital):
    hospital.answer(NW)

    assert codes(hospital.answer(XO)) == ["XR"]
    assert codes(hospital.answer(CA.replace(b"20261124082900", b"20261124085000"))) == [
        "CR"
    ]


def test_what_is_refused_for_good_is_answered_without_an_error(hospital):
    hospital.answer(NW)
    (order,) = hospital.orders
    performed = replace(order, status=OrderStatus.PERFORMED)
    hospital.engine.open_work.published.orders[order.id] = performed

    answer = hospital.answer(CA.replace(b"20261124082900", b"20261124085000"))

    assert (answer.get("MSA-1"), codes(answer)) == ("AA", ["UC"])
    assert answer.get("ORC-16") == "order.transition"
    assert answer.get("NTE-3")


def test_a_message_in_error_is_answered_in_its_family(hospital):
    answer = hospital.answer(CA)

    assert answer.type == ("ORR", "O02")
    assert (answer.get("MSA-1"), codes(answer)) == ("AE", [])


def test_who_wants_no_answer_gets_an_acknowledgement():
    profile = PROFILES[PartnerId("north")]

    assert respond_to_orders(decode(NW), profile, [], None) is None


ASKED = [
    (control, kind, done if kind in kinds else refused)
    for control, (done, refused, kinds) in DONE.items()
    for kind in ReceivedAs
    if kind is not ReceivedAs.PARKED
]


@pytest.mark.parametrize(("control", "kind", "code"), ASKED)
def test_every_result_of_every_request_has_its_answer(control, kind, code):
    request = decode(CA.replace(b"ORC|CA", f"ORC|{control}".encode()))
    (group,) = group_orders(request)
    result = Result(object(), Received(None, kind), asked=group)

    response = respond_to_orders(request, wanting("north"), [result], None)

    assert response.segments[0][:2] == ("ORC", code)


@pytest.mark.parametrize("control", sorted(DONE))
def test_every_request_that_a_rule_refuses_has_its_answer(control):
    request = decode(CA.replace(b"ORC|CA", f"ORC|{control}".encode()))
    (group,) = group_orders(request)
    refusal = TransitionRefused("it has been performed")
    result = Result(object(), refusal=refusal, asked=group)

    response = respond_to_orders(request, wanting("north"), [result], None)

    assert response.segments[0][:2] == ("ORC", DONE[control][1])
    assert ("NTE", "1", "L", "it has been performed") in response.segments


@pytest.mark.parametrize("control", ["SC", "OC", "OK", "UA", "RE"])
def test_what_only_tells_is_only_acknowledged(control):
    request = decode(CA.replace(b"ORC|CA", f"ORC|{control}".encode()))
    (group,) = group_orders(request)
    told = Received(None, ReceivedAs.STATUS_RECORDED)

    response = respond_to_orders(
        request, wanting("north"), [Result(object(), told, asked=group)], None
    )

    assert response.segments == ()


VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
SENT = [
    *((raw, version) for raw in (NW, LAB, CA) for version in VERSIONS),
    *((OMG, version) for version in VERSIONS[2:]),  # OMG came with 2.4
    *((OMI, version) for version in VERSIONS[3:]),  # OMI came with 2.5
]


@pytest.mark.parametrize(("raw", "version"), SENT)
def test_hl7apy_finds_no_fault_in_an_answer_to_an_order(hospital, raw, version):
    sent = decode(raw).version

    hospital.answer(raw.replace(f"|P|{sent}".encode(), f"|P|{version}".encode()))


def controlled(control, number, *, minute, placer="PL1001", detail=True):
    """The stored order with another control, number and time."""
    raw = (
        NW
        if detail
        else b"\r".join(
            line for line in NW.split(b"\r") if line[:3] not in {b"OBR", b"OBX"}
        )
    )
    raw = raw.replace(b"ORC|NW|PL1001", f"ORC|{control}|{placer}".encode())
    raw = raw.replace(b"OBR|1|PL1001", f"OBR|1|{placer}".encode())
    raw = raw.replace(b"20261102090000", f"202611240{minute:03}00".encode())
    return raw.replace(b"EPR0001", number.encode())


def test_holds_releases_and_questions_are_answered(hospital):
    hospital.answer(NW)

    held = hospital.answer(controlled("HD", "C1", minute=801, detail=False))
    asked = hospital.answer(controlled("SS", "C2", minute=802, detail=False))
    released = hospital.answer(controlled("RL", "C3", minute=803, detail=False))
    unknown = hospital.answer(controlled("SS", "C4", minute=804, placer="PL77"))

    assert (codes(held), held.get("ORC-5")) == (["HR"], "HD")
    assert (codes(asked), asked.get("ORC-5")) == (["SR"], "HD")
    assert codes(released) == ["OR"]
    assert (unknown.get("MSA-1"), codes(unknown)) == ("AE", [])


def test_a_replacement_is_answered_with_the_orders_in_its_place(hospital):
    hospital.answer(NW)
    old, new = (
        controlled("RP", "C1", minute=805, detail=False),
        controlled("RO", "C1", minute=805, placer="PL1002"),
    )
    replacing = new[new.index(b"ORC|") :]

    answer = hospital.answer(old + replacing)

    first, second = answer.all("ORC")
    by_number = {o.content.placer_number: o for o in hospital.orders}
    assert codes(answer) == ["RQ", "RO"]
    assert (first.value(2), first.value(5)) == ("PL1001", "RP")
    assert second.value(2) == "PL1002"
    assert first.value(3) == by_number["PL1001"].id
    assert second.value(3) == by_number["PL1002"].id
