"""Orders that one group number links (ORC-4), and how each of them is planned.

Whether a group is one visit is the partner's word (`LinkedOrders`), never a guess. What
is urgent never waits for a sibling: only a routine exam does, for a few days and while
its target is further off than those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import PartnerId, PatientKey, SiteCode
from booking_engine.domain.orders import ImagingOrder, OrderStatus
from booking_engine.domain.policy import Policy
from booking_engine.domain.schedule import Appointment, AppointmentStatus
from booking_engine.domain.vocabulary import LinkedOrders, Priority

SIBLING_WAIT: Final = timedelta(days=3)
"""How long a routine exam, once listed, waits for others of its visit."""
MOST_EXAMS: Final = 8
"""Exams in a visit; a longer group number is no visit but an account number."""

GroupKey = tuple[PartnerId, PatientKey, str]


class Standing(StrEnum):
    """Where an exam of a group is, as far as the others are concerned."""

    READY = "ready"
    COMING = "coming"
    BOOKED = "booked"
    GONE = "gone"


STANDING: Final = {
    OrderStatus.HELD: Standing.COMING,
    OrderStatus.AWAITING_VETTING: Standing.COMING,
    OrderStatus.VETTED: Standing.COMING,
    # Unless this very run plans it: a person decides, or a slot is offered.
    OrderStatus.WAITING: Standing.COMING,
    OrderStatus.BOOKED: Standing.BOOKED,
    # Here already: the others are not to wait until this one is over.
    OrderStatus.ARRIVED: Standing.BOOKED,
    # A person lists or closes it first.
    OrderStatus.DID_NOT_ATTEND: Standing.GONE,
    OrderStatus.PERFORMED: Standing.GONE,
    OrderStatus.REJECTED: Standing.GONE,
    OrderStatus.CANCELLED: Standing.GONE,
    OrderStatus.REPLACED: Standing.GONE,
    OrderStatus.TRANSFERRED: Standing.GONE,
}


class Way(StrEnum):
    """How a waiting exam is planned."""

    ALONE = "alone"
    TOGETHER = "together"
    """In one visit with others that wait."""
    BESIDE = "beside"
    """On the day and at the site at which another of its group is booked."""
    WAITS = "waits"
    """Not in this run."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The exam of the same group that is booked, and where.

    Parameters
    ----------
    starts_at
        Of its appointment; the day is the local day.
    """

    order: ImagingOrder
    starts_at: datetime
    site: SiteCode


@dataclass(frozen=True, slots=True)
class Member:
    """One exam of a group.

    Parameters
    ----------
    booked
        Where it is booked, or ``None``.
    ready
        Whether this run may plan it.
    """

    order: ImagingOrder
    booked: Beside | None = None
    ready: bool = False

    @property
    def standing(self) -> Standing:
        """Where it is, as far as the others are concerned."""
        if self.ready:
            return Standing.READY
        found = STANDING[self.order.status]
        return Standing.GONE if found is Standing.BOOKED and not self.booked else found


@dataclass(frozen=True, slots=True)
class Arranged:
    """How one exam is planned.

    Parameters
    ----------
    way
        Together with those of `others`, beside the one of `others`, alone, or not now.
    others
        Of the same group; empty if `way` is alone.
    beside
        Where, for `Way.BESIDE`.
    can_wait
        Whether it may be left for the next run where it cannot be planned so; else it
        is planned alone in this one.
    """

    order: ImagingOrder
    way: Way
    others: tuple[ImagingOrder, ...] = ()
    beside: Beside | None = None
    can_wait: bool = False


def group_of(order: ImagingOrder) -> GroupKey | None:
    """Return what the orders of one visit have in common; ``None``: it has no group."""
    number = order.content.group_number
    if order.linked is LinkedOrders.SEPARATE or not number:
        return None
    return order.partner, order.content.patient.key, number


def by_group(orders: Iterable[ImagingOrder]) -> dict[GroupKey, list[ImagingOrder]]:
    """Return the orders that have a group, by group, each group as it came."""
    found: dict[GroupKey, list[ImagingOrder]] = {}
    for order in orders:
        key = group_of(order)
        if key is not None:
            found.setdefault(key, []).append(order)
    return found


def booked_beside(
    order: ImagingOrder, live: Appointment | None, site: SiteCode | None
) -> Beside | None:
    """Return where an order is booked; ``None`` if it is not, or only has a hold."""
    if live is None or site is None or live.status is AppointmentStatus.HELD:
        return None
    return Beside(order, live.starts_at, site)


def can_wait(order: ImagingOrder, *, now: datetime, policy: Policy) -> bool:
    """Return whether an exam may be left for another run for the sake of its visit.

    Only a routine one, for `SIBLING_WAIT` from when it was listed, and while its target
    and the last day that was asked for are further off than that.
    """
    content = order.content
    if content.priority is not Priority.ROUTINE:
        return False
    soon = local_date(now + SIBLING_WAIT)
    if content.latest_on is not None and content.latest_on <= soon:
        return False
    target = timedelta(days=policy.weights[content.priority].target_days)
    return (
        now - order.status_since < SIBLING_WAIT
        and order.clock.started_on + target > soon
    )


def arranged(
    members: Sequence[Member], *, now: datetime, policy: Policy
) -> list[Arranged]:
    """Return how each ready exam of one group is planned, in the members' order.

    Parameters
    ----------
    members
        All exams of the group that are not over.
    """
    ready = [one.order for one in members if one.standing is Standing.READY]
    if len(members) > MOST_EXAMS:
        return [Arranged(order, Way.ALONE) for order in ready]
    coming = [one.order for one in members if one.standing is Standing.COMING]
    beside = _next_booked(members, now)
    waiting = {order.id: can_wait(order, now=now, policy=policy) for order in ready}
    found = []
    for order in ready:
        if beside is not None and _suits(order, beside, policy):
            one = Arranged(order, Way.BESIDE, (beside.order,), beside)
        else:
            one = _among(order, ready, coming, now=now, policy=policy)
        # A visit is parted as soon as one of its exams cannot wait.
        with_it = one.others if one.way is Way.TOGETHER else ()
        patient = all(waiting[o.id] for o in (order, *with_it))
        found.append(
            Arranged(one.order, one.way, one.others, one.beside, can_wait=patient)
        )
    return found


def _next_booked(members: Sequence[Member], now: datetime) -> Beside | None:
    """Return the next booked exam that is still to come, or runs today."""
    today = local_date(now)
    booked = [
        one.booked
        for one in members
        if one.standing is Standing.BOOKED
        and one.booked is not None
        and local_date(one.booked.starts_at) >= today
    ]
    return min(booked, key=lambda one: one.starts_at, default=None)


def _suits(order: ImagingOrder, beside: Beside, policy: Policy) -> bool:
    """Return whether that day is within the exam's target, or it is routine."""
    assert order.content.priority is not None, "an order without urgency is held"
    if order.content.priority is Priority.ROUTINE:
        return True
    target = timedelta(days=policy.weights[order.content.priority].target_days)
    return local_date(beside.starts_at) <= order.clock.started_on + target


