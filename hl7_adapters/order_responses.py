"""Answers to orders: ORR^O02, ORG^O20 and ORI^O24, one ORC for each order asked about.

ORC-1 says whether what was asked is done; ORC-2 is the sender's number and ORC-3 ours;
ORC-16 and NTE-3 say why not, or what an order that was taken still waits for. A refusal
is no error of the message: MSA-1 stays AA, so that nothing behind it is blocked. Of the
patient nothing is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from booking_engine.application.commands import ReceiveOrder
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import ReceivedAs
from booking_engine.domain.identifiers import OrderId
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from hl7_adapters.ack import version_number
from hl7_adapters.acknowledging import wants_answer
from hl7_adapters.er7 import FieldValue, Message, Segment
from hl7_adapters.order_groups import OrderGroup, group_orders
from hl7_adapters.profile import Profile
from hl7_adapters.responding import Response, Result
from hl7_adapters.step_fields import PROTOCOL

SegmentValues = tuple[FieldValue, ...]

KINDS: Final = {
    "ORM": ("ORR", "O02", "ORR_O02"),
    "OMG": ("ORG", "O20", "ORG_O20"),
    "OMI": ("ORI", "O24", "ORI_O24"),
}
"""MSH-9 of the answer by message code of what is answered."""

_R = ReceivedAs
_NEW: Final = frozenset({_R.CREATED, _R.HELD, _R.DUPLICATE})
DONE: Final[dict[str, tuple[str, str, frozenset[ReceivedAs]]]] = {
    "NW": ("OK", "UA", _NEW),
    "XO": ("XR", "UX", frozenset({_R.CHANGED, _R.DUPLICATE})),
    "CA": ("CR", "UC", frozenset({_R.CANCELLED, _R.DISCONTINUED})),
    "DC": ("DR", "UD", frozenset({_R.CANCELLED, _R.DISCONTINUED})),
    "HD": ("HR", "UH", frozenset({_R.HELD_ON_REQUEST, _R.DUPLICATE})),
    "RL": ("OR", "UR", frozenset({_R.RELEASED, _R.DUPLICATE})),
    "RP": ("RQ", "UM", frozenset({_R.REPLACED, _R.DUPLICATE})),
    "SN": ("NA", "UA", frozenset({_R.NUMBERED, _R.DUPLICATE})),
    "SS": ("SR", "UA", frozenset({_R.STATUS_REPORTED})),
}
"""By what was asked (ORC-1): the answer if it is done, the answer if not, and which
results are that it is done (HL7 2.5.1 table 0119). What tells instead of asking is only
acknowledged."""

REPLACEMENT: Final = "RO"
_UNDECIDED: Final = frozenset({_R.PARKED})
"""Nothing can be said yet."""

STATUS: Final = {
    OrderStatus.BOOKED: "SC",
    OrderStatus.ARRIVED: "IP",
    OrderStatus.PERFORMED: "CM",
    OrderStatus.REJECTED: "CA",
    OrderStatus.CANCELLED: "CA",
    OrderStatus.REPLACED: "RP",
    OrderStatus.TRANSFERRED: "DC",
}
"""ORC-5 (table 0038); HD for all that has no slot, since IP would say that it began."""
_WAITS: Final = "HD"
_DEMANDS_TIMING: Final = (2, 3)
"""HL7 2.3 alone demands ORC-7 and OBR-27: once."""
_ECHOED: Final = (1, 2, 3, 4, 5)
"""Of IPC, what its sender calls the exam; of several, which protocol as well."""
_NOT_NAMED: Final = "UNKNOWN"
"""OBR-4 is required, and a cancellation need not name the exam."""
_OWN_APPLICATION: Final = "BOOKING"


def respond_to_orders(
    message: Message, profile: Profile, results: Sequence[Result], uow: UnitOfWork
) -> Response | None:
    """Return the answer to a message of orders; none where its sender wants none."""
    if not wants_answer(message, profile):
        return None
    writer = _Writer(message, uow)
    segments = [line for result in results for line in writer.answer(result, profile)]
    return Response(KINDS[message.type[0]], tuple(segments))


class _Writer:
    """The orders of one answer."""

    def __init__(self, message: Message, uow: UnitOfWork) -> None:
        self._message = message
        self._uow = uow
        self._version = version_number(message.version)

    def answer(self, result: Result, profile: Profile) -> Iterator[SegmentValues]:
        """Return the segments that answer what became of one command."""
        group, received = result.asked, result.received
        if group is None or (received and received.kind in _UNDECIDED):
            return
        asked = _control(group, profile)
        if asked not in DONE:
            return
        done, not_done, kinds = DONE[asked]
        succeeded = received is not None and received.kind in kinds
        order_id = None if received is None else received.order_id
        order = None if order_id is None else self._uow.orders.get(order_id)
        code = done if succeeded else not_done
        yield from self._order(
            group, code, order, _reason(result, order, succeeded=succeeded)
        )
        if not succeeded or received is None:
            return
        others = iter(received.others)
        for replacement in self._replacements(group, profile):
            other = self._named(next(others, None))
            reason = _reason(result, other, succeeded=True)
            yield from self._order(replacement, REPLACEMENT, other, reason)

    def _named(self, order_id: OrderId | None) -> ImagingOrder | None:
        return None if order_id is None else self._uow.orders.get(order_id)

    def _replacements(
        self, group: OrderGroup, profile: Profile
    ) -> Iterator[OrderGroup]:
        """Return the orders that follow in the place of one that is replaced."""
        if _control(group, profile) != "RP":
            return
        groups = iter(group_orders(self._message))
        for each in groups:
            if each.control_number == group.control_number:
                break
        for each in groups:
            asked = _control(each, profile)
            if asked == REPLACEMENT:
                yield each
            elif asked != "RP":
                return

    def _order(
        self,
        group: OrderGroup,
        code: str,
        order: ImagingOrder | None,
        reason: tuple[str, str] | None,
    ) -> Iterator[SegmentValues]:
        orc, obr = group.segments.get("ORC"), group.segments.get("OBR")
        placer = _sent(orc, 2) or _sent(obr, 2) or _placer_number(order)
        filler = self._filler_number(order) or _sent(orc, 3) or _sent(obr, 3)
        timing = "1" if self._version == _DEMANDS_TIMING else None
        yield (
            *("ORC", code, placer, filler, _sent(orc, 4)),
            *(None if order is None else STATUS.get(order.status, _WAITS), None),
            *(timing, None, None, None, None, None, None, None, None),
            None if reason is None else (reason[0], None, "L"),
        )
        known = None if order is None else order.content.procedure_as_sent
        exam = _sent(obr, 4) or known or _NOT_NAMED
        detail: list[FieldValue] = [None] * 28
        detail[:5] = ["OBR", _sent(obr, 1) or "1", placer, filler, exam]
        detail[27] = timing
        yield tuple(detail)
        if reason is not None and reason[1]:
            yield ("NTE", "1", "L", reason[1])
        if self._message.type[0] == "OMI":
            several = len(group.steps) > 1
            echoed = (*_ECHOED, PROTOCOL) if several else _ECHOED
            for step in group.steps or (None,):
                yield ("IPC", *(_sent(step, number) for number in echoed))

    def _filler_number(self, order: ImagingOrder | None) -> FieldValue:
        if order is None:
            return None
        application = self._message.header.value(5).strip() or _OWN_APPLICATION
        return order.content.filler_number or (order.id, application)


def _placer_number(order: ImagingOrder | None) -> FieldValue:
    """Return the number that an exam without one was given (NA)."""
    if order is None or not order.content.placer_number:
        return None
    content = order.content
    return (as_placed(content.placer_number), content.placer_authority)


def _control(group: OrderGroup, profile: Profile) -> str:
    """Return ORC-1 in the words of the standard."""
    orc = group.segments.get("ORC")
    code = (
        ("" if orc is None else orc.value(1).strip()) or profile.default_control or ""
    )
    return profile.controls.get(code.casefold(), code.upper())


def _sent(segment: Segment | None, number: int) -> FieldValue:
    """Return a field as its sender wrote it; nothing where it is empty."""
    if segment is None:
        return None
    parts = tuple(segment.first(number).components)
    return parts if any(parts) else None


def _reason(
    result: Result, order: ImagingOrder | None, *, succeeded: bool
) -> tuple[str, str] | None:
    """Return code and text of why not, or of what the order waits for; no names."""
    if result.refusal is not None:
        return result.refusal.code, str(result.refusal)
    if order is not None and order.holds:
        codes = ", ".join(hold.code for hold in order.holds)
        return "held", f"a person must settle: {codes}"
    if isinstance(result.command, ReceiveOrder) and result.command.refusal:
        return result.command.refusal, "not accepted here"
    if not succeeded and result.received is not None:
        return result.received.kind.value, ""
    return None
