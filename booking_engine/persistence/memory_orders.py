"""Orders, decisions and planning runs in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from booking_engine.application.ports import PlacerKey
from booking_engine.domain.decisions import Decision
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import (
    DecisionId,
    OrderId,
    PartnerId,
    PatientKey,
    PlanRunId,
)
from booking_engine.domain.order_names import NameKind, OrderName, names_of
from booking_engine.domain.orders import (
    TERMINAL,
    HoldCode,
    ImagingOrder,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.plan_runs import PlanRun
from booking_engine.domain.register import keys_of
from booking_engine.domain.waiting import ClockEvent
from booking_engine.persistence import refusals
from booking_engine.persistence.memory_tables import Tables
from booking_engine.persistence.memory_transaction import Transaction


def placer_key(order: ImagingOrder) -> PlacerKey:
    """Return the sender's name of the order."""
    content = order.content
    return (order.partner, content.placer_authority, content.placer_number)


class InMemoryOrders:
    """The orders, with their history and their clock log."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def get(self, order_id: OrderId) -> ImagingOrder:
        """Return one order; raises `NotKnown`."""
        try:
            return self._unit.tables.orders[order_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Order", order_id)) from None

    def get_many(self, order_ids: Iterable[OrderId]) -> dict[OrderId, ImagingOrder]:
        """Return those of `order_ids` that exist."""
        orders = self._unit.tables.orders
        return {i: orders[i] for i in order_ids if i in orders}

    def by_placer(self, key: PlacerKey) -> ImagingOrder | None:
        """Return the newest order with this placer key, or ``None``.

        A blank placer number names nothing: it never matches.
        """
        tables = self._unit.tables
        if not key[2]:
            return None
        found = [tables.orders[i] for i in tables.placers.get(key, ())]
        return max(found, key=lambda o: (o.received_at, o.id), default=None)

    def of_patient(
        self, keys: Iterable[PatientKey], *, open_only: bool
    ) -> list[ImagingOrder]:
        """Return the orders whose patient has any of these keys, oldest first."""
        wanted = set(keys)
        found = [
            order
            for order in self._unit.tables.orders.values()
            if not wanted.isdisjoint(keys_of(order.content.patient))
            and not (open_only and order.status in TERMINAL)
        ]
        return sorted(found, key=lambda order: order.id)

    def add(self, order: ImagingOrder) -> None:
        """Store a new order."""
        orders = self._unit.own("orders")
        if order.id in orders:
            self._unit.refuse_existing()
            return
        orders[order.id] = order
        self._file(order)
        self._name(order, names_of(order))

    def save(self, order: ImagingOrder) -> None:
        """Store a changed order; see `sql` for the rule."""
        before = self._unit.tables.orders.get(order.id)
        version = self._unit.next_version("Order", order.id, order.version, before)
        self._unit.own("orders")[order.id] = replace(order, version=version)
        known = () if before is None else names_of(before)
        self._name(order, [n for n in names_of(order) if n not in known])
        if before is None or placer_key(before) != placer_key(order):
            self._file(order)
            if before is not None:
                placers, key = self._unit.own("placers"), placer_key(before)
                placers[key] = tuple(i for i in placers[key] if i != order.id)

    def _file(self, order: ImagingOrder) -> None:
        placers = self._unit.own("placers")
        key = placer_key(order)
        placers[key] = (*placers.get(key, ()), order.id)

    def add_name(self, order: ImagingOrder, name: OrderName) -> None:
        """Note what else a partner calls an order; a name once given stays."""
        self._name(order, (name,))

    def _name(self, order: ImagingOrder, names: Iterable[OrderName]) -> None:
        for name in names:
            known = self._unit.tables.names.get(name, ())
            if order.id not in known:
                self._unit.own("names")[name] = (*known, order.id)
                self._unit.check(partial(Tables.check_order_known, order_id=order.id))

    def named(self, name: OrderName) -> list[ImagingOrder]:
        """Return the orders that a partner calls so, newest first."""
        tables = self._unit.tables
        return _newest_first(tables.orders[i] for i in tables.names.get(name, ()))

    def placed_as(self, authority: str, number: str) -> list[ImagingOrder]:
        """Return the orders of any partner placed under a number, newest first."""
        tables = self._unit.tables
        named = {
            i
            for name, ids in tables.names.items()
            if (name.kind, name.authority, name.number)
            == (NameKind.SHARED_PLACER, authority, number)
            for i in ids
        }
        return _newest_first(
            order
            for order in tables.orders.values()
            if order.id in named
            or (order.content.placer_authority, order.content.placer_number)
            == (authority, number)
        )

    def log(self, change: StatusChange) -> None:
        """Append to the history."""
        history = self._unit.own("history")
        history[change.order_id] = (*history.get(change.order_id, ()), change)
        self._unit.check(lambda t: t.check_order_known(change.order_id))

    def log_clock(self, event: ClockEvent) -> None:
        """Append to the clock log."""
        log = self._unit.own("clock_log")
        log[event.order_id] = (*log.get(event.order_id, ()), event)
        self._unit.check(lambda t: t.check_order_known(event.order_id))

    def with_status(
        self, statuses: Iterable[OrderStatus], *, limit: int | None = None
    ) -> list[ImagingOrder]:
        """Return the orders in any of `statuses`, oldest clock first."""
        wanted = frozenset(statuses)
        found = [o for o in self._unit.tables.orders.values() if o.status in wanted]
        found.sort(key=lambda o: (o.clock.started_on, o.id))
        return found[:limit]

    def held_for(
        self, codes: Iterable[HoldCode], *, partner: PartnerId | None = None
    ) -> list[ImagingOrder]:
        """Return the held and booked orders with any of these holds, by id."""
        wanted = frozenset(codes)
        found = [
            order
            for order in self._unit.tables.orders.values()
            if order.status in (OrderStatus.HELD, OrderStatus.BOOKED)
            and partner in (None, order.partner)
            and any(hold.code in wanted for hold in order.holds)
        ]
        return sorted(found, key=lambda order: order.id)

    def with_unmapped_orderer(
        self, *, partner: PartnerId | None = None
    ) -> list[ImagingOrder]:
        """Return the orders not over whose orderer is not mapped, by id."""
        found = [
            order
            for order in self._unit.tables.orders.values()
            if order.status not in TERMINAL
            and order.content.orderer.unmapped
            and partner in (None, order.partner)
        ]
        return sorted(found, key=lambda order: order.id)

    def history(self, order_id: OrderId) -> list[StatusChange]:
        """Return the history of one order, oldest first."""
        return list(self._unit.tables.history.get(order_id, ()))

    def clock_log(self, order_id: OrderId) -> list[ClockEvent]:
        """Return the clock log of one order, oldest first."""
        return list(self._unit.tables.clock_log.get(order_id, ()))

    def counts(self) -> dict[OrderStatus, int]:
        """Return how many orders are in each state that has any."""
        return dict(Counter(o.status for o in self._unit.tables.orders.values()))


def _newest_first(orders: Iterable[ImagingOrder]) -> list[ImagingOrder]:
    return sorted(orders, key=lambda o: (o.received_at, o.id), reverse=True)


class InMemoryDecisions:
    """Decision records."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, decision: Decision) -> None:
        """Store a record."""
        decisions = self._unit.own("decisions")
        if decision.id in decisions:
            self._unit.refuse_existing()
            return
        decisions[decision.id] = decision
        self._unit.check(lambda t: t.check_order_known(decision.order_id))

    def get(self, decision_id: DecisionId) -> Decision:
        """Return one record; raises `NotKnown`."""
        try:
            return self._unit.tables.decisions[decision_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Decision", decision_id)) from None

    def get_many(
        self, decision_ids: Iterable[DecisionId]
    ) -> dict[DecisionId, Decision]:
        """Return those of `decision_ids` that exist."""
        decisions = self._unit.tables.decisions
        return {i: decisions[i] for i in decision_ids if i in decisions}

    def of_run(self, plan_run_id: PlanRunId) -> list[Decision]:
        """Return the records of one planning run, in the order they were made."""
        found = [
            d
            for d in self._unit.tables.decisions.values()
            if d.plan_run_id == plan_run_id
        ]
        return sorted(found, key=lambda d: (d.made_at, d.id))


class InMemoryPlanRuns:
    """Planning runs."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def add(self, run: PlanRun) -> None:
        """Store a new run."""
        runs = self._unit.own("plan_runs")
        if run.id in runs:
            self._unit.refuse_existing()
            return
        runs[run.id] = run

    def save(self, run: PlanRun) -> None:
        """Store a changed run; a file that it leaves out stays as it was."""
        before = self._unit.tables.plan_runs.get(run.id)
        if before is None:
            self._unit.refuse(NotKnown(refusals.not_stored("Planning run", run.id)))
            return
        self._unit.own("plan_runs")[run.id] = replace(
            run,
            problem=before.problem if run.problem is None else run.problem,
            plan=before.plan if run.plan is None else run.plan,
        )

    def get(self, run_id: PlanRunId) -> PlanRun:
        """Return one run with its files; raises `NotKnown`."""
        try:
            return self._unit.tables.plan_runs[run_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Planning run", run_id)) from None

    def latest(self, limit: int) -> list[PlanRun]:
        """Return the newest runs, without their files."""
        runs = sorted(
            self._unit.tables.plan_runs.values(),
            key=lambda r: (r.requested_at, r.id),
            reverse=True,
        )
        return [replace(run, problem=None, plan=None) for run in runs[:limit]]
