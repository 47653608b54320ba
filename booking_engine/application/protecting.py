"""Room for urgent orders that are still to come, learnt from our own past bookings.

Scanners of one kind of imaging at one site share a forecast: what more urgent orders
will still ask for on a day, by how far ahead it is. It is learnt in the background and
held beside the prices of the last plan; a search only looks it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from booking_engine.application.free_time import (
    LONGEST_SESSION,
    FreeTime,
    minute_of,
)
from booking_engine.application.ports import BookedExams, UnitOfWork
from booking_engine.application.snapshot import Ints, Snapshot, offered
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.policy import Policy
from booking_engine.domain.schedule import ScanSession
from booking_engine.domain.vocabulary import Priority
from solver.bidprices import DemandToCome, RoomPrices, lost_at, room_prices
from solver.online import Option, Protection

CLASSES: Final = len(Priority)


@dataclass(frozen=True, slots=True)
class RoomKept:
    """What is protected, as it was learnt.

    Parameters
    ----------
    prices
        By kind of scanner; the last kind, of scanners that are not known, keeps none.
    demand
        What the prices were made from.
    kind_of
        The kind of each scanner.
    since, until
        The days whose exams were counted.
    exams
        How many those were.
    """

    prices: RoomPrices
    demand: DemandToCome
    kind_of: Mapping[ScannerId, int]
    since: datetime
    until: datetime
    exams: int

    def kind(self, scanner: ScannerId) -> int:
        """Return the kind of a scanner; the last for one that is new."""
        return self.kind_of.get(scanner, self.demand.mean.shape[0] - 1)

    def lead(self, days: int) -> int:
        """Return the column of the tables for a day so many days ahead."""
        last: int = self.demand.mean.shape[2] - 1
        return min(max(days, 0), last)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an exam in one place would take from those to come.

    Parameters
    ----------
    to_come
        What its room is worth to them, in thousandths of a cost unit.
    reserved
        Whether it takes room that is kept.
    facts
        What both were worked out from, as plain JSON values.
    """

    to_come: int
    reserved: bool
    facts: dict[str, object]


NO_CLAIM: Final = Claim(0, reserved=False, facts={})


def learn(uow: UnitOfWork, policy: Policy, now: datetime) -> RoomKept | None:
    """Return what is to be protected; ``None`` if nothing is, or is known.

    Raises
    ------
    InvalidDemand
        The bookings are such as no forecast can be made of.
    """
    if not policy.urgent_room.enabled:
        return None
    # Whole days: of today not everything is booked, nor examined.
    until = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = until - timedelta(weeks=policy.urgent_room.history_weeks)
    kind_of = _kinds(uow.catalogue())
    rows = [
        row
        for row in uow.history.booked_exams(since, until)
        if row.scanner in kind_of
        and 0 <= row.tier < CLASSES
        and row.lead_days >= 0
        and row.minutes > 0
    ]
    if not rows:
        return None
    open_days = uow.history.open_days(since, until)
    demand = _demand(rows, open_days, kind_of, leads=policy.horizon_days + 1)
    return RoomKept(
        prices=room_prices(
            demand,
            displaced_cost=np.array(
                [policy.displaced_cost(p) for p in Priority], dtype=np.float64
            ),
            quantile=policy.urgent_room.quantile,
            least_exams=policy.urgent_room.least_exams,
            margin=policy.urgent_room.margin,
        ),
        demand=demand,
        kind_of=kind_of,
        since=since,
        until=until,
        exams=sum(row.number for row in rows),
    )


def _kinds(catalogue: Catalogue) -> dict[ScannerId, int]:
    """Return the number of each scanner's kind: one kind of imaging at one site."""
    numbers: dict[tuple[str, str], int] = {}
    return {
        one.id: numbers.setdefault((one.site, one.modality.value), len(numbers))
        for one in catalogue.scanners.values()
    }


def _demand(
    rows: list[BookedExams],
    open_days: Mapping[ScannerId, int],
    kind_of: Mapping[ScannerId, int],
    *,
    leads: int,
) -> DemandToCome:
    times = [row.number for row in rows]

    def column(values: list[int]) -> Ints:
        return np.repeat(np.array(values, dtype=np.int64), times)

    days = np.zeros(max(kind_of.values()) + 2, dtype=np.int64)
    for scanner, number in open_days.items():
        if scanner in kind_of:
            days[kind_of[scanner]] += number
    return DemandToCome.by_history(
        kind=column([kind_of[row.scanner] for row in rows]),
        tier=column([row.tier for row in rows]),
        lead_days=column([row.lead_days for row in rows]),
        minutes=column([row.minutes for row in rows]),
        scanner_days=days,
        classes=CLASSES,
        leads=leads,
    )


def may_take_kept(order: ImagingOrder, policy: Policy) -> bool:
    """Return whether the engine itself may book the order into room that is kept.

    The order's target comes first, or it must be examined by a day that was asked for.
    """
    content = order.content
    hard = content.priority in policy.urgent_room.hard_targets
    return hard or content.latest_on is not None


