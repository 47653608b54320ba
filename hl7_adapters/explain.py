"""What a message would do, field by field, without doing it.

For the interface engineer who connects a sender: which profile takes the message, what
was read where and what decided it, what is held and what would settle it, what the
order would look like, and the answer. It shows the patient's details, for they stand
in the message that was given; it writes nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
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
from booking_engine.domain.exams import catalogue_holds, exam_of
from booking_engine.domain.identifiers import PartnerId, ProcedureCode
from booking_engine.domain.mappings import CodeMapping, MappingTable
from booking_engine.domain.orders import HoldReason, OrderContent
from hl7_adapters.ack import ACCEPTED, UNKNOWN_SENDER, Answer, answer_to, build_ack
from hl7_adapters.datatypes import names_of
from hl7_adapters.dialect import Place, places
from hl7_adapters.er7 import DecodeError, Message, decode
from hl7_adapters.field_names import field_name
from hl7_adapters.field_rules import FIELD_RULES, FURTHER_STEPS, FieldRule
from hl7_adapters.inbound import MappingError, header_time, to_commands
from hl7_adapters.inbound_orders import read_asked
from hl7_adapters.mappings import Effective, effective
from hl7_adapters.order_commands import OrderCommand
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.procedure_fields import read_code
from hl7_adapters.profile import Profile, by_sender, profile_of
from hl7_adapters.reading import Reading
from hl7_adapters.step_fields import PROTOCOL, further_steps


@dataclass(frozen=True, slots=True)
class Line:
    """One field: what it is for, where it stood, what was sent and what it means.

    Parameters
    ----------
    name
        What the standard calls the field.
    decided_by
        The entry of a code table that says what it means, and where that stands.
    """

    what: str
    place: str
    sent: str
    meaning: str
    name: str = ""
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class OrderExplained:
    """One order of the message, or another request.

    Parameters
    ----------
    action
        ``receive``, ``change``, ``cancel``, or what else is asked.
    refusal
        Why it would be refused for good, or empty.
    becomes
        What the order would look like: its state, and who has to act.
    """

    action: str
    lines: tuple[Line, ...]
    holds: tuple[HoldReason, ...] = ()
    refusal: str = ""
    becomes: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to one message.

    Parameters
    ----------
    partner
        Whose profile takes it; empty if none does.
    answer
        The acknowledgement, as far as it does not depend on what is stored.
    ack
        The same as it would be sent; its own number and time are examples.
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
    ack: str = ""


def explain(
    raw: bytes,
    profiles: Iterable[Profile],
    *,
    now: datetime,
    catalogue: Catalogue | None = None,
    mappings: Mapping[PartnerId, Sequence[CodeMapping]] | None = None,
) -> Explanation:
    """Return what would happen to a message; nothing is stored or sent.

    Parameters
    ----------
    raw
        One message, with or without framing, with any line ends.
    profiles
        As they were written.
    catalogue
        For the names of procedures, and to see codes that it does not have.
    mappings
        What came over the API, by partner.
    """
    try:
        message = decode(raw)
    except DecodeError as error:
        return _of(None, None, answer_to(error), now)
    written = profile_of(message.sender, by_sender(profiles))
    if written is None:
        return _of(message, None, UNKNOWN_SENDER, now)
    profile_now = effective(written, (mappings or {}).get(written.id, ()), now)
    profile = profile_now.profile
    if profile.charset:
        message = decode(raw, charset=profile.charset)
    try:
        mapped = to_commands(message, profile, now=now)
    except MappingError as error:
        answer = answer_to(error)
        return _of(message, profile, answer, now, warnings=message.warnings)
    explainer = _Explainer(message, profile_now, catalogue)
    if any(isinstance(command, OrderCommand) for command in mapped.commands):
        reading = Reading(profile, now, header_time=header_time(message, profile))
        asked = read_asked(message, reading)
        orders = tuple(one for each in asked for one in explainer.asked(*each))
    else:
        orders = tuple(_other(command) for command in mapped.commands)
    return _of(message, profile, ACCEPTED, now, orders=orders, warnings=mapped.warnings)


def _of(
    message: Message | None,
    profile: Profile | None,
    answer: Answer,
    now: datetime,
    *,
    orders: tuple[OrderExplained, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Explanation:
    ack = build_ack(message, answer, control_id="M00000000000000", at=now)
    return Explanation(
        kind="" if message is None else "^".join(message.type),
        control_id="" if message is None else message.control_id,
        sender="" if message is None else "|".join(message.sender),
        version="" if message is None else message.version,
        charset="" if message is None else message.charset,
        partner="" if profile is None else profile.id,
        answer=answer,
        orders=orders,
        warnings=warnings,
        ack=ack.decode("utf-8", errors="replace"),
    )


_ACTIONS: Final[dict[type, tuple[str, str]]] = {
    ReceiveOrder: ("receive", ""),
    ChangeOrder: (
        "change",
        "as changed; a booked slot stays until a person has looked",
    ),
    CancelOrder: ("cancel", "cancelled; its slot is freed and those who knew are told"),
    HoldOrder: ("hold", "held until the sender or a person releases it"),
    LiftHold: ("release", "no more held on the sender's request"),
    ReplaceOrders: ("replace", "replaced by what follows"),
    NumberOrder: ("number", "a new order, whose number is told back"),
    RecordStatus: ("status", "as the department says"),
    AskStatus: ("report status", ""),
    RecordAnswer: ("answer", "noted with what was sent"),
}
"""What is asked, and what the order becomes if nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class _Explainer:
    """Explains the commands of one message."""

    message: Message
    effective: Effective
    catalogue: Catalogue | None

    def asked(
        self, group: OrderGroup, command: OrderCommand
    ) -> Iterator[OrderExplained]:
        """Yield what one command means, and what comes in an order's place."""
        action, becomes = _ACTIONS[type(command)]
        if isinstance(command, ReceiveOrder | ChangeOrder | NumberOrder):
            order = command.order if isinstance(command, NumberOrder) else command
            yield OrderExplained(
                action,
                tuple(self._lines(order.content, group)),
                self._all_holds(order),
                order.refusal if isinstance(order, ReceiveOrder) else "",
                self._becomes(order) if isinstance(order, ReceiveOrder) else becomes,
            )
            return
        yield OrderExplained(
            action, tuple(self._named(command, group)), becomes=becomes
        )
        if isinstance(command, ReplaceOrders):
            for replacement in command.replacements:
                yield from self.asked(group, replacement)

    def _named(
        self,
        command: OrderCommand,
        group: OrderGroup,
    ) -> Iterator[Line]:
        """Yield which order a command is about, and why it came."""
        named: Named | None = None
        if isinstance(command, ReplaceOrders):
            named = command.replaced[0]
        elif not isinstance(command, ReceiveOrder | ChangeOrder | NumberOrder):
            named = command.named
        if named is not None and named.number:
            found = group.first(places("ORC-2", "OBR-2"))
            meaning = f"{named.number} of {named.authority}"
            yield self._line("placer number", *found, meaning)
        if named is not None and named.filler_number:
            found = group.first(places("ORC-3", "OBR-3"))
            yield self._line("filler number", *found, named.filler_number)
        if isinstance(command, RecordStatus):
            found = group.first(places("ORC-5", "OBR-25"))
            yield self._line("status", *found, command.status)
            if command.starts_at is not None:
                where = places("OBR-36", "TQ1-7", "ORC-7.4", "OBR-27.4")
                yield self._line(
                    "starts at", *group.first(where), str(command.starts_at)
                )
        reason = getattr(command, "reason", "")
        if reason:
            found = group.first(self.effective.profile.dialect.reason)
            yield self._line("reason", *found, reason)

    def _all_holds(self, command: ReceiveOrder | ChangeOrder) -> tuple[HoldReason, ...]:
        """Return the holds of the reader, with those that the network adds."""
        if self.catalogue is None:
            return command.holds
        return (*command.holds, *catalogue_holds(command.content, self.catalogue))

    def _becomes(self, command: ReceiveOrder) -> str:
        if command.refusal:
            return "rejected; the sender is told"
        if self._all_holds(command):
            return "held for the booking office"
        known = None
        if self.catalogue is not None and command.content.procedure is not None:
            known = exam_of(command.content, self.catalogue)
        if known is not None and known.guideline in command.guidelines:
            return (
                f"vetted under guideline {known.guideline}; on the list if no safety"
                f" answer blocks; booking mode {command.mode}"
            )
        return f"awaiting vetting by a person; booking mode {command.mode}"

    def _lines(self, content: OrderContent, group: OrderGroup) -> Iterator[Line]:
        for rule in FIELD_RULES:
            if rule.what == FURTHER_STEPS:
                yield from self._steps(content, group)
                continue
            place, sent = group.first(rule.places(self.effective.profile.dialect))
            value = rule.meaning(content)
            meaning = "" if value is None else str(value)
            if rule.what == "procedure":
                meaning = self._exam(content.procedure)
            if sent or meaning:
                decided = self._decided(rule, sent, group)
                yield self._line(rule.what, place, sent, meaning, decided)
        for answer in content.safety:
            yield Line(
                answer.question.value,
                answer.source.removeprefix(f"{self.effective.profile.id} "),
                "",
                answer.answer.value,
            )

    def _line(
        self,
        what: str,
        place: Place | None,
        sent: str,
        meaning: str,
        decided: str = "",
    ) -> Line:
        if place is None:
            return Line(what, "", "", meaning, decided_by=decided)
        name = field_name(place.segment, place.field, self.message.version)
        return Line(what, str(place), sent, meaning, name, decided)

    def _steps(self, content: OrderContent, group: OrderGroup) -> Iterator[Line]:
        """Yield what is done beside the exam, step by step."""
        name = field_name("IPC", PROTOCOL, self.message.version)
        sent = further_steps(group, self.effective.profile)
        for one, step in zip(sent, content.further_steps, strict=True):
            names = [name for code in one.codes for name in names_of(code)]
            yield Line(
                f"step {one.number}",
                f"IPC-{PROTOCOL}",
                step.procedure_as_sent,
                self._exam(step.procedure),
                name,
                self._entry(MappingTable.PROCEDURE, names),
            )

    def _exam(self, code: ProcedureCode | None) -> str:
        if code is None or self.catalogue is None:
            return code or ""
        known = self.catalogue.procedures.get(code)
        return f"{code} ({'not in the catalogue' if known is None else known.name})"

    def _decided(self, rule: FieldRule, sent: str, group: OrderGroup) -> str:
        """Return the entry that decided a field: its code, and where that stands."""
        if rule.table is None or not sent:
            return ""
        names: Iterable[str] = (sent.casefold(),)
        if rule.table is MappingTable.PROCEDURE and "OBR" in group.segments:
            names = names_of(read_code(group.segments["OBR"], 4))
        return self._entry(rule.table, names)

    def _entry(self, table: MappingTable, names: Iterable[str]) -> str:
        for name in names:
            found = self.effective.in_force.get((table, name))
            if found is not None:
                return f"{name} in {found.origin}"
        return ""


def _other(command: object) -> OrderExplained:
    """Return a request that is no order: its kind, and what it names."""
    words = "".join(
        f" {c.lower()}" if c.isupper() else c for c in type(command).__name__
    )
    lines: list[Line] = []
    if hasattr(command, "__dataclass_fields__"):
        for field in fields(command):  # type: ignore[arg-type]
            value = getattr(command, field.name)
            if isinstance(value, str | int | datetime) and value != "":
                lines.append(Line(field.name.replace("_", " "), "", "", str(value)))
    return OrderExplained(words.strip(), tuple(lines))
