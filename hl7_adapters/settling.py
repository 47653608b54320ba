"""Orders that wait for a code go on as soon as the code means something.

It does not matter how it came to: by a mapping over the API, one that begins today, or
a profile that was changed. What the codes mean is looked up as the mapper does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from booking_engine.application.commands import SettleHolds
from booking_engine.domain.errors import DomainError
from booking_engine.domain.identifiers import (
    Actor,
    OrderId,
    PartnerId,
    ProcedureCode,
    SiteCode,
)
from booking_engine.domain.mappings import (
    TABLE_OF_HOLD,
    MappingTable,
    UnmappedCode,
    names_waited_for,
    unmapped_codes,
)
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.vocabulary import PatientSetting, Priority
from hl7_adapters.mappings import Effective
from hl7_adapters.profile_source import ProfileSource

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession, Dispatcher

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 500
"""Orders settled by one call; the rest is left to the next one."""
_TOGETHER: Final = 50
"""Orders that share a commit."""
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
    left
        How many wait for the next call.
    """

    released: tuple[OrderId, ...] = ()
    still_held: tuple[OrderId, ...] = ()
    left: int = 0


def settle_waiting(
    dispatcher: Dispatcher,
    source: ProfileSource,
    *,
    actor: Actor,
    partner: PartnerId | None = None,
    most: int = MOST_AT_ONCE,
) -> Settled:
    """Settle orders whose codes mean something by now; the urgent ones can be booked.

    Parameters
    ----------
    partner
        Only this one's orders.
    """
    with dispatcher.reading(actor) as session:
        waiting = session.uow.orders.held_for(TABLE_OF_HOLD, partner=partner)
    commands = [
        command
        for order in waiting
        if order.partner in source
        and (command := _command(order, source.effective(order.partner))) is not None
    ]
    done: list[ImagingOrder] = []
    wanted = commands[:most]
    for first in range(0, len(wanted), _TOGETHER):
        done += _carried_out(wanted[first : first + _TOGETHER], dispatcher, actor)
    if done:
        log.info(
            "orders settled by mappings",
            extra={"event": "mapping.settled", "orders": len(done)},
        )
    return Settled(
        released=tuple(o.id for o in done if o.status is not OrderStatus.HELD),
        still_held=tuple(o.id for o in done if o.status is OrderStatus.HELD),
        left=max(0, len(commands) - most),
    )


def unmapped(
    dispatcher: Dispatcher,
    source: ProfileSource,
    *,
    actor: Actor,
    partner: PartnerId | None = None,
) -> list[UnmappedCode]:
    """Return the codes that orders wait for, those with most orders first."""
    with dispatcher.reading(actor) as session:
        uow = session.uow
        codes = [
            code
            for code in unmapped_codes(
                uow.orders.held_for(TABLE_OF_HOLD, partner=partner)
            )
            if not _is_mapped(code, source)
        ]
        examples = [[order.id for order in code.orders[:_EXAMPLES]] for code in codes]
        messages = uow.messages.of_orders(i for some in examples for i in some)
    return [
        replace(code, messages=tuple(messages[i] for i in some if i in messages))
        for code, some in zip(codes, examples, strict=True)
    ]


def _is_mapped(code: UnmappedCode, source: ProfileSource) -> bool:
    """Whether it means something by now, and its orders are about to go on."""
    if code.partner not in source:
        return False
    in_force = source.effective(code.partner).in_force
    return any((code.table, name) in in_force for name in code.names)


def _command(order: ImagingOrder, effective: Effective) -> SettleHolds | None:
    """Return what settles an order, or ``None`` if its codes mean nothing yet."""
    profile = effective.profile
    procedure: ProcedureCode | None = None
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
            procedure = found.pop() if len(found) == 1 else None
            decided = procedure is not None
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
    modes = profile.booking_modes
    return SettleHolds(
        order_id=order.id,
        procedure=procedure,
        priority=priority,
        site=site,
        setting=setting,
        guidelines=profile.guidelines,
        mode=None if procedure is None else modes.get(procedure),
        note="; ".join(notes),
    )


def _note(table: MappingTable, names: Iterable[str], effective: Effective) -> str:
    for name in names:
        meaning = effective.in_force.get((table, name))
        if meaning is not None:
            return f"{table} {name} means {meaning.target} ({meaning.origin})"
    return f"{table} is known"


def _carried_out(
    commands: Sequence[SettleHolds], dispatcher: Dispatcher, actor: Actor
) -> list[ImagingOrder]:
    """Settle orders in one transaction, or one by one where somebody was faster."""
    try:
        with dispatcher.session(actor) as session:
            done = _each(commands, session)
            session.commit()
    except DomainError:
        if len(commands) == 1:
            return []  # changed meanwhile; it is looked at again
        return [
            order
            for command in commands
            for order in _carried_out([command], dispatcher, actor)
        ]
    return done


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
