"""What a message would do, field by field, without doing it.

For the interface engineer who connects a sender: which profile takes the message, what
was read where, what is held and why, and the answer. It shows the patient's details,
for they stand in the message that was given; it writes nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from booking_engine.application.commands import (
    AskStatus,
    CancelOrder,
    ChangeOrder,
    HoldOrder,
    LiftHold,
    NumberOrder,
    ReceiveOrder,
    RecordAnswer,
    RecordStatus,
    ReplaceOrders,
)
from booking_engine.application.naming import Named
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.orders import HoldReason, OrderContent
from hl7_adapters.ack import ACCEPTED, UNKNOWN_SENDER, Answer, answer_to
from hl7_adapters.dialect import Dialect, Place, Reply, places
from hl7_adapters.er7 import DecodeError, Message, decode
from hl7_adapters.inbound import MappingError, header_time, to_commands
from hl7_adapters.inbound_orders import OrderCommand, read_asked
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.profile import Profile, by_sender, profile_of
from hl7_adapters.reading import Reading


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what it is for, where it stood, what was sent and what it means."""

    what: str
    place: str
    sent: str
    meaning: str


@dataclass(frozen=True, slots=True)
class OrderExplained:
    """One order of the message.

    Parameters
    ----------
    action
        What is asked, such as ``receive``, ``change`` or ``cancel``.
    refusal
        Why it would be refused for good, or empty.
    """

    action: str
    lines: tuple[Line, ...]
    holds: tuple[HoldReason, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to one message.

    Parameters
    ----------
    partner
        Whose profile takes it; empty if none does.
    answer
        The acknowledgement, as far as it does not depend on what is stored.
    """

    kind: str
    control_id: str
    sender: str
    version: str
    charset: str
    partner: str
    answer: Answer
    orders: tuple[OrderExplained, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    places: Callable[[Dialect], tuple[Place, ...]]
    meaning: Callable[[OrderContent], object]


def _at(*texts: str) -> Callable[[Dialect], tuple[Place, ...]]:
    fixed = places(*texts)
    return lambda _: fixed


def _needs(content: OrderContent) -> str:
    needs = content.needs
    stated = {
        "hoist": needs.hoist,
        "interpreter": needs.interpreter,
        "wide bore": needs.wide_bore,
        "general anaesthetic": needs.general_anaesthetic,
    }
    return ", ".join(name for name, needed in stated.items() if needed)


_ROWS: Final = (
    _Row("placer number", _at("ORC-2", "OBR-2"), lambda c: c.placer_number),
    _Row("authority", _at("ORC-2.2", "OBR-2.2"), lambda c: c.placer_authority),
    _Row("filler number", _at("ORC-3", "OBR-3"), lambda c: c.filler_number),
    _Row("group", _at("ORC-4"), lambda c: c.group_number),
    _Row("patient", _at("PID-3"), lambda c: c.patient.key),
    _Row("born", _at("PID-7"), lambda c: c.patient.birth_date),
    _Row("sex", _at("PID-8"), lambda c: c.patient.sex),
    _Row("postcode area", _at("PID-11.5"), lambda c: c.patient.outward_code),
    _Row("procedure", _at("OBR-4", "OBR-4.4", "OBR-4.2"), lambda c: c.procedure),
    _Row(
        "urgency",
        lambda d: d.urgency,
        lambda c: None if c.priority is None else c.priority.value,
    ),
    _Row("setting", _at("PV1-2"), lambda c: c.setting),
    _Row("list type", lambda d: d.list_type, lambda c: c.list_type),
    _Row("site", lambda d: d.site, lambda c: c.site),
    _Row("requested at", lambda d: d.requested_at, lambda c: c.requested_at),
    _Row("not before", lambda d: d.earliest, lambda c: c.earliest_on),
    _Row("not after", lambda d: d.latest, lambda c: c.latest_on),
    _Row("accession", lambda d: d.accession, lambda c: c.accession),
    _Row("reason", _at("OBR-31.2", "OBR-31", "OBR-13"), lambda c: c.clinical_reason),
    _Row("weight", _at(), lambda c: c.needs.weight_kg),
    _Row("needs", _at(), _needs),
)


def explain(
    raw: bytes,
    profiles: Iterable[Profile],
    *,
    now: datetime,
    catalogue: Catalogue | None = None,
) -> Explanation:
    """Return what would happen to a message; nothing is stored or sent.

    Parameters
    ----------
    raw
        One message, with or without framing, with any line ends.
    catalogue
        For the names of procedures, and to see codes that it does not have.
    """
    try:
        message = decode(raw)
    except DecodeError as error:
        return Explanation("", "", "", "", "", "", answer_to(error))
    profile = profile_of(message.sender, by_sender(profiles))
    if profile is None:
        return _of(message, None, UNKNOWN_SENDER)
    if profile.charset:
        message = decode(raw, charset=profile.charset)
    try:
        mapped = to_commands(message, profile, now=now)
    except MappingError as error:
        return _of(message, profile, answer_to(error), warnings=message.warnings)
    orders: tuple[OrderExplained, ...] = ()
    if any(isinstance(command, OrderCommand) for command in mapped.commands):
        reading = Reading(profile, now, header_time=header_time(message, profile))
        orders = tuple(_explained(message, reading, profile, catalogue))
    return _of(message, profile, ACCEPTED, orders=orders, warnings=mapped.warnings)


def _of(
    message: Message,
    profile: Profile | None,
    answer: Answer,
    *,
    orders: tuple[OrderExplained, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Explanation:
    return Explanation(
        kind="^".join(message.type),
        control_id=message.control_id,
        sender="|".join(message.sender),
        version=message.version,
        charset=message.charset,
        partner="" if profile is None else profile.id,
        answer=answer,
        orders=orders,
        warnings=warnings,
    )


def _explained(
    message: Message, reading: Reading, profile: Profile, catalogue: Catalogue | None
) -> Iterator[OrderExplained]:
    for group, command in read_asked(message, reading):
        yield _order(command, group, profile, catalogue)
        if isinstance(command, ReplaceOrders):
            for replacement in command.replacements:
                yield _order(replacement, group, profile, catalogue)


_ACTIONS: Final[dict[type, str]] = {
    ReceiveOrder: "receive",
    ChangeOrder: "change",
    CancelOrder: "cancel",
    HoldOrder: "hold",
    LiftHold: "release",
    ReplaceOrders: "replace",
    NumberOrder: "number",
    RecordStatus: "status",
    AskStatus: "report status",
    RecordAnswer: "answer",
}


def _order(
    command: OrderCommand,
    group: OrderGroup,
    profile: Profile,
    catalogue: Catalogue | None,
) -> OrderExplained:
    action = _ACTIONS[type(command)]
    if isinstance(command, ReceiveOrder | ChangeOrder | NumberOrder):
        order = command.order if isinstance(command, NumberOrder) else command
        return OrderExplained(
            action,
            tuple(_lines(order.content, group, profile, catalogue)),
            order.holds,
            order.refusal if isinstance(order, ReceiveOrder) else "",
        )
    if isinstance(command, ReplaceOrders):
        named: Named | None = command.replaced[0]
    else:
        named = command.named
    lines: list[Line] = []
    if named is not None and named.number:
        lines.append(
            Line(
                "placer number",
                *_found(group, places("ORC-2", "OBR-2")),
                f"{named.number} of {named.authority}",
            )
        )
    if named is not None and named.filler_number:
        where = _found(group, places("ORC-3", "OBR-3"))
        lines.append(Line("filler number", *where, named.filler_number))
    if isinstance(command, RecordStatus):
        where = _found(group, places("ORC-5", "OBR-25"))
        lines.append(Line("status", *where, command.status))
        if command.starts_at is not None:
            where = _found(group, places("OBR-36", "TQ1-7", "ORC-7.4", "OBR-27.4"))
            lines.append(Line("starts at", *where, str(command.starts_at)))
    if not isinstance(command, LiftHold | AskStatus) and command.reason:
        where = _found(group, profile.dialect.reason)
        lines.append(Line("reason", *where, command.reason))
    return OrderExplained(action, tuple(lines))


def _lines(
    content: OrderContent,
    group: OrderGroup,
    profile: Profile,
    catalogue: Catalogue | None,
) -> Iterator[Line]:
    for row in _ROWS:
        place, sent = _found(group, row.places(profile.dialect))
        value = row.meaning(content)
        meaning = "" if value is None else str(value)
        if row.what == "procedure" and content.procedure and catalogue is not None:
            known = catalogue.procedures.get(content.procedure)
            name = "not in the catalogue" if known is None else known.name
            meaning = f"{meaning} ({name})"
        if sent or meaning:
            yield Line(row.what, place, sent, meaning)
    for answer in content.safety:
        yield Line(answer.question.value, answer.source, "", answer.answer.value)


def _found(group: OrderGroup, where: tuple[Place, ...]) -> tuple[str, str]:
    place, sent = group.first(where)
    return ("", "") if place is None else (str(place), sent)


def as_text(explanation: Explanation) -> str:
    """Return an explanation for the terminal."""
    answer = explanation.answer
    error = f" {answer.error}" if answer.error else ""
    where = f" at {answer.location}" if answer.location else ""
    text = f": {answer.text}" if answer.text else ""
    head = (
        f"{explanation.kind or 'unreadable'} {explanation.control_id}"
        f" from {explanation.sender or 'nobody'}, HL7 {explanation.version or '?'},"
        f" {explanation.charset or 'no charset'}"
    )
    lines = [
        head,
        f"profile   {explanation.partner or 'none'}",
        f"answer    {answer.reply.value}{error}{where}{text}",
    ]
    if answer.reply is not Reply.AA:
        lines.append("          nothing of it would be carried out")
    for number, order in enumerate(explanation.orders, 1):
        lines.append(f"order {number}   {order.action}")
        lines += [
            f"  {line.what:<18} {line.place:<12} {line.sent:<28} -> {line.meaning}"
            for line in order.lines
        ]
        lines += [f"  held: {hold.code.value} {hold.detail}" for hold in order.holds]
        if order.refusal:
            lines.append(f"  refused: {order.refusal}")
    lines += [f"warning   {warning}" for warning in explanation.warnings]
    return "\n".join(lines)
