"""A small network behind the real application, at a fixed time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from watching_post import Post

from api.bootstrap import build, migrate_database
from api.runtime import Runtime
from booking_engine.application.commands import ReceiveOrder
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import (
    Actor,
    OrganisationCode,
    PartnerId,
    ProcedureCode,
    ScannerId,
    SiteCode,
)
from booking_engine.domain.orders import (
    HoldCode,
    HoldReason,
    OrderContent,
    ProcedureStep,
)
from booking_engine.domain.patients import NO_NEEDS, Needs, Patient
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import Organisation, Scanner, Sector, Site
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.schedule import SessionTemplate
from booking_engine.domain.vocabulary import (
    BookingMode,
    Modality,
    PatientSetting,
    Priority,
    Sex,
    WaitingListType,
)
from booking_engine.settings import Settings

MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
RIS = PartnerId("r0a")
HEAD = ProcedureCode("MRHEAD")
CHEST = ProcedureCode("CTCHE")
SENDER = Actor("interface:r0a")


def a_catalogue() -> Catalogue:
    """Two sites of two trusts, three scanners, lists on every weekday."""
    return Catalogue.of(
        organisations=[
            Organisation(OrganisationCode("R0A"), "Manchester", Sector.NHS),
            Organisation(OrganisationCode("RM3"), "Salford", Sector.NHS),
        ],
        sites=[
            Site(
                SiteCode("R0A02"),
                "Infirmary",
                OrganisationCode("R0A"),
                53.46,
                -2.22,
                RIS,
            ),
            Site(
                SiteCode("RM301"), "Royal", OrganisationCode("RM3"), 53.48, -2.32, RIS
            ),
        ],
        scanners=[
            Scanner(ScannerId("R0A02-MR1"), "MRI 1", SiteCode("R0A02"), Modality.MR),
            Scanner(ScannerId("RM301-MR1"), "MRI 1", SiteCode("RM301"), Modality.MR),
            Scanner(ScannerId("R0A02-CT1"), "CT 1", SiteCode("R0A02"), Modality.CT),
        ],
        procedures=[
            Procedure(HEAD, "MRI head", Modality.MR, 30, questions=(Question.IMPLANT,)),
            Procedure(CHEST, "CT chest", Modality.CT, 15, ionising=True),
        ],
        templates=[
            SessionTemplate(ScannerId(name), frozenset(range(5)), time(8), time(12))
            for name in ("R0A02-MR1", "RM301-MR1", "R0A02-CT1")
        ],
    )


class World:
    """The runtime, a client, and orders on demand."""

    def __init__(self, runtime: Runtime, clock: FixedClock) -> None:
        self.runtime = runtime
        self.clock = clock
        self.http = TestClient(
            runtime.app,
            base_url="http://127.0.0.1:8080",
            headers={"X-Actor": "person:clerk"},
        )
        self._numbers = itertools.count(1)
        self._keys = itertools.count(1)

    def wait_until(self, instant: str) -> None:
        """Turn the clock to an instant that the API has shown."""
        self.clock.advance(datetime.fromisoformat(instant) - self.clock.now())

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST with a new idempotency key; keyword arguments are headers."""
        given = {"Idempotency-Key": f"key-{next(self._keys)}"}
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.http.post(path, json={} if body is None else body, headers=given)

    def receive(
        self,
        *,
        procedure: ProcedureCode | None = CHEST,
        priority: Priority | None = Priority.ROUTINE,
        implant: Answer | None = None,
        mode: BookingMode = BookingMode.AUTO,
        nhs_number: str | None = None,
        steps: tuple[ProcedureStep, ...] = (),
        needs: Needs = NO_NEEDS,
    ) -> str:
        """Let a partner place an order; return its id."""
        number = next(self._numbers)
        now = self.clock.now()
        answers = (
            ()
            if implant is None
            else (SafetyAnswer(Question.IMPLANT, implant, now, "sender"),)
        )
        content = OrderContent(
            placer_number=f"P{number}",
            placer_authority="R0A",
            patient=Patient(
                nhs_number,
                f"X{number}",
                "R0A",
                "Testperson",
                "Una",
                date(1980, 1, 1),
                Sex.FEMALE,
                "M13",
            ),
            procedure=procedure,
            procedure_as_sent="CT CHEST" if procedure else "SCAN OF X",
            priority=priority,
            priority_as_sent="R" if priority else "??",
            setting=PatientSetting.OUTPATIENT,
            list_type=WaitingListType.ACTIVE,
            requested_at=now - timedelta(days=3),
            site=SiteCode("R0A02"),
            safety=answers,
            further_steps=steps,
            needs=needs,
        )
        holds = ()
        if procedure is None:
            holds = (*holds, HoldReason(HoldCode.UNMAPPED_PROCEDURE, "SCAN OF X"))
        if priority is None:
            holds = (*holds, HoldReason(HoldCode.UNKNOWN_URGENCY, "??"))
        received = self.runtime.dispatcher.handle(
            ReceiveOrder(RIS, content, now, holds=holds, mode=mode), SENDER
        )
        return received.order_id

    def waiting(self, **how: Any) -> str:
        """Return the id of a vetted order that waits for a slot."""
        order_id = self.receive(**how)
        assert self.post(f"/v1/orders/{order_id}/vet").json()["status"] == "waiting"
        return order_id

    def search(self, order_id: str, **how: Any) -> list[dict[str, Any]]:
        """Return the options for an order."""
        answer = self.http.post("/v1/slots/search", json={"order_id": order_id, **how})
        assert answer.status_code == 200, answer.text
        return answer.json()["options"]

    def booked(self, **how: Any) -> dict[str, Any]:
        """Return a new appointment."""
        answer = self.post("/v1/appointments", {"order_id": self.waiting(**how)})
        assert answer.status_code == 201, answer.text
        return answer.json()


