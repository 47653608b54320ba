"""The demo's stream of messages: new orders, and what senders send after them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from api.demo import mix
from api.demo.cases import DemoOrder, plain_orders
from api.demo.codes import Codes
from api.demo.dialects import Envelope, write
from api.demo.mix import Intent, share_of
from api.demo.network import demo_profiles
from api.demo.problems import with_problems, with_two_tests
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.schedule import local_instant
from booking_engine.domain.vocabulary import (
    Modality,
    PatientSetting,
    Priority,
    WaitingListType,
)
from hl7_adapters.profile import Profile

_FIRST: Final = time(6, 0)
_LASTING: Final = timedelta(hours=2)
"""The messages are written between six and eight, when the clocks never change."""
_HOIST_MINUTES: Final = 10
_INTERPRETER_MINUTES: Final = 5
"""What needs add to an exam; see `domain.eligibility.exam_minutes`."""
_FOLLOWS_WITHIN: Final = 200
"""A further message comes at most so many new orders after the first."""

_CONTROLS: Final = {Intent.CHANGE: "XO", Intent.CANCEL: "CA"}  # ORC-1; else NW


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """One message to send.

    Parameters
    ----------
    partner
        The sender; its messages go in order over one connection.
    control_id
        MSH-10; a duplicate has that of the message it repeats.
    payload
        The message without framing.
    intent
        What it is meant to be.
    order
        What it is about, as the sender now wants it.
    """

    partner: PartnerId
    control_id: str
    payload: bytes
    intent: Intent
    order: DemoOrder


class DemoOrders:
    """A day's messages of all senders; the same for the same arguments.

    Parameters
    ----------
    catalogue
        The demo's network, from `network.demo_catalogue`.
    count
        Distinct new orders; changes, cancellations and duplicates come on top.
    seed
        Decides who gets what; the mix does not depend on it.
    today
        The local day on which they are sent.
    profiles
        Of the senders; from the packaged files if not given.

    Attributes
    ----------
    orders
        The orders as first sent.
    expected
        Messages by intent; from `Intent.NEW` to `Intent.NEEDS_CLINICIAN` they add up
        to `count`.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        count: int,
        seed: int,
        today: date,
        profiles: Mapping[PartnerId, Profile] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._today = today
        known = demo_profiles() if profiles is None else profiles
        self._codes = {name: Codes(known[name], catalogue) for name in _senders(known)}
        random = Random(f"{seed}/{count}")
        orders = plain_orders(catalogue, count, random=random, today=today)
        orders, twins = with_two_tests(orders, catalogue, today)
        self.orders = tuple(with_problems(orders, spared=twins, random=random))
        self._steps = self._in_order(random)
        self.expected = Counter(intent for intent, _ in self._steps)

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self._steps)

    def __iter__(self) -> Iterator[DemoMessage]:
        first = local_instant(self._today, _FIRST)
        numbers: Counter[PartnerId] = Counter()
        sent: dict[int, DemoMessage] = {}
        for at, (intent, order) in enumerate(self._steps):
            if intent is Intent.DUPLICATE:
                yield replace(sent[order.number], intent=intent)
                continue
            numbers[order.partner] += 1
            message = self._write(
                intent,
                order,
                f"{order.partner.upper()}{numbers[order.partner]:08d}",
                first + _LASTING * at / len(self._steps),
            )
            sent.setdefault(order.number, message)
            yield message

    @property
    def minutes(self) -> Counter[Modality]:
        """Table time that the orders ask for, by modality, whatever their problems."""
        found: Counter[Modality] = Counter()
        for order in self.orders:
            procedure = self._catalogue.procedure(order.procedure)
            found[procedure.modality] += (
                procedure.minutes
                + _HOIST_MINUTES * order.needs.hoist
                + _INTERPRETER_MINUTES * order.needs.interpreter
            )
        return found

    def _write(
        self, intent: Intent, order: DemoOrder, control_id: str, at: datetime
    ) -> DemoMessage:
        envelope = Envelope(_CONTROLS.get(intent, "NW"), control_id, at)
        payload = write(order, envelope, self._codes[order.partner])
        return DemoMessage(order.partner, control_id, payload, intent, order)

    def _in_order(self, random: Random) -> list[tuple[Intent, DemoOrder]]:
        """Return what is sent, one after the other."""
        steps = [(float(o.number), o.intent, o) for o in self.orders]
        steps += self._follow_ups(random)
        steps.sort(key=lambda step: step[0])
        return [(intent, order) for _, intent, order in steps]

    def _follow_ups(self, random: Random) -> Iterator[tuple[float, Intent, DemoOrder]]:
        """Yield changes, cancellations and duplicates of plain orders, one for each."""
        plain = [order for order in self.orders if _may_follow(order)]
        random.shuffle(plain)
        for intent, share in mix.FOLLOW_UPS.items():
            for _ in range(min(share_of(share, len(self.orders)), len(plain))):
                order = plain.pop()
                after = random.randrange(1, _FOLLOWS_WITHIN) + random.random()
                if intent is Intent.CHANGE:
                    order = self._changed(order, random)
                yield order.number + after, intent, order

    def _changed(self, order: DemoOrder, random: Random) -> DemoOrder:
        """Return the order as its sender wants it now."""
        routine = order.priority is Priority.ROUTINE
        if (
            routine
            and order.list_type is WaitingListType.ACTIVE
            and random.random() < (2 / 3)
        ):
            return replace(order, priority=Priority.URGENT)
        needs = replace(order.needs, interpreter=not order.needs.interpreter)
        return replace(order, needs=needs)


def _senders(profiles: Mapping[PartnerId, Profile]) -> list[PartnerId]:
    return [name for name in profiles if name in mix.PARTNERS]


def _may_follow(order: DemoOrder) -> bool:
    return order.intent is Intent.NEW and order.setting in {
        PatientSetting.OUTPATIENT,
        PatientSetting.GP,
    }
