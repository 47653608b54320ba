"""A feed over a store in memory, with a partner that fills orders, for tests."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from feed import Feed
from network import CLERK, NOW

from booking_engine.application.commands import BookSlot
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.identifiers import PartnerId, SessionId, TimeOrderedIds
from booking_engine.domain.orders import OrderStatus
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory

AA = ("AA", "")
FILLS = {"south": {"fills_orders": True}}
SOUTH = PartnerId("south")
CT = "OBR|2|||CCHAPC^CT CAP"
S = OrderStatus


def feed_with(**profiles):
    made = {
        **FILLS,
        **{name: {**FILLS.get(name, {}), **p} for name, p in profiles.items()},
    }
    return Feed(
        InMemoryUnitOfWorkFactory(TimeOrderedIds(FixedClock(NOW), Random(7))), made
    )


def codes(order):
    return [hold.code for hold in order.holds]


def book(feed, order, days=1):
    session = next(
        s
        for s in feed.read(
            lambda uow: uow.schedule.sessions_between(
                NOW + timedelta(days=days - 1), NOW + timedelta(days=days + 1)
            )
        )
        if s.scanner == "MR1" and s.starts_at.date() == (NOW + timedelta(days)).date()
    )
    feed.engine.handle(
        BookSlot(order.id, SessionId(session.id), session.starts_at), CLERK
    )
    return feed.order(order.content.placer_number)
