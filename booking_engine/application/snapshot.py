"""A snapshot of orders and free time, as the columns that the solver sees.

The domain's rules decide which scanner and session an order may use; this module
evaluates them over columns and keeps the way back from row numbers to our names.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from booking_engine.application.free_time import (
    DAY_MINUTES,
    FreeTime,
    instant_of,
    minute_from,
    minute_of,
)
from booking_engine.application.scanner_columns import ScannerColumns
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import local_date
from booking_engine.domain.costs import pair_cost, wait_curve
from booking_engine.domain.eligibility import (
    SCANNER_RULES,
    OrderFacts,
    exam_minutes,
    order_columns,
    order_facts,
)
from booking_engine.domain.exam_pairs import ExamPair, Timed
from booking_engine.domain.identifiers import ContractId, OrderId, ScannerId, SiteCode
from booking_engine.domain.linked_exams import Arranged
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.policy import Policy
from booking_engine.domain.schedule import ScanSession
from solver.problem import NO_GROUP, Openings, Orders, Pairs, Problem

LEAD = timedelta(minutes=60)
"""Today's time that begins sooner than this is not offered."""
_STEP = 5
"""Minutes: an exam that is cut short by the lead begins at a multiple of it."""
_FAR_DAY = 10**6

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Opening:
    """The way back from an opening's row to our names."""

    session: ScanSession
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """Which exams of a snapshot are planned together, or beside a booked one.

    Parameters
    ----------
    plain
        The same orders, each by itself.
    arranged
        By row, of those that are linked.
    site_number, place
        A number for each site; that of each scanner's site, shape ``(scanners,)``.
    pairs, exams
        Which exams come in an order, and each linked order's exam.
    """

    plain: Snapshot
    arranged: Mapping[int, Arranged]
    site_number: Mapping[SiteCode, int]
    place: Ints
    pairs: tuple[ExamPair, ...] = ()
    exams: Mapping[OrderId, Timed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A problem, and what its rows mean.

    Parameters
    ----------
    orders
        By row.
    free
        The free time behind each opening's row.
    facts
        What the rules were asked of each order, by row.
    pair_km
        Shape ``(pairs,)``. Whole road kilometres.
    excluded
        Shape ``(orders, scanner rules)``. How many scanners each rule took out.
    links
        ``None`` where every order is planned by itself.
    """

    problem: Problem
    orders: tuple[ImagingOrder, ...]
    facts: tuple[OrderFacts, ...]
    free: FreeTime
    pair_km: Ints
    excluded: Ints
    taken_at: datetime
    links: Links | None = None

    @property
    def today(self) -> date:
        """The local day that the problem counts from."""
        return local_date(self.taken_at)

    def opening(self, row: int) -> Opening:
        """Return what an opening's row means."""
        return Opening(self.free.session_of(row), instant_of(int(self.free.start[row])))

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
    free: FreeTime,
    network: ScannerColumns,
    *,
    contract_use: Mapping[ContractId, int],
    now: datetime,
    policy: Policy,
    scanners: Container[ScannerId] | None = None,
) -> Snapshot:
    """Return the allocation problem as it stands at `now`.

    Parameters
    ----------
    orders
        Vetted, waiting, without an appointment.
    free
        What the diary leaves free in the horizon; what is occupied is frozen.
    network
        The scanners, on the local day of `now`.
    contract_use
        Exams that already count against each contract.
    scanners
        Only these have openings; ``None``: all.
    """
    catalogue, today = network.catalogue, network.day
    contracts = list(catalogue.contracts)
    scanner_ids = list(catalogue.scanners)
    free, scanner = offered(free, now).rows_of(
        {
            one: row
            for row, one in enumerate(scanner_ids)
            if scanners is None or one in scanners
        }
    )
    facts = tuple(
        order_facts(order, catalogue, today=today, policy=policy) for order in orders
    )
    pairs, pair_km, excluded = _pairs(orders, facts, network, policy)
    problem = Problem(
        orders=_orders(orders, facts, today, policy),
        pairs=pairs,
        openings=_openings(free, scanner, catalogue, now=now, today=today),
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
        problem, tuple(orders), facts, free, pair_km, excluded, taken_at=now
    )


def offered(free: FreeTime, now: datetime) -> FreeTime:
    """Return what is left of free time without what is too near."""
    soonest = minute_from(now + LEAD)
    return free.from_minute(-(-soonest // _STEP) * _STEP, sessions_before=soonest)


def _openings(
    free: FreeTime, scanner: Ints, catalogue: Catalogue, *, now: datetime, today: date
) -> Openings:
    """Return the columns of free time as openings, by scanner, then start."""
    contract_row = {contract: row for row, contract in enumerate(catalogue.contracts)}
    return Openings(
        key=tuple(free.key.tolist()),
        scanner_start=np.searchsorted(
            scanner, np.arange(len(catalogue.scanners) + 1)
        ).astype(np.int64),
        day=free.day - today.toordinal(),
        begin_minute=free.begin,
        minutes=free.minutes,
        list_bit=free.list_bits_at(minute_of(now)),
        cost=np.zeros(len(free), dtype=np.int64),
        contract=free.of_sessions(
            [
                NO_GROUP if one.contract is None else contract_row[one.contract]
                for one in free.sessions.tolist()
            ]
        ),
    )


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
    network: ScannerColumns,
    policy: Policy,
) -> tuple[Pairs, Ints, Ints]:
    """Evaluate the scanner rules over orders x scanners, and cost what passes."""
    kilometres = network.kilometres(orders)
    alive, excluded = network.allowed(facts, kilometres)
    row, scanner = np.nonzero(alive)
    km = kilometres[row, scanner]
    cost = pair_cost(
        policy,
        travel_km=km,
        other_trust=network.other_organisation(orders)[row, scanner],
        pounds=network.pounds[scanner],
    )
    minutes = np.array(
        [exam_minutes(order, network.catalogue) for order in orders], dtype=np.int64
    )
    start = np.concatenate([[0], np.cumsum(alive.sum(axis=1))]).astype(np.int64)
    pairs = Pairs(
        start=start,
        scanner=scanner.astype(np.int64),
        minutes=minutes[row] if len(orders) else np.zeros(0, dtype=np.int64),
        cost=np.asarray(cost, dtype=np.int64),
    )
    return pairs, km.astype(np.int64), excluded
