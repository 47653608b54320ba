"""What a demo says at its end, read back from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import Actor, DecisionId
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.domain.orders import OrderStatus
from booking_engine.domain.plan_runs import PlanRun

ACTOR: Final = Actor("job:demo")

_GROUPS: Final = {
    OrderStatus.BOOKED: "booked",
    OrderStatus.ARRIVED: "booked",
    OrderStatus.PERFORMED: "booked",
    OrderStatus.AWAITING_VETTING: "waiting",
    OrderStatus.VETTED: "waiting",
    OrderStatus.WAITING: "waiting",
    OrderStatus.DID_NOT_ATTEND: "waiting",
    OrderStatus.HELD: "held",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.REPLACED: "cancelled",
    OrderStatus.TRANSFERRED: "cancelled",
    OrderStatus.REJECTED: "refused",
}
"""Under which heading each state is counted; a test holds this to the enum."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a demo.

    Parameters
    ----------
    received
        Orders stored; `booked`, `waiting`, `held`, `cancelled` and `refused` add up
        to it.
    states
        Orders by state.
    hold_codes
        Held orders by reason; one may have several.
    within_target
        Booked orders whose exam lies within the target of their urgency.
    gap
        Certified gap of the last plan, or ``None``.
    messages_out, messages_acknowledged
        Deliveries to partners, and those acknowledged.
    example
        A decision to look at, with its sentence; ``None`` where nothing is booked.
    """

    received: int
    booked: int
    waiting: int
    held: int
    cancelled: int
    refused: int
    states: Mapping[str, int]
    hold_codes: Mapping[str, int]
    within_target: int
    gap: float | None
    messages_out: int
    messages_acknowledged: int
    example: tuple[DecisionId, str] | None

    @property
    def adds_up(self) -> bool:
        """Whether every order is under exactly one heading."""
        return self.received == (
            self.booked + self.waiting + self.held + self.cancelled + self.refused
        )


def summarise(dispatcher: Dispatcher, run: PlanRun) -> Summary:
    """Count everything in one consistent read."""
    with dispatcher.reading(ACTOR) as session:
        orders, schedule = session.uow.orders, session.uow.schedule
        states = orders.counts()
        groups: Counter[str] = Counter()
        for status, count in states.items():
            groups[_GROUPS[status]] += count
        held = orders.with_status([OrderStatus.HELD])
        booked = orders.with_status([OrderStatus.BOOKED])
        appointments = schedule.live_appointments([order.id for order in booked])
        within = 0
        for order in booked:
            appointment = appointments[order.id]
            assert order.content.priority is not None, "booked orders have an urgency"
            target = dispatcher.policy.weights[order.content.priority].target_days
            due = order.clock.started_on + timedelta(days=target)
            within += local_date(appointment.starts_at) <= due
        deliveries = session.uow.outbox.counts()
        planned = session.uow.decisions.of_run(run.id)
        return Summary(
            received=sum(states.values()),
            booked=groups["booked"],
            waiting=groups["waiting"],
            held=groups["held"],
            cancelled=groups["cancelled"],
            refused=groups["refused"],
            states={status.value: count for status, count in sorted(states.items())},
            hold_codes=dict(
                Counter(hold.code.value for order in held for hold in order.holds)
            ),
            within_target=within,
            gap=run.gap,
            messages_out=sum(deliveries.values()),
            messages_acknowledged=sum(
                count
                for (_, status), count in deliveries.items()
                if status == DeliveryStatus.DELIVERED
            ),
            example=(planned[0].id, planned[0].sentence) if planned else None,
        )
