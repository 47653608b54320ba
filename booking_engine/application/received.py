"""What became of what a partner asked for, as the answer to it will say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from booking_engine.domain.identifiers import AppointmentId, OrderId
from booking_engine.domain.orders import OrderStatus


class ReceivedAs(StrEnum):
    """What became of a partner's request."""

    CREATED = "created"
    HELD = "held"
    """Taken, but a person must settle something about it."""
    DUPLICATE = "duplicate"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    DISCONTINUED = "discontinued"
    """As cancelled, asked for with ORC-1 DC: what is not done yet will not be."""
    HELD_ON_REQUEST = "held_on_request"
    RELEASED = "released"
    """A hold that the sender asked for is lifted."""
    REPLACED = "replaced"
    """`order_id` is the old order, `others` are those in its place."""
    NUMBERED = "numbered"
    """An order of somebody else's making has a number of ours: `order_id`."""
    STATUS_REPORTED = "status_reported"
    """The sender asked how an order stands: `status`."""
    STATUS_RECORDED = "status_recorded"
    """What the sender told of an order is recorded."""
    ANSWER_RECORDED = "answer_recorded"
    """The sender answered what we had sent."""
    RECORDED = "recorded"
    """Noted of a patient; no open order was concerned."""
    PARKED = "parked"
    """Kept until the order that it is about comes."""
    IGNORED_OLDER = "ignored_older"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Received:
    """The orders concerned, and what became of the request.

    Parameters
    ----------
    order_id
        The order; ``None`` where a request concerns none, such as a closed session.
    others
        Further orders that it changed, such as all those of a merged patient.
    appointment_id
        The appointment that it made or changed, if any.
    status
        How the order stands, where that was asked.
    """

    order_id: OrderId | None
    kind: ReceivedAs
    others: tuple[OrderId, ...] = ()
    appointment_id: AppointmentId | None = None
    status: OrderStatus | None = None

    @property
    def order_ids(self) -> tuple[OrderId, ...]:
        """All orders concerned."""
        own = () if self.order_id is None else (self.order_id,)
        return own + self.others
