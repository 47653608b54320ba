"""England's rooms: where they are and when they are open.

A room is open for its share of what its provider did from the waiting list in a year,
scaled by one factor for each test. A room with little to do opens on fewer days, not
for a few minutes on each.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solver.instances.invalid import InvalidInstance
from solver.instances.national_data import TESTS, NationalData, Point
from solver.problem import NO_GROUP, Ints, Openings

Floats = NDArray[np.float64]

KM_PER_DEGREE = 111.2
MIDDLE_LATITUDE = 52.8
"""Degrees of longitude are as long as here: within 4 % anywhere in England."""
SCATTERED_ROOMS = 3
"""From so many rooms on, an independent provider's are taken to be in many places."""

EXAM_MINUTES: dict[str, tuple[tuple[int, float], ...]] = {
    "MRI": ((20, 0.35), (30, 0.45), (40, 0.15), (60, 0.05)),
    "CT": ((10, 0.2), (15, 0.45), (20, 0.25), (30, 0.08), (45, 0.02)),
    "US": ((15, 0.25), (20, 0.55), (30, 0.2)),
    "DEXA": ((15, 0.5), (20, 0.5)),
}
"""Table time and its share of the exams."""
OPEN_WEEKDAYS = {"MRI": 7, "CT": 7, "US": 5, "DEXA": 5}
SHORTEST_DAY, LONGEST_DAY, MIDDAY = 180, 720, 780
"""Minutes that a room opens for at least and at most, and the middle of its day."""
GRID_MINUTES = 5
WEEK = 7
CEILING_SHARE = 0.95
"""Exams that an independent provider's contract allows, of those it has room for."""


class Rooms(NamedTuple):
    """The rooms of all tests, one row each, sorted by test.

    Parameters
    ----------
    test, provider
        Rows of `TESTS` and of the providers.
    independent
        Whether the provider is not an NHS organisation.
    provision
        Row of the estate.
    place
        Shape ``(rooms, 2)``. Where, in km.
    minutes
        Minutes that the room is open in the whole time.
    """

    test: Ints
    provider: Ints
    independent: NDArray[np.bool_]
    provision: Ints
    place: Floats
    minutes: Floats


def _km(points: list[Point] | tuple[Point, ...]) -> Floats:
    """Return points on a plane, in km."""
    degrees = np.array(points, np.float64).reshape(-1, 2)
    x = degrees[:, 1] * np.cos(np.radians(MIDDLE_LATITUDE))
    return np.stack([x, degrees[:, 0]], axis=1) * KM_PER_DEGREE


def rooms_of(
    data: NationalData, row: dict[str, int], minutes: Floats, rng: np.random.Generator
) -> Rooms:
    """Return the rooms; those of a test are open for `minutes` in all.

    Rooms of a provider without a site, and of an independent provider with many, are
    put at hospitals of the independent sector in the same region.
    """
    known = [part for part in data.estate if part.site is not None]
    estate = [
        (i, part) for i, part in enumerate(data.estate) if part.rooms and part.yearly
    ]
    if not known or not estate:
        raise InvalidInstance(
            data.source / "scanners_by_provider.csv",
            field="scanners",
            row=None,
            found="names no room that is in use and has a site",
            remedy="Add rows with scanners, waiting_list_activity and coordinates.",
        )
    sited = _km([part.site for part in known if part.site is not None])
    spare = _km(data.independent_sites)
    region_of = [
        known[int(((sited - point) ** 2).sum(axis=1).argmin())].region
        for point in spare
    ]
    by_region: dict[str, Floats] = {}
    for part in data.estate:
        inside = [i for i, region in enumerate(region_of) if region == part.region]
        own = [i for i, other in enumerate(known) if other.region == part.region]
        by_region[part.region] = spare[inside] if inside else sited[own or slice(None)]
    places = []
    for _, part in estate:
        scattered = part.independent and part.rooms >= SCATTERED_ROOMS
        if part.site is None or scattered:
            choice = by_region[part.region]
            places.append(choice[rng.integers(0, choice.shape[0], part.rooms)])
        else:
            places.append(np.repeat(_km([part.site]), part.rooms, axis=0))
    count = np.array([part.rooms for _, part in estate])
    test = np.repeat([TESTS.index(part.test) for _, part in estate], count)
    yearly = np.repeat([part.yearly / part.rooms for _, part in estate], count)
    total = np.bincount(test, weights=yearly, minlength=len(TESTS))
    sort = np.argsort(test, kind="stable")
    return Rooms(
        test=test[sort].astype(np.int64),
        provider=np.repeat([row[part.provider] for _, part in estate], count)[sort],
        independent=np.repeat([part.independent for _, part in estate], count)[sort],
        provision=np.repeat([i for i, _ in estate], count)[sort],
        place=np.concatenate(places)[sort],
        minutes=(yearly * (minutes / np.maximum(total, 1))[test])[sort],
    )


def openings_of(
    data: NationalData, rooms: Rooms, days: int, rng: np.random.Generator
) -> tuple[Openings, Ints]:
    """Return a room's openings, one a day at most, and the contracts' ceilings."""
    first = (data.month + timedelta(days=1)).weekday()
    weekday = (first + np.arange(days)) % WEEK
    week = np.array([OPEN_WEEKDAYS[name] for name in TESTS])
    may_open = weekday[None, :] < week[rooms.test][:, None]
    most = may_open.sum(axis=1)
    wanted = np.clip(rooms.minutes // SHORTEST_DAY, 1, most).astype(np.int64)
    mixed = np.where(may_open, rng.random(may_open.shape), 2.0)
    order = np.argsort(mixed, axis=1, kind="stable").argsort(axis=1, kind="stable")
    is_open = may_open & (order < wanted[:, None])
    length = (rooms.minutes / np.maximum(wanted, 1))[:, None]
    length = length * rng.uniform(0.8, 1.2, size=may_open.shape)
    rounded = np.rint(length / GRID_MINUTES).astype(np.int64) * GRID_MINUTES
    rounded = np.minimum(rounded, LONGEST_DAY)
    room, day = np.nonzero(is_open & (rounded > 0))
    minutes = rounded[room, day]
    provision, contract = np.unique(
        rooms.provision[rooms.independent], return_inverse=True
    )
    of_room = np.full(rooms.test.shape[0], NO_GROUP, np.int64)
    of_room[rooms.independent] = contract
    typical = np.array(
        [sum(d * share for d, share in EXAM_MINUTES[name]) for name in TESTS]
    )
    exams = np.bincount(room, weights=minutes, minlength=of_room.shape[0])
    exams = exams / typical[rooms.test]
    ceilings = np.bincount(
        contract, weights=exams[rooms.independent], minlength=provision.shape[0]
    )
    names = room.tolist(), day.tolist()
    openings = Openings(
        key=tuple(f"{s}/{d}" for s, d in zip(*names, strict=True)),
        scanner_start=np.searchsorted(room, np.arange(of_room.shape[0] + 1)),
        day=day.astype(np.int64),
        begin_minute=MIDDAY - minutes // 2,
        minutes=minutes,
        list_bit=np.ones(room.shape[0], np.int64),
        cost=np.zeros(room.shape[0], np.int64),
        contract=of_room[room],
    )
    return openings, np.floor(CEILING_SHARE * ceilings).astype(np.int64)
