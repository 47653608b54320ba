"""Urgent orders are booked when they arrive, not in the next planning run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from api.errors import log_failure
from api.metrics import Metrics
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.on_arrival import book_best
from booking_engine.application.views import Views, WorklistFilter
from booking_engine.domain.errors import DomainError
from booking_engine.domain.identifiers import Actor, OrderId
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.vocabulary import BookingMode

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:urgent")
_PAGE: Final = 200


class UrgentBooking:
    """Books the best slot for every waiting urgent order, each on its own.

    Parameters
    ----------
    dispatcher, views
        Where orders are read and booked.
    tier
        Orders of this tier or a more urgent one are taken.
    retry_after
        How long an order that found no slot is left alone.
    metrics
        Where tries are counted.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        views: Views,
        *,
        tier: int,
        retry_after: timedelta,
        metrics: Metrics,
    ) -> None:
        self._dispatcher = dispatcher
        self._views = views
        self._tier = tier
        self._retry_after = retry_after
        self._metrics = metrics
        self._one_at_a_time = threading.Lock()
        self._left_until: dict[OrderId, datetime] = {}

    def run_once(self, before_booking: Callable[[], object] | None = None) -> int:
        """Book what can be booked; return how many orders were.

        Parameters
        ----------
        before_booking
            Done once it is known which orders wait, before the first of them is booked;
            those that it books or holds are left alone.
        """
        with self._one_at_a_time:
            return self._run_once(before_booking)

    def _run_once(self, before_booking: Callable[[], object] | None) -> int:
        now = self._dispatcher.clock.now()
        waiting = list(self._waiting())
        if before_booking is not None:
            before_booking()
        left = {i: at for i, at in self._left_until.items() if at > now}
        self._left_until = {i: left[i] for i in waiting if i in left}
        due = [order_id for order_id in waiting if order_id not in left]
        return sum(self._book(order_id, now) for order_id in self._automatic(due))

    def _waiting(self) -> Iterator[OrderId]:
        """Return the urgent orders that wait: by tier, then breach date."""
        wanted = WorklistFilter(statuses=(OrderStatus.WAITING,))
        cursor: str | None = None
        while True:
            page = self._views.worklist(wanted, cursor=cursor, limit=_PAGE)
            for item in page.items:
                if item.tier > self._tier:
                    return
                yield item.order_id
            cursor = page.next_cursor
            if cursor is None:
                return

    def _automatic(self, order_ids: list[OrderId]) -> list[OrderId]:
        """Return those that the engine may book without asking, in the same order."""
        if not order_ids:
            return []
        with self._dispatcher.reading(ACTOR) as session:
            orders = session.uow.orders.get_many(order_ids)
            held = session.uow.schedule.live_appointments(order_ids)
        return [
            order_id
            for order_id in order_ids
            if order_id in orders
            and orders[order_id].status is OrderStatus.WAITING
            and orders[order_id].mode is BookingMode.AUTO
            and order_id not in held
        ]

    def _book(self, order_id: OrderId, now: datetime) -> bool:
        try:
            booked = book_best(self._dispatcher, order_id, ACTOR)
        except DomainError as error:
            outcome, booked = error.code, None
        except Exception as error:  # noqa: BLE001 - one order must not stop the others
            log_failure("urgent order not booked", error)
            outcome, booked = "failed", None
        else:
            outcome = "no_slot" if booked is None else "booked"
        self._metrics.urgent_bookings.labels(outcome).inc()
        if booked is not None:
            return True
        self._left_until[order_id] = now + self._retry_after
        log.warning(
            "urgent order not booked",
            extra={"event": "urgent.waits", "order_id": order_id, "outcome": outcome},
        )
        return False
