"""Changes that came before their order: they wait, and follow it when it comes.

After an interface was down, messages arrive in any order. A partner that cannot send
a refused one again may have them wait (`park_minutes` in its profile): they are
acknowledged, stored, and carried out right after their order, in the same transaction
and in the order in which they were sent. What waits too long is put before a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from booking_engine.application.commands import ReceiveOrder, ReplaceOrders
from booking_engine.application.ports import PlacerKey
from booking_engine.domain.messages import InboundMessage
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.parking import ParkedMessage, ParkingStatus
from hl7_adapters.carrying_out import Done, carry_out
from hl7_adapters.frames import FrameReader, ReadFrame
from hl7_adapters.mllp.received import Received

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession


class Waiting:
    """What waits for the orders of one batch.

    Made once the placer numbers of the batch are locked, so that nothing that another
    transaction has just let wait is missed. A batch in which no partner parks asks the
    database nothing.
    """

    def __init__(
        self, frames: Sequence[ReadFrame], session: CommandSession, reader: FrameReader
    ) -> None:
        self._session = session
        self._reader = reader
        self._parked: dict[PlacerKey, list[ParkedMessage]] = {}
        numbers = {key[2] for frame in frames for key in _brought(frame)}
        if numbers:
            for parked in session.uow.parking.waiting(numbers):
                self._parked.setdefault(_key(parked), []).append(parked)

    def add(self, message: InboundMessage, frame: ReadFrame, done: Done) -> None:
        """Let a message wait that was just stored, if it should."""
        if done.waits_for is None or frame.profile is None:
            return
        partner, authority, number = done.waits_for.key
        parked = ParkedMessage(
            id=message.id,
            partner=partner,
            placer_authority=authority,
            placer_number=number,
            sent_at=done.waits_for.sent_at,
            expires_at=(
                message.received_at + timedelta(minutes=frame.profile.park_minutes)
            ),
        )
        self._session.uow.parking.add(parked)
        self._parked.setdefault(_key(parked), []).append(parked)

    def follow(self, frame: ReadFrame) -> None:
        """Carry out what waits for the orders that a message has just brought."""
        if not self._parked:
            return
        for key in _brought(frame):
            waiting = self._parked.pop(key, [])
            for parked in sorted(waiting, key=lambda p: (p.sent_at, p.id)):
                self._carry_out(parked)

    def _carry_out(self, parked: ParkedMessage) -> None:
        uow = self._session.uow
        message = uow.messages.get(parked.id)
        received = Received(
            message.raw,
            message.peer,
            0,
            message.received_at,
            0,
            partner=message.partner or "",
        )
        done = carry_out(self._reader.read(received), self._session)
        if done.waits_for is not None:
            # It asks for several orders, and another of them has not come yet.
            _, authority, number = done.waits_for.key
            parked = replace(parked, placer_authority=authority, placer_number=number)
            uow.parking.save(parked)
            self._parked.setdefault(_key(parked), []).append(parked)
            return
        uow.parking.save(replace(parked, status=ParkingStatus.APPLIED))
        uow.messages.settle(parked.id, done.outcome, done.order_ids)


def _key(parked: ParkedMessage) -> PlacerKey:
    return (parked.partner, parked.placer_authority, parked.placer_number)


def _brought(frame: ReadFrame) -> Iterable[PlacerKey]:
    """Yield the orders that a message brings, where its partner has messages wait."""
    if frame.profile is None or not frame.profile.park_minutes:
        return
    for command in frame.mapped.commands:
        orders: tuple[ReceiveOrder, ...] = ()
        if isinstance(command, ReceiveOrder):
            orders = (command,)
        elif isinstance(command, ReplaceOrders):
            orders = command.replacements
        for order in orders:
            content = order.content
            if content.placer_number:
                number = as_placed(content.placer_number)
                yield order.partner, content.placer_authority, number
