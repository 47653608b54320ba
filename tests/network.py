"""A small network and orders for it, shared by the tests of the use cases."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from booking_engine.application.commands import ReceiveOrder
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import (
    Actor,
    ContractId,
    OrganisationCode,
    PartnerId,
    ProcedureCode,
    ScannerId,
    SiteCode,
    TimeOrderedIds,
)
from booking_engine.domain.orders import OrderContent
from booking_engine.domain.patients import NO_NEEDS, Patient
from booking_engine.domain.policy import Policy
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.resources import (
    Contract,
    Organisation,
    Place,
    Scanner,
    Sector,
    Site,
)
from booking_engine.domain.safety import Answer, Question, SafetyAnswer
from booking_engine.domain.schedule import SessionTemplate, expand
from booking_engine.domain.vocabulary import (
    Capability,
    ListType,
    Modality,
    PatientSetting,
    Priority,
    Sex,
    Trait,
    WaitingListType,
)
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)  # a Tuesday
CLERK = Actor("person:clerk")
FEED = Actor("interface:north")
NORTH = PartnerId("north")
INDIE = PartnerId("indie")
GUIDELINES = frozenset({"head-mr v1"})
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034", "9990000042")


def catalogue():
    """Two trusts' sites and one independent: MR at each, CT at the first."""
    return Catalogue.of(
        organisations=[
            Organisation(OrganisationCode("RA1"), "North Trust", Sector.NHS),
            Organisation(OrganisationCode("NX1"), "Indie", Sector.INDEPENDENT),
            Organisation(OrganisationCode("RZ9"), "Gone", Sector.NHS, date(2026, 1, 1)),
        ],
        sites=[
            Site(
                SiteCode("RA101"),
                "North A",
                OrganisationCode("RA1"),
                53.48,
                -2.24,
                NORTH,
            ),
            Site(
                SiteCode("RA102"),
                "North B",
                OrganisationCode("RA1"),
                53.55,
                -2.40,
                NORTH,
            ),
            Site(
                SiteCode("NX101"),
                "Indie A",
                OrganisationCode("NX1"),
                53.43,
                -2.25,
                INDIE,
            ),
            Site(
                SiteCode("RZ901"),
                "Gone A",
                OrganisationCode("RZ9"),
                53.40,
                -2.20,
                NORTH,
            ),
        ],
        scanners=[
            Scanner(
                ScannerId("MR1"),
                "MR 1",
                SiteCode("RA101"),
                Modality.MR,
                Capability.CONTRAST_COVER
                | Capability.HOIST
                | Capability.PAEDIATRIC
                | Capability.CARDIAC_DEVICE,
            ),
            Scanner(
                ScannerId("MR2"),
                "MR 2",
                SiteCode("RA102"),
                Modality.MR,
                Capability.CONTRAST_COVER | Capability.HOIST,
            ),
            Scanner(
                ScannerId("MRX"),
                "MR X",
                SiteCode("NX101"),
                Modality.MR,
                max_weight_kg=150,
                contract=ContractId("K1"),
            ),
            Scanner(
                ScannerId("CT1"),
                "CT 1",
                SiteCode("RA101"),
                Modality.CT,
                Capability.CONTRAST_COVER,
            ),
        ],
        contracts=[
            Contract(
                ContractId("K1"),
                OrganisationCode("NX1"),
                date(2026, 4, 1),
                date(2027, 3, 31),
                ceiling=3,
                price=120,
                excludes=Trait.UNDER_18 | Trait.NOT_AMBULANT | Trait.INPATIENT,
            )
        ],
        procedures=[
            Procedure(
                ProcedureCode("MRHEAD"),
                "MR head",
                Modality.MR,
                20,
                notice_days=1,
                questions=(Question.CARDIAC_DEVICE, Question.IMPLANT),
                guideline="head-mr v1",
            ),
            Procedure(
                ProcedureCode("MRLIVER"),
                "MR liver with contrast",
                Modality.MR,
                40,
                contrast=True,
                notice_days=2,
                questions=(Question.CARDIAC_DEVICE, Question.CONTRAST_ALLERGY),
            ),
            Procedure(
                ProcedureCode("CTHEAD"),
                "CT head",
                Modality.CT,
                10,
                ionising=True,
                questions=(Question.PREGNANCY,),
            ),
        ],
        places=[Place("M13", 53.46, -2.22), Place("BL4", 53.55, -2.43)],
        templates=[
            SessionTemplate(ScannerId("MR1"), frozenset(range(5)), time(8), time(14)),
            SessionTemplate(
                ScannerId("MR1"),
                frozenset(range(5)),
                time(14),
                time(16),
                ListType.CANCER,
                48,
            ),
            SessionTemplate(ScannerId("MR2"), frozenset({0, 2}), time(9), time(12)),
            SessionTemplate(
                ScannerId("MRX"),
                frozenset(range(5)),
                time(9),
                time(12),
                contract=ContractId("K1"),
            ),
            SessionTemplate(ScannerId("CT1"), frozenset(range(5)), time(8), time(10)),
        ],
    )


def sessions(network, days=14):
    """The network's sessions of `days` days from today."""
    first = NOW.date()
    dates = [first + timedelta(days=n) for n in range(days)]
    return [
        session
        for template in network.templates
        for session in expand(template, dates, session_id=template.scanner)
    ]


def dispatcher(network=None):
    """A dispatcher over a store in memory that holds the network."""
    clock = FixedClock(NOW)
    ids = TimeOrderedIds(clock, Random(1))
    network = network or catalogue()
    made = Dispatcher(
        InMemoryUnitOfWorkFactory(ids), clock=clock, ids=ids, policy=Policy()
    )
    with made.session(CLERK) as session:
        session.uow.replace_catalogue(network)
        session.uow.schedule.add_sessions(sessions(network))
        session.commit()
    return made


def no_risk(*questions):
    """Answers of no to these questions."""
    return tuple(SafetyAnswer(q, Answer.NO, NOW, "OBX") for q in questions)


MR_SAFE = no_risk(Question.CARDIAC_DEVICE, Question.IMPLANT)


def content(number="P1", **changes):
    """What a sender asks for: a routine outpatient MR head, requested 20 days ago."""
    asked = {
        "placer_number": number,
        "placer_authority": "RA1",
        "patient": Patient(
            NHS_NUMBERS[0],
            "X1",
            "RA1",
            "Test",
            "Ann",
            date(1980, 3, 1),
            Sex.FEMALE,
            "M13",
        ),
        "procedure": ProcedureCode("MRHEAD"),
        "procedure_as_sent": "MHD",
        "priority": Priority.ROUTINE,
        "priority_as_sent": "1",
        "setting": PatientSetting.OUTPATIENT,
        "list_type": WaitingListType.ACTIVE,
        "requested_at": NOW - timedelta(days=20),
        "site": SiteCode("RA101"),
        "safety": MR_SAFE,
        "needs": NO_NEEDS,
    }
    return OrderContent(**{**asked, **changes})


def receive(number="P1", *, holds=(), guidelines=GUIDELINES, refusal="", **changes):
    """The command that brings such an order in."""
    return ReceiveOrder(
        NORTH, content(number, **changes), NOW, holds, refusal, guidelines
    )
