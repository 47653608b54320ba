"""Which code, when, on which way: original and enhanced mode, and every condition."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from network import NOW, dispatcher
from strictly import check

from booking_engine.application.commands import ReceiveOrder
from booking_engine.application.dispatch import HANDLERS
from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.identifiers import Actor, PartnerId
from booking_engine.domain.messages import DeliveryStatus
from hl7_adapters.ack import ACCEPTED, INTERNAL_ERROR, Answer, build_ack
from hl7_adapters.acknowledging import plan_ack
from hl7_adapters.conditions import Condition, Reply
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile_files import load_profiles
from hl7_adapters.receiver import Receiver

DATA = Path(__file__).parents[2] / "data"
NORTH = load_profiles(DATA / "profiles")[PartnerId("north")]
ME = Actor("person:tester")
ORIGINAL, ENHANCED = "original", "enhanced"


def stored(name):
    raw = (DATA / "hl7" / "orders" / f"{name}.er7").read_bytes()
    return raw.replace(b"\n", b"\r")


NW, XO, CA = stored("orm_nw_24"), stored("orm_xo_24"), stored("orm_ca_24")


def asking(raw, accept, apply):
    """Return the message with MSH-15 and MSH-16."""
    header, rest = raw.split(b"\r", 1)
    fields = header.split(b"|")
    fields += [b""] * (16 - len(fields))
    fields[14], fields[15] = accept.encode(), apply.encode()
    return b"|".join(fields) + b"\r" + rest


class Hospital:
    """A receiver for one partner with these acknowledgement options."""

    def __init__(self, mode, *, outgoing=True, policies=None, **options):
        changes = {
            "ack": AckOptions.model_validate({"mode": mode, **options}),
            "policies": {
                Condition(condition): Reply(reply)
                for condition, reply in (policies or {}).items()
            },
        }
        if not outgoing:
            changes["outgoing"] = None
        self.profile = NORTH.model_copy(update=changes)
        self.engine = dispatcher()
        self.receiver = Receiver(
            self.engine,
            [self.profile],
            ids=self.engine.ids,
            clock=self.engine.clock,
        )

    def send(self, raw):
        """Return the answer on the connection, decoded; ``None`` if it is empty."""
        frame = Received(raw, "10.0.0.1:4000", 1, NOW, 2575)
        (ack,) = self.receiver.handle([frame])
        return decode(ack) if ack else None

    def code(self, raw):
        """Return MSA-1 and the error code of the answer on the connection."""
        return coded(self.send(raw))

    @property
    def later(self):
        """The deliveries that answer messages, in order."""
        found = self.engine.open_work.published.deliveries.values()
        return [delivery for delivery in found if delivery.answers]

    @property
    def told(self):
        """MSA-1 and the error code of each application answer sent later."""
        return [coded(decode(delivery.payload)) for delivery in self.later]

    @property
    def messages(self):
        return list(self.engine.open_work.published.messages.values())


def coded(message):
    if message is None:
        return None
    return message.get("MSA-1"), message.get("ERR-3.1") or message.get("ERR-1.4")


@dataclass(frozen=True)
class Row:
    """One condition of a message, and its answers."""

    name: str
    raw: bytes
    original: tuple[str, str]
    told_later: tuple[str, str]
    """Commit acknowledgement where an application answer follows if it may."""
    not_told: tuple[str, str]
    """Commit acknowledgement where none is wanted (MSH-16 NE)."""
    application: tuple[str, str] | None = None
    before: tuple[bytes, ...] = ()
    policies: tuple[tuple[str, str], ...] = ()


def row(name, raw, original, later, not_told, application=None, **more):
    return Row(name, raw, original, later, not_told, application, **more)


OK = ("AA", "")
SAFE = ("CA", "")
OTHER = NW.replace(b"EPR0001", b"EPR0002").replace(b"MHEAD", b"CCHAPC")
ROWS = [
    row("accepted", NW, OK, SAFE, SAFE, OK),
    row(
        "type not taken",
        NW.replace(b"ORM^O01", b"MFN^M02"),
        ("AR", "200"),
        ("CR", "200"),
        ("CR", "200"),
    ),
    row(
        "event not taken",
        NW.replace(b"ORM^O01", b"ORM^O99"),
        ("AR", "201"),
        ("CR", "201"),
        ("CR", "201"),
    ),
    row(
        "processing id",
        NW.replace(b"|P|2.4", b"|T|2.4"),
        ("AR", "202"),
        ("CR", "202"),
        ("CR", "202"),
    ),
    row(
        "version",
        NW.replace(b"|P|2.4", b"|P|3.7"),
        ("AR", "203"),
        ("CR", "203"),
        ("CR", "203"),
        policies=(("unsupported_version", "AR"),),
    ),
    row(
        "no control id",
        NW.replace(b"EPR0001", b""),
        ("AR", "101"),
        ("CR", "101"),
        ("CR", "101"),
    ),
    row(
        "segment missing",
        b"\r".join(s for s in NW.split(b"\r") if s[:3] not in {b"ORC", b"OBR"}),
        ("AE", "100"),
        SAFE,
        ("CR", "100"),
        ("AE", "100"),
    ),
    row(
        "data type",
        NW.replace(b"9990000018", b"9990000017"),
        ("AE", "102"),
        SAFE,
        ("CR", "102"),
        ("AE", "102"),
        policies=(("bad_nhs_number", "AE"),),
    ),
    row(
        "table value",
        NW.replace(b"ORC|NW", b"ORC|QQ"),
        ("AE", "103"),
        SAFE,
        ("CR", "103"),
        ("AE", "103"),
    ),
    row(
        "order not known",
        CA,
        ("AE", "204"),
        SAFE,
        ("CE", "204"),
        ("AE", "204"),
    ),
    row(
        "order known otherwise",
        OTHER,
        ("AE", "205"),
        SAFE,
        ("CR", "205"),
        ("AE", "205"),
        before=(NW,),
    ),
]
BY_NAME = {each.name: each for each in ROWS}


def hospital_for(each, mode, **options):
    hospital = Hospital(mode, policies=dict(each.policies), **options)
    for raw in each.before:
        hospital.send(raw)
    return hospital


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_original_mode_answers_once_whatever_is_asked(each):
    hospital = hospital_for(each, ORIGINAL)

    assert hospital.code(asking(each.raw, "AL", "AL")) == each.original
    assert hospital.later == []


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_enhanced_mode_says_first_that_it_is_safe_and_then_what_was_done(each):
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(asking(each.raw, "AL", "AL")) == each.told_later
    assert hospital.told == ([each.application] if each.application else [])


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_what_nobody_would_be_told_of_is_not_acknowledged_as_safe(each):
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(asking(each.raw, "AL", "NE")) == each.not_told
    assert hospital.later == []


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_without_either_field_enhanced_mode_is_original_mode(each):
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(each.raw) == each.original
    assert hospital.later == []


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_without_a_line_to_the_partner_the_connection_says_all(each):
    hospital = hospital_for(each, ENHANCED, outgoing=False)

    assert hospital.code(asking(each.raw, "AL", "AL")) == each.original


@pytest.mark.parametrize("each", ROWS, ids=lambda each: each.name)
def test_a_commit_acknowledgement_may_be_written_like_an_application_one(each):
    hospital = hospital_for(each, "enhanced_but_aa")
    code, error = each.told_later

    assert (
        hospital.code(asking(each.raw, "AL", "AL")) == (f"A{code[1]}", error)
        or (
            code,
            error,
        )
        == SAFE
    )
    assert hospital.told == ([each.application] if each.application else [])


@pytest.mark.parametrize(
    ("name", "accept", "apply", "expected", "told"),
    [
        ("accepted", "AL", "AL", SAFE, [OK]),
        ("accepted", "AL", "ER", SAFE, []),
        ("accepted", "AL", "SU", SAFE, [OK]),
        ("accepted", "AL", "NE", SAFE, []),
        ("accepted", "AL", "", SAFE, []),
        ("accepted", "ER", "NE", None, []),
        ("accepted", "SU", "NE", SAFE, []),
        ("accepted", "NE", "AL", None, [OK]),
        ("accepted", "", "AL", SAFE, [OK]),
        ("accepted", "??", "NE", SAFE, []),
        ("table value", "AL", "ER", SAFE, [("AE", "103")]),
        ("table value", "AL", "SU", ("CR", "103"), []),
        ("table value", "ER", "NE", ("CR", "103"), []),
        ("table value", "SU", "NE", None, []),
        ("table value", "NE", "NE", None, []),
        ("type not taken", "AL", "AL", ("CR", "200"), []),
        ("type not taken", "SU", "AL", None, []),
    ],
)
def test_each_message_says_what_its_sender_wants_to_be_told(
    name, accept, apply, expected, told
):
    each = BY_NAME[name]
    hospital = hospital_for(each, ENHANCED)

    assert hospital.code(asking(each.raw, accept, apply)) == expected
    assert hospital.told == told
    assert len(hospital.messages) == 1


def test_a_profile_decides_what_is_answered_at_once():
    each = BY_NAME["order not known"]
    hospital = hospital_for(each, ENHANCED, commit={"204": "CE"})

    assert hospital.code(asking(each.raw, "AL", "AL")) == ("CE", "204")
    assert hospital.later == []
    with pytest.raises(ValueError, match="commit"):
        AckOptions.model_validate({"commit": {"204": "CA"}})


@pytest.mark.parametrize("error", ["206", "207"])
def test_what_a_repeat_may_mend_is_not_committed(error):
    request = decode(asking(NW, "AL", "AL"))
    profile = Hospital(ENHANCED).profile

    plan = plan_ack(request, profile, Answer(Reply.AE, error))

    assert (plan.code, plan.later, plan.whole) == ("CE", False, True)


@pytest.mark.parametrize(
    ("apply", "answer", "code", "later"),
    [
        ("AL", Answer(Reply.AE, "207", application="NO_SLOT"), "CA", True),
        ("AL", Answer(Reply.AE, "206"), "CA", True),
        ("NE", Answer(Reply.AE, "207", application="NO_SLOT"), "CR", False),
        ("AL", INTERNAL_ERROR, "CE", False),
    ],
)
def test_that_a_request_is_not_granted_is_an_answer_and_no_fault(
    apply, answer, code, later
):
    request = decode(asking(NW.replace(b"ORM^O01", b"SRM^S01"), "AL", apply))

    plan = plan_ack(request, Hospital(ENHANCED).profile, answer, refused=True)

    assert (plan.code, plan.later) == (code, later)


def test_a_locked_record_is_refused_for_now(monkeypatch):
    hospital = Hospital(ENHANCED)

    def locked(*_):
        raise StaleVersion("somebody else was faster")

    monkeypatch.setitem(HANDLERS, ReceiveOrder, locked)

    assert hospital.code(asking(NW, "AL", "AL")) == ("CE", "206")
    assert hospital.later == []


def test_the_answer_that_goes_out_later_is_a_message_of_its_own():
    hospital = Hospital(ENHANCED)
    commit = hospital.send(asking(NW, "AL", "AL"))
    (delivery,) = hospital.later
    (message,) = hospital.messages
    answer = decode(delivery.payload)

    assert commit.control_id == message.id
    assert answer.control_id == delivery.id
    assert answer.get("MSA-2") == commit.get("MSA-2") == "EPR0001"
    assert (answer.get("MSH-15"), answer.get("MSH-16")) == ("AL", "NE")
    assert (answer.get("MSH-5"), answer.get("MSH-6")) == ("EPR", "RA1")
    assert delivery.destination == "north"
    assert delivery.status is DeliveryStatus.PENDING
    assert (delivery.event_id, delivery.answers) == (None, message.id)
    assert delivery.order_id == message.order_ids[0]


def test_a_repeat_gets_the_same_commit_and_no_second_answer():
    hospital = Hospital(ENHANCED)
    raw = asking(NW, "AL", "AL")
    first, again = hospital.send(raw), hospital.send(raw)

    assert first.raw == again.raw
    assert len(hospital.later) == 1


def test_an_answer_is_never_answered():
    profile = Hospital(ENHANCED).profile
    request = decode(asking(NW.replace(b"ORM^O01", b"ACK^S12"), "AL", "AL"))

    assert plan_ack(request, profile, ACCEPTED).later is False


def test_a_message_that_cannot_be_read_is_refused_in_any_mode():
    hospital = Hospital(ENHANCED)

    assert hospital.code(b"PID|1\r") == ("AR", "100")


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1"])
@pytest.mark.parametrize("apply", ["AL", "NE"])
@pytest.mark.parametrize("name", ["accepted", "table value", "type not taken"])
def test_hl7apy_finds_no_fault_in_either_answer(version, apply, name):
    each = BY_NAME[name]
    hospital = hospital_for(each, ENHANCED)
    raw = asking(each.raw, "AL", apply).replace(b"|P|2.4", f"|P|{version}".encode())
    answers = [hospital.send(raw).raw, *(d.payload for d in hospital.later)]

    for answer in answers:
        check(answer)


TWO_IN_ONE = (
    "ERR|ORC^1^1^103&Table value not found&HL70357~PID^1^7^102&Data type error&HL70357"
)


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        (
            "2.4",
            [TWO_IN_ONE],
        ),
        (
            "2.5.1",
            [
                "ERR||ORC^1^1|103^Table value not found^HL70357|E||||map it",
                "ERR||PID^1^7|102^Data type error^HL70357|E|value.invalid^^L|||no date",
            ],
        ),
    ],
)
def test_several_problems_are_told_one_by_one(version, lines):
    further = Answer(Reply.AE, "102", "PID^1^7", "no date", "value.invalid")
    answer = Answer(Reply.AE, "103", "ORC^1^1", "map it", further=(further,))
    request = decode(NW.replace(b"|P|2.4", f"|P|{version}".encode()))

    raw = build_ack(request, answer, control_id="M1", at=NOW)

    assert raw.decode().split("\r")[2:-1] == lines
    check(raw)
