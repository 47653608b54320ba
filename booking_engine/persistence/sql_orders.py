"""Orders in the database, with their history and their clock log."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select, text, union, union_all

from booking_engine.application.ports import PlacerKey
from booking_engine.domain.errors import NotKnown
from booking_engine.domain.identifiers import OrderId, PartnerId, PatientKey
from booking_engine.domain.order_names import NameKind, OrderName, names_of
from booking_engine.domain.orders import (
    TERMINAL,
    HoldCode,
    ImagingOrder,
    OrderStatus,
    StatusChange,
)
from booking_engine.domain.waiting import ClockEvent
from booking_engine.persistence import guards, mapping, refusals
from booking_engine.persistence.locks import lock_numbers
from booking_engine.persistence.queries import changed_since_booked
from booking_engine.persistence.session import Query
from booking_engine.persistence.statements import NO_LIMIT, Statement, among
from booking_engine.persistence.transaction import Ahead, Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_ORDER: Final = TABLES[Kind.ORDER]
_NAME: Final = TABLES[Kind.ORDER_NAME]
_CHANGE: Final = TABLES[Kind.CHANGE]
_CLOCK: Final = TABLES[Kind.CLOCK]

# Kinds of what the transaction remembers.
_ONE: Final = "order"
_STORED: Final = "order with placer key"
_WRITTEN: Final = "orders written with placer key"
_REKEYED: Final = "a placer key changed"


def _newest_of(on: str) -> Select[Any]:
    order = _ORDER.c
    rank = func.row_number().over(
        partition_by=(order.partner, order.placer_authority, order.placer_number),
        order_by=(order.received_at.desc(), order.id.desc()),
    )
    ranked = (
        select(order.id, rank.label("rank"))
        .where(among(order.placer_number, "numbers", on))
        .subquery()
    )
    return (
        select(_ORDER).join(ranked, ranked.c.id == order.id).where(ranked.c.rank == 1)
    )


_NEWEST_OF: Final = Statement(_newest_of)
_BY_ID: Final = Statement(
    lambda on: select(_ORDER).where(among(_ORDER.c.id, "ids", on))
)
_NAMED: Final = Statement(
    lambda _: select(_NAME.c.order_id).where(
        _NAME.c.number == bindparam("number"),
        _NAME.c.kind == bindparam("kind"),
        _NAME.c.partner == bindparam("partner"),
        _NAME.c.authority == bindparam("authority"),
    )
)
_PLACED_AS: Final = Statement(
    lambda _: union(
        select(_ORDER.c.id).where(
            _ORDER.c.placer_number == bindparam("number"),
            _ORDER.c.placer_authority == bindparam("authority"),
        ),
        select(_NAME.c.order_id).where(
            _NAME.c.number == bindparam("number"),
            _NAME.c.kind == NameKind.SHARED_PLACER.value,
            _NAME.c.authority == bindparam("authority"),
        ),
    )
)
_WITH_STATUS: Final = Statement(
    lambda on: (
        select(_ORDER)
        .where(among(_ORDER.c.status, "statuses", on))
        .order_by(_ORDER.c.clock_started_on, _ORDER.c.id)
        .limit(bindparam("limit"))
    )
)


def _of_patient(on: str) -> Select[Any]:
    order = _ORDER.c
    named = union(
        select(order.id).where(among(order.patient_key, "keys", on)),
        # Both words, so that the partial index is seen to serve.
        select(order.id).where(
            order.local_key.is_not(None), among(order.local_key, "keys", on)
        ),
    )
    return select(_ORDER).where(order.id.in_(named)).order_by(order.id)


_OF_PATIENT: Final = Statement(_of_patient)
_OPEN_SQL: Final = "status NOT IN ({})".format(
    ", ".join(f"'{status.value}'" for status in sorted(TERMINAL))
)
_OPEN_OF_PATIENT: Final = Statement(lambda on: _of_patient(on).where(text(_OPEN_SQL)))
_COUNTS: Final = Statement(
    lambda _: select(_ORDER.c.status, func.count()).group_by(_ORDER.c.status)
)
_HISTORY: Final = Statement(
    lambda _: (
        select(_CHANGE)
        .where(_CHANGE.c.order_id == bindparam("order_id"))
        .order_by(_CHANGE.c.id)
    )
)
_CLOCK_LOG: Final = Statement(
    lambda _: (
        select(_CLOCK)
        .where(_CLOCK.c.order_id == bindparam("order_id"))
        .order_by(_CLOCK.c.id)
    )
)


def placer_key(order: ImagingOrder) -> PlacerKey:
    """Return the sender's name of the order."""
    content = order.content
    return (order.partner, content.placer_authority, content.placer_number)


