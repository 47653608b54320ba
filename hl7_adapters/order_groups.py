"""The orders in one message: which segments belong to which.

Senders disagree with the standard about order and nesting, so segments are grouped by
what they are: ORC begins an order, each further OBR under it another one (Epic), and
what describes the patient applies to all wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hl7_adapters.dialect import Place
from hl7_adapters.er7 import Message, Segment

_OF_MESSAGE = frozenset({"MSH", "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "AL1"})
_OTHER_DETAIL = frozenset({"RQD", "RQ1", "RXO", "ODS", "ODT"})
"""What ORM^O01 may carry in place of OBR: supplies, drugs and diets."""
_ORDER_DETAIL = _OTHER_DETAIL | {"OBR"}


@dataclass(frozen=True, slots=True)
class OrderGroup:
    """One order as sent.

    Parameters
    ----------
    segments
        The first of each kind that applies to this order.
    observations
        OBX of the order and, before all orders, of the patient.
    control_number, detail_number
        Which ORC and which OBR of the message, from 1; 0 where there is none.
    position, siblings
        Which of how many OBR share the ORC.
    steps
        Its procedure steps (IPC), in the order in which they stand.
    """

    segments: dict[str, Segment]
    observations: tuple[Segment, ...]
    control_number: int
    detail_number: int
    position: int = 1
    siblings: int = 1
    steps: tuple[Segment, ...] = ()

    @property
    def is_service(self) -> bool:
        """Whether this can be imaging, not an order for a drug, diet or supply."""
        return "OBR" in self.segments or _OTHER_DETAIL.isdisjoint(self.segments)

    def leaf(self, place: Place) -> str:
        """Return what stands at a place, trimmed; empty where nothing does."""
        segment = self.segments.get(place.segment)
        if segment is None:
            return ""
        text = segment.value(place.field, place.component).strip()
        if place.only:
            matches = text.casefold() == place.only.casefold()
            return str(place) if matches else ""
        return text

    def first(self, places: Iterable[Place]) -> tuple[Place | None, str]:
        """Return the first place that holds anything, and what it holds."""
        for place in places:
            text = self.leaf(place)
            if text:
                return place, text
        return None, ""

    def deletes(self, places: Iterable[Place]) -> bool:
        """Return whether the explicit null stands at one of the places."""
        for place in places:
            segment = self.segments.get(place.segment)
            if segment is not None and segment.deletes(place.field, place.component):
                return True
        return False

    def says(self, places: Iterable[Place]) -> bool:
        """Return whether one of the places holds anything, were it the null."""
        found = tuple(places)
        return self.first(found)[0] is not None or self.deletes(found)

    def location(self, segment: str, number: int) -> str:
        """Return where a field is, for ERR: segment, sequence, field."""
        sequence = {"ORC": self.control_number, "OBR": self.detail_number}
        return f"{segment}^{sequence.get(segment, 1) or 1}^{number}"


@dataclass(slots=True)
class _Detail:
    """One OBR (or what stands in its place) with what follows it."""

    number: int
    segments: dict[str, Segment]
    observations: list[Segment] = field(default_factory=list)
    steps: list[Segment] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """An ORC whose segments are still coming."""

    number: int
    common: dict[str, Segment]
    details: list[_Detail] = field(default_factory=list)
    steps: list[Segment] = field(default_factory=list)

    def add(self, segment: Segment) -> None:
        """Take a segment that belongs to the detail last begun, or to all."""
        if segment.id == "IPC":
            (self.details[-1].steps if self.details else self.steps).append(segment)
        if not self.details:
            self.common.setdefault(segment.id, segment)
        elif segment.id == "OBX":
            self.details[-1].observations.append(segment)
        else:
            self.details[-1].segments.setdefault(segment.id, segment)


def group_orders(message: Message) -> tuple[OrderGroup, ...]:
    """Return the orders of a message, in the order in which they stand."""
    shared: dict[str, Segment] = {}
    of_patient: list[Segment] = []
    found: list[_Open] = []
    controls = details = 0
    for segment in message.segments:
        kind = segment.id
        if kind in _OF_MESSAGE:
            shared.setdefault(kind, segment)
        elif kind == "ORC":
            controls += 1
            found.append(_Open(controls, {kind: segment}))
        elif kind in _ORDER_DETAIL:
            details += kind == "OBR"
            if not found:
                found.append(_Open(0, {}))
            found[-1].details.append(_Detail(details, {kind: segment}))
        elif found:
            found[-1].add(segment)
        elif kind == "OBX":
            of_patient.append(segment)
    return tuple(
        [group for order in found for group in _close(order, shared, of_patient)]
    )


def _close(
    order: _Open, shared: dict[str, Segment], of_patient: list[Segment]
) -> list[OrderGroup]:
    common = {**shared, **order.common}
    if not order.details:
        return [
            OrderGroup(
                common,
                tuple(of_patient),
                order.number,
                0,
                steps=tuple(order.steps),
            )
        ]
    return [
        OrderGroup(
            {**common, **detail.segments},
            (*of_patient, *detail.observations),
            order.number,
            detail.number,
            position,
            len(order.details),
            (*order.steps, *detail.steps),
        )
        for position, detail in enumerate(order.details, 1)
    ]
