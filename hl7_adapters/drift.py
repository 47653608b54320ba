"""How a partner's messages differ from those of the same weekday in weeks before.

A trust changes its system and tells nobody: a field is no longer sent, a new code
appears, half the messages stay away. Compared is one window, by default the last day,
with the windows of the same local time one to four weeks earlier. Messages are sampled,
so the report says with how many it was made; what is rare may seem new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import sqrt
from statistics import median
from typing import Final

from booking_engine.application.ports import Traffic
from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.message_shapes import Shapes, shapes_of
from hl7_adapters.profile import Profile

WEEKS: Final = 4
CHANCE: Final = 0.001
"""Something is told as new or lost if it would be missed so rarely by chance alone."""
_LEAST_MESSAGES: Final = 20
_SPREAD: Final = 3.0  # standard deviations
_MAD_TO_SIGMA: Final = 1.4826  # of a normal distribution
_TWO: Final = 2


class Change(StrEnum):
    """What differs."""

    VOLUME_LOW = "volume_low"
    VOLUME_HIGH = "volume_high"
    MORE_REFUSED = "more_refused"
    NEW_KIND = "new_kind"
    LOST_KIND = "lost_kind"
    NEW_SEGMENT = "new_segment"
    LOST_SEGMENT = "lost_segment"
    NEW_FIELD = "new_field"
    LOST_FIELD = "lost_field"
    NEW_CODE = "new_code"
    LOST_CODE = "lost_code"


_NEW_OR_LOST: Final = {
    "kind": (Change.NEW_KIND, Change.LOST_KIND),
    "segment": (Change.NEW_SEGMENT, Change.LOST_SEGMENT),
    "field": (Change.NEW_FIELD, Change.LOST_FIELD),
    "code": (Change.NEW_CODE, Change.LOST_CODE),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Parameters
    ----------
    where
        The kind of message, or the table of codes; empty where it concerns all.
    what
        The segment, field or code.
    before, now
        Share of the messages, from 0 to 1; of the volume, how many messages.
    mapped
        Of a code, whether it means anything to us.
    """

    change: Change
    where: str
    what: str
    before: float
    now: float
    mapped: bool | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """The report on one partner.

    Parameters
    ----------
    messages, refused
        In the window.
    before
        Messages in the windows it is compared with, the latest first.
    expected
        From how many to how many messages; ``None`` with too little to compare with.
    refused_before
        Share of refusals in the windows before.
    sampled, sampled_before
        How many messages were looked at.
    """

    partner: PartnerId
    begin: datetime
    end: datetime
    messages: int
    refused: int
    before: tuple[int, ...]
    refused_before: float | None
    expected: tuple[int, int] | None
    sampled: int
    sampled_before: int
    findings: tuple[Finding, ...]


def drift_of(
    traffic: Traffic,
    profile: Profile,
    *,
    end: datetime,
    hours: int = 24,
    sample: int = 500,
) -> Drift:
    """Return how a partner's messages differ from before.

    Parameters
    ----------
    end
        Of the window.
    sample
        Most messages looked at in each of the five windows.
    """
    windows = list(_windows(profile, end, timedelta(hours=hours)))
    counts = [traffic.volume(profile.id, *window) for window in windows]
    samples = [traffic.sample(profile.id, *window, most=sample) for window in windows]
    now = shapes_of(samples[0], profile)
    before = shapes_of((raw for each in samples[1:] for raw in each), profile)
    (messages, refused), *earlier = counts
    volumes = tuple(came for came, _ in earlier)
    refused_before = (sum(bad for _, bad in earlier), sum(volumes))
    expected = expected_volume(volumes)
    return Drift(
        partner=profile.id,
        begin=windows[0][0],
        end=windows[0][1],
        messages=messages,
        refused=refused,
        before=volumes,
        refused_before=_share(*refused_before),
        expected=expected,
        sampled=now.messages,
        sampled_before=before.messages,
        findings=(
            *_of_volume(messages, volumes, expected),
            *_of_refusals((refused, messages), refused_before),
            *compare(before, now),
        ),
    )


