"""Codes that partners send and that mean nothing to us, with what waits for each.

Nothing of it is stored: it is read from the orders and the diary entries that wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.identifiers import MessageId, PartnerId
from booking_engine.domain.mappings import (
    TABLE_OF_HOLD,
    MappingTable,
    folded_name,
    names_waited_for,
)
from booking_engine.domain.orders import ImagingOrder


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """A code that a partner sends and that means nothing to us yet.

    Parameters
    ----------
    names
        What it may be called in the table, best first; the first is the code.
    text
        What the sender wrote beside it: a hint only.
    orders
        Those that wait for it, oldest first.
    entries
        Diary entries of which it says where they are, or for which exam, by start.
    messages
        Up to three that carried it.
    """

    partner: PartnerId
    table: MappingTable
    names: tuple[str, ...]
    text: str
    first_seen: datetime
    last_seen: datetime
    orders: tuple[ImagingOrder, ...] = ()
    entries: tuple[DiaryEntry, ...] = ()
    messages: tuple[MessageId, ...] = ()

    @property
    def code(self) -> str:
        """The code, folded."""
        return self.names[0]

    @property
    def count(self) -> int:
        """How many orders and diary entries wait for it."""
        return len(self.orders) + len(self.entries)


@dataclass(slots=True)
class _Waiting:
    """What has been found of one code."""

    names: tuple[str, ...]
    text: str = ""
    seen: list[datetime] = field(default_factory=list)
    orders: list[ImagingOrder] = field(default_factory=list)
    entries: list[DiaryEntry] = field(default_factory=list)

    def meets(self, text: str, at: datetime) -> None:
        """Note that it was sent once more."""
        self.text = self.text or text
        self.seen.append(at)


_Found = dict[tuple[PartnerId, MappingTable, str], _Waiting]


def unmapped_codes(
    orders: Iterable[ImagingOrder],
    entries: Iterable[DiaryEntry] = (),
    unnamed: Iterable[ImagingOrder] = (),
) -> list[UnmappedCode]:
    """Return the codes that orders and diary entries wait for, most waited for first.

    Parameters
    ----------
    unnamed
        Orders whose orderer is not mapped; nothing else holds them up.
    entries
        Of partners' diaries; our own closures name nothing unknown.
    """
    found: _Found = {}
    for order in orders:
        _of_order(order, found)
    for entry in entries:
        _of_entry(entry, found)
    for order in unnamed:
        _of_orderer(order, found)
    codes = [
        UnmappedCode(
            *(partner, table, code.names, code.text),
            first_seen=min(code.seen),
            last_seen=max(code.seen),
            orders=tuple(sorted(code.orders, key=lambda o: (o.received_at, o.id))),
            entries=tuple(sorted(code.entries, key=lambda e: (e.starts_at, e.id))),
        )
        for (partner, table, _), code in found.items()
    ]
    return sorted(codes, key=lambda c: (-c.count, c.partner, c.table, c.code))


def _of_order(order: ImagingOrder, found: _Found) -> None:
    for hold in order.holds:
        names = names_waited_for(hold, order.content)
        if names:
            key = order.partner, TABLE_OF_HOLD[hold.code], names[0]
            code = found.setdefault(key, _Waiting(names))
            code.meets(hold.text, order.received_at)
            if order not in code.orders[-1:]:  # several steps, one code
                code.orders.append(order)


def _of_orderer(order: ImagingOrder, found: _Found) -> None:
    orderer = order.content.orderer
    names = (folded_name(orderer.code),)
    key = order.partner, MappingTable.CLINICIAN, names[0]
    code = found.setdefault(key, _Waiting(names))
    code.meets(orderer.name, order.received_at)
    code.orders.append(order)


def _of_entry(entry: DiaryEntry, found: _Found) -> None:
    if entry.partner is None:
        return
    for unknown in entry.unknown:
        key = entry.partner, unknown.table, unknown.names[0]
        code = found.setdefault(key, _Waiting(unknown.names))
        code.meets(unknown.text, entry.sent_at)
        code.entries.append(entry)