def protection_for(
    order: ImagingOrder,
    snapshot: Snapshot,
    kept: RoomKept | None,
    policy: Policy,
    *,
    whole: FreeTime | None,
) -> Protection | None:
    """Return what ranking the places of one order has to respect.

    Parameters
    ----------
    snapshot
        Of the order; its openings may be parts of what is free.
    whole
        All that is free, where the openings are parts; ``None``: they are all.
    """
    if kept is None:
        return None
    keys = [ScannerId(key) for key in snapshot.problem.scanner_key]
    return Protection(
        prices=kept.prices,
        kind_of_scanner=np.array([kept.kind(key) for key in keys], dtype=np.int64),
        today=0,
        room=_room_of_openings(snapshot, whole),
        target_first=order.content.priority in policy.urgent_room.hard_targets,
    )


def _room_of_openings(snapshot: Snapshot, whole: FreeTime | None) -> Ints:
    """Return the minutes that each opening's scanner has free on its day.

    The patient's own appointments are no matter here: they take room elsewhere.
    """
    openings, keys = snapshot.problem.openings, snapshot.problem.scanner_key
    if not len(openings.key):
        return np.zeros(0, dtype=np.int64)
    scanner = np.repeat(np.arange(len(keys)), np.diff(openings.scanner_start))
    day, minutes = openings.day, openings.minutes
    days = int(day.max()) + 1
    where = scanner * days + day
    if whole is not None:
        rows = {ScannerId(key): row for row, key in enumerate(keys)}
        free, of = offered(whole, snapshot.taken_at).rows_of(rows)
        ahead = free.day - snapshot.today.toordinal()
        known = (ahead >= 0) & (ahead < days)
        at, minutes = (of * days + ahead)[known], free.minutes[known]
    else:
        at = where
    room = np.bincount(at, weights=minutes, minlength=len(keys) * days)
    found: Ints = np.rint(room[where]).astype(np.int64)
    return found


def claim_of_option(
    order: ImagingOrder,
    snapshot: Snapshot,
    kept: RoomKept | None,
    protection: Protection | None,
    option: Option,
) -> Claim:
    """Return what a place that was ranked takes from those to come."""
    if kept is None or protection is None or protection.room is None:
        return NO_CLAIM
    problem = snapshot.problem
    minutes = int(problem.pairs.minutes[option.pair])
    scanner = problem.scanner_key[int(problem.pairs.scanner[option.pair])]
    return _claim(
        kept,
        order,
        ScannerId(scanner),
        days_ahead=int(problem.openings.day[option.opening]),
        minutes=minutes,
        left=int(protection.room[option.opening]) - minutes,
    )


def claim_of_slot(
    order: ImagingOrder,
    session: ScanSession,
    starts_at: datetime,
    minutes: int,
    uow: UnitOfWork,
    kept: RoomKept | None,
    now: datetime,
) -> Claim:
    """Return what a slot that a person chose takes from those to come."""
    if kept is None:
        return NO_CLAIM
    day = local_date(starts_at)
    # The slot may be free still, or held by this order already: it counts apart.
    begin, end = minute_of(starts_at), minute_of(starts_at) + minutes
    until = session.ends_at + LONGEST_SESSION
    there = uow.schedule.free_time(now, until, scanners=[session.scanner])
    free = offered(there, now)
    rows = free.take(free.day == day.toordinal())
    taken = np.minimum(rows.start + rows.minutes, end) - np.maximum(rows.start, begin)
    return _claim(
        kept,
        order,
        session.scanner,
        days_ahead=(day - local_date(now)).days,
        minutes=minutes,
        left=int((rows.minutes - np.maximum(0, taken)).sum()),
    )


def _claim(
    kept: RoomKept,
    order: ImagingOrder,
    scanner: ScannerId,
    *,
    days_ahead: int,
    minutes: int,
    left: int,
) -> Claim:
    priority = order.content.priority
    assert priority is not None, "an order without urgency is held"
    kind, tier, lead = kept.kind(scanner), priority.tier, kept.lead(days_ahead)
    unit = int(kept.prices.unit_minutes[kind])
    lost, reserve = kept.prices.lost, int(kept.prices.reserve[kind, tier, lead])
    # Whole numbers of the tables: the same as ranking looks up, bit by bit.
    worth = lost_at(lost, unit, kind, tier, lead, left)
    worth -= lost_at(lost, unit, kind, tier, lead, left + minutes)
    return Claim(
        int(worth),
        reserved=left < reserve,
        facts={
            "counted_from": kept.since.isoformat(),
            "counted_to": kept.until.isoformat(),
            "exams": kept.exams,
            "days_ahead": days_ahead,
            "typical_minutes": unit,
            "free_minutes_left": left,
            "kept_minutes": reserve,
            "still_to_come": {
                each.value: round(float(kept.demand.mean[kind, each.tier, lead]), 6)
                for each in Priority
                if each.tier < tier
            },
        },
    )