def _windows(
    profile: Profile, end: datetime, length: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the window and those of the weeks before, at the same local times."""
    local = end.astimezone(profile.zone), (end - length).astimezone(profile.zone)
    for weeks in range(WEEKS + 1):
        # Local arithmetic: eight in the morning stays eight when clocks change.
        until, since = ((one - timedelta(weeks=weeks)).astimezone(UTC) for one in local)
        yield since, until


def expected_volume(volumes: tuple[int, ...]) -> tuple[int, int] | None:
    """Return from how many to how many messages are expected.

    The median with three standard deviations on either side, taken from the median
    absolute deviation, but no fewer than a Poisson process would have, or a tenth.
    Weeks without any message are left out: the feed did not run.
    """
    known = [volume for volume in volumes if volume]
    if len(known) < _TWO:
        return None
    middle = median(known)
    deviation = median(abs(volume - middle) for volume in known) * _MAD_TO_SIGMA
    spread = max(_SPREAD * deviation, _SPREAD * sqrt(middle), 0.1 * middle)
    return max(0, round(middle - spread)), round(middle + spread)


def _of_volume(
    messages: int, volumes: tuple[int, ...], expected: tuple[int, int] | None
) -> Iterator[Finding]:
    if expected is None:
        return
    middle = median(volume for volume in volumes if volume)
    low, high = expected
    if messages < low:
        yield Finding(Change.VOLUME_LOW, "", "messages", middle, messages)
    elif messages > high:
        yield Finding(Change.VOLUME_HIGH, "", "messages", middle, messages)


def _of_refusals(now: tuple[int, int], before: tuple[int, int]) -> Iterator[Finding]:
    """Tell of more refusals than chance gives (two proportions, three deviations)."""
    if min(now[1], before[1]) < _LEAST_MESSAGES:
        return
    share, earlier = now[0] / now[1], before[0] / before[1]
    pooled = (now[0] + before[0]) / (now[1] + before[1])
    deviation = sqrt(pooled * (1 - pooled) * (1 / now[1] + 1 / before[1]))
    if share - earlier > _SPREAD * deviation:
        yield Finding(Change.MORE_REFUSED, "", "refused", earlier, share)


def compare(before: Shapes, now: Shapes) -> list[Finding]:
    """Return what is new and what is lost, the coarsest first.

    What a new or lost kind brings along, or a segment, is not told again.
    """
    if min(before.messages, now.messages) < _LEAST_MESSAGES:
        return []
    found = _differences("kind", "", before.kinds, now.kinds, _totals(before, now))
    told = {finding.what for finding in found}
    for kind in sorted((before.kinds & now.kinds).keys() - told):
        totals = before.kinds[kind], now.kinds[kind]
        of_segments = _differences(
            "segment", kind, before.segments[kind], now.segments[kind], totals
        )
        gone = {finding.what for finding in of_segments}
        of_fields = _differences(
            "field", kind, before.fields[kind], now.fields[kind], totals
        )
        found += of_segments
        found += [one for one in of_fields if one.what.partition("-")[0] not in gone]
    for table in sorted(before.codes.keys() | now.codes.keys()):
        codes = before.codes[table], now.codes[table]
        totals = codes[0].total(), codes[1].total()
        strange = before.unmapped | now.unmapped
        unmapped = {code for of, code in strange if of == table}
        for one in _differences("code", table, *codes, totals, always=unmapped):
            mapped = one.what not in unmapped
            found.append(
                Finding(one.change, table, one.what, one.before, one.now, mapped)
            )
    return found


def _totals(before: Shapes, now: Shapes) -> tuple[int, int]:
    return before.messages, now.messages


def _differences(
    sort: str,
    where: str,
    before: Counter[str],
    now: Counter[str],
    totals: tuple[int, int],
    *,
    always: Collection[str] = (),
) -> list[Finding]:
    """Return what is on one side only, and would hardly be so by chance.

    Parameters
    ----------
    always
        What is told as new however rare it is.
    """
    if not min(totals):
        return []
    new, lost = _NEW_OR_LOST[sort]
    found: list[Finding] = []
    for what in sorted(before.keys() ^ now.keys()):
        share = before[what] / totals[0], now[what] / totals[1]
        if not before[what] and (what in always or _hardly_missed(share[1], totals[0])):
            found.append(Finding(new, where, what, *share))
        elif not now[what] and _hardly_missed(share[0], totals[1]):
            found.append(Finding(lost, where, what, *share))
    return found


def _hardly_missed(share: float, messages: int) -> bool:
    """Return whether what has this share would hardly be missed in so many messages."""
    return bool((1 - share) ** messages < CHANCE)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
