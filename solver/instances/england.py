"""England's waiting list and imaging estate as one problem.

Real are: how many wait at each provider for each test and for how many weeks, how many
tests each provider did in a year, and where it is. Everything else is drawn from a seed
by the assumptions that this file names: who is urgent, how long an exam takes, where a
patient lives, when a room is open. What each provider has room for is its yearly
activity from the waiting list, scaled by one factor for each test so that the whole
country is as full as asked; the rest of its time is taken to be for orders still to
come. So the neighbours of an overloaded provider may have room, and some have none.

Left out: planned and unscheduled tests, barium enemas, bank holidays, staff, and what
a patient or a scanner needs beyond the test. An order may use up to three rooms of the
place nearest to it and one room of each of the next five places.
"""

from __future__ import annotations

import numpy as np

from solver.instances.national_data import TESTS, NationalData
from solver.instances.national_rooms import (
    EXAM_MINUTES,
    MIDDAY,
    WEEK,
    Floats,
    Rooms,
    openings_of,
    rooms_of,
)
from solver.problem import NO_GROUP, Ints, Orders, Pairs, Problem

HOME_SPREAD_KM = 12.0
REACH_KM = 60.0
PLACES, ROOMS_NEAREST = 6, 3
TRAVEL_COST_PER_KM = 6.0
OTHER_PROVIDER_COST, INDEPENDENT_COST = 100, 100
"""Added for leaving one's provider, and for a provider outside the NHS."""
DAY_MINUTES = 1440
TIER_BY_WEEKS = ((0, (0.2, 0.35, 0.45)), (2, (0.03, 0.27, 0.7)), (6, (0.0, 0.1, 0.9)))
"""From so many weeks waited on, the shares of the tiers."""
LAST_RELEASE_DAY = np.array([0, 1, 3])
TARGET_DAY = np.array([3, 10, 30])
"""Days from the request to the target; where it has passed, the target is today."""
WAIT_COST = np.array([60, 20, 5])
LATE_COST = np.array([1200, 400, 100])
UNPLACED_COST = np.array([60_000, 24_000, 8_000])
"""More than any place within six weeks costs, for most orders."""
BREACHES = ((42, 500), (91, 1_500))
"""Days waited and the cost of waiting longer; what has passed already costs nothing."""
LONG_WAIT_MEAN = 35.0
"""Mean of the days beyond thirteen weeks, in the band that has no end."""
WINDOW_SHARE, PATIENT_SHARE = 0.1, 0.04
"""Orders that need a morning or an afternoon, and those of patients with two."""
NEVER = 1_000_000


def england(
    data: NationalData, *, seed: int, days: int = 42, load: float = 0.95
) -> Problem:
    """Return the problem of placing everybody who waits.

    Parameters
    ----------
    data
        Waiting lists and estate.
    seed
        Seed of everything that the data do not say.
    days
        Days to plan, from the day after the month of the waiting lists.
    load
        Minutes asked for / minutes open, for each test in the whole country.
    """
    rng = np.random.default_rng(seed)
    providers = sorted(
        {part.provider for part in data.estate}
        | {listed.provider for listed in data.waiting}
    )
    row = {provider: i for i, provider in enumerate(providers)}
    test, provider, region, waited = _listed(data, row, rng)
    minutes = np.zeros(test.shape[0], np.int64)
    for t, name in enumerate(TESTS):
        length, share = zip(*EXAM_MINUTES[name], strict=True)
        asking = np.flatnonzero(test == t)
        minutes[asking] = rng.choice(length, size=asking.size, p=share)
    asked = np.bincount(test, weights=minutes, minlength=len(TESTS))
    rooms = rooms_of(data, row, asked / load, rng)
    home = _homes(data, rooms, test, provider, region, rng)
    patient = _patients(provider, home, rng)
    pairs = _pairs(rooms, test, provider, minutes, home, rng)
    openings, ceilings = openings_of(data, rooms, days, rng)
    return Problem(
        orders=_orders(providers, test, provider, waited, patient, days, rng),
        pairs=pairs,
        openings=openings,
        contract_ceiling=ceilings,
        scanner_key=_numbered(providers, rooms.test, rooms.provider),
        policy_version="england-1",
    )


