"""What stands in another system's diary, and closures: how they are recorded.

The engine books nothing into the time of an entry; an entry that is a booking of ours
by another name, or that books an order of ours which may be booked, is linked to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from booking_engine.application.context import Context
from booking_engine.application.diary_candidates import (
    propose_orders,
    waited_for,
    withdraw_proposals,
)
from booking_engine.application.diary_commands import (
    LinkEntries,
    OrderNumbers,
    RecordEntry,
)
from booking_engine.application.diary_conflicts import flag, settle_conflicts, unflag
from booking_engine.application.diary_links import (
    adopted,
    is_live,
    is_somebody_else,
    keeps,
    moved,
    order_of,
    our_appointment,
    refuse_others_scanners,
)
from booking_engine.application.diary_reference import (
    is_older,
    named,
    received,
    unknown_number,
)
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.received import Received, ReceivedAs
from booking_engine.domain.diary_entries import DiaryEntry, EntryStatus, Stretch, hulls
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import DiaryEntryId
from booking_engine.domain.mappings import UnknownName
from booking_engine.domain.orders import HoldCode, HoldReason, ImagingOrder
from booking_engine.domain.schedule import Appointment

LONGEST_CLOSURE: Final = timedelta(days=366)
"""Of a scanner, by our own people."""


@dataclass(frozen=True, slots=True)
class Recorded(Received):
    """What became of an entry.

    Parameters
    ----------
    entry_ids
        The entries that stand for it now, one for each scanner.
    """

    entry_ids: tuple[DiaryEntryId, ...] = ()


def record_entry(command: RecordEntry, uow: UnitOfWork, context: Context) -> Received:
    """Record what stands in another diary, or that our own people close time.

    A booking of ours in that diary moves with it. What comes to lie on other bookings
    is put to a person; nothing of ours is moved for it.

    Raises
    ------
    NotKnown
        The number is not known and may not be new, or there is no such scanner.
    InvalidValue
        Nothing is said of when, or another partner keeps the scanner's diary.
    TransitionRefused
        It moves a booking of ours whose patient has arrived.
    """
    entries = named(command, uow)
    ours = our_appointment(command.partner, command.appointment_id, entries, uow)
    if not entries and ours is None and not command.may_create:
        raise unknown_number(command.number)
    if is_older(command.sent_at, entries):
        return received(ReceivedAs.IGNORED_OLDER, entries, ours)
    if ours is not None and not is_live(ours):
        ours = None
    if not command.stretches:
        command = _as_it_stands(command, entries, ours)
    stretches = hulls(command.stretches)
    if not stretches:
        raise InvalidValue(
            f"Entry {command.number} has no time; send when it begins and ends."
        )
    if command.partner is None:
        _refuse_absurd_closure(stretches, context)
    scanners = [one.scanner for one in stretches]
    refuse_others_scanners(command.partner, scanners, uow)
    order = _order(command, ours, entries, uow)
    if ours is None and order is not None:
        live = uow.schedule.live_appointment(order.id)
        if live is not None and is_live(live):
            ours = live if keeps(command.partner, live.scanner, uow) else None
    unknown = waited_for(command, order)
    if _says_nothing_new(entries, stretches, order, ours, unknown):
        return received(ReceivedAs.DUPLICATE, entries, ours)
    return _record(command, entries, stretches, order, ours, uow, context)


def _refuse_absurd_closure(stretches: Sequence[Stretch], context: Context) -> None:
    """Raise `InvalidValue` if people close what is over, or nearly for good.

    Each booking under a closure goes to a person: a slip of the pen in the year would
    put a whole diary to them.
    """
    for one in stretches:
        if one.ends_at <= context.now:
            raise InvalidValue(
                f"The closure of {one.scanner} ends at {one.ends_at:%Y-%m-%d %H:%M}"
                " UTC, which is over; give an end to come."
            )
        if one.ends_at - one.starts_at > LONGEST_CLOSURE:
            raise InvalidValue(
                f"The closure of {one.scanner} lasts"
                f" {(one.ends_at - one.starts_at).days} days; give at most"
                f" {LONGEST_CLOSURE.days}, and take a scanner that is gone out of the"
                " region's file."
            )


def _record(
    command: RecordEntry,
    entries: Sequence[DiaryEntry],
    stretches: Sequence[Stretch],
    order: ImagingOrder | None,
    ours: Appointment | None,
    uow: UnitOfWork,
    context: Context,
) -> Received:
    """Store what is new, link it if it can be, and put conflicts to a person."""
    if order is not None:
        withdraw_proposals(entries, uow, context, why="is for a known order")
        order = uow.orders.get(order.id)
        _make_room(entries, uow)
    main = _main(stretches, ours)
    linked = _linked(command, main, order, ours, uow, context)
    stored = _store(command, entries, stretches, main, linked, order, uow, context)
    conflicts = settle_conflicts(entries, stored, uow, context)
    held = bool(conflicts)
    taking = next(e for e in stored if e.stretch == main)
    if order is None:
        proposed = propose_orders(command, entries, taking, uow, context)
        conflicts, held = (*conflicts, *proposed), held or bool(proposed)
    elif linked is None:
        reason = HoldReason(HoldCode.BOOKED_ELSEWHERE, taking.id)
        held |= flag(uow.orders.get(order.id), reason, uow, context)
    else:
        for entry in entries:
            note = f"{entry.id} is this order's appointment"
            unflag(order.id, entry.id, uow, context, note=note)
    uow.flush()
    kind = ReceivedAs.CHANGED if entries or ours else ReceivedAs.CREATED
    return Recorded(
        None if order is None else order.id,
        ReceivedAs.HELD if held else kind,
        others=tuple(i for i in conflicts if order is None or i != order.id),
        appointment_id=None if linked is None else linked.id,
        entry_ids=tuple(entry.id for entry in stored),
    )


def link_entries(command: LinkEntries, uow: UnitOfWork, context: Context) -> int:
    """Link entries to orders that came after them; return how many were."""
    linked = 0
    for entry in orders_found(uow):
        standing = [
            other
            for other in _numbered(entry, uow)
            if other.status is not EntryStatus.ENDED
        ]
        again = RecordEntry(
            partner=entry.partner,
            number=entry.number,
            kind=entry.kind,
            stretches=tuple(other.stretch for other in standing),
            sent_at=entry.sent_at,
            order=OrderNumbers(*entry.sought) if entry.sought else None,
            patient=entry.patient,
            reason=entry.reason,
            unknown=tuple(name for one in standing for name in one.unknown),
        )
        record_entry(again, uow, context)
        linked += 1
    del command
    return linked


def orders_found(uow: UnitOfWork) -> list[DiaryEntry]:
    """Return the entries whose order was not known and is stored by now."""
    return [
        entry
        for entry in uow.diary.sought_and_stored(_MOST_AT_ONCE)
        if entry.sought is not None
        and order_of(entry.partner, OrderNumbers(*entry.sought), uow) is not None
    ]


def _numbered(entry: DiaryEntry, uow: UnitOfWork) -> list[DiaryEntry]:
    assert entry.partner is not None, "only a partner's entry names an order"
    return uow.diary.numbered(entry.partner, entry.number)


_MOST_AT_ONCE = 500
"""Entries that are looked at in one go."""


def _as_it_stands(
    command: RecordEntry, entries: Sequence[DiaryEntry], ours: Appointment | None
) -> RecordEntry:
    """Return a message that changes something else with when and where it is."""
    standing = [e for e in entries if e.status is not EntryStatus.ENDED]
    stretches = tuple(e.stretch for e in standing)
    if ours is not None:
        stretches = (Stretch(ours.scanner, ours.starts_at, ours.ends_at),)
    exams = frozenset(exam for e in standing for exam in e.exams)
    return replace(
        command,
        stretches=stretches,
        procedures=command.procedures or exams,
        unknown=command.unknown or tuple(n for e in standing for n in e.unknown),
    )


def _order(
    command: RecordEntry,
    ours: Appointment | None,
    entries: Sequence[DiaryEntry],
    uow: UnitOfWork,
) -> ImagingOrder | None:
    if ours is not None:
        return uow.orders.get(ours.order_id)
    sought = order_of(command.partner, command.order, uow)
    if sought is not None:
        return sought
    known = next((e.order_id for e in entries if e.order_id is not None), None)
    return None if known is None else uow.orders.get(known)


def _says_nothing_new(
    entries: Sequence[DiaryEntry],
    stretches: Sequence[Stretch],
    order: ImagingOrder | None,
    ours: Appointment | None,
    unknown: tuple[UnknownName, ...],
) -> bool:
    """Return whether all of it is stored already, and linked as far as it can be."""
    standing = [entry for entry in entries if entry.status is not EntryStatus.ENDED]
    waits_for = {name for entry in standing for name in entry.unknown}
    same = {entry.stretch for entry in standing} == set(stretches)
    same = same and waits_for == set(unknown)
    if order is None:
        return bool(standing) and same
    linked = [entry for entry in standing if entry.status is EntryStatus.LINKED]
    return (
        same
        and ours is not None
        and any(entry.appointment_id == ours.id for entry in linked)
        and Stretch(ours.scanner, ours.starts_at, ours.ends_at) in stretches
    )


def _make_room(entries: Sequence[DiaryEntry], uow: UnitOfWork) -> None:
    """Let entries go that may be linked in a moment: they must not be in the way."""
    for entry in entries:
        if entry.status is EntryStatus.TAKING:
            uow.diary.save(replace(entry, status=EntryStatus.ENDED))
    uow.flush()


def _main(stretches: Sequence[Stretch], ours: Appointment | None) -> Stretch:
    """Return the part that is the exam: where our booking is, else on a scanner."""
    for stretch in stretches:
        if ours is not None and stretch.scanner == ours.scanner:
            return stretch
    return next((s for s in stretches if s.scanner is not None), stretches[0])


def _linked(
    command: RecordEntry,
    main: Stretch,
    order: ImagingOrder | None,
    ours: Appointment | None,
    uow: UnitOfWork,
    context: Context,
) -> Appointment | None:
    """Return our appointment that stands for the entry now, if there is one."""
    if order is None or command.partner is None or main.scanner is None:
        return None
    if is_somebody_else(command.patient, order):
        return None
    if ours is not None:
        reason = command.reason or f"moved by {command.partner}"
        return moved(ours, main, command.partner, reason, uow, context)
    return adopted(order, main, command.partner, uow, context)


def _store(
    command: RecordEntry,
    entries: Sequence[DiaryEntry],
    stretches: Sequence[Stretch],
    main: Stretch,
    linked: Appointment | None,
    order: ImagingOrder | None,
    uow: UnitOfWork,
    context: Context,
) -> list[DiaryEntry]:
    """Store one entry for each stretch; end those on scanners that are left out."""
    before = {entry.scanner: entry for entry in entries}
    declined = frozenset(each for entry in entries for each in entry.declined)
    stored: list[DiaryEntry] = []
    for stretch in stretches:
        stands_for = linked if stretch == main else None
        # One whose scanner was not known stays the same entry once it is.
        known = before.pop(stretch.scanner, None) or before.pop(None, None)
        entry_id = DiaryEntryId(context.ids("K")) if known is None else known.id
        entry = DiaryEntry(
            id=entry_id,
            partner=command.partner,
            number=command.number or entry_id,
            kind=command.kind,
            scanner=stretch.scanner,
            starts_at=stretch.starts_at,
            ends_at=stretch.ends_at,
            status=EntryStatus.TAKING if stands_for is None else EntryStatus.LINKED,
            sent_at=command.sent_at,
            order_id=None if order is None else order.id,
            appointment_id=None if stands_for is None else stands_for.id,
            patient=command.patient,
            reason=command.reason,
            sought=None if order is not None else _sought(command.order),
            exams=frozenset() if order is not None else command.procedures,
            unknown=waited_for(command, order) if stretch == main else (),
            declined=declined,
            version=1 if known is None else known.version,
        )
        if known is None:
            uow.diary.add(entry)
        else:
            uow.diary.save(entry)
        stored.append(entry)
    for entry in before.values():
        uow.diary.save(
            replace(entry, status=EntryStatus.ENDED, sent_at=command.sent_at)
        )
    uow.flush()
    return stored


def _sought(numbers: OrderNumbers | None) -> tuple[str, str, str] | None:
    if numbers is None or not (numbers.placer_number or numbers.filler_number):
        return None
    return numbers.placer_authority, numbers.placer_number, numbers.filler_number
