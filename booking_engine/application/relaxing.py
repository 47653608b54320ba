"""What would change it: each rule of an order lifted alone, and the search again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Final

import numpy as np

from booking_engine.application.context import Context
from booking_engine.application.free_time import free_time
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slots import (
    search_in,
    snapshot_for,
    suitable_scanners,
)
from booking_engine.application.snapshot import LEAD, Snapshot, take_snapshot
from booking_engine.domain.decisions import Choice
from booking_engine.domain.explanations import Relaxation, RelaxationKind
from booking_engine.domain.identifiers import SessionId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import ScanSession, local_instant
from booking_engine.domain.vocabulary import ListType
from solver.plan import PRICE_SCALE

FURTHEST_KM: Final = 10_000
"""A cap that no road in England reaches."""
FURTHER_LIST: Final = (time(18), time(21))
"""When a further list is thought to be: after the others of a day."""
_ANY_LIST: Final = int(~ListType(0))


def relaxations(
    order: ImagingOrder,
    now: Snapshot,
    best: Choice | None,
    uow: UnitOfWork,
    context: Context,
) -> tuple[Relaxation, ...]:
    """Return what each relaxation alone would give, in a fixed order.

    Parameters
    ----------
    now
        The order's snapshot as things are.
    best
        The best slot in it, or ``None``.
    """
    lifted = {
        RelaxationKind.TRAVEL: _any_distance(order, uow, context),
        RelaxationKind.NOTICE: _no_notice(now),
        RelaxationKind.DAY_WINDOW: _any_day(order, uow, context),
        RelaxationKind.LIST_TYPE: _any_list(now),
        RelaxationKind.ANOTHER_SESSION: _another_session(order, now, uow, context),
    }
    return tuple(
        _relaxation(kind, snapshot, best, uow, context)
        for kind, snapshot in lifted.items()
    )


def cheapest(found: tuple[Relaxation, ...]) -> Relaxation | None:
    """Return the relaxation that gives the cheapest slot; ``None`` if none helps.

    A further list comes last: what staffing it costs is not among the slot's costs.
    """
    helpful = [one for one in found if one.best is not None]
    return min(
        helpful,
        key=lambda one: (
            one.kind is RelaxationKind.ANOTHER_SESSION,
            _score(one.best),
        ),
        default=None,
    )


def _relaxation(
    kind: RelaxationKind,
    snapshot: Snapshot | None,
    best: Choice | None,
    uow: UnitOfWork,
    context: Context,
) -> Relaxation:
    if snapshot is None:
        return Relaxation(kind, None)
    found = search_in(snapshot, uow, context, limit=1).options
    if not found:
        return Relaxation(kind, None)
    choice = found[0].chosen
    if best is None:
        return Relaxation(kind, choice)
    if _score(choice) >= _score(best):
        return Relaxation(kind, None)
    return Relaxation(kind, choice, best.terms.total - choice.terms.total)


def _score(choice: Choice | None) -> tuple[bool, int]:
    """Return how a slot ranks: one in room that is kept for others comes last."""
    assert choice is not None, "only slots that were found are compared"
    return choice.reserved, choice.terms.total * PRICE_SCALE + choice.price


def _any_distance(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> Snapshot | None:
    needs = replace(order.content.needs, travel_cap_km=FURTHEST_KM)
    content = replace(order.content, needs=needs)
    return snapshot_for(replace(order, content=content), uow, context)


def _any_day(order: ImagingOrder, uow: UnitOfWork, context: Context) -> Snapshot | None:
    if order.content.earliest_on is None and order.content.latest_on is None:
        return None
    content = replace(order.content, earliest_on=None, latest_on=None)
    return snapshot_for(replace(order, content=content), uow, context)


def _no_notice(now: Snapshot) -> Snapshot | None:
    (order,) = now.orders
    asked = order.content.earliest_on
    earliest = 0 if asked is None else max(0, (asked - now.today).days)
    orders = now.problem.orders
    if earliest >= int(orders.earliest_day[0]):
        return None
    sooner = replace(orders, earliest_day=np.array([earliest], dtype=np.int64))
    return replace(now, problem=replace(now.problem, orders=sooner))


def _any_list(now: Snapshot) -> Snapshot | None:
    orders = now.problem.orders
    if int(orders.list_mask[0]) == _ANY_LIST:
        return None
    wider = replace(orders, list_mask=np.array([_ANY_LIST], dtype=np.int64))
    return replace(now, problem=replace(now.problem, orders=wider))


def _another_session(
    order: ImagingOrder, now: Snapshot, uow: UnitOfWork, context: Context
) -> Snapshot | None:
    """Return what is free if each scanner that will do had a further list, alone."""
    catalogue = uow.catalogue()
    day = now.today.toordinal() + max(0, int(now.problem.orders.earliest_day[0]))
    begins, ends = FURTHER_LIST
    if local_instant(date.fromordinal(day), begins) < context.now + LEAD:
        day += 1
    on = date.fromordinal(day)
    suitable = suitable_scanners(order, uow, context)
    further = [
        ScanSession(
            id=SessionId(f"further-{scanner}"),
            scanner=scanner,
            starts_at=local_instant(on, begins),
            ends_at=local_instant(on, ends),
            list_type=ListType.GENERAL,
            contract=catalogue.scanner(scanner).contract,
        )
        for scanner in sorted(suitable)
    ]
    if not further:
        return None
    return take_snapshot(
        [order],
        free_time(further, ()),
        context.network(catalogue),
        contract_use=uow.schedule.contract_use(),
        now=context.now,
        policy=context.policy,
        scanners=suitable,
    )