@cache
def _held_for(codes: tuple[str, ...], *, of_one: bool) -> Statement:
    """Return the statement for held and booked orders with any of these holds."""
    coded = or_(
        *(_ORDER.c.hold_codes.contains(f",{c},", autoescape=True) for c in codes)
    )
    # Apart, so that each finds its own index.
    found = union_all(
        select(_ORDER.c.id).where(_ORDER.c.status == OrderStatus.HELD.value, coded),
        select(_ORDER.c.id).where(changed_since_booked(), coded),
    ).subquery()
    query = select(_ORDER).join(found, found.c.id == _ORDER.c.id).order_by(_ORDER.c.id)
    if of_one:
        query = query.where(_ORDER.c.partner == bindparam("partner"))
    return Statement(lambda _: query)


def _unnamed(*, of_one: bool) -> Statement:
    query = select(_ORDER).where(text(guards.UNNAMED_SQL)).order_by(_ORDER.c.id)
    if of_one:
        query = query.where(_ORDER.c.partner == bindparam("partner"))
    return Statement(lambda _: query)


_UNNAMED: Final = _unnamed(of_one=False)
_UNNAMED_OF: Final = _unnamed(of_one=True)


class SqlOrders:
    """The orders, with their history and their clock log."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, order_id: OrderId) -> ImagingOrder:
        """Return one order; raises `NotKnown`."""
        try:
            return self.get_many((order_id,))[order_id]
        except KeyError:
            raise NotKnown(refusals.not_stored("Order", order_id)) from None

    def get_many(self, order_ids: Iterable[OrderId]) -> dict[OrderId, ImagingOrder]:
        """Return those of `order_ids` that exist, in one query."""
        t = self._transaction
        wanted = list(dict.fromkeys(order_ids))
        unread = [i for i in wanted if not t.knows(_ONE, i)]
        if unread:
            for row in t.rows(_BY_ID, ids=unread):
                t.remember(_ONE, row.id, mapping.order_of(row))
        return {i: t.recall(_ONE, i) for i in wanted if t.knows(_ONE, i)}

    def known_ahead(self, order_id: OrderId) -> Ahead | None:
        """Return the query for one order, for `get` to find."""
        t = self._transaction
        if t.knows(_ONE, order_id):
            return None

        def take(found: list[Any]) -> None:
            t.identify(_ONE, found, mapping.order_of)

        return Ahead(Query(_BY_ID, {"ids": [order_id]}), take)

    def by_placer(self, key: PlacerKey) -> ImagingOrder | None:
        """Return the newest order with this placer key, or ``None``.

        A blank placer number names nothing: it never matches.
        """
        if not key[2]:
            return None
        t = self._transaction
        if t.knows(_REKEYED, None):
            # A save gave an order another name; only the database can say now.
            t.settle(Kind.ORDER)
            t.read_ahead([self._placers({key})])
        else:
            t.read_ahead([self.ahead((key,))])
        ids = [t.recall(_STORED, key), *(t.recall(_WRITTEN, key) or ())]
        found = (t.recall(_ONE, i) for i in ids if i is not None)
        return max(
            (order for order in found if placer_key(order) == key),
            key=lambda order: (order.received_at, order.id),
            default=None,
        )

    def ahead(self, keys: Iterable[PlacerKey]) -> Ahead | None:
        """Return the query for the orders of these keys, for `by_placer` to find."""
        t = self._transaction
        unread = {key for key in keys if key[2] and not t.knows(_STORED, key)}
        return self._placers(unread) if unread else None

    def _placers(self, wanted: AbstractSet[PlacerKey]) -> Ahead:
        values = {"numbers": sorted({key[2] for key in wanted})}
        numbers = lock_numbers(self._transaction, "order", wanted)
        query = Query(_NEWEST_OF, values, numbers)
        return Ahead(query, lambda found: self._take(wanted, found))

    def _take(self, wanted: AbstractSet[PlacerKey], found: Iterable[Any]) -> None:
        t = self._transaction
        stored: dict[PlacerKey, OrderId] = {}
        for row in found:
            key = (row.partner, row.placer_authority, row.placer_number)
            if key in wanted:
                stored[key] = row.id
                t.identify(_ONE, [row], mapping.order_of)
        for key in wanted:
            t.remember(_STORED, key, stored.get(key))

    def of_patient(
        self, keys: Iterable[PatientKey], *, open_only: bool
    ) -> list[ImagingOrder]:
        """Return the orders whose patient has any of these keys, oldest first."""
        t = self._transaction
        t.settle(Kind.ORDER)
        found = t.rows(
            _OPEN_OF_PATIENT if open_only else _OF_PATIENT, keys=sorted(set(keys))
        )
        return t.identify(_ONE, found, mapping.order_of)

    def add(self, order: ImagingOrder) -> None:
        """Store a new order."""
        t = self._transaction
        t.write(Write(Kind.ORDER, mapping.order_row(order)))
        t.remember(_ONE, order.id, order)
        key = placer_key(order)
        t.remember(_WRITTEN, key, (*(t.recall(_WRITTEN, key) or ()), order.id))
        for name in names_of(order):
            self.add_name(order, name)

    def save(self, order: ImagingOrder) -> None:
        """Store a changed order; see `transaction` for the rule on versions."""
        t = self._transaction
        before: ImagingOrder | None = t.recall(_ONE, order.id)
        replaces, version = t.next_version(_ONE, order.id, order.version)
        stored = replace(order, version=version)
        row = mapping.order_row(stored)
        t.write(Write(Kind.ORDER, row, changes=True, replaces=replaces))
        t.remember(_ONE, order.id, stored)
        if before is None or placer_key(before) != placer_key(order):
            t.remember(_REKEYED, None, value=True)
        if before is None or before.content is not order.content:
            known = () if before is None else names_of(before)
            for name in names_of(order):
                if name not in known:
                    self.add_name(order, name)

    def add_name(self, order: ImagingOrder, name: OrderName) -> None:
        """Note what else a partner calls an order; a name once given stays."""
        row = {
            "number": name.number,
            "kind": name.kind.value,
            "partner": name.partner,
            "authority": name.authority,
            "order_id": order.id,
        }
        self._transaction.write(Write(Kind.ORDER_NAME, row))

    def named(self, name: OrderName) -> list[ImagingOrder]:
        """Return the orders that a partner calls so, newest first.

        Open for writing, a unit keeps the name to itself, as with `by_placer`.
        """
        t = self._transaction
        t.settle(Kind.ORDER, Kind.ORDER_NAME)
        key = (name.kind.value, name.partner, name.authority, name.number)
        found = t.locked_rows(
            _NAMED,
            lock_numbers(t, "order name", [key]),
            number=name.number,
            kind=name.kind.value,
            partner=name.partner,
            authority=name.authority,
        )
        return self._newest_first(row.order_id for row in found)

    def placed_as(self, authority: str, number: str) -> list[ImagingOrder]:
        """Return the orders of any partner placed under a number, newest first."""
        t = self._transaction
        t.settle(Kind.ORDER, Kind.ORDER_NAME)
        found = t.rows(_PLACED_AS, authority=authority, number=number)
        return self._newest_first(row.id for row in found)

    def _newest_first(self, order_ids: Iterable[OrderId]) -> list[ImagingOrder]:
        found = self.get_many(order_ids).values()
        return sorted(found, key=lambda o: (o.received_at, o.id), reverse=True)

    def log(self, change: StatusChange) -> None:
        """Append to the history."""
        self._transaction.write(Write(Kind.CHANGE, mapping.change_row(change)))

    def log_clock(self, event: ClockEvent) -> None:
        """Append to the clock log."""
        self._transaction.write(Write(Kind.CLOCK, mapping.clock_row(event)))

    def with_status(
        self, statuses: Iterable[OrderStatus], *, limit: int | None = None
    ) -> list[ImagingOrder]:
        """Return the orders in any of `statuses`, oldest clock first."""
        t = self._transaction
        t.settle(Kind.ORDER)
        found = t.rows(
            _WITH_STATUS,
            statuses=sorted({status.value for status in statuses}),
            limit=NO_LIMIT if limit is None else limit,
        )
        return t.identify(_ONE, found, mapping.order_of)

    def held_for(
        self, codes: Iterable[HoldCode], *, partner: PartnerId | None = None
    ) -> list[ImagingOrder]:
        """Return the held and booked orders with any of these holds, by id."""
        t = self._transaction
        t.settle(Kind.ORDER)
        names = tuple(sorted({code.value for code in codes}))
        given = {} if partner is None else {"partner": partner}
        found = t.rows(_held_for(names, of_one=partner is not None), **given)
        return t.identify(_ONE, found, mapping.order_of)

    def with_unmapped_orderer(
        self, *, partner: PartnerId | None = None
    ) -> list[ImagingOrder]:
        """Return the orders not over whose orderer is not mapped, by id."""
        t = self._transaction
        t.settle(Kind.ORDER)
        if partner is None:
            found = t.rows(_UNNAMED)
        else:
            found = t.rows(_UNNAMED_OF, partner=partner)
        return t.identify(_ONE, found, mapping.order_of)

    def history(self, order_id: OrderId) -> list[StatusChange]:
        """Return the history of one order, oldest first."""
        t = self._transaction
        t.settle(Kind.CHANGE)
        return [mapping.change_of(row) for row in t.rows(_HISTORY, order_id=order_id)]

    def clock_log(self, order_id: OrderId) -> list[ClockEvent]:
        """Return the clock log of one order, oldest first."""
        t = self._transaction
        t.settle(Kind.CLOCK)
        return [mapping.clock_of(row) for row in t.rows(_CLOCK_LOG, order_id=order_id)]

    def counts(self) -> dict[OrderStatus, int]:
        """Return how many orders are in each state that has any."""
        t = self._transaction
        t.settle(Kind.ORDER)
        return {OrderStatus(status): count for status, count in t.rows(_COUNTS)}
