"""What one partner and we exchange, for the call with the vendor: field by field.

Every table is read from what the running code uses, and every sample message is made
by it, so that the document says what will happen and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from booking_engine.application.mappings import targets_of
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import LONDON
from booking_engine.domain.events import EventKind
from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.vocabulary import LinkedOrders
from hl7_adapters.ack import ERROR_TEXTS
from hl7_adapters.conditions import RULES, Reply
from hl7_adapters.dialect import PATIENT_CLASSES
from hl7_adapters.er7 import Message, decode
from hl7_adapters.explain import Explanation, explain
from hl7_adapters.field_names import field_name
from hl7_adapters.field_rules import FIELD_RULES
from hl7_adapters.hold_remedies import REMEDIES
from hl7_adapters.inbound import READERS
from hl7_adapters.mappings import Effective, Meaning
from hl7_adapters.order_controls import CONTROLS, Control
from hl7_adapters.printed import Listing, Part, Printed, Section, Table
from hl7_adapters.profile import Profile
from hl7_adapters.sample_messages import sample_events, sample_order

_C = Control
_CONTROL_WORDS: Final = {
    _C.NEW: "a new order",
    _C.CHANGE: (
        'what is absent stays as it is stored; "" deletes; a field that repeats is'
        " replaced whole"
    ),
    _C.CANCEL: "the order is withdrawn; its slot is freed",
    _C.DISCONTINUE: "likewise, but what is done already may stay",
    _C.REPLACE: "this order is replaced by those that follow",
    _C.REPLACEMENT: "an order that comes in place of the one before",
    _C.SPLIT: "this order is made into those that follow",
    _C.CHILD: "an order made of the one before",
    _C.HOLD: "the order waits until it is released",
    _C.RELEASE: "the order waits no more",
    _C.STATUS: "how the order stands (ORC-5, OBR-25)",
    _C.RESULT: "likewise, where OBR-25 says that the exam is done",
    _C.ASK_STATUS: "the order's state is told back",
    _C.ASK_NUMBER: "a new order, whose number is told back",
    _C.ACCEPTED: "answers what we sent: taken",
    _C.REFUSED: "answers what we sent: refused, and a person looks",
    _C.IGNORE: "acknowledged and stored; nothing is done",
}
_TABLE_WORDS: Final = {
    MappingTable.PROCEDURE: "Exams (OBR-4, IPC-6)",
    MappingTable.URGENCY: "Urgency",
    MappingTable.SITE: "Where the request comes from",
    MappingTable.PATIENT_CLASS: "Patient class (PV1-2), beside the standard's",
    MappingTable.LIST_TYPE: "List types",
    MappingTable.SAFETY: "Safety answers (OBX-3 = OBX-5)",
    MappingTable.RESOURCE: "Rooms and machines (AIG-3, AIL-3, AIP-3; PV1-3 of ADT)",
}
_LINKED: Final = {
    LinkedOrders.SEPARATE: "each booked by itself",
    LinkedOrders.SAME_VISIT: "one visit: one day, at one site",
}
_ACK_RULES: Final = (
    (
        "An acknowledgement leaves after the message, what it did and the"
        " acknowledgement itself are stored for good. AA means filed, not booked:"
        " bookings are told by messages of their own."
    ),
    (
        "A message that is sent again, with the same MSH-10 and the same bytes, gets"
        " the acknowledgement that it got before and changes nothing. Send again when"
        " none came within your time limit: while the database cannot be used, the"
        " connection is closed without one."
    ),
    (
        "AE says what to correct, AR that this endpoint does not take such a message."
        " An order whose codes are not known is accepted and held for a person; it is"
        " never refused for that, and no code is ever guessed."
    ),
)


def mapping_document(
    effective: Effective,
    catalogue: Catalogue,
    *,
    now: datetime,
    version: str,
) -> Printed:
    """Return what is exchanged with a partner.

    Parameters
    ----------
    effective
        The profile with what was mapped since.
    catalogue
        For the names of exams and sites, and for the sample bookings.
    now
        When it is printed; sample messages happen then.
    version
        Which version of the profile this is, in words.
    """
    profile = effective.profile
    sections = [
        Section("Who you are to us", tuple(_identity(profile))),
        Section("Messages that we take", tuple(_messages(profile))),
        Section("What we take from which field", tuple(_fields(profile))),
        Section("Your codes and what they mean", tuple(_codes(effective, catalogue))),
        Section("What holds an order", tuple(_holds())),
        Section("What we answer", tuple(_answers(profile))),
        Section("What we send", tuple(_sent(profile, catalogue, now))),
        Section("A sample from you", tuple(_samples(profile, catalogue, now))),
    ]
    printed_at = f"{now.astimezone(LONDON):%d %B %Y at %H:%M}"
    return Printed(
        f"HL7 interface: {profile.name}",
        f"Partner {profile.id}, {version}; printed {printed_at}. Everybody in the"
        " samples is invented.",
        tuple(sections),
    )


def _identity(profile: Profile) -> Iterator[Part]:
    senders = ", ".join(
        f"{s.application} at {s.facility or 'any facility'}" for s in profile.senders
    )
    yield Table(
        ("What", "Value"),
        (
            ("Sender (MSH-3, MSH-4)", senders or "sends nothing to us"),
            ("Version, if MSH-12 says none", profile.version),
            ("MSH-11", f"{profile.processing_id}; empty passes"),
            ("Character set", profile.charset or "as MSH-18 says, else found out"),
            ("Clock", f"{profile.zone.key}, where a time has no offset"),
            (
                "Order numbers assigned by",
                profile.placer_authority or "MSH-4, or MSH-3",
            ),
            ("Patient numbers assigned by", profile.local_authority or "PID-3.4"),
            ("Orders of one group number (ORC-4)", _LINKED[profile.linked_orders]),
            ("Transport", "MLLP: 0B, message, 1C 0D; one connection kept open"),
        ),
    )


def _messages(profile: Profile) -> Iterator[Part]:
    yield Table(
        ("Message", "Events"),
        tuple(
            (kind, ", ".join(event or "(none)" for event in events))
            for kind, events in READERS.items()
            if _takes(kind, profile)
        ),
    )
    yield (
        "Of orders, ORC-1 says what is asked. Any other code is refused (103), for it"
        " may be an order."
    )
    rows: list[tuple[str, ...]] = []
    for asked in Control:
        listed = [
            code
            for code, rule in CONTROLS.items()
            if rule.control is asked and profile.control(code) is asked
        ]
        own = [
            theirs.upper()
            for theirs, standard in profile.controls.items()
            if standard in listed
        ]
        if listed:
            rows.append((", ".join(own + listed), _CONTROL_WORDS[asked]))
    yield Table(("ORC-1", "What it does"), tuple(rows))
    refused = ", ".join(sorted(code.upper() for code in profile.sections_refused))
    yield (
        "Orders of these sections (OBR-24) are rejected as no imaging, unless the exam"
        f" is known: {refused}."
    )


def _takes(kind: str, profile: Profile) -> bool:
    """Return whether messages of this code are taken from this partner."""
    if kind == "SIU":
        return profile.diary is not None
    return kind != "SQM" or profile.queries


def _fields(profile: Profile) -> Iterator[Part]:
    yield (
        "Where several fields are named, the first that holds anything counts."
        " Everything else in a message is stored and not read."
    )
    rows: list[tuple[str, ...]] = []
    for rule in FIELD_RULES:
        where = rule.places(profile.dialect)
        names = ", ".join(str(place) for place in where)
        rows.append((rule.what, names or "OBX", rule.rule))
    rows.append(
        (
            "safety answers",
            "OBX",
            (
                "Only the observations listed with the codes. A value that is not"
                " listed is unknown, and unknown keeps the exam from being booked."
            ),
        )
    )
    yield Table(("What", "Field", "How"), tuple(rows))


def _codes(effective: Effective, catalogue: Catalogue) -> Iterator[Part]:
    yield (
        "Codes are compared without regard to case; code^system outranks the code"
        " alone. What is not listed holds the order until somebody maps it."
    )
    for table, words in _TABLE_WORDS.items():
        names = targets_of(table, catalogue)
        found = [m for m in effective.in_force.values() if m.table is table]
        if not found:
            continue
        yield Table(
            (words, "Means", "In force", "Stated in"),
            tuple(
                (
                    meaning.name.upper(),
                    _named(meaning.target, names),
                    _span(meaning),
                    meaning.origin,
                )
                for meaning in sorted(found, key=lambda m: m.name)
            ),
        )
    profile = effective.profile
    yield _standard_classes(effective)
    if profile.clinicians:
        yield Table(
            ("Clinician (ORC-12, OBR-16)", "Name", "GMC number"),
            tuple(
                (code.upper(), one.name, one.gmc)
                for code, one in sorted(profile.clinicians.items())
            ),
        )
    questions = [
        (
            name.upper(),
            safety.question.value.replace("_", " "),
            "" if safety.yes_below is None else f"yes below {safety.yes_below:g}",
        )
        for name, safety in profile.safety.items()
    ]
    questions += [
        (name.upper(), f"needs {need.need.value.replace('_', ' ')}", "")
        for name, need in profile.needs.items()
    ]
    questions += [(name.upper(), "weight", "") for name in sorted(profile.weight)]
    if questions:
        yield Table(("Observation (OBX-3)", "Answers", "Measured"), tuple(questions))


def _standard_classes(effective: Effective) -> Table:
    """Return the patient classes that count without being mapped."""
    by_setting: dict[str, list[str]] = {}
    for code, setting in PATIENT_CLASSES.items():
        if (MappingTable.PATIENT_CLASS, code) not in effective.in_force:
            by_setting.setdefault(setting.value, []).append(code.upper())
    return Table(
        ("Patient class (PV1-2) that needs no mapping", "Means"),
        tuple((", ".join(codes), word) for word, codes in by_setting.items()),
    )


def _named(code: str, names: dict[str, str]) -> str:
    name = names.get(code, "not in the catalogue")
    return code.replace("_", " ") if name == code else f"{code}, {name}"


def _span(meaning: Meaning) -> str:
    span = meaning.span
    parts = []
    if span.begins is not None:
        parts.append(f"from {span.begins.astimezone(LONDON):%d %b %Y %H:%M}")
    if span.ends is not None:
        parts.append(f"until {span.ends.astimezone(LONDON):%d %b %Y %H:%M}")
    return " ".join(parts) or "always"


def _holds() -> Iterator[Part]:
    yield "A held order is acknowledged with AA and waits for the booking office."
    yield Table(
        ("Reason", "When", "What settles it"),
        tuple(
            (code.value.replace("_", " "), remedy.when, remedy.remedy)
            for code, remedy in REMEDIES.items()
        ),
    )


def _answers(profile: Profile) -> Iterator[Part]:
    yield from _ACK_RULES
    rows: list[tuple[str, ...]] = [("everything else", "AA", "", "taken")]
    for condition, rule in RULES.items():
        reply = profile.reply(condition)
        accepted = reply is Reply.AA
        rows.append(
            (
                condition.value.replace("_", " "),
                reply.value,
                f"{rule.error} {ERROR_TEXTS.get(rule.error, '')}",
                rule.accepting if accepted else "nothing of the message is done",
            )
        )
    yield Table(("Condition", "MSA-1", "Error (table 0357)", "Then"), tuple(rows))


def _sent(profile: Profile, catalogue: Catalogue, now: datetime) -> Iterator[Part]:
    outgoing = profile.outgoing
    if outgoing is None:
        yield "Nothing: the profile names no destination."
        return
    messages = [
        (kind, decode(raw)) for kind, raw in sample_events(profile, catalogue, now=now)
    ]
    yield (
        f"To {outgoing.host}, port {outgoing.port}, over MLLP, in HL7"
        f" {outgoing.version}, {outgoing.charset}. Messages of one order go in order;"
        " one that is not acknowledged is sent again with the same bytes and the same"
        " MSH-10, and those after it wait. One that is refused (AE, AR) is put before a"
        " person."
    )
    told = {kind: "^".join(message.type) for kind, message in messages}
    yield Table(
        ("Event", "Message"),
        tuple(
            (kind.value.replace("_", " "), told.get(kind, "not told"))
            for kind in EventKind
        ),
    )
    shown: set[str] = set()
    for kind, message in messages:
        name = "^".join(message.type)
        code = message.type[0]
        if code in shown:
            continue
        shown.add(code)
        yield Listing(f"{name}, {kind.value.replace('_', ' ')}", _lines(message))
        yield Table(
            ("Field", "Name", "Sample"), tuple(_written(message, outgoing.version))
        )
    for kind, message in messages:
        if kind in (EventKind.APPOINTMENT_CANCELLED, EventKind.ORDER_REJECTED):
            title = f"{'^'.join(message.type)}, {kind.value.replace('_', ' ')}"
            yield Listing(title, _lines(message))


def _written(message: Message, version: str) -> Iterator[tuple[str, ...]]:
    for segment in message.segments:
        for number in range(1, len(segment) + 1):
            text = segment.field(number)
            if text and (segment.id, number) not in {("MSH", 1), ("MSH", 2)}:
                name = field_name(segment.id, number, version)
                yield f"{segment.id}-{number}", name, text


def _samples(profile: Profile, catalogue: Catalogue, now: datetime) -> Iterator[Part]:
    if not profile.senders:
        yield "You send nothing to us."
        return
    for control, title in (("NW", "A new order"), ("CA", "Its cancellation")):
        raw = sample_order(profile, now=now, control=control)
        yield Listing(f"{title}, as we expect it", _lines(decode(raw)))
        explanation = explain(raw, [profile], now=now, catalogue=catalogue)
        yield from _explained(explanation)
        yield Listing("Our answer", explanation.ack.replace("\r", "\n").rstrip())


def _explained(explanation: Explanation) -> Iterator[Part]:
    for order in explanation.orders:
        rows: Sequence[tuple[str, ...]] = [
            (line.what, line.place, line.sent, line.meaning) for line in order.lines
        ]
        yield Table(("What", "Field", "Sent", "Read as"), tuple(rows))
        held = ", ".join(hold.code.value.replace("_", " ") for hold in order.holds)
        yield f"The order would be {order.becomes}{f': {held}' if held else ''}."


def _lines(message: Message) -> str:
    return "\n".join(segment.text for segment in message.segments)
