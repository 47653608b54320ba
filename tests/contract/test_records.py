"""Decisions, planning runs and the catalogue."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.decisions import Choice, Decision, DecisionKind, Terms
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.fair_waits import Grouping
from booking_engine.domain.group_waits import GroupWait, WaitsByGroup
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import (
    Contract,
    Organisation,
    Place,
    Scanner,
    Sector,
    Site,
)
from booking_engine.domain.safety import Question
from booking_engine.domain.schedule import SessionTemplate
from booking_engine.domain.vocabulary import Capability, ListType, Modality, Trait

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def decision(order, number, **given):
    values = {
        "id": f"D{number}",
        "order_id": order.id,
        "appointment_id": "A1",
        "kind": DecisionKind.PLANNED,
        "made_at": NOON + timedelta(seconds=number),
        "actor": "job:plan",
        "policy_version": "p1",
        "rules_version": "r1",
        "inputs_digest": "ab" * 32,
        "inputs": {"orders": [1, 2.5, None, "é"], "deep": {"a": True}},
        "chosen": Choice("MR1", "S1", NOON, 30, 12, Terms(1, 2, 3, 4, 5), 6),
        "options": 7,
        "excluded": (("modality", 3), ("travel", 1)),
        "runner_up": Choice("MR2", "S2", NOON, 30, 1, Terms(1, 0, 0, 0, 0)),
        "plan_run_id": "R1",
        "sentence": "Because it is near.",
    }
    return Decision(**values | given)


def test_decisions_come_back_by_name_and_by_run(store, make):
    order = make.order()
    second, first = decision(order, 2), decision(order, 1)
    alone = decision(order, 3, runner_up=None, plan_run_id=None, excluded=())
    with store.units() as uow:
        uow.orders.add(order)
        for one in (second, first, alone):
            uow.decisions.add(one)
        assert uow.decisions.get("D2") == second
        uow.commit()

    with store.units.reading() as uow:
        assert uow.decisions.of_run("R1") == [first, second]
        assert uow.decisions.get("D3") == alone
        with pytest.raises(NotKnown):
            uow.decisions.get("D-none")


def test_decisions_come_back_many_at_once(store, make):
    order = make.order()
    one, two, three = (decision(order, number) for number in (1, 2, 3))
    with store.units() as uow:
        uow.orders.add(order)
        for each in (one, two):
            uow.decisions.add(each)
        uow.commit()
    with store.units() as uow:
        uow.decisions.add(three)
        wanted = [three.id, "D-none", one.id, one.id]
        assert uow.decisions.get_many(wanted) == {three.id: three, one.id: one}
        assert list(uow.decisions.get_many(iter(wanted))) == [three.id, one.id]
        assert uow.decisions.get_many([]) == {}


def test_a_decision_about_no_order_is_refused(store, make):
    with store.units() as uow:
        uow.decisions.add(decision(make.order(), 1))
        with pytest.raises(NotKnown):
            uow.flush()


def run(number, **given):
    values = {
        "id": f"R{number}",
        "status": PlanRunStatus.SOLVED,
        "requested_at": NOON + timedelta(minutes=number),
        "requested_by": "person:a",
        "policy_version": "p1",
        "seed": 2**40,
        "orders": 1,
        "openings": 2,
        "placed": 3,
        "booked": 4,
        "lost": 5,
        "cost": 2**40 + 1,
        "bound": 2**40,
        "room_kept": 6,
        "to_come_cost": 2**40 - 1,
        "waits_by_group": WaitsByGroup(
            Grouping.AGE,
            (GroupWait("under_18", 5, 1.2, 0.0), GroupWait("from_80", 9, 21.5, 7.3)),
            4,
        ),
        "seconds": 1.25,
        "finished_at": NOON,
        "problem": b"\x1f\x8bproblem",
        "plan": b"\x1f\x8bplan",
        "error": "none",
    }
    return PlanRun(**values | given)


def test_planning_runs_come_back_with_their_files(store):
    full, queued = run(1), PlanRun("R2", PlanRunStatus.QUEUED, NOON, "job:x", "p1", 1)
    assert all(getattr(full, f.name) != f.default for f in fields(PlanRun))
    with store.units() as uow:
        uow.plan_runs.add(full)
        uow.plan_runs.add(queued)
        assert uow.plan_runs.get("R1") == full
        uow.commit()

    with store.units.reading() as uow:
        assert uow.plan_runs.get("R1") == full
        assert uow.plan_runs.get("R2") == queued
        with pytest.raises(NotKnown):
            uow.plan_runs.get("R-none")


def test_latest_runs_come_without_files_and_saving_them_keeps_the_files(store):
    with store.units() as uow:
        for number in (1, 3, 2):
            uow.plan_runs.add(run(number))
        uow.commit()

    with store.units() as uow:
        newest, second = uow.plan_runs.latest(2)
        assert (newest.id, second.id) == ("R3", "R2")
        assert (newest.problem, newest.plan) == (None, None)
        assert newest.waits_by_group == run(3).waits_by_group
        uow.plan_runs.save(replace(newest, status=PlanRunStatus.APPLIED))
        uow.plan_runs.save(replace(newest, status=PlanRunStatus.APPLIED, booked=9))
        uow.commit()

    with store.units.reading() as uow:
        assert uow.plan_runs.get("R3") == run(3, status=PlanRunStatus.APPLIED, booked=9)


def test_saving_a_run_that_is_not_stored_is_refused(store):
    with store.units() as uow:
        uow.plan_runs.save(run(1))
        with pytest.raises(NotKnown, match="R1"):
            uow.flush()


CATALOGUE = Catalogue.of(
    organisations=[
        Organisation("R0B", "Second", Sector.INDEPENDENT, date(2026, 12, 1)),
        Organisation("R0A", "First", Sector.NHS),
    ],
    sites=[Site("R0A02", "Main", "R0A", 53.4, -2.2, "pas-north")],
    scanners=[
        Scanner(
            "MR1",
            "MR one",
            "R0A02",
            Modality.MR,
            Capability.HOIST | Capability.FIELD_3T,
            150,
            "C1",
        ),
        Scanner("CT1", "CT one", "R0A02", Modality.CT),
    ],
    contracts=[
        Contract(
            "C1",
            "R0B",
            date(2026, 4, 1),
            date(2027, 3, 31),
            ceiling=500,
            floor=100,
            price=120,
            excludes=Trait.UNDER_18 | Trait.INPATIENT,
        )
    ],
    procedures=[
        Procedure(
            "MRHEAD",
            "MRI head",
            Modality.MR,
            30,
            Capability.CONTRAST_COVER,
            contrast=True,
            ionising=True,
            notice_days=2,
            preparation="none",
            questions=(Question.IMPLANT, Question.CARDIAC_DEVICE),
            guideline="iRefer 8",
        ),
        Procedure("USABDO", "Ultrasound abdomen", Modality.US, 20),
    ],
    places=[Place("M13", 53.46, -2.21)],
    templates=[
        SessionTemplate("MR1", frozenset({0, 4}), time(8), time(18, 30)),
        SessionTemplate(
            "CT1", frozenset({5}), time(9), time(12), ListType.CANCER, 48, "C1"
        ),
    ],
)


def test_the_catalogue_comes_back_whole_and_in_order(store):
    with store.units() as uow:
        uow.replace_catalogue(CATALOGUE)
        assert uow.catalogue() is CATALOGUE
        uow.commit()

    with store.units.reading() as uow:
        assert uow.catalogue() == CATALOGUE
        assert list(uow.catalogue().organisations) == ["R0B", "R0A"]
        assert list(uow.catalogue().scanners) == ["MR1", "CT1"]


def test_the_catalogue_is_one_object_until_it_is_replaced(store):
    with store.units.reading() as uow:
        empty = uow.catalogue()
        assert empty == Catalogue()
    with store.units() as uow:
        uow.replace_catalogue(CATALOGUE)
        uow.commit()
    with store.units.reading() as uow:
        first = uow.catalogue()
        assert uow.catalogue() is first
    with store.units() as uow:
        assert uow.catalogue() is first


def test_another_process_notices_a_replacement(store):
    other = store.another_process()
    for catalogue in (CATALOGUE, Catalogue.of(places=[Place("M1", 1.0, 2.0)])):
        with other.reading() as uow:
            assert uow.catalogue() != catalogue
        with store.units() as uow:
            uow.replace_catalogue(catalogue)
            uow.commit()
        with other.reading() as uow:
            assert uow.catalogue() == catalogue


def test_a_replacement_that_is_not_committed_is_seen_by_nobody(store):
    with store.units() as uow:
        uow.replace_catalogue(CATALOGUE)
        uow.flush()

    with store.units() as uow:
        assert uow.catalogue() == Catalogue()
