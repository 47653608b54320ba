"""Which orders a partner means by the numbers that it sends.

A placer names its order by its own number, a filler by its own or by the placer's, and
either may send ours back. Exams that share a placer number are told apart by their
code; without one, all are meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from booking_engine.application.ports import PlacerKey, UnitOfWork
from booking_engine.domain.errors import InvalidValue, NotKnown
from booking_engine.domain.identifiers import OrderId, PartnerId
from booking_engine.domain.order_names import NameKind, OrderName, filler_name
from booking_engine.domain.orders import ImagingOrder, OrderStatus


@dataclass(frozen=True, slots=True)
class Named:
    """How a partner names an order.

    Parameters
    ----------
    partner
        Who says so.
    authority, number
        ORC-2; the number with what tells apart the exams of one request.
    shared
        The number as it was sent.
    code
        The exam as it was sent (OBR-4), if it was.
    filler_number
        ORC-3.
    fills
        Whether the partner fills orders that others place, and may name those.
    """

    partner: PartnerId
    authority: str = ""
    number: str = ""
    shared: str = ""
    code: str = ""
    filler_number: str = ""
    fills: bool = False

    @property
    def placer_key(self) -> PlacerKey:
        """What `Orders.by_placer` looks for."""
        return (self.partner, self.authority, self.number)

    def __str__(self) -> str:
        if self.number:
            return f"placer number {self.shared or self.number}"
        return f"filler number {self.filler_number}"


def orders_named(named: Named, uow: UnitOfWork) -> list[ImagingOrder]:
    """Return the orders that are meant, newest first; none if none is known."""
    looks = (_as_placed, _as_filled) if not named.fills else (_as_filled, _as_placed)
    for look in (*looks, _as_ours, _as_placed_by_others):
        found = look(named, uow)
        if found:
            return found
    return []


def order_named(named: Named, uow: UnitOfWork) -> ImagingOrder:
    """Return the one order that is meant.

    Raises
    ------
    NotKnown
        None is known.
    InvalidValue
        Several are, and the name does not tell them apart.
    """
    found = orders_named(named, uow)
    if len(found) == 1:
        return found[0]
    if not found:
        raise unknown(named)
    raise InvalidValue(
        f"{len(found)} orders share {named}; send the exam (OBR-4) with it."
    )


def unknown(named: Named) -> NotKnown:
    """Return the error for a name that is not known."""
    return NotKnown(
        f"No order with {named} has come from this sender; send the new order first."
    )


def _as_placed(named: Named, uow: UnitOfWork) -> list[ImagingOrder]:
    if not named.number:
        return []
    exact = uow.orders.by_placer(named.placer_key)
    if exact is not None and exact.status is not OrderStatus.REPLACED:
        return [exact]
    shared = named.shared or named.number
    found = uow.orders.named(
        OrderName(NameKind.SHARED_PLACER, named.partner, named.authority, shared)
    )
    if not found and exact is not None:
        return [exact]
    if not found and shared != named.number:
        alone = uow.orders.by_placer((named.partner, named.authority, shared))
        found = [] if alone is None else [alone]
    if shared != named.number:
        # The exam may be what changes: then its place in the request tells.
        place = named.number.rpartition("#")[0] + "#"
        at = [o for o in found if o.content.placer_number.startswith(place)]
        return _of_exam(found, named.code) or list(_newest_of_each(at))
    return _of_exam(found, named.code)


def _as_filled(named: Named, uow: UnitOfWork) -> list[ImagingOrder]:
    if not named.filler_number:
        return []
    return uow.orders.named(filler_name(named.partner, named.filler_number))[:1]


def _as_ours(named: Named, uow: UnitOfWork) -> list[ImagingOrder]:
    """Return the order whose number of ours a partner sends back."""
    numbers = {OrderId(n) for n in (named.filler_number, named.number) if n}
    found = uow.orders.get_many(numbers).values()
    return [o for o in found if named.fills or o.partner == named.partner][:1]


def _as_placed_by_others(named: Named, uow: UnitOfWork) -> list[ImagingOrder]:
    """Return what a filler names by the number of whoever placed it."""
    if not (named.fills and named.number):
        return []
    found = uow.orders.placed_as(named.authority, named.shared or named.number)
    if len({order.partner for order in found}) > 1:
        return []  # two placers with one number: to choose would be a guess
    found = [o for o in found if o.status is not OrderStatus.REPLACED] or found
    if len({o.content.placer_number for o in found}) == 1:
        return found[:1]  # the filler's codes are its own
    return _of_exam(found, named.code)


def _of_exam(orders: list[ImagingOrder], code: str) -> list[ImagingOrder]:
    """Return those of an exam, and of each number only the newest."""
    newest = list(_newest_of_each(orders))
    if not code:
        return newest
    wanted = code.casefold()
    return [o for o in newest if o.content.procedure_as_sent.casefold() == wanted]


def _newest_of_each(orders: Iterable[ImagingOrder]) -> Iterator[ImagingOrder]:
    seen: set[str] = set()
    for order in orders:
        if order.content.placer_number not in seen:
            seen.add(order.content.placer_number)
            yield order