def slot_of(option: dict[str, Any]) -> dict[str, Any]:
    """Return what a request names of an option."""
    return {name: option[name] for name in ("session_id", "starts_at")}


@pytest.fixture(name="slot_of")
def _slot_of() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return slot_of


def make_world(**settings: Any) -> World:
    """Return a world on the given settings."""
    clock = FixedClock(MONDAY)
    given = Settings(**{"database": {"url": "memory:"}, **settings})
    migrate_database(given)
    runtime = build(given, clock=clock)
    with runtime.dispatcher.session(SENDER) as session:
        session.uow.replace_catalogue(a_catalogue())
        session.commit()
    runtime.prepare()
    return World(runtime, clock)


@pytest.fixture(name="make_world")
def _make_world() -> Callable[..., World]:
    return make_world


@pytest.fixture
def world() -> Iterator[World]:
    """A world in memory."""
    made = make_world()
    yield made
    made.runtime.stop()


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
    ]
)
def stored_world_of(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., World]]:
    """What makes a world on given settings: in memory, then in each database."""
    match request.param:
        case "memory":
            url = "memory:"
        case "sqlite":
            url = f"sqlite:///{tmp_path}/x.db"
        case _:
            url = request.getfixturevalue("postgres_url")
    made: list[World] = []

    def make(**settings: Any) -> World:
        made.append(make_world(database={"url": url}, **settings))
        return made[-1]

    yield make
    for world in made:
        world.runtime.stop()


@pytest.fixture
def stored_world(stored_world_of: Callable[..., World]) -> World:
    """A world in memory, then one in each database."""
    return stored_world_of()


@pytest.fixture
def make_post(tmp_path: Path) -> Iterator[Callable[..., Post]]:
    """Start processes that watch; each ends with the test."""
    made: list[Post] = []

    def make(url: str, start: datetime = MONDAY, **watch: Any) -> Post:
        made.append(Post(url, start, tmp_path, **watch))
        return made[-1]

    yield make
    for post in made:
        post.runtime.stop()
