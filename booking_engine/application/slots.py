"""Slots for one order: what is possible now, what it costs, what rules out the rest."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from booking_engine.application.context import Context
from booking_engine.application.free_time import FreeTime
from booking_engine.application.patient_time import busy_times
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.protecting import (
    claim_of_option,
    claim_of_slot,
    protection_for,
)
from booking_engine.application.slot_cost import choice_at
from booking_engine.application.snapshot import Snapshot, take_snapshot
from booking_engine.domain.costs import WaitCurve
from booking_engine.domain.decisions import Choice, Reasons, Terms
from booking_engine.domain.diary_entries import Taken
from booking_engine.domain.eligibility import order_facts
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.linked_exams import Beside
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.schedule import Interval, ScanSession
from solver.explain import Explanation, explain
from solver.online import rank_slots
from solver.plan import PRICE_SCALE, UNPLACED, Certificate, CostTerms, Plan
from solver.problem import NO_GROUP


@dataclass(frozen=True, slots=True)
class SlotSearch:
    """The answer to a search.

    Parameters
    ----------
    options
        Best first; at most as many as were asked for.
    count
        How many openings are feasible in all.
    excluded
        How many scanners or openings each rule took out, in the order applied.
    beside
        The booked exam of the same visit whose day and site come first, if any.
    """

    options: tuple[Reasons, ...]
    count: int
    excluded: tuple[tuple[str, int], ...]
    beside: Beside | None = None


def search_slots(
    order: ImagingOrder,
    uow: UnitOfWork,
    context: Context,
    *,
    limit: int,
    days: int | None = None,
    within: Sequence[Interval] | None = None,
    scanners: Container[ScannerId] | None = None,
) -> SlotSearch:
    """Return the best free slots for an order at the present prices.

    Parameters
    ----------
    limit
        The most options to return; distinct scanners and days come first.
    days
        How far to look; the policy's horizon by default.
    within
        The exam must lie in one of these; ``None``: anywhere in the horizon.
    scanners
        Only on these; ``None``: on any.
    """
    suitable = [
        scanner
        for scanner in suitable_scanners(order, uow, context)
        if scanners is None or scanner in scanners
    ]
    free = _free_time(uow, context, days, suitable)
    offered = free if within is None else free.within(within)
    snapshot = _snapshot(order, offered, suitable, uow, context)
    whole = None if within is None else free
    return search_in(snapshot, uow, context, limit=limit, whole=whole)


def search_in(
    snapshot: Snapshot,
    uow: UnitOfWork,
    context: Context,
    *,
    limit: int,
    whole: FreeTime | None = None,
) -> SlotSearch:
    """Return the best free slots for the one order of a snapshot.

    Parameters
    ----------
    whole
        All that is free, where the snapshot shows parts of it; ``None``: it is all.
    """
    (order,) = snapshot.orders
    prices = prices_of(snapshot, context, uow)
    patient = [order.content.patient.key]
    busy: list[Taken] = [
        *uow.schedule.occupying_patients(patient, context.now),
        *uow.diary.taking_patients(patient, context.now),
    ]
    protection = protection_for(
        order, snapshot, context.room_kept, context.policy, whole=whole
    )
    ranked = rank_slots(
        snapshot.problem,
        0,
        minute_price=prices.minute_price,
        exam_price=prices.exam_price,
        k=limit,
        occupied=busy_times(snapshot, busy),
        protection=protection,
    )
    choices = [
        choice_of(
            snapshot,
            opening=option.opening,
            pair=option.pair,
            start_minute=option.start_minute,
            terms=option.terms,
            price=option.price,
            to_come=option.to_come,
            reserved=option.reserved,
        )
        for option in ranked
    ]
    claims = [
        claim_of_option(order, snapshot, context.room_kept, protection, option)
        for option in ranked
    ]
    explanation = explain(snapshot.problem, nothing_placed(prices), 0)
    excluded = snapshot.exclusions_of(0) + exclusions(explanation)
    inputs = inputs_of(snapshot, 0)
    return SlotSearch(
        options=tuple(
            Reasons(
                chosen=choice,
                inputs={**inputs, "chosen": plain(choice), "urgent_room": claim.facts},
                options=explanation.options,
                excluded=excluded,
                runner_up=next((c for c in choices if c is not choice), None),
            )
            for choice, claim in zip(choices, claims, strict=True)
        ),
        count=explanation.options,
        excluded=excluded,
    )


def reasons_for(
    order: ImagingOrder,
    session: ScanSession,
    starts_at: datetime,
    minutes: int,
    uow: UnitOfWork,
    context: Context,
) -> Reasons:
    """Return what a decision for this very slot says, beside the engine's best.

    The caller has checked that the slot is allowed.
    """
    chosen = choice_at(order, session, starts_at, minutes, uow, context)
    claim = claim_of_slot(
        order, session, starts_at, minutes, uow, context.room_kept, context.now
    )
    found = search_slots(order, uow, context, limit=2)
    others = [r for r in found.options if r.chosen.starts_at != starts_at]
    inputs = dict(others[0].inputs) if others else {"policy": context.policy.version}
    return Reasons(
        chosen=chosen,
        inputs={**inputs, "chosen": plain(chosen), "urgent_room": claim.facts},
        options=found.count,
        excluded=found.excluded,
        runner_up=others[0].chosen if others else None,
    )


def prices_of(snapshot: Snapshot, context: Context, uow: UnitOfWork) -> Certificate:
    """Return the price book as columns of the snapshot's openings and contracts."""
    book = context.prices
    return Certificate(
        minute_price=snapshot.free.of_sessions(
            [book.minute.get(one.id, 0) for one in snapshot.free.sessions.tolist()]
        ),
        exam_price=np.array(
            [book.exam.get(c, 0) for c in uow.catalogue().contracts], dtype=np.int64
        ),
        bound=0,
    )


