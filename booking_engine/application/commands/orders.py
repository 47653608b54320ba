"""What a partner may ask about its orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from booking_engine.application.naming import Named
from booking_engine.domain.filler_status import FillerStatus
from booking_engine.domain.identifiers import (
    DeliveryId,
    OrderId,
    PartnerId,
)
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.orders import HoldReason, OrderContent
from booking_engine.domain.safety import Question
from booking_engine.domain.vocabulary import BookingMode, LinkedOrders


@dataclass(frozen=True, slots=True)
class ReceiveOrder:
    """A sender places a new order (ORC-1 NW).

    Handled by `intake.receive_order`, which returns a `received.Received`.

    Parameters
    ----------
    sent_at
        The sender's time of the transaction (ORC-9, else MSH-7).
    holds
        What the mapper could not settle; the order is held if there is any.
    refusal
        Coded reason to refuse the order for good (for example not imaging), or
        empty.
    guidelines
        The written guidelines under which exams of this partner may be authorised
        without a person looking at each (IR(ME)R 2017); the partner's profile names
        them because the employer has signed them.
    mode
        Who decides on the slot.
    linked
        What the sender means by orders of one patient under one group number.
    """

    partner: PartnerId
    content: OrderContent
    sent_at: datetime
    holds: tuple[HoldReason, ...] = ()
    refusal: str = ""
    guidelines: frozenset[str] = frozenset()
    mode: BookingMode = BookingMode.AUTO
    linked: LinkedOrders = LinkedOrders.SEPARATE


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """A partner changes what was asked for (ORC-1 XO or XX).

    Handled by `changing.change_order`, which returns a `received.Received`. What was
    vetted before does not count for a changed request.

    Parameters
    ----------
    kept
        What the message is silent about and so stays as it is: names of fields of
        the content, of its ``patient.`` and of its ``needs.`` (HL7 2.5.1 section
        2.5.3: absent keeps, the explicit null deletes).
    withdrawn
        Safety questions whose answer the sender deletes.
    fills
        Whether the partner fills orders that others place, and may change those.
    """

    partner: PartnerId
    content: OrderContent
    sent_at: datetime
    holds: tuple[HoldReason, ...] = ()
    guidelines: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    withdrawn: frozenset[Question] = frozenset()
    fills: bool = False

    @property
    def named(self) -> Named:
        """Which order is changed."""
        content = self.content
        return Named(
            partner=self.partner,
            authority=content.placer_authority,
            number=content.placer_number,
            shared=as_placed(content.placer_number),
            code=content.procedure_as_sent,
            filler_number=content.filler_number,
            fills=self.fills,
        )


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A partner or a person withdraws an order (ORC-1 CA, DC, OC or OD).

    Handled by `withdrawing.cancel_order`, which returns a `received.Received`. Give
    either `order_id` or `named`.

    Parameters
    ----------
    remaining_only
        Of several exams under one number, leave those that are done (ORC-1 DC, OD).
    """

    reason: str
    sent_at: datetime
    order_id: OrderId | None = None
    named: Named | None = None
    remaining_only: bool = False


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """A partner asks to wait with an order (ORC-1 HD or OH).

    Handled by `suspending.hold_order`, which returns a `received.Received`.

    Parameters
    ----------
    keeps_slot
        Whether what is booked stays booked: a patient who was told is not moved
        without approval.
    """

    named: Named
    sent_at: datetime
    reason: str = ""
    keeps_slot: bool = True


@dataclass(frozen=True, slots=True)
class LiftHold:
    """A partner takes its request to wait back (ORC-1 RL or OE).

    Handled by `suspending.lift_hold`, which returns a `received.Received`. What was
    vetted stays vetted, for a change would have been vetted anew.
    """

    named: Named
    sent_at: datetime
    guidelines: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReplaceOrders:
    """A partner puts other orders in the place of some (ORC-1 RP or RU, then RO).

    Handled by `replacing.replace_orders`, which returns a `received.Received`. The new
    ones go on with the waiting clock of the old. A filler that splits an order (PA,
    then CH) asks for the same: the exams that it makes of it take its place.
    """

    replaced: tuple[Named, ...]
    replacements: tuple[ReceiveOrder, ...]
    sent_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NumberOrder:
    """A filler asks for our number of an exam of its own making (ORC-1 SN).

    Handled by `replacing.number_order`, which returns a `received.Received`: the
    order's id is the number. It is held, for the filler gives it its time.
    """

    order: ReceiveOrder


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """A filler tells how an order stands in its own books (ORC-1 SC).

    Handled by `telling.record_status`, which returns a `received.Received`.

    Parameters
    ----------
    starts_at
        When it has given the exam, if it says so (OBR-36, TQ1-7).
    order
        What to store, held, if no such order is known; ``None``: `NotKnown`.
    """

    named: Named
    status: FillerStatus
    sent_at: datetime
    starts_at: datetime | None = None
    reason: str = ""
    order: ReceiveOrder | None = None


@dataclass(frozen=True, slots=True)
class AskStatus:
    """A partner asks how its order stands (ORC-1 SS).

    Handled by `telling.ask_status`, which returns a `received.Received` with the
    status of the order; of several, of the newest.
    """

    named: Named


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """A partner answers what we had sent (ORC-1 OK, UA, NA, …).

    Handled by `telling.record_answer`, which returns a `received.Received`. A refusal
    is put to a person: what it refused may not happen.

    Parameters
    ----------
    code
        The answer as it was sent.
    answers
        Our control id that it answers (MSA-2), if it says so.
    """

    code: str
    accepted: bool
    sent_at: datetime
    partner: PartnerId
    answers: DeliveryId | None = None
    named: Named | None = None
    reason: str = ""
