"""Frames in, acknowledgements out: repeats, refusals, failures, nothing lost."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from hospital import Hospital
from receiving import coded
from stored_orders import CA, ME, NW, OMI, XO, stored

from booking_engine.application.commands import RejectOrder
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import HoldCode, OrderStatus
from hl7_adapters.carrying_out import OUTCOMES
from hl7_adapters.er7 import decode


@pytest.fixture
def hospital():
    return Hospital()


def test_every_result_of_a_request_has_an_outcome():
    assert set(OUTCOMES) == set(ReceivedAs)


def test_an_order_is_stored_with_its_message_and_acknowledgement(hospital):
    (ack,) = hospital.send(NW)
    (order,), (message,) = hospital.orders, hospital.messages

    assert decode(ack).get("MSA-1") == "AA"
    assert decode(ack).get("MSA-2") == "EPR0001"
    assert order.status is OrderStatus.WAITING
    assert (message.raw, message.ack) == (NW, ack)
    assert (message.sender, message.control_id) == ("EPR|RA1", "EPR0001")
    assert (message.partner, message.kind) == ("north", "ORM^O01")
    assert message.outcome is MessageOutcome.PROCESSED
    assert message.order_ids == (order.id,)
    assert message.peer == "10.0.0.1:4000"


def test_the_history_names_the_partner_that_sent_it(hospital):
    hospital.send(NW, OMI)

    actors = {
        change.actor
        for order in hospital.orders
        for change in hospital.tables.history[order.id]
    }

    assert {"interface:north", "interface:south"} <= actors


def test_a_repeat_gets_the_stored_bytes_and_nothing_is_done(hospital):
    (first,) = hospital.send(NW)
    hospital.clock.advance(timedelta(hours=1))
    again = hospital.send(NW)

    assert again == [first]
    assert len(hospital.messages) == len(hospital.orders) == 1


def test_a_repeat_within_one_batch_is_seen(hospital):
    first, second = hospital.send(NW, NW)

    assert first == second
    assert len(hospital.messages) == 1


def test_a_number_used_again_for_another_message_is_processed(hospital, caplog):
    other = NW.replace(b"PL1001", b"PL1002")
    hospital.send(NW)

    with caplog.at_level(logging.WARNING):
        assert hospital.answer(other) == ("AA", "")
    assert len(hospital.orders) == 2
    assert "used before" in caplog.text


def test_a_strict_partner_has_a_number_used_again_refused(hospital):
    hospital.send(OMI)

    assert hospital.answer(OMI.replace(b"PL3001", b"PL3002")) == ("AE", "205")
    assert len(hospital.orders) == 1


def test_the_same_order_under_another_number_changes_nothing(hospital):
    hospital.send(NW)

    assert hospital.answer(NW.replace(b"EPR0001", b"EPR0009")) == ("AA", "")
    assert len(hospital.orders) == 1
    assert hospital.messages[1].outcome is MessageOutcome.DUPLICATE


def test_another_order_under_the_same_placer_number_is_refused(hospital):
    hospital.send(NW)
    other = NW.replace(b"EPR0001", b"EPR0009").replace(b"MHEAD^MRI", b"CCHAPC^CT")

    assert hospital.answer(other) == ("AE", "205")
    assert len(hospital.orders) == 1
    assert hospital.messages[1].outcome is MessageOutcome.REFUSED


def test_new_change_and_cancel_in_one_batch(hospital):
    acks = hospital.send(NW, XO, CA.replace(b"20261124082900", b"20261124084500"))

    assert [coded(ack) for ack in acks] == [("AA", "")] * 3
    assert [order.status for order in hospital.orders] == [OrderStatus.CANCELLED]


def test_a_cancel_older_than_the_last_change_is_put_to_a_person(hospital):
    hospital.send(NW, XO)

    assert hospital.answer(CA) == ("AA", "")
    assert hospital.messages[2].outcome is MessageOutcome.HELD
    [order] = hospital.orders
    assert order.status is OrderStatus.HELD
    assert HoldCode.CANCEL_OUT_OF_ORDER in [hold.code for hold in order.holds]


def test_a_cancellation_of_an_unknown_order_can_be_sent_again(hospital):
    """Refused first (204); once the order is there, the same bytes succeed."""
    assert hospital.answer(CA) == ("AE", "204")
    assert hospital.answer(CA) == ("AE", "204")
    assert len(hospital.messages) == 1
    hospital.send(NW)

    assert hospital.answer(CA) == ("AA", "")
    assert hospital.orders[0].status is OrderStatus.CANCELLED
    assert hospital.answer(CA) == ("AA", "")
    assert len(hospital.messages) == 3


def test_a_partner_may_have_unknown_cancellations_accepted(hospital):
    text = CA.replace(b"|EPR|RA1|", b"|RIS|RB2|")

    assert hospital.answer(text)[0] == "AA"
    assert hospital.messages[0].error_code == "204"


def test_a_change_of_an_unknown_order_is_refused(hospital):
    assert hospital.answer(XO) == ("AE", "204")


def test_one_refused_order_undoes_the_whole_message(hospital):
    two = stored("omg_nw_24")
    second = NW.replace(b"PL1001", b"PL2002")
    hospital.send(second)

    assert hospital.answer(two) == ("AE", "205")
    assert [order.content.placer_number for order in hospital.orders] == ["PL2002"]


def test_a_refused_message_leaves_the_rest_of_its_batch_alone(hospital):
    acks = hospital.send(CA, NW, b"garbage", stored("omg_nw_24"))

    assert [coded(ack)[0] for ack in acks] == ["AE", "AA", "AR", "AA"]
    assert len(hospital.orders) == 3
    assert len(hospital.messages) == 4


def test_what_a_rule_refuses_is_accepted_and_shown(hospital):
    hospital.send(NW)
    (order,) = hospital.orders
    with hospital.engine.session(ME) as session:
        session.handle(RejectOrder(order.id, "not justified"))
        session.commit()

    assert hospital.answer(CA.replace(b"082900", b"085900"))[0] == "AA"
    message = hospital.messages[-1]
    assert (message.outcome, message.error_code) == (MessageOutcome.REFUSED, "207")


def test_one_refused_command_does_not_take_the_other_orders_with_it(hospital):
    """A cancel of a closed order beside a new one: AA, so the new one must be kept."""
    hospital.send(NW)
    order = hospital.orders[0]
    with hospital.engine.session(Actor("person:test")) as session:
        session.uow.orders.save(replace(order, status=OrderStatus.PERFORMED))
        session.commit()
    new = NW.replace(b"PL1001", b"PL7777").split(b"\r")
    first = next(at for at, line in enumerate(new) if line.startswith(b"ORC"))
    cancel = [line for line in CA.split(b"\r") if line.startswith(b"ORC")]
    both = b"\r".join(new[:first] + cancel + new[first:]).replace(b"EPR0001", b"BOTH1")
    code, _ = hospital.answer(both)

    assert code == "AA"
    assert {o.content.placer_number for o in hospital.orders} == {"PL1001", "PL7777"}
