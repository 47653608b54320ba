"""Two orders of one message under one group number: one visit, on every store."""

from __future__ import annotations

import gzip
from pathlib import Path

from feed import MR_HEAD, PID, PROFILES, PV1, SAFE, Feed, orc
from network import CLERK

from booking_engine.application.commands import VetOrder
from booking_engine.application.plan_runner import PlanRunner, PlanSettings
from booking_engine.domain.clock import local_date
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.vocabulary import LinkedOrders
from solver import verify
from solver.instances import plan_from_json, problem_from_json

CT_HEAD = "OBR|2|||CCHAPC^CT Head"
HOME = PID.replace("M13 9WL", "BL4 7PQ")  # nearest to the site that has no CT
WORK = PlanSettings(seconds=None, work=50, workers=1)


def placed(store, linked):
    """Send MR and CT under one group number; return the feed and both orders."""
    feed = Feed(store.units, {"north": {"linked_orders": linked}})
    first = orc("NW", "P1", group="GRP1")
    second = orc("NW", "P2", group="GRP1")
    lines = (HOME, PV1, first, MR_HEAD, *SAFE, second, CT_HEAD, "OBX|1|CE|PREG||N")
    assert feed.send(*lines, kind="OMG^O19") == ("AA", "")
    return feed, feed.order("P1"), feed.order("P2")


def planned(feed):
    runner = PlanRunner(feed.engine, WORK)
    return runner.run(runner.request(CLERK))


def places(feed, *orders):
    catalogue = feed.read(lambda uow: uow.catalogue())
    live = [feed.live(order) for order in orders]
    return [
        None
        if one is None
        else (local_date(one.starts_at), catalogue.site_of(one.scanner).code)
        for one in live
    ]


def test_linked_orders_are_booked_on_one_day_at_one_site_by_a_plan(store):
    feed, mr, ct = placed(store, LinkedOrders.SAME_VISIT)
    assert mr.content.group_number == ct.content.group_number == "GRP1"
    assert mr.status is OrderStatus.WAITING, "vetted under a guideline"
    assert ct.status is OrderStatus.AWAITING_VETTING

    waits = planned(feed)
    assert (waits.orders, places(feed, mr, ct)) == (0, [None, None])

    feed.engine.handle(VetOrder(ct.id), CLERK)
    done = planned(feed)
    assert (done.orders, done.booked, done.lost) == (2, 2, 0)
    first, second = places(feed, mr, ct)
    assert first == second
    assert first[1] == "RA101"
    problem = problem_from_json(gzip.decompress(done.problem), Path("problem"))
    plan = plan_from_json(gzip.decompress(done.plan), Path("plan"))
    assert problem.rules.visits.order.tolist() == [0, 1]
    assert verify(problem, plan).accepted
    for order in (mr, ct):
        assert ("appointment_booked", "north") in feed.told(order)


def test_by_default_each_is_booked_by_itself(store):
    feed, mr, ct = placed(store, PROFILES["north"].linked_orders)
    done = planned(feed)
    assert done.booked == 1
    feed.engine.handle(VetOrder(ct.id), CLERK)
    planned(feed)
    assert [site for _, site in places(feed, mr, ct)] == ["RA102", "RA101"]
