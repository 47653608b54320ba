"""Why not there: the fewest things between an order and one slot, each verified.

The suspects are whatever the rules of booking name (`slot_rules`, and those of the
order itself). Each is put back alone, and one without which the slot stays possible is
struck out (`solver.whynot.shrunk`): of those that are left none can be spared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from booking_engine.application.asked_slot import asked_slot
from booking_engine.application.context import Context
from booking_engine.application.linked_slots import search_linked
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.slot_cost import choice_at
from booking_engine.application.slot_rules import blockers
from booking_engine.application.vetting import safety_blocks
from booking_engine.domain.blockers import Blocker, BlockerKind, Standing, WhyNot
from booking_engine.domain.decisions import Choice
from booking_engine.domain.eligibility import exam_minutes
from booking_engine.domain.errors import NotBookable
from booking_engine.domain.identifiers import OrderId, ScannerId, SessionId
from booking_engine.domain.orders import (
    TERMINAL,
    TRANSITIONS,
    Action,
    ImagingOrder,
    OrderStatus,
)
from booking_engine.domain.schedule import Appointment, AppointmentStatus, ScanSession
from solver.whynot import shrunk

_LISTED_ONCE_VETTED: Final = frozenset(
    {OrderStatus.AWAITING_VETTING, OrderStatus.VETTED}
)
"""States that end by themselves when nothing more is to be vetted or answered."""
_DECIDED_BEFORE_BOOKING: Final = frozenset(
    {BlockerKind.ORDER_STATE, BlockerKind.VETTING, BlockerKind.SAFETY}
)


@dataclass(frozen=True, slots=True)
class SlotQuestion:
    """The slot that is asked about: by its list, or by its scanner.

    Parameters
    ----------
    session_id
        The list, or ``None``: whichever is on `scanner` at the time and has least in
        the way.
    scanner
        Needed only without `session_id`.
    """

    order_id: OrderId
    starts_at: datetime
    session_id: SessionId | None = None
    scanner: ScannerId | None = None


def why_not(question: SlotQuestion, uow: UnitOfWork, context: Context) -> WhyNot:
    """Return what keeps an order from a slot, and what the slot would cost.

    Raises
    ------
    NotKnown
        No such order, scanner or list.
    NotBookable
        The order's exam or urgency is not known, so no rule can be asked.
    """
    order = uow.orders.get(question.order_id)
    minutes = _minutes(order, uow)
    live = uow.schedule.live_appointment(order.id)
    scanner, sessions = _lists(question, minutes, uow)
    found = min(
        (
            _found(order, scanner, one, question, minutes, uow, context)
            for one in sessions
        ),
        key=lambda one: (any(b.lasting for b in one[1]), len(one[1])),
    )
    session, in_the_way = found
    standing = _standing(in_the_way)
    if live is not None and (live.scanner, live.starts_at) == (
        scanner,
        question.starts_at,
    ):
        standing, in_the_way = Standing.THERE, ()
    there = None
    if session is not None and standing is not Standing.IMPOSSIBLE:
        there = choice_at(order, session, question.starts_at, minutes, uow, context)
    return WhyNot(
        order_id=order.id,
        scanner=scanner,
        session_id=None if session is None else session.id,
        starts_at=question.starts_at,
        ends_at=question.starts_at + timedelta(minutes=minutes),
        standing=standing,
        blockers=in_the_way,
        appointment_id=None if live is None else live.id,
        there=there,
        best=_best(order, in_the_way, uow, context),
    )


def _lists(
    question: SlotQuestion, minutes: int, uow: UnitOfWork
) -> tuple[ScannerId, list[ScanSession | None]]:
    """Return the scanner and the lists on it that may be meant: none as ``None``."""
    if question.session_id is not None:
        session = uow.schedule.session(question.session_id)
        return session.scanner, [session]
    assert question.scanner is not None, "a list or a scanner is asked about"
    scanner = uow.catalogue().scanner(question.scanner).id
    sessions = uow.schedule.sessions_between(
        question.starts_at,
        question.starts_at + timedelta(minutes=minutes),
        scanners=[scanner],
    )
    return scanner, [*sessions] or [None]


def _found(
    order: ImagingOrder,
    scanner: ScannerId,
    session: ScanSession | None,
    question: SlotQuestion,
    minutes: int,
    uow: UnitOfWork,
    context: Context,
) -> tuple[ScanSession | None, tuple[Blocker, ...]]:
    """Return a minimal set of what is in the way in one list."""
    slot = asked_slot(
        order, scanner, session, question.starts_at, minutes, uow, context
    )
    live = uow.schedule.live_appointment(order.id)

    def left(lifted: frozenset[Blocker]) -> list[Blocker]:
        return [
            *_order_blockers(order, live, uow, lifted),
            *blockers(slot, lifted),
        ]

    suspects = left(frozenset())
    return session, tuple(shrunk(suspects, lambda lifted: not left(lifted)))


def _order_blockers(
    order: ImagingOrder,
    live: Appointment | None,
    uow: UnitOfWork,
    lifted: frozenset[Blocker],
) -> list[Blocker]:
    """Return what keeps the order from being booked or moved anywhere."""
    found: list[Blocker] = []
    if not _may_move_on(order, lifted):
        found.append(
            Blocker(
                BlockerKind.ORDER_STATE,
                str(order.status),
                detail=", ".join(hold.code for hold in order.holds),
                lasting=order.status in TERMINAL or order.status is OrderStatus.ARRIVED,
            )
        )
    if order.vetting is None:
        found.append(Blocker(BlockerKind.VETTING))
    found += [
        Blocker(BlockerKind.SAFETY, str(block.question), detail=f"is {block.answer}")
        for block in safety_blocks(order, uow)
    ]
    if live is not None and live.status is AppointmentStatus.HELD:
        found.append(
            Blocker(BlockerKind.OWN_HOLD, live.id, live.starts_at, live.ends_at)
        )
    return [one for one in found if one not in lifted]


def _may_move_on(order: ImagingOrder, lifted: frozenset[Blocker]) -> bool:
    """Return whether its state lets it be booked, or leads there by what is lifted."""
    if {(order.status, Action.BOOK), (order.status, Action.MOVE)} & TRANSITIONS.keys():
        return True
    return order.status in _LISTED_ONCE_VETTED and any(
        one.kind in {BlockerKind.VETTING, BlockerKind.SAFETY} for one in lifted
    )


def _standing(in_the_way: tuple[Blocker, ...]) -> Standing:
    if any(one.lasting for one in in_the_way):
        return Standing.IMPOSSIBLE
    return Standing.BLOCKED if in_the_way else Standing.POSSIBLE


def _best(
    order: ImagingOrder,
    in_the_way: tuple[Blocker, ...],
    uow: UnitOfWork,
    context: Context,
) -> Choice | None:
    """Return the best free slot; none is named for what cannot be booked yet."""
    if any(one.kind in _DECIDED_BEFORE_BOOKING for one in in_the_way):
        return None
    found = search_linked(order, uow, context, limit=1)
    return found.options[0].chosen if found.options else None


def _minutes(order: ImagingOrder, uow: UnitOfWork) -> int:
    content = order.content
    if None in content.procedures or content.priority is None:
        codes = ", ".join(hold.code for hold in order.holds) or str(order.status)
        raise NotBookable(
            f"Order {order.id} is held ({codes}): its exam or urgency is not known, so"
            " no slot can be asked about; settle that first."
        )
    return exam_minutes(order, uow.catalogue())
