"""Events of one booking, and partners to tell them to, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from network import NORTH, NOW, catalogue, content

from booking_engine.domain.decisions import Choice, Decision, DecisionKind, Terms
from booking_engine.domain.events import Event
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    DecisionId,
    DeliveryId,
    OrderId,
    PartnerId,
    PlanRunId,
    ProcedureCode,
    ScannerId,
    SessionId,
    SiteCode,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.waiting import WaitingClock
from hl7_adapters.destination import Sending
from hl7_adapters.event_codes import OF_THE_DAY, SCHEDULING
from hl7_adapters.event_values import Telling
from hl7_adapters.profile_files import load_profiles

PROFILES = load_profiles(Path(__file__).parent / "data" / "profiles")
STARTS = datetime(2026, 12, 1, 9, tzinfo=UTC)
NETWORK = catalogue()
MR1 = ScannerId("MR1")
CHOICE = Choice(MR1, SessionId("S1"), STARTS, 20, 3, Terms(1, 0, 0, 0, 0))
DECISION = Decision(
    id=DecisionId("D00000000000001"),
    order_id=OrderId("O00000000000001"),
    appointment_id=AppointmentId("A00000000000001"),
    kind=DecisionKind.PLANNED,
    made_at=NOW,
    actor=Actor("job:plan"),
    policy_version="2026-11.1",
    rules_version="7",
    inputs_digest="",
    inputs={},
    chosen=CHOICE,
    options=3,
    excluded=(),
    runner_up=None,
    plan_run_id=PlanRunId("R00000000000001"),
    sentence="",
)


def order(**changes):
    asked = {"group_number": "GRP7", "accession": "ACC1", **changes}
    return ImagingOrder(
        id=OrderId("O00000000000001"),
        partner=NORTH,
        content=content("PL1001", **asked),
        status=OrderStatus.BOOKED,
        status_since=NOW,
        clock=WaitingClock.requested(NOW),
        received_at=NOW,
        sent_at=NOW,
    )


def telling(kind, *, reason="", placed=None, **changes):
    event = Event(
        kind,
        OrderId("O00000000000001"),
        NOW,
        (NORTH,),
        reason=reason,
        **(
            {
                "appointment_id": AppointmentId("A00000000000001"),
                "scanner": MR1,
                "starts_at": STARTS,
                "ends_at": STARTS + timedelta(minutes=20),
                "decision_id": DECISION.id,
            }
            if kind in SCHEDULING
            else {}
        ),
    )
    whole = {
        "scanner": NETWORK.scanners[MR1],
        "site": NETWORK.sites[SiteCode("RA101")],
        "procedure": NETWORK.procedures[ProcedureCode("MRHEAD")],
        "decision": DECISION,
        **changes,
    }
    if kind not in SCHEDULING:
        whole |= {"scanner": None, "site": None, "decision": None}
    return Telling(DeliveryId("X00000000000001"), event, placed or order(), **whole)


def partner(version, sending, name="north", **changes):
    profile = PROFILES[PartnerId(name)]
    other = Sending.NONE if sending is Sending.SIU else sending
    outgoing = profile.outgoing.model_copy(
        update={
            "version": version,
            "appointments": sending,
            "orders": other,
            "events": dict.fromkeys(OF_THE_DAY, sending),
            **changes,
        }
    )
    return profile.model_copy(update={"outgoing": outgoing})
