"""What else keeps a patient busy, as exams that stay, each on a scanner of its own.

So the solver, which looks at one problem only, and its checker keep patients out of two
places at once, whichever diary the other place is in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

import numpy as np

from booking_engine.application.context import Context
from booking_engine.application.free_time import DAY_MINUTES, Ints
from booking_engine.application.ports import UnitOfWork
from booking_engine.domain.clock import LONDON, local_date
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.identifiers import OrderId, PatientKey
from booking_engine.domain.schedule import Appointment, local_instant
from solver.losses import Damage
from solver.problem import NO_GROUP, Problem

_NEVER_DAY: Final = 10**6

Engagement = tuple[int, int, int]
"""A local day, counted from today, the minute of it, and how many minutes."""


def engagements_of(
    patients: Collection[PatientKey],
    uow: UnitOfWork,
    context: Context,
    *,
    besides: Collection[OrderId],
) -> dict[PatientKey, list[Engagement]]:
    """Return when patients are busy within the horizon; overlapping times are one.

    Parameters
    ----------
    besides
        Orders whose bookings do not count.
    """
    wanted = set(patients)
    listed: list[Appointment | DiaryEntry] = [
        *uow.schedule.occupying_patients(wanted, context.now),
        *uow.diary.taking_patients(wanted, context.now),
    ]
    busy = [
        (one.patient, one.starts_at, one.ends_at)
        for one in listed
        if one.order_id not in besides and one.patient is not None
    ]
    today = local_date(context.now).toordinal()
    found: dict[PatientKey, list[Engagement]] = {}
    for patient, starts_at, ends_at in sorted(busy):
        for day, begin, minutes in _by_day(starts_at, ends_at):
            _join(found.setdefault(patient, []), (day - today, begin, minutes))
    last = context.policy.horizon_days
    return {
        patient: [one for one in theirs if 0 <= one[0] <= last]
        for patient, theirs in found.items()
    }


def _by_day(starts_at: datetime, ends_at: datetime) -> Iterator[Engagement]:
    """Yield the parts of an interval on each local day, by ordinal."""
    while starts_at < ends_at:
        local = starts_at.astimezone(LONDON)
        midnight = local_instant(local.date() + timedelta(days=1), time(0))
        until = min(ends_at, midnight)
        begin = local.hour * 60 + local.minute
        minutes = -((starts_at - until) // timedelta(minutes=1))
        yield local.toordinal(), begin, min(minutes, DAY_MINUTES - begin)
        starts_at = until


def _join(listed: list[Engagement], more: Engagement) -> None:
    """Add an engagement that begins no earlier than the others; overlaps become one."""
    if listed and listed[-1][0] == more[0]:
        day, begin, minutes = listed[-1]
        if more[1] < begin + minutes:
            end = max(begin + minutes, more[1] + more[2])
            listed[-1] = (day, begin, end - begin)
            return
    listed.append(more)


def with_engagements(
    damage: Damage,
    patients: Sequence[PatientKey],
    busy: Mapping[PatientKey, Sequence[Engagement]],
) -> Damage:
    """Return the damage with an order, a scanner and an opening for each engagement.

    Parameters
    ----------
    patients
        Of the first rows; only they may be busy elsewhere.
    """
    problem = damage.problem
    groups = problem.orders.patient.copy()
    rows: list[tuple[int, Engagement]] = []
    following = int(groups.max(initial=NO_GROUP)) + 1
    for patient, engagements in busy.items():
        mine = [row for row, one in enumerate(patients) if one == patient]
        if groups[mine[0]] == NO_GROUP:
            groups[mine] = following
            following += 1
        rows += [(int(groups[mine[0]]), one) for one in engagements]
    if not rows:
        return damage
    count = len(rows)
    first_opening, first_pair = len(problem.openings.key), problem.pairs.cost.shape[0]
    begins = np.array([one[1] for _, one in rows], np.int64)
    numbers = np.arange(count, dtype=np.int64)
    return replace(
        damage,
        problem=_extended(problem, groups, rows),
        origin=np.concatenate([damage.origin, first_opening + numbers]),
        opening=np.concatenate([damage.opening, first_opening + numbers]),
        pair=np.concatenate([damage.pair, first_pair + numbers]),
        start_minute=np.concatenate([damage.start_minute, begins]),
        day=np.concatenate([damage.day, [one[0] for _, one in rows]]),
        minute_price=np.concatenate(
            [damage.minute_price, np.zeros(count, dtype=np.int64)]
        ),
    )


def _extended(
    problem: Problem, groups: Ints, rows: Sequence[tuple[int, Engagement]]
) -> Problem:
    orders, pairs, openings = problem.orders, problem.pairs, problem.openings
    count = len(rows)
    day, begin, minutes = (
        np.array([one[n] for _, one in rows], np.int64) for n in range(3)
    )
    names = tuple(f"engaged-{number}" for number in range(count))

    def all_of(value: int) -> Ints:
        return np.full(count, value, np.int64)

    columns = {
        "tier": all_of(0),
        "patient": np.array([group for group, _ in rows], np.int64),
        "earliest_day": day,
        "latest_day": day,
        "earliest_minute": all_of(0),
        "latest_minute": all_of(DAY_MINUTES),
        "list_mask": all_of(1),
        "wait_cost": all_of(0),
        "target_day": all_of(_NEVER_DAY),
        "late_cost": all_of(0),
        "breach_day": all_of(_NEVER_DAY),
        "breach_cost": all_of(0),
        "unplaced_cost": all_of(1),
    }
    more = replace(
        orders,
        key=orders.key + names,
        **{
            name: np.concatenate(
                [groups if name == "patient" else getattr(orders, name), column]
            )
            for name, column in columns.items()
        },
    )
    after = np.arange(1, count + 1)
    scanners = len(problem.scanner_key)
    return replace(
        problem,
        orders=more,
        pairs=replace(
            pairs,
            start=np.concatenate([pairs.start, pairs.start[-1] + after]),
            scanner=np.concatenate([pairs.scanner, scanners + after - 1]),
            minutes=np.concatenate([pairs.minutes, minutes]),
            cost=np.concatenate([pairs.cost, all_of(0)]),
        ),
        openings=replace(
            openings,
            key=openings.key + names,
            scanner_start=np.concatenate(
                [openings.scanner_start, openings.scanner_start[-1] + after]
            ),
            day=np.concatenate([openings.day, day]),
            begin_minute=np.concatenate([openings.begin_minute, begin]),
            minutes=np.concatenate([openings.minutes, minutes]),
            list_bit=np.concatenate([openings.list_bit, all_of(1)]),
            cost=np.concatenate([openings.cost, all_of(0)]),
            contract=np.concatenate([openings.contract, all_of(NO_GROUP)]),
        ),
        scanner_key=problem.scanner_key + names,
    )
