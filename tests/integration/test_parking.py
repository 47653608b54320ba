"""Changes that come before their order: parked, then carried out after it, or seen.

On memory, SQLite and PostgreSQL, since what waits must be found by another transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Thread

import pytest
from feed import MR_HEAD, PID, PV1, SAFE, Feed, coded, orc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network import CLERK, NOW

from booking_engine.application.commands import ExpireParked
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import TimeOrderedIds
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.orders import HoldCode, OrderStatus
from booking_engine.domain.vocabulary import Priority
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory

AA = ("AA", "")
PARKS = {"north": {"park_minutes": 60}}
S, DONE = OrderStatus, MessageOutcome


@pytest.fixture
def feed(store):
    return Feed(store.units, PARKS)


def new(number="P1", *, sent=0, obr=(MR_HEAD,)):
    lines = [PID, PV1, orc("NW", number, sent=sent)]
    for each in obr:
        lines += [each, *SAFE]
    return lines


def urgent(number="P1", *, sent=10):
    return (orc("XO", number, sent=sent).replace("^^^^^R", "^^^^^A"), MR_HEAD)


def messages(feed):
    """Outcome and number of orders of every message, in the order of arrival."""

    def read(uow):
        ids = [f"C{n}" for n in range(1, feed.sent + 1)]
        found = [uow.messages.by_key(("EPR|RA1", each)) for each in ids]
        return [(m.outcome, len(m.order_ids)) for m in found if m is not None]

    return feed.read(read)


@pytest.mark.parametrize("control", ["CA", "DC"])
@pytest.mark.parametrize("together", [False, True])
def test_a_cancel_before_its_order_ends_with_the_order_cancelled(
    feed, control, together
):
    cancel = feed.message(orc(control, "P1", sent=5))
    order = feed.message(*new())
    batches = [(cancel, order)] if together else [(cancel,), (order,)]
    for batch in batches:
        assert feed.answers(*batch) == [AA] * len(batch)
    assert feed.order("P1").status is S.CANCELLED
    assert messages(feed) == [(DONE.PROCESSED, 1), (DONE.PROCESSED, 1)]
    assert feed.answers(cancel) == [AA], "a repeat is answered as before"


def test_what_waits_is_carried_out_in_the_order_of_sending(feed):
    for lines in (
        (orc("RL", "P1", sent=30),),
        urgent(sent=10),
        (orc("HD", "P1", sent=20),),
    ):
        assert feed.send(*lines) == AA
    assert [o for o, _ in messages(feed)] == [DONE.PARKED] * 3
    assert feed.send(*new()) == AA
    order = feed.order("P1")
    assert (order.holds, order.content.priority) == ((), Priority.URGENT)
    actions = [action for action, _ in feed.history(order)]
    assert actions.index("resubmit") < actions.index("hold") < actions.index("release")


def test_what_waits_for_another_number_waits_on(feed):
    assert feed.send(orc("CA", "P1", sent=5)) == AA
    assert feed.send(*new("P2")) == AA
    assert feed.order("P2").status is S.WAITING
    assert messages(feed)[0] == (DONE.PARKED, 0)


def test_one_exam_of_several_is_cancelled_before_any_of_them_came(feed):
    assert feed.send(orc("CA", "P1", sent=5), "OBR|1|||CCHAPC^CT CAP") == AA
    assert feed.send(*new(obr=(MR_HEAD, "OBR|2|||CCHAPC^CT CAP"))) == AA
    cancelled = {
        o.content.procedure_as_sent: o.status is S.CANCELLED for o in feed.orders()
    }
    assert cancelled == {"MHEAD": False, "CCHAPC": True}


def test_a_message_about_two_orders_waits_for_both(feed):
    both = (orc("CA", "P1", sent=5), orc("CA", "P2", sent=5))
    assert feed.send(*both) == AA
    assert feed.send(*new("P1")) == AA
    assert feed.order("P1").status is S.WAITING, "all of a message, or nothing of it"
    assert feed.send(*new("P2")) == AA
    assert {o.status for o in feed.orders()} == {S.CANCELLED}


def test_what_waits_in_vain_is_put_before_a_person(feed):
    feed.send(orc("CA", "P1", sent=5))
    feed.clock.advance(timedelta(minutes=59))
    assert feed.engine.handle(ExpireParked(), CLERK) == 0
    feed.clock.advance(timedelta(minutes=1))
    assert feed.engine.handle(ExpireParked(), CLERK) == 1
    assert feed.engine.handle(ExpireParked(), CLERK) == 0
    assert messages(feed) == [(DONE.EXPIRED, 0)]
    assert feed.send(*new()) == AA
    assert feed.order("P1").status is S.WAITING


def test_a_partner_that_can_send_again_is_asked_to(store):
    feed = Feed(store.units)
    assert feed.send(orc("CA", "P1")) == ("AE", "204")


def test_a_cancel_and_its_order_on_two_lines_at_once(sql_store):
    """Whichever transaction is first, the order ends cancelled."""
    feed = Feed(sql_store.units, PARKS)
    for number in range(8):
        cancel = feed.message(orc("CA", f"P{number}", sent=5))
        order = feed.message(*new(f"P{number}"))
        threads = [Thread(target=feed.answers, args=(raw,)) for raw in (cancel, order)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert feed.order(f"P{number}").status is S.CANCELLED


@st.composite
def arrivals(draw):
    """An order's messages in any order, cut into batches anywhere."""
    controls = draw(st.sets(st.sampled_from(["XO", "HD", "RL", "CA", "DC"])))
    order = draw(st.permutations(["NW", *sorted(controls)]))
    cuts = draw(st.sets(st.integers(1, 5)))
    batches, at = [], 0
    for cut in [*sorted(cuts), len(order)]:
        if at < cut:
            batches.append(order[at:cut])
            at = cut
    return [batch for batch in batches if batch]