def nothing_placed(prices: Certificate) -> Plan:
    """Return the plan of one order that has no slot yet."""
    nowhere = np.full(1, UNPLACED, dtype=np.int64)
    return Plan(
        opening=nowhere,
        pair=nowhere,
        start_minute=np.zeros(1, dtype=np.int64),
        terms=CostTerms(0, 0, 0, 0, 0, 0),
        certificate=prices,
        seconds=0.0,
    )


def choice_of(
    snapshot: Snapshot,
    *,
    opening: int,
    pair: int,
    start_minute: int,
    terms: CostTerms,
    price: int,
    to_come: int = 0,
    reserved: bool = False,
) -> Choice:
    """Return an option of the solver in our words."""
    there = snapshot.opening(opening)
    begin = int(snapshot.problem.openings.begin_minute[opening])
    starts_at: datetime = there.starts_at + timedelta(minutes=start_minute - begin)
    return Choice(
        scanner=there.session.scanner,
        session_id=there.session.id,
        starts_at=starts_at,
        minutes=int(snapshot.problem.pairs.minutes[pair]),
        travel_km=int(snapshot.pair_km[pair]),
        terms=Terms(
            waiting=terms.waiting,
            lateness=terms.lateness,
            breach=terms.breach,
            pair=terms.pair,
            opening=terms.opening,
        ),
        price=price,
        to_come=to_come,
        reserved=reserved,
    )


def option_terms(snapshot: Snapshot, row: int, opening: int, pair: int) -> CostTerms:
    """Return what an opening costs one order, by term."""
    orders = snapshot.problem.orders
    curve = WaitCurve(
        wait=int(orders.wait_cost[row]),
        target_day=int(orders.target_day[row]),
        late=int(orders.late_cost[row]),
        breach_day=int(orders.breach_day[row]),
        breach=int(orders.breach_cost[row]),
        unplaced=int(orders.unplaced_cost[row]),
    )
    waiting, lateness, breach = curve.at(int(snapshot.problem.openings.day[opening]))
    return CostTerms(
        waiting=waiting,
        lateness=lateness,
        breach=breach,
        pair=int(snapshot.problem.pairs.cost[pair]),
        opening=int(snapshot.problem.openings.cost[opening]),
        unplaced=0,
    )


