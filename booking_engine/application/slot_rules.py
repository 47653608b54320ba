"""The rules of one slot, each asked by itself: before booking, and to say why not.

What they ask of is read once (`asked_slot`). `blockers` asks every rule, leaving out
what is lifted; `check_slot` raises from the same answer, so what is said of a slot and
what becomes of a booking there cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final

from booking_engine.application.asked_slot import AskedSlot, InTheWay, asked_slot
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.blockers import (
    NOBODY_LIFTS,
    RULE_OF,
    THINGS,
    Blocker,
    BlockerKind,
)
from booking_engine.domain.clock import LONDON
from booking_engine.domain.diary_entries import EntryKind
from booking_engine.domain.eligibility import (
    Number,
    broken_scanner_rules,
    broken_session_rules,
)
from booking_engine.domain.errors import PatientBusy, RulesBroken, SlotTaken
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import ScanSession
from booking_engine.domain.vocabulary import Capability, ListType, Trait


def _scanner_rules(slot: AskedSlot) -> Iterable[Blocker]:
    for rule in broken_scanner_rules(slot.order_facts, slot.scanner_facts):
        yield _rule(BlockerKind(rule), slot)


def _session_rules(slot: AskedSlot) -> Iterable[Blocker]:
    if slot.session is None:
        yield _rule(BlockerKind.NO_SESSION, slot)
    for rule in broken_session_rules(slot.order_facts, slot.session_facts):
        yield _rule(BlockerKind(rule), slot)


def _inside_session(slot: AskedSlot) -> Iterable[Blocker]:
    session = slot.session
    if session is not None and (
        slot.starts_at < session.starts_at or slot.ends_at > session.ends_at
    ):
        yield Blocker(
            BlockerKind.OUTSIDE_SESSION,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
        )


def _ahead(slot: AskedSlot) -> Iterable[Blocker]:
    if slot.starts_at <= slot.now:
        yield _rule(BlockerKind.PAST, slot)


def _within_ceiling(slot: AskedSlot) -> Iterable[Blocker]:
    ceiling = slot.ceiling
    if ceiling is not None and ceiling.used >= ceiling.most:
        yield Blocker(
            BlockerKind.CONTRACT_CEILING,
            ceiling.contract,
            detail=f"all {ceiling.most} exams are used",
        )


def _scanner_free(slot: AskedSlot) -> Iterable[Blocker]:
    mine = {one.id for one in slot.elsewhere}
    for taken in slot.taken:
        kind = BlockerKind.PATIENT_ELSEWHERE
        yield _thing(kind if taken.id in mine else BlockerKind.APPOINTMENT, taken)
    for entry in slot.entries:
        yield _thing(_ENTRY[entry.kind], entry)


def _patient_free(slot: AskedSlot) -> Iterable[Blocker]:
    here = {*(one.id for one in slot.taken), *(one.id for one in slot.entries)}
    for other in slot.elsewhere:
        if other.id not in here:
            yield _thing(BlockerKind.PATIENT_ELSEWHERE, other)


_ENTRY: Final = {
    EntryKind.APPOINTMENT: BlockerKind.DIARY_ENTRY,
    EntryKind.CLOSURE: BlockerKind.CLOSURE,
}

SLOT_RULES: Final[tuple[Callable[[AskedSlot], Iterable[Blocker]], ...]] = (
    _scanner_rules,
    _session_rules,
    _inside_session,
    _ahead,
    _within_ceiling,
    _scanner_free,
    _patient_free,
)
"""In the order in which they are asked, and told."""


def blockers(
    slot: AskedSlot, lifted: frozenset[Blocker] = frozenset()
) -> list[Blocker]:
    """Return what is in the way of a slot.

    Parameters
    ----------
    lifted
        Rules that are not asked, and things that are thought away: what a thing took
        of a contract is free again, too.
    """
    if lifted:
        slot = slot.without(frozenset(one.name for one in lifted if one.kind in THINGS))
    return [one for rule in SLOT_RULES for one in rule(slot) if one not in lifted]


def check_slot(
    order: ImagingOrder,
    session: ScanSession,
    starts_at: datetime,
    minutes: int,
    uow: UnitOfWork,
    context: Context,
) -> None:
    """Raise unless the order may have this very slot.

    Raises
    ------
    RulesBroken
        A hard rule forbids it, or the exam does not lie within the session.
    SlotTaken
        Another appointment or hold overlaps.
    PatientBusy
        The patient is elsewhere at that time.
    """
    slot = asked_slot(order, session.scanner, session, starts_at, minutes, uow, context)
    found = blockers(slot)
    names = tuple(
        dict.fromkeys(str(RULE_OF[one.kind]) for one in found if one.kind in RULE_OF)
    )
    if names:
        raise RulesBroken(
            f"Order {order.id} may not use {session.id} at"
            f" {starts_at.astimezone(LONDON):%H:%M}: {', '.join(names)}.",
            names,
        )
    if not found:
        return
    first = found[0]
    if first.name in {one.id for one in slot.taken}:
        raise SlotTaken(
            f"{session.scanner} is taken {_hours(first)}; choose another time."
        )
    if first.kind in _ENTRY.values():
        raise SlotTaken(
            f"The diary of {session.scanner} has an entry or a closure"
            f" {_hours(first)}; choose another time."
        )
    raise PatientBusy(
        f"The patient of order {order.id} has another appointment then;"
        " choose another time."
    )


def _hours(thing: Blocker) -> str:
    assert thing.starts_at is not None, "a thing in the way has its times"
    assert thing.ends_at is not None, "a thing in the way has its times"
    return (
        f"from {thing.starts_at.astimezone(LONDON):%H:%M} to"
        f" {thing.ends_at.astimezone(LONDON):%H:%M}"
    )


def _thing(kind: BlockerKind, one: InTheWay) -> Blocker:
    return Blocker(kind, one.id, one.starts_at, one.ends_at)


def _rule(kind: BlockerKind, slot: AskedSlot) -> Blocker:
    detail = _DETAILS.get(kind)
    return Blocker(
        kind,
        detail="" if detail is None else detail(slot),
        lasting=kind in NOBODY_LIFTS,
    )


def _missing(slot: AskedSlot) -> str:
    asked, scanner = slot.order_facts.required, slot.scanner_facts.capabilities
    return _named(Capability(int(asked & ~scanner)))


def _excluded(slot: AskedSlot) -> str:
    return _named(Trait(int(slot.order_facts.traits & slot.scanner_facts.excludes)))


def _too_far(slot: AskedSlot) -> str:
    far, cap = slot.scanner_facts.travel_km, slot.order_facts.travel_cap_km
    return f"{far} km, at most {cap} km"


def _kept_for(slot: AskedSlot) -> str:
    assert slot.list_type is not None, "asked only of a list that is there"
    return _named(slot.list_type)


_DETAILS: Final[dict[BlockerKind, Callable[[AskedSlot], str]]] = {
    BlockerKind.CAPABILITY: _missing,
    BlockerKind.WEIGHT: lambda slot: f"at most {slot.scanner_facts.max_weight_kg} kg",
    BlockerKind.CONTRACT_EXCLUSION: _excluded,
    BlockerKind.TRAVEL: _too_far,
    BlockerKind.LIST_TYPE: _kept_for,
    BlockerKind.NOTICE: lambda slot: _day(slot.order_facts.earliest_day),
    BlockerKind.LATEST: lambda slot: _day(slot.order_facts.latest_day),
}
"""What a rule goes by here, in a few words."""


def _day(ordinal: Number) -> str:
    day = date.fromordinal(int(ordinal))
    return f"{day:%a} {day.day} {day:%B %Y}"


def _named(flags: Capability | Trait | ListType) -> str:
    return ", ".join(str(one.name).lower().replace("_", " ") for one in flags)
