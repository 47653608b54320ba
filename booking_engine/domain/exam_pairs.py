"""Which exams of one visit come in an order, and with how much time between them.

Each row says what holds from the end of one kind of exam to the start of another, and
why. The policy carries the rows; where none speaks of two exams, neither waits for the
other.

Errors: faults of a row are named by `ExamPair.faults`, with what to give instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from booking_engine.domain.procedures import Procedure
from booking_engine.domain.vocabulary import Modality

MOST_GAP: Final = 24 * 60
"""Longest gap in minutes: linked exams are planned on one day."""
MOST_PAIRS: Final = 200


@dataclass(frozen=True, slots=True)
class ExamKind:
    """A kind of exam.

    Parameters
    ----------
    modality
        Kind of imaging.
    contrast
        Only exams with it, or only those without; ``None`` for both.
    """

    modality: Modality
    contrast: bool | None = None

    def matches(self, procedure: Procedure) -> bool:
        """Return whether the procedure is of this kind."""
        return self.modality is procedure.modality and (
            self.contrast is None or self.contrast is procedure.contrast
        )


@dataclass(frozen=True, slots=True)
class ExamPair:
    """One row of the table: the second exam comes after the first.

    Parameters
    ----------
    first, second
        Kinds of exam.
    least_minutes, most_minutes
        From the end of the first to the start of the second; ``None`` in
        `most_minutes` for any time later on the day.
    reason
        Why, for the people who read the policy.
    """

    first: ExamKind
    second: ExamKind
    least_minutes: int = 0
    most_minutes: int | None = None
    reason: str = ""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the key and what is wrong with it, and the remedy."""
        if not 0 <= self.least_minutes <= MOST_GAP:
            yield "least_minutes", f"is {self.least_minutes}; give 0 to {MOST_GAP}"
        most = self.most_minutes
        if most is not None and not self.least_minutes <= most <= MOST_GAP:
            yield (
                "most_minutes",
                f"is {most}; give {self.least_minutes} to {MOST_GAP}, or leave it out",
            )
        if not self.reason.strip():
            yield "reason", "is empty; say why the one comes before the other"
        if self.first == self.second:
            yield "second", "is the same as first; name two kinds, or drop the row"


def table_faults(pairs: Sequence[ExamPair]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the key of each fault of the table, by row, and the remedy."""
    if len(pairs) > MOST_PAIRS:
        yield (), f"has {len(pairs)} rows; give at most {MOST_PAIRS}"
        return
    known: dict[tuple[ExamKind, ExamKind], int] = {}
    for row, pair in enumerate(pairs):
        for name, problem in pair.faults():
            yield (str(row), name), problem
        for way in ((pair.first, pair.second), (pair.second, pair.first)):
            if way in known:
                problem = f"is of the same two kinds as row {known[way]}; keep one"
                yield (str(row),), problem
        known.setdefault((pair.first, pair.second), row)


@dataclass(frozen=True, slots=True)
class Timed:
    """One exam as it is asked for, and how many minutes it takes."""

    procedure: Procedure
    minutes: int


def pair_for(
    pairs: Sequence[ExamPair], first: Procedure, second: Procedure
) -> ExamPair | None:
    """Return the first row that has `second` come after `first`, or ``None``.

    Where a row holds either way round for two exams, none of them is first by it.
    """
    for pair in pairs:
        forth = pair.first.matches(first) and pair.second.matches(second)
        back = pair.first.matches(second) and pair.second.matches(first)
        if forth != back:
            return pair if forth else None
    return None


def room_beside(
    pairs: Sequence[ExamPair], exam: Timed, other: Timed, begins: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when `exam` may begin and must have ended, `other` beginning at `begins`.

    ``None`` where the table sets no such limit.
    """
    ends = begins + timedelta(minutes=other.minutes)
    pair = pair_for(pairs, other.procedure, exam.procedure)
    if pair is not None:
        earliest = ends + timedelta(minutes=pair.least_minutes)
        if pair.most_minutes is None:
            return earliest, None
        return earliest, ends + timedelta(minutes=pair.most_minutes + exam.minutes)
    pair = pair_for(pairs, exam.procedure, other.procedure)
    if pair is not None:
        latest = begins - timedelta(minutes=pair.least_minutes)
        if pair.most_minutes is None:
            return None, latest
        return begins - timedelta(minutes=pair.most_minutes + exam.minutes), latest
    return None, None


def links_of(
    pairs: Sequence[ExamPair], exams: Sequence[Procedure]
) -> list[tuple[int, int, ExamPair]]:
    """Return which of the exams of one visit follow which, and by which row.

    Positions in `exams`. A row that would close a circle with earlier ones is left out.
    """
    after: dict[int, set[int]] = {n: set() for n in range(len(exams))}
    found = []
    for a, first in enumerate(exams):
        for b, second in enumerate(exams):
            pair = pair_for(pairs, first, second) if a != b else None
            if pair is None or a in after[b]:
                continue
            found.append((a, b, pair))
            behind = {b} | after[b]
            for n, those in after.items():
                if n == a or a in those:
                    those.update(behind)
    return found