def price_of(snapshot: Snapshot, prices: Certificate, opening: int, pair: int) -> int:
    """Return what an exam's room is worth to others, in thousandths of a cost unit."""
    minutes = int(snapshot.problem.pairs.minutes[pair])
    contract = int(snapshot.problem.openings.contract[opening])
    exam = int(prices.exam_price[contract]) if contract != NO_GROUP else 0
    return int(prices.minute_price[opening]) * minutes + exam


def exclusions(explanation: Explanation) -> tuple[tuple[str, int], ...]:
    """Return how many openings each of the solver's filters took out."""
    return tuple(
        (str(name), before - left)
        for (_, before), (name, left) in pairwise(explanation.counts)
        if before > left
    )


def runner_up_of(snapshot: Snapshot, explanation: Explanation) -> Choice | None:
    """Return the next best option in our words; it begins when its opening does."""
    other = explanation.runner_up
    if other is None:
        return None
    return choice_of(
        snapshot,
        opening=other.opening,
        pair=other.pair,
        start_minute=int(snapshot.problem.openings.begin_minute[other.opening]),
        terms=other.terms,
        price=other.reduced_cost - other.terms.total * PRICE_SCALE,
    )


def inputs_of(snapshot: Snapshot, row: int) -> dict[str, object]:
    """Return what a decision on one order was made from, as plain JSON values."""
    orders = snapshot.problem.orders
    return {
        "taken_at": snapshot.taken_at.isoformat(),
        "order": {
            "id": snapshot.orders[row].id,
            "version": snapshot.orders[row].version,
            "facts": {k: int(v) for k, v in asdict(snapshot.facts[row]).items()},
            "costs": {
                name: int(getattr(orders, name)[row])
                for name in (
                    "wait_cost",
                    "target_day",
                    "late_cost",
                    "breach_day",
                    "breach_cost",
                    "unplaced_cost",
                )
            },
        },
        "policy": snapshot.problem.policy_version,
    }


def plain(choice: Choice) -> dict[str, object]:
    """Return a choice as plain JSON values."""
    return {**asdict(choice), "starts_at": choice.starts_at.isoformat()}


def snapshot_for(order: ImagingOrder, uow: UnitOfWork, context: Context) -> Snapshot:
    """Return what is free on the scanners that will do, and on no others."""
    suitable = suitable_scanners(order, uow, context)
    free = _free_time(uow, context, None, suitable)
    return _snapshot(order, free, suitable, uow, context)


def _snapshot(
    order: ImagingOrder,
    free: FreeTime,
    suitable: Container[ScannerId],
    uow: UnitOfWork,
    context: Context,
) -> Snapshot:
    return take_snapshot(
        [order],
        free,
        context.network(uow.catalogue()),
        contract_use=uow.schedule.contract_use(),
        now=context.now,
        policy=context.policy,
        scanners=suitable,
    )


def _free_time(
    uow: UnitOfWork,
    context: Context,
    days: int | None,
    scanners: Sequence[ScannerId],
) -> FreeTime:
    until = context.now + timedelta(days=days or context.policy.horizon_days)
    return uow.schedule.free_time(context.now, until, scanners=scanners)


def suitable_scanners(
    order: ImagingOrder, uow: UnitOfWork, context: Context
) -> list[ScannerId]:
    """Return the scanners that pass every scanner rule, in the catalogue's order."""
    network = context.network(uow.catalogue())
    facts = order_facts(
        order, network.catalogue, today=network.day, policy=context.policy
    )
    allowed, _ = network.allowed([facts], network.kilometres([order]))
    return [network.ids[row] for row in np.flatnonzero(allowed[0]).tolist()]
