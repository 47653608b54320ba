"""A snapshot of orders and free time, as the columns that the solver sees.

The domain's rules decide which scanner and session an order may use; this module
evaluates them over columns and keeps the way back from row numbers to our names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import LONDON, local_date
from booking_engine.domain.costs import pair_cost, wait_curve
from booking_engine.domain.diary_entries import TakenOnScanner
from booking_engine.domain.eligibility import (
    SCANNER_RULES,
    OrderFacts,
    exam_minutes,
    home_of,
    order_columns,
    order_facts,
    scanner_columns,
    scanner_facts,
)
from booking_engine.domain.identifiers import ContractId, ScannerId, SessionId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.policy import Policy
from booking_engine.domain.resources import road_km
from booking_engine.domain.schedule import (
    ScanSession,
    SessionStatus,
    free_intervals,
)
from solver.problem import NO_GROUP, Openings, Orders, Pairs, Problem

LEAD = timedelta(minutes=60)
"""Today's time that begins sooner than this is not offered."""
DAY_MINUTES = 24 * 60
_FAR_DAY = 10**6
_AT = "@"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Opening:
    """The way back from an opening's row to our names."""

    session: ScanSession
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A problem, and what its rows mean.

    Parameters
    ----------
    orders, openings
        By row.
    facts
        What the rules were asked of each order, by row.
    pair_km
        Shape ``(pairs,)``. Whole road kilometres.
    excluded
        Shape ``(orders, scanner rules)``. How many scanners each rule took out.
    """

    problem: Problem
    orders: tuple[ImagingOrder, ...]
    facts: tuple[OrderFacts, ...]
    openings: tuple[Opening, ...]
    pair_km: Ints
    excluded: Ints
    taken_at: datetime

    @property
    def today(self) -> date:
        """The local day that the problem counts from."""
        return local_date(self.taken_at)

    def exclusions_of(self, row: int) -> tuple[tuple[str, int], ...]:
        """Return what the scanner rules took out for one order, without zeros."""
        counts = self.excluded[row]
        return tuple(
            (str(rule), int(count))
            for (rule, _), count in zip(SCANNER_RULES, counts, strict=True)
            if count
        )


def take_snapshot(
    orders: Sequence[ImagingOrder],
    sessions: Sequence[ScanSession],
    occupied: Sequence[TakenOnScanner],
    catalogue: Catalogue,
    *,
    contract_use: Mapping[ContractId, int],
    now: datetime,
    policy: Policy,
) -> Snapshot:
    """Return the allocation problem as it stands at `now`.

    Parameters
    ----------
    orders
        Vetted, waiting, without an appointment.
    sessions, occupied
        The diary in the horizon; what is occupied is frozen.
    contract_use
        Exams that already count against each contract.
    """
    today = local_date(now)
    contracts = list(catalogue.contracts)
    scanner_ids = list(catalogue.scanners)
    openings, columns = _openings(
        sessions, occupied, scanner_ids, contracts, now=now, today=today
    )
    facts = tuple(
        order_facts(order, catalogue, today=today, policy=policy) for order in orders
    )
    pairs, pair_km, excluded = _pairs(orders, facts, catalogue, today, policy)
    problem = Problem(
        orders=_orders(orders, facts, today, policy),
        pairs=pairs,
        openings=columns,
        contract_ceiling=np.array(
            [
                max(0, catalogue.contracts[c].ceiling - contract_use.get(c, 0))
                for c in contracts
            ],
            dtype=np.int64,
        ),
        scanner_key=tuple(scanner_ids),
        policy_version=policy.version,
    )
    return Snapshot(
        problem, tuple(orders), facts, openings, pair_km, excluded, taken_at=now
    )


def _openings(
    sessions: Sequence[ScanSession],
    occupied: Sequence[TakenOnScanner],
    scanner_ids: Sequence[ScannerId],
    contracts: Sequence[ContractId],
    *,
    now: datetime,
    today: date,
) -> tuple[tuple[Opening, ...], Openings]:
    """Cut the free time out of the sessions, by scanner, then start."""
    row_of = {scanner: row for row, scanner in enumerate(scanner_ids)}
    contract_row = {contract: row for row, contract in enumerate(contracts)}
    taken: dict[ScannerId, list[tuple[datetime, datetime]]] = {}
    for one in occupied:
        if one.scanner is not None:
            taken.setdefault(one.scanner, []).append((one.starts_at, one.ends_at))
    soonest = now + LEAD
    found: list[tuple[int, Opening, int, int, int]] = []
    for session in sessions:
        if session.status is not SessionStatus.OPEN or session.scanner not in row_of:
            continue
        if session.ends_at <= soonest:
            continue
        busy = [
            interval
            for interval in taken.get(session.scanner, ())
            if interval[0] < session.ends_at and interval[1] > session.starts_at
        ]
        if session.starts_at < soonest:
            busy.append((session.starts_at, _next_five(soonest)))
        for starts_at, ends_at in free_intervals(session, busy):
            minutes = int((ends_at - starts_at).total_seconds()) // 60
            if minutes <= 0:
                continue
            local = starts_at.astimezone(LONDON)
            begin = local.hour * 60 + local.minute
            day = local.date().toordinal() - today.toordinal()
            if begin + minutes > DAY_MINUTES:
                minutes = DAY_MINUTES - begin
            found.append(
                (
                    row_of[session.scanner],
                    Opening(session, starts_at),
                    day,
                    begin,
                    minutes,
                )
            )
    found.sort(key=lambda one: (one[0], one[1].starts_at))
    scanner_rows = np.array([one[0] for one in found], dtype=np.int64)
    openings = tuple(one[1] for one in found)
    return openings, Openings(
        key=tuple(f"{o.session.id}{_AT}{o.starts_at:%H%M}" for o in openings),
        scanner_start=np.searchsorted(
            scanner_rows, np.arange(len(scanner_ids) + 1)
        ).astype(np.int64),
        day=np.array([one[2] for one in found], dtype=np.int64),
        begin_minute=np.array([one[3] for one in found], dtype=np.int64),
        minutes=np.array([one[4] for one in found], dtype=np.int64),
        list_bit=np.array(
            [int(o.session.list_type_at(now)) for o in openings], dtype=np.int64
        ),
        cost=np.zeros(len(found), dtype=np.int64),
        contract=np.array(
            [
                NO_GROUP
                if o.session.contract is None
                else contract_row[o.session.contract]
                for o in openings
            ],
            dtype=np.int64,
        ),
    )


def session_of(opening_key: str) -> SessionId:
    """Return the session that an opening of a stored problem was cut from."""
    return SessionId(opening_key.rpartition(_AT)[0])


def _next_five(instant: datetime) -> datetime:
    """Return the next whole five minutes at or after `instant`."""
    over = timedelta(
        minutes=instant.minute % 5,
        seconds=instant.second,
        microseconds=instant.microsecond,
    )
    return instant if not over else instant - over + timedelta(minutes=5)


def _orders(
    orders: Sequence[ImagingOrder],
    facts: Sequence[OrderFacts],
    today: date,
    policy: Policy,
) -> Orders:
    curves = [wait_curve(order, today=today, policy=policy) for order in orders]
    count = len(orders)

    def column(values: Sequence[int]) -> Ints:
        return np.array(values, dtype=np.int64)

    first = today.toordinal()
    columns = order_columns(facts)
    return Orders(
        key=tuple(order.id for order in orders),
        tier=column([o.content.priority.tier for o in orders if o.content.priority]),
        patient=_patient_groups(orders),
        earliest_day=np.asarray(columns.earliest_day) - first,
        latest_day=np.minimum(np.asarray(columns.latest_day) - first, _FAR_DAY),
        earliest_minute=np.zeros(count, dtype=np.int64),
        latest_minute=np.full(count, DAY_MINUTES, dtype=np.int64),
        list_mask=np.asarray(columns.lists),
        wait_cost=column([c.wait for c in curves]),
        target_day=column([c.target_day for c in curves]),
        late_cost=column([c.late for c in curves]),
        breach_day=column([c.breach_day for c in curves]),
        breach_cost=column([c.breach for c in curves]),
        unplaced_cost=column([c.unplaced for c in curves]),
    )


def _patient_groups(orders: Sequence[ImagingOrder]) -> Ints:
    """Return a number for each patient who has more than one order here."""
    rows: dict[str, list[int]] = {}
    for row, order in enumerate(orders):
        rows.setdefault(order.content.patient.key, []).append(row)
    groups = np.full(len(orders), NO_GROUP, dtype=np.int64)
    shared = (members for members in rows.values() if len(members) > 1)
    for number, members in enumerate(shared):
        groups[members] = number
    return groups


def _pairs(
    orders: Sequence[ImagingOrder],
    facts: Sequence[OrderFacts],
    catalogue: Catalogue,
    today: date,
    policy: Policy,
) -> tuple[Pairs, Ints, Ints]:
    """Evaluate the scanner rules over orders x scanners, and cost what passes."""
    scanners = list(catalogue.scanners.values())
    kilometres = _distances(orders, catalogue)
    columns = order_columns(facts)
    wide = OrderFacts(
        **{
            name: np.asarray(getattr(columns, name))[:, None]
            for name in OrderFacts.__slots__
        }
    )
    across = replace(
        scanner_columns(
            [scanner_facts(s, catalogue, today=today, travel=0) for s in scanners]
        ),
        travel_km=kilometres,
    )
    alive = np.ones((len(orders), len(scanners)), dtype=np.bool_)
    excluded = np.zeros((len(orders), len(SCANNER_RULES)), dtype=np.int64)
    for number, (_, holds) in enumerate(SCANNER_RULES):
        passed = alive & holds(wide, across)
        excluded[:, number] = (alive & ~passed).sum(axis=1)
        alive = passed
    row, scanner = np.nonzero(alive)
    km = kilometres[row, scanner]
    pounds = np.array(
        [_pounds(catalogue, s.contract) for s in scanners], dtype=np.int64
    )
    cost = pair_cost(
        policy,
        travel_km=km,
        other_trust=_elsewhere(orders, catalogue)[row, scanner],
        pounds=pounds[scanner],
    )
    minutes = np.array([_minutes(order, catalogue) for order in orders], dtype=np.int64)
    start = np.concatenate([[0], np.cumsum(alive.sum(axis=1))]).astype(np.int64)
    pairs = Pairs(
        start=start,
        scanner=scanner.astype(np.int64),
        minutes=minutes[row] if len(orders) else np.zeros(0, dtype=np.int64),
        cost=np.asarray(cost, dtype=np.int64),
    )
    return pairs, km.astype(np.int64), excluded


def _minutes(order: ImagingOrder, catalogue: Catalogue) -> int:
    assert order.content.procedure is not None, "an order without procedure is held"
    return exam_minutes(order, catalogue.procedure(order.content.procedure))


def _pounds(catalogue: Catalogue, contract: ContractId | None) -> int:
    return 0 if contract is None else catalogue.contracts[contract].price


def _distances(orders: Sequence[ImagingOrder], catalogue: Catalogue) -> Ints:
    """Return whole road kilometres, shape ``(orders, scanners)``; 0 if not known."""
    sites = [catalogue.sites[s.site] for s in catalogue.scanners.values()]
    homes = [home_of(order, catalogue) for order in orders]
    known = np.array([home is not None for home in homes], dtype=np.bool_)
    at = np.array([home or (0.0, 0.0) for home in homes], dtype=np.float64)
    if not orders or not sites:
        return np.zeros((len(orders), len(sites)), dtype=np.int64)
    lat = np.array([site.latitude for site in sites])
    lon = np.array([site.longitude for site in sites])
    road = road_km(at[:, :1], at[:, 1:], lat[None, :], lon[None, :])
    return np.where(known[:, None], np.rint(road), 0).astype(np.int64)


def _elsewhere(orders: Sequence[ImagingOrder], catalogue: Catalogue) -> Ints:
    """Return 1 where the scanner belongs to another organisation than asked."""
    numbers = {code: n for n, code in enumerate(catalogue.organisations)}
    theirs = np.array(
        [
            numbers[catalogue.sites[s.site].organisation]
            for s in catalogue.scanners.values()
        ],
        dtype=np.int64,
    )
    ours = np.array(
        [
            numbers[catalogue.sites[o.content.site].organisation]
            if o.content.site in catalogue.sites
            else -1
            for o in orders
        ],
        dtype=np.int64,
    )
    differs: Ints = (ours[:, None] != theirs[None, :]).astype(np.int64)
    return differs
