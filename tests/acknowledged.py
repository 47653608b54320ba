"""Conditions of a message and what acknowledges each, for tests."""

from __future__ import annotations

from dataclasses import dataclass

from network import NOW, dispatcher
from stored_orders import CA, NW, PROFILES

from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.conditions import Condition, Reply
from hl7_adapters.destination import AckOptions
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.received import Received
from hl7_adapters.receiver import Receiver

NORTH = PROFILES[PartnerId("north")]
ORIGINAL, ENHANCED = "original", "enhanced"


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
