"""Profiles and mappings that come over the API, and the orders that waited for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from booking_engine.application.commands import (
    EndMapping,
    MapCode,
    NameOrderer,
    SettleHolds,
    StoreProfile,
)
from booking_engine.application.context import Context
from booking_engine.application.diary_links import refuse_others_scanners
from booking_engine.application.history import log_change, save_change
from booking_engine.application.intake import network_holds
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.vetting import authorise_under_guideline
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clinicians import Clinician
from booking_engine.domain.errors import InvalidValue, MappingConflict, StaleVersion
from booking_engine.domain.identifiers import MappingId, ScannerId
from booking_engine.domain.mappings import (
    LONGEST_NAME,
    NO_SCANNER,
    CodeMapping,
    MappingTable,
    StoredProfile,
    names_waited_for,
)
from booking_engine.domain.orders import Action, HoldCode, ImagingOrder, OrderStatus
from booking_engine.domain.safety import Answer
from booking_engine.domain.vocabulary import (
    BookingMode,
    PatientSetting,
    Priority,
    WaitingListType,
)

_WAITING: Final = frozenset({OrderStatus.HELD, OrderStatus.BOOKED})
_NEAREST: Final = 3

_TARGETS: Final[dict[MappingTable, Callable[[Catalogue], dict[str, str]]]] = {
    MappingTable.PROCEDURE: lambda c: {p.code: p.name for p in c.procedures.values()},
    MappingTable.SITE: lambda c: {s.code: s.name for s in c.sites.values()},
    MappingTable.URGENCY: lambda _: _words(p.value for p in Priority),
    MappingTable.PATIENT_CLASS: lambda _: _words(PatientSetting),
    MappingTable.LIST_TYPE: lambda _: _words(WaitingListType),
    MappingTable.SAFETY: lambda _: _words(Answer),
    MappingTable.RESOURCE: lambda c: {
        **{s.id: s.name for s in c.scanners.values()},
        NO_SCANNER: "no scanner of ours",
    },
}
"""What the codes of each table may mean: our codes, each with its name."""


def targets_of(table: MappingTable, catalogue: Catalogue) -> dict[str, str]:
    """Return what the codes of a table may mean, each with its name.

    None of `MappingTable.CLINICIAN`: anybody may ask for an exam.
    """
    targets = _TARGETS.get(table)
    return {} if targets is None else targets(catalogue)


def map_code(command: MapCode, uow: UnitOfWork, context: Context) -> CodeMapping:
    """Give a partner's code a meaning, from an instant on.

    Raises
    ------
    InvalidValue
        The code is empty or too long, the target is none of ours, the time lies in
        the past, or another keeps the diary of the scanner.
    MappingConflict
        The code has a meaning in that time already, and the command does not say that
        this one takes its place.
    """
    code, target = command.code.strip(), command.target.strip()
    if not 0 < len(code) <= LONGEST_NAME:
        raise InvalidValue(f"A code has 1 to {LONGEST_NAME} characters; give one.")
    if command.table is MappingTable.CLINICIAN:
        target = str(Clinician.read(target))
    else:
        _refuse_unknown_target(command.table, target, uow.catalogue())
    if command.table is MappingTable.RESOURCE and target != NO_SCANNER:
        refuse_others_scanners(command.partner, [ScannerId(target)], uow)
    begins = command.valid_from or context.now
    if begins < context.now:
        raise InvalidValue(
            "valid_from lies in the past, where orders were read without this mapping;"
            " leave it out to begin now."
        )
    if command.valid_to is not None and command.valid_to <= begins:
        raise InvalidValue("valid_to is not after valid_from; correct one of them.")
    mapping = CodeMapping(
        id=MappingId(context.ids("C")),
        partner=command.partner,
        table=command.table,
        code=code,
        target=target,
        valid_from=begins,
        valid_to=command.valid_to,
        made_by=context.actor,
        made_at=context.now,
        why=command.why,
    )
    for other in uow.partner_data.mappings(command.partner):
        if not other.overlaps(mapping):
            continue
        if other.id == command.replaces:
            uow.partner_data.save_mapping(_replaced(other, mapping, context))
        else:
            raise MappingConflict(
                f"{other.table} {other.code} of {other.partner} means {other.target} in"
                f" that time (mapping {other.id}); end it first, or name it in"
                " replaces."
            )
    uow.partner_data.add_mapping(mapping)
    return mapping


def _replaced(
    other: CodeMapping, successor: CodeMapping, context: Context
) -> CodeMapping:
    return replace(
        other,
        valid_to=max(other.valid_from, successor.valid_from),
        ended_by=context.actor,
        ended_at=context.now,
        ended_why=f"replaced by {successor.id}",
    )


def end_mapping(command: EndMapping, uow: UnitOfWork, context: Context) -> CodeMapping:
    """Let a mapping end, now or at a later instant; orders read with it stay.

    Raises
    ------
    NotKnown
        No such mapping.
    InvalidValue
        The instant lies in the past.
    MappingConflict
        It has ended, or ends earlier.
    StaleVersion
        Somebody else has changed it since `version`.
    """
    mapping = uow.partner_data.mapping(command.mapping_id)
    if command.version not in {None, mapping.version}:
        raise StaleVersion(
            f"Mapping {mapping.id} was changed by somebody else; read it again."
        )
    at = max(command.at or context.now, mapping.valid_from)
    if at < context.now:
        raise InvalidValue("A mapping cannot end in the past; leave out at to end now.")
    if mapping.valid_to is not None and mapping.valid_to <= at:
        raise MappingConflict(f"Mapping {mapping.id} has ended, or ends before that.")
    ended = replace(
        mapping,
        valid_to=at,
        ended_by=context.actor,
        ended_at=context.now,
        ended_why=command.why,
    )
    uow.partner_data.save_mapping(ended)
    return replace(ended, version=mapping.version + 1)


def store_profile(
    command: StoreProfile, uow: UnitOfWork, context: Context
) -> StoredProfile:
    """Store a profile that was found good, as the partner's next version.

    Raises
    ------
    StaleVersion
        The newest version is another than the one that was seen.
    """
    newest = uow.partner_data.profile(command.partner)
    seen = 0 if newest is None else newest.version
    if command.version != seen:
        raise StaleVersion(
            f"Profile {command.partner} was changed by somebody else; read it again."
        )
    profile = StoredProfile(
        partner=command.partner,
        version=seen + 1,
        text=command.text,
        made_by=context.actor,
        made_at=context.now,
        why=command.why,
    )
    uow.partner_data.add_profile(profile)
    return profile


def settle_holds(
    command: SettleHolds, uow: UnitOfWork, context: Context
) -> ImagingOrder:
    """Give a waiting order what its codes mean by now; release it if nothing is left.

    Returns the order, unchanged where it does not wait for any of it any more.
    """
    order = uow.orders.get(command.order_id)
    procedures = {0: command.procedure, **dict(command.further_procedures)}
    given = {
        HoldCode.UNKNOWN_URGENCY: command.priority,
        HoldCode.UNKNOWN_SITE: command.site,
        HoldCode.UNKNOWN_SETTING: command.setting,
    }
    settled = tuple(
        hold
        for hold in order.holds
        if (
            procedures.get(hold.step)
            if hold.code is HoldCode.UNMAPPED_PROCEDURE
            else given.get(hold.code)
        )
        is not None
        and names_waited_for(hold, order.content)
    )
    if not settled or order.status not in _WAITING:
        return order
    codes = {hold.code for hold in settled}
    content = order.content
    for hold in settled:
        meant = procedures.get(hold.step)
        if hold.code is HoldCode.UNMAPPED_PROCEDURE and meant is not None:
            content = content.with_procedure(hold.step, meant)
    if HoldCode.UNKNOWN_URGENCY in codes:
        content = replace(content, priority=command.priority)
    if HoldCode.UNKNOWN_SITE in codes:
        content = replace(content, site=command.site)
    if HoldCode.UNKNOWN_SETTING in codes and command.setting is not None:
        content = replace(content, setting=command.setting)
    found = network_holds(content, uow, context)
    added = tuple(hold for hold in found if hold not in order.holds)
    after = replace(
        order, content=content, holds=(*order.holds, *added), mode=_mode(order, command)
    ).settled(settled, context.now)
    action = Action.CHANGE if after.status is order.status else Action.RELEASE
    log_change(order, after, action, uow, context, note=command.note)
    if after.status is OrderStatus.AWAITING_VETTING:
        after = authorise_under_guideline(after, command.guidelines, uow, context)
    uow.orders.save(after)
    return after


def name_orderer(command: NameOrderer, uow: UnitOfWork, context: Context) -> bool:
    """Say who asked, once their code is mapped; return whether that was still open.

    Nothing else of the order changes: it tells whom to ring, and decides nothing.
    """
    order = uow.orders.get(command.order_id)
    orderer = order.content.orderer
    if not orderer.unmapped or orderer.code != command.orderer.code:
        return False
    after = replace(order, content=replace(order.content, orderer=command.orderer))
    save_change(order, after, Action.CHANGE, uow, context, note=command.note)
    return True


def _mode(order: ImagingOrder, command: SettleHolds) -> BookingMode:
    return order.mode if command.mode is None else command.mode


def _refuse_unknown_target(
    table: MappingTable, target: str, catalogue: Catalogue
) -> None:
    known = targets_of(table, catalogue)
    if target in known:
        return
    if not known:
        raise InvalidValue(
            f"{table} {target!r} is none that we have, for no network is stored yet;"
            " start booking-engine serve once with the region in its configuration."
        )
    by_word = {
        word.casefold(): code for code, name in known.items() for word in (code, name)
    }
    near = dict.fromkeys(
        by_word[word]
        for word in get_close_matches(target.casefold(), by_word, n=2 * _NEAREST)
    )
    if near:
        shown = ", ".join(_shown(code, known) for code in list(near)[:_NEAREST])
        hint = f"did you mean {shown}?"
    elif len(known) <= 2 * _NEAREST:
        hint = f"choose one of {', '.join(known)}."
    else:
        hint = "choose one that exists, or add it."
    raise InvalidValue(f"{table} {target!r} is none that we have; {hint}")


def _shown(code: str, known: dict[str, str]) -> str:
    return code if known[code] == code else f"{code} ({known[code]})"


def _words(words: Iterable[str]) -> dict[str, str]:
    return {str(word): str(word) for word in words}