def _listed(
    data: NationalData, row: dict[str, int], rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return test, provider, row of the list and days waited, one entry per order."""
    bands = np.array([listed.bands for listed in data.waiting], np.int64)
    bands = bands.reshape(len(data.waiting), -1)
    which, band = np.nonzero(bands)
    count = bands[which, band]
    which, band = np.repeat(which, count), np.repeat(band, count)
    waited = band * WEEK + rng.integers(0, WEEK, band.shape[0])
    last = band == bands.shape[1] - 1
    longer = rng.exponential(LONG_WAIT_MEAN, band.shape[0])
    waited = np.where(last, band * WEEK + longer.astype(np.int64), waited)
    test = np.array([TESTS.index(listed.test) for listed in data.waiting], np.int64)
    provider = np.array([row[listed.provider] for listed in data.waiting], np.int64)
    return test[which], provider[which], which.astype(np.int64), waited


def _homes(
    data: NationalData,
    rooms: Rooms,
    test: Ints,
    provider: Ints,
    listed: Ints,
    rng: np.random.Generator,
) -> Floats:
    """Return where each patient lives: near a room of the provider, in km.

    Where the provider has none for the test, near any room of the region, or near any
    room at all.
    """
    home = np.zeros((test.shape[0], 2))
    region = np.array([data.estate[i].region for i in rooms.provision])
    edges = np.searchsorted(listed, np.arange(len(data.waiting) + 1))
    for i, part in enumerate(data.waiting):
        rows = slice(edges[i], edges[i + 1])
        first = edges[i]
        own = rooms.test == test[first]
        for choice in (rooms.provider == provider[first], region == part.region):
            if (own & choice).any():
                own &= choice
                break
        near = np.flatnonzero(own) if own.any() else np.arange(rooms.test.shape[0])
        home[rows] = rooms.place[rng.choice(near, edges[i + 1] - edges[i])]
    return home + rng.normal(0.0, HOME_SPREAD_KM, size=home.shape)


def _patients(provider: Ints, home: Floats, rng: np.random.Generator) -> Ints:
    """Join some orders of one provider two by two; both live where the first does."""
    n = provider.shape[0]
    mixed = rng.permutation(n)
    mixed = mixed[np.argsort(provider[mixed], kind="stable")]
    first, second = mixed[: n - n % 2 : 2], mixed[1::2]
    joined = (provider[first] == provider[second]) & (
        rng.random(first.shape[0]) < PATIENT_SHARE
    )
    first, second = first[joined], second[joined]
    patient = np.full(n, NO_GROUP, np.int64)
    patient[first] = patient[second] = np.arange(first.shape[0])
    home[second] = home[first]
    return patient


def _pairs(
    rooms: Rooms,
    test: Ints,
    provider: Ints,
    minutes: Ints,
    home: Floats,
    rng: np.random.Generator,
) -> Pairs:
    """Return rooms of the nearest places for each order."""
    found: list[tuple[Ints, Ints, Ints]] = []
    for t in range(len(TESTS)):
        own = np.flatnonzero(rooms.test == t)
        asking = np.flatnonzero(test == t)
        if not own.size or not asking.size:
            continue
        place, at = np.unique(rooms.place[own], axis=0, return_inverse=True)
        own = own[np.argsort(at.ravel(), kind="stable")]
        count = np.bincount(at.ravel())
        first = np.cumsum(count) - count
        nearest = min(PLACES, place.shape[0])
        rank = np.array([*[0] * (ROOMS_NEAREST - 1), *range(nearest)])
        nth = np.array([*range(1, ROOMS_NEAREST), *[0] * nearest])
        for rows in np.array_split(asking, max(1, asking.size // 4000)):
            gap = home[rows][:, None, :] - place[None, :, :]
            square = np.einsum("ijk,ijk->ij", gap, gap)
            near = np.argsort(square, axis=1, kind="stable")[:, :nearest]
            km = np.sqrt(np.take_along_axis(square, near, axis=1))[:, rank]
            drawn = rng.integers(0, 2**31, near.shape)[:, rank]
            near = near[:, rank]
            room = own[first[near] + (drawn + nth) % count[near]]
            inside = (km <= REACH_KM) & (nth < count[near])
            away = rooms.provider[room] != provider[rows][:, None]
            cost = np.rint(km * TRAVEL_COST_PER_KM).astype(np.int64)
            cost += OTHER_PROVIDER_COST * away
            cost += INDEPENDENT_COST * rooms.independent[room]
            order = np.broadcast_to(rows[:, None], room.shape)
            found.append((order[inside], room[inside], cost[inside]))
    order = np.concatenate([np.zeros(0, np.int64), *(f[0] for f in found)])
    sort = np.argsort(order, kind="stable")
    start = np.zeros(test.shape[0] + 1, np.int64)
    np.cumsum(np.bincount(order, minlength=test.shape[0]), out=start[1:])
    none = np.zeros(0, np.int64)
    return Pairs(
        start=start,
        scanner=np.concatenate([none, *(f[1] for f in found)])[sort],
        minutes=minutes[order[sort]],
        cost=np.concatenate([none, *(f[2] for f in found)])[sort],
    )


def _orders(
    providers: list[str],
    test: Ints,
    provider: Ints,
    waited: Ints,
    patient: Ints,
    days: int,
    rng: np.random.Generator,
) -> Orders:
    n = test.shape[0]
    tier = np.zeros(n, np.int64)
    draw = rng.random(n)
    for weeks, share in TIER_BY_WEEKS:
        drawn = np.searchsorted(np.cumsum(share)[:-1], draw, side="right")
        tier = np.where(waited >= weeks * WEEK, drawn, tier)
    windowed = rng.random(n) < WINDOW_SHARE
    morning = rng.random(n) < 0.5  # noqa: PLR2004
    breach_day, breach_cost = np.full(n, NEVER), np.zeros(n, np.int64)
    for limit, cost in reversed(BREACHES):
        ahead = waited < limit
        breach_day = np.where(ahead, limit - waited, breach_day)
        breach_cost = np.where(ahead, cost, breach_cost)
    return Orders(
        key=_numbered(providers, test, provider),
        tier=tier,
        patient=patient,
        earliest_day=rng.integers(0, LAST_RELEASE_DAY[tier] + 1).astype(np.int64),
        latest_day=np.full(n, days - 1, np.int64),
        earliest_minute=np.where(windowed & ~morning, MIDDAY, 0).astype(np.int64),
        latest_minute=np.where(windowed & morning, MIDDAY, DAY_MINUTES),
        list_mask=np.ones(n, np.int64),
        wait_cost=WAIT_COST[tier],
        target_day=np.maximum(TARGET_DAY[tier] - waited, 0),
        late_cost=LATE_COST[tier],
        breach_day=breach_day.astype(np.int64),
        breach_cost=breach_cost.astype(np.int64),
        unplaced_cost=UNPLACED_COST[tier],
    )


def _numbered(providers: list[str], test: Ints, provider: Ints) -> tuple[str, ...]:
    """Return names of the rows: provider, test and a number that counts them."""
    group = provider * len(TESTS) + test
    sort = np.argsort(group, kind="stable")
    first = np.searchsorted(group[sort], group)
    number = np.zeros(group.shape[0], np.int64)
    number[sort] = np.arange(group.shape[0])
    number -= first
    return tuple(
        f"{providers[p]}/{TESTS[t]}/{i}"
        for p, t, i in zip(
            provider.tolist(), test.tolist(), number.tolist(), strict=True
        )
    )