def _among(
    order: ImagingOrder,
    ready: Sequence[ImagingOrder],
    coming: Sequence[ImagingOrder],
    *,
    now: datetime,
    policy: Policy,
) -> Arranged:
    """Return how an exam is planned of whose group none is booked that suits it."""
    priority = order.content.priority
    assert priority is not None, "an order without urgency is held"
    more_urgent = [o for o in ready if _tier(o) < priority.tier]
    awaited = (*coming, *more_urgent)
    if awaited and can_wait(order, now=now, policy=policy):
        return Arranged(order, Way.WAITS, awaited)
    alike = [o for o in ready if o.content.priority is priority]
    if priority is not Priority.ROUTINE:
        # Late already: each day counts more than one journey.
        target = timedelta(days=policy.weights[priority].target_days)
        today = local_date(now)
        alike = [o for o in alike if o.clock.started_on + target >= today]
    else:
        waits = [can_wait(o, now=now, policy=policy) for o in alike]
        if awaited and any(waits):
            # Those that still wait for another are not planned in this run.
            alike = [o for o, one in zip(alike, waits, strict=True) if not one]
    others = tuple(o for o in alike if o.id != order.id)
    if not others or len(others) == len(alike):
        return Arranged(order, Way.ALONE)
    return Arranged(order, Way.TOGETHER, others)


def _tier(order: ImagingOrder) -> int:
    assert order.content.priority is not None, "an order without urgency is held"
    return order.content.priority.tier
