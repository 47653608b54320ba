"""Orders and diary entries that wait for a code go on as soon as it means something.

It does not matter how it came to: by a mapping over the API, one that begins today, or
a profile that was changed. What the codes mean is looked up as the mapper does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from booking_engine.application.commands import NameOrderer, SettleHolds
from booking_engine.application.diary_commands import SettleNames
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.errors import DomainError
from booking_engine.domain.identifiers import (
    Actor,
    DiaryEntryId,
    OrderId,
    PartnerId,
    ProcedureCode,
    SiteCode,
)
from booking_engine.domain.mappings import (
    TABLE_OF_HOLD,
    MappingTable,
    folded_name,
    names_waited_for,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.unmapped import UnmappedCode, unmapped_codes
from booking_engine.domain.vocabulary import BookingMode, PatientSetting, Priority
from hl7_adapters.clinician_fields import known_orderer
from hl7_adapters.mappings import Effective
from hl7_adapters.profile_source import ProfileSource
from hl7_adapters.settling_entries import entry_command

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession, Dispatcher

log = logging.getLogger(__name__)

C = TypeVar("C")
R = TypeVar("R")

MOST_AT_ONCE: Final = 500
"""Orders, and diary entries, settled by one call; the rest is left to the next one."""
_TOGETHER: Final = 50
"""Of them that share a commit."""
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the orders that waited.

    Parameters
    ----------
    released
        No more held for anything.
    still_held
        Settled in part, and held for the rest.
    entries
        Diary entries whose scanner or exam is known by now.
    named
        Orders of which it is known by now who asked.
    left
        How many wait for the next call.
    """

    released: tuple[OrderId, ...] = ()
    still_held: tuple[OrderId, ...] = ()
    entries: tuple[DiaryEntryId, ...] = ()
    named: tuple[OrderId, ...] = ()
    left: int = 0


def settle_waiting(
    dispatcher: Dispatcher,
    source: ProfileSource,
    *,
    actor: Actor,
    partner: PartnerId | None = None,
    most: int = MOST_AT_ONCE,
) -> Settled:
    """Settle what waits for codes that mean something by now.

    Urgent orders can be booked then, and diary entries take the scanners that they are
    on. The entries come first: an order must not be booked where one of them lies.

    Parameters
    ----------
    partner
        Only this one's orders and diary.
    """
    with dispatcher.reading(actor) as session:
        uow = session.uow
        unplaced = uow.diary.with_unknown_names(session.context.now, partner=partner)
        waiting = uow.orders.held_for(TABLE_OF_HOLD, partner=partner)
        unnamed = uow.orders.with_unmapped_orderer(partner=partner)
    names = [
        command
        for entry in unplaced
        if (command := _entry_command(entry, source)) is not None
    ]
    holds = [
        settling
        for order in waiting
        if order.partner in source
        and (settling := _command(order, source.effective(order.partner))) is not None
    ]
    entries = tuple(
        entry_id
        for some in _in_parts(names[:most])
        for entry_id in _carried_out(some, dispatcher, actor, _place_each)
    )
    done = [
        order
        for some in _in_parts(holds[:most])
        for order in _carried_out(some, dispatcher, actor, _each)
    ]
    orderers = [
        naming
        for order in unnamed
        if order.partner in source
        and (naming := _naming(order, source.effective(order.partner))) is not None
    ]
    named = tuple(
        order_id
        for some in _in_parts(orderers[:most])
        for order_id in _carried_out(some, dispatcher, actor, _name_each)
    )
    if done or entries or named:
        log.info(
            "orders and diary entries settled by mappings",
            extra={
                "event": "mapping.settled",
                "orders": len(done),
                "entries": len(entries),
                "named": len(named),
            },
        )
    return Settled(
        released=tuple(o.id for o in done if o.status is not OrderStatus.HELD),
        still_held=tuple(o.id for o in done if o.status is OrderStatus.HELD),
        entries=entries,
        named=named,
        left=sum(max(0, len(some) - most) for some in (holds, names, orderers)),
    )


def unmapped(
    dispatcher: Dispatcher,
    source: ProfileSource,
    *,
    actor: Actor,
    partner: PartnerId | None = None,
) -> list[UnmappedCode]:
    """Return the codes that orders and diary entries wait for, most waited for first.

    Entries that are over wait for nothing.
    """
    with dispatcher.reading(actor) as session:
        uow = session.uow
        codes = [
            code
            for code in unmapped_codes(
                uow.orders.held_for(TABLE_OF_HOLD, partner=partner),
                uow.diary.with_unknown_names(session.context.now, partner=partner),
                uow.orders.with_unmapped_orderer(partner=partner),
            )
            if not _is_mapped(code, source)
        ]
        orders = [[order.id for order in code.orders[:_EXAMPLES]] for code in codes]
        of_orders = uow.messages.of_orders(i for some in orders for i in some)
        numbers = [
            [entry.number for entry in code.entries[:_EXAMPLES]] for code in codes
        ]
        of_numbers = uow.messages.of_appointments(
            (code.partner, number)
            for code, some in zip(codes, numbers, strict=True)
            for number in some
        )
    return [
        replace(
            code,
            messages=tuple(
                dict.fromkeys(
                    (
                        *(of_orders[i] for i in wanted if i in of_orders),
                        *(
                            of_numbers[code.partner, number]
                            for number in named
                            if (code.partner, number) in of_numbers
                        ),
                    )
                )
            )[:_EXAMPLES],
        )
        for code, wanted, named in zip(codes, orders, numbers, strict=True)
    ]


