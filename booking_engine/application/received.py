"""What became of what a partner asked for, as the answer to it will say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from booking_engine.domain.identifiers import AppointmentId, OrderId


class ReceivedAs(StrEnum):
    """What became of a partner's request."""

    CREATED = "created"
    HELD = "held"
    DUPLICATE = "duplicate"
    CHANGED = "changed"
    CANCELLED = "cancelled"
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
    """

    order_id: OrderId | None
    kind: ReceivedAs
    others: tuple[OrderId, ...] = ()
    appointment_id: AppointmentId | None = None

    @property
    def order_ids(self) -> tuple[OrderId, ...]:
        """All orders concerned."""
        own = () if self.order_id is None else (self.order_id,)
        return own + self.others