TIMES = {"NW": 0, "XO": 10, "HD": 20, "RL": 30, "CA": 40, "DC": 50}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals())
def test_the_end_depends_on_when_things_were_sent_alone(batches):
    ends = []
    controls = sorted((c for batch in batches for c in batch), key=TIMES.get)
    for arranged in (batches, [controls]):
        units = InMemoryUnitOfWorkFactory(TimeOrderedIds(FixedClock(NOW), Random(3)))
        feed = Feed(units, PARKS)
        for batch in arranged:
            raws = []
            for control in batch:
                sent = TIMES[control]
                if control == "NW":
                    lines = new()
                elif control == "XO":
                    lines = urgent(sent=sent)
                else:
                    lines = (orc(control, "P1", sent=sent),)
                raws.append(feed.message(*lines))
            assert {reply for reply, _ in feed.answers(*raws)} == {"AA"}
        order = feed.order("P1")
        holds = [h.code for h in order.holds]
        gone = order.status is S.CANCELLED
        ends.append((order.status, holds, gone or order.content.priority))
    assert ends[0] == ends[1]
    assert HoldCode.CANCEL_OUT_OF_ORDER not in ends[0][1]


@pytest.mark.parametrize("controls", [("CA", "NW"), ("NW", "CA")])
def test_a_partner_known_by_its_port_alone_has_messages_wait_too(store, controls):
    feed = Feed(store.units, {"north": {"park_minutes": 60, "senders": ()}})
    lines = {"CA": [orc("CA", "P1", sent=5)], "NW": new()}
    for control in controls:
        (frame,) = feed.frames(feed.message(*lines[control], sender="NOBODY|XX"))
        (ack,) = feed.receiver.handle(
            [replace(frame, partner="north", certificate_names=())]
        )
        assert coded(ack) == AA
    assert feed.order("P1").status is S.CANCELLED