def _is_mapped(code: UnmappedCode, source: ProfileSource) -> bool:
    """Whether it means something by now, and its orders are about to go on."""
    if code.partner not in source:
        return False
    in_force = source.effective(code.partner).in_force
    return any((code.table, name) in in_force for name in code.names)


def _entry_command(entry: DiaryEntry, source: ProfileSource) -> SettleNames | None:
    if entry.partner is None or entry.partner not in source:
        return None
    return entry_command(entry, source[entry.partner])


def _naming(order: ImagingOrder, effective: Effective) -> NameOrderer | None:
    code = order.content.orderer.code
    known = known_orderer(code, effective.profile)
    if known is None:
        return None
    note = _note(MappingTable.CLINICIAN, [folded_name(code)], effective)
    return NameOrderer(order.id, known, note)


def _command(order: ImagingOrder, effective: Effective) -> SettleHolds | None:
    """Return what settles an order, or ``None`` if its codes mean nothing yet."""
    profile = effective.profile
    procedures: dict[int, ProcedureCode] = {}
    priority: Priority | None = None
    site: SiteCode | None = None
    setting: PatientSetting | None = None
    notes: list[str] = []
    for hold in order.holds:
        names = names_waited_for(hold, order.content)
        if not names:
            continue
        table = TABLE_OF_HOLD[hold.code]
        if table is MappingTable.PROCEDURE:
            found = {profile.procedures[n] for n in names if n in profile.procedures}
            # Two codes of one field must not mean two different exams.
            decided = len(found) == 1
            if decided:
                procedures[hold.step] = found.pop()
        elif table is MappingTable.URGENCY:
            priority = profile.urgencies.get(names[0])
            decided = priority is not None
        elif table is MappingTable.SITE:
            site = profile.sites.get(names[0])
            decided = site is not None
        else:
            setting = profile.settings.get(names[0])
            decided = setting is not None
        if decided:
            notes.append(_note(table, names, effective))
    if not notes:
        return None
    mode: BookingMode | None = None
    if procedures:
        codes = [
            procedures.get(step, code)
            for step, code in enumerate(order.content.procedures)
        ]
        mode = profile.mode_of(codes, otherwise=order.mode)
    return SettleHolds(
        order_id=order.id,
        procedure=procedures.pop(0, None),
        further_procedures=tuple(procedures.items()),
        priority=priority,
        site=site,
        setting=setting,
        guidelines=profile.guidelines,
        mode=mode,
        note="; ".join(notes),
    )


def _note(table: MappingTable, names: Iterable[str], effective: Effective) -> str:
    for name in names:
        meaning = effective.in_force.get((table, name))
        if meaning is not None:
            return f"{table} {name} means {meaning.target} ({meaning.origin})"
    return f"{table} is known"


def _in_parts(commands: Sequence[C]) -> Iterator[Sequence[C]]:
    for first in range(0, len(commands), _TOGETHER):
        yield commands[first : first + _TOGETHER]


def _carried_out(
    commands: Sequence[C],
    dispatcher: Dispatcher,
    actor: Actor,
    each: Callable[[Sequence[C], CommandSession], list[R]],
) -> list[R]:
    """Settle in one transaction, or one by one where somebody was faster."""
    try:
        with dispatcher.session(actor) as session:
            done = each(commands, session)
            session.commit()
    except DomainError:
        if len(commands) == 1:
            return []  # changed meanwhile; it is looked at again
        return [
            one
            for command in commands
            for one in _carried_out([command], dispatcher, actor, each)
        ]
    return done


def _place_each(
    commands: Sequence[SettleNames], session: CommandSession
) -> list[DiaryEntryId]:
    return [entry_id for command in commands for entry_id in session.handle(command)]


def _name_each(
    commands: Sequence[NameOrderer], session: CommandSession
) -> list[OrderId]:
    return [one.order_id for one in commands if session.handle(one)]


def _each(
    commands: Sequence[SettleHolds], session: CommandSession
) -> list[ImagingOrder]:
    done: list[ImagingOrder] = []
    before = session.uow.orders.get_many([command.order_id for command in commands])
    for command in commands:
        after = session.handle(command)
        if after != before.get(command.order_id):
            done.append(after)
    return done
