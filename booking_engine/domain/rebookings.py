"""A rebooking: who should go where now that a closure lies on their bookings.

It is a proposal. Nothing moves until a person approves it, whole or in part, and each
move is checked anew when it is made. Lines that need each other's slots make a group:
they are moved together or not at all, so that nobody makes room in vain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from booking_engine.domain.decisions import MoveCause, MovedFrom, Reasons
from booking_engine.domain.errors import InvalidValue, TransitionRefused
from booking_engine.domain.identifiers import (
    Actor,
    AppointmentId,
    DiaryEntryId,
    OrderId,
    RebookingId,
    ScannerId,
)


class RebookingStatus(StrEnum):
    """Where a rebooking stands."""

    PROPOSED = "proposed"
    APPLYING = "applying"
    """Approved; its lines are being moved, or the process that did it was stopped."""
    APPROVED = "approved"
    PARTLY_APPROVED = "partly_approved"
    DECLINED = "declined"
    OVERTAKEN = "overtaken"
    """Nothing of it could be moved any more, or a newer one took its place."""


class RebookingAction(StrEnum):
    """What can happen to a rebooking."""

    IMPROVE = "improve"
    APPROVE = "approve"
    FINISH_WHOLE = "finish_whole"
    FINISH_IN_PART = "finish_in_part"
    FINISH_WITHOUT = "finish_without"
    DECLINE = "decline"
    OVERTAKE = "overtake"


_S, _A = RebookingStatus, RebookingAction
TRANSITIONS: dict[tuple[RebookingStatus, RebookingAction], RebookingStatus] = {
    (_S.PROPOSED, _A.IMPROVE): _S.PROPOSED,
    (_S.PROPOSED, _A.APPROVE): _S.APPLYING,
    (_S.PROPOSED, _A.DECLINE): _S.DECLINED,
    (_S.PROPOSED, _A.OVERTAKE): _S.OVERTAKEN,
    # Whoever was stopped half way, or approved a part, may go on.
    (_S.APPLYING, _A.APPROVE): _S.APPLYING,
    (_S.PARTLY_APPROVED, _A.APPROVE): _S.APPLYING,
    (_S.APPLYING, _A.FINISH_WHOLE): _S.APPROVED,
    (_S.APPLYING, _A.FINISH_IN_PART): _S.PARTLY_APPROVED,
    (_S.APPLYING, _A.FINISH_WITHOUT): _S.OVERTAKEN,
}
"""The state table; a pair that is missing is refused."""

UNDECIDED = frozenset({_S.PROPOSED, _S.APPLYING})
"""A closure has at most one rebooking in these states."""


class LineOutcome(StrEnum):
    """What became of one line."""

    OPEN = "open"
    """It has a place, and nobody has approved it."""
    NO_PLACE = "no_place"
    PENDING = "pending"
    """Approved, and to be moved now."""
    MOVED = "moved"
    OVERTAKEN = "overtaken"
    """Something had changed: the booking stays where it was."""


@dataclass(frozen=True, slots=True)
class Line:
    """One booking, and where it should go.

    Parameters
    ----------
    number
        Its name within the rebooking, from 1.
    appointment_version
        The version that was seen; a booking that changed since is left alone.
    scanner, starts_at, ends_at
        Where and when it is booked.
    to
        The slot and what led to it; ``None``: there is no place, or it cannot move.
    options, excluded
        How many feasible openings there are, full ones among them, and how many
        scanners or openings each rule took out.
    breach
        Whether the exam would be on or beyond its breach day, or has no place.
    needs
        Lines whose present slots this one is to have: they move first.
    obstacle
        The code of what keeps the booking from being moved at all; empty if nothing.
    code
        Why it was overtaken; empty unless it was.
    """

    number: int
    order_id: OrderId
    appointment_id: AppointmentId
    appointment_version: int
    cause: MoveCause
    scanner: ScannerId
    starts_at: datetime
    ends_at: datetime
    to: Reasons | None
    options: int
    excluded: tuple[tuple[str, int], ...]
    breach: bool
    needs: tuple[int, ...] = ()
    obstacle: str = ""
    outcome: LineOutcome = LineOutcome.OPEN
    code: str = ""

    def moved_from(self, reason: str) -> MovedFrom:
        """Return where it was and why it moves; `reason` is that of the closure."""
        return MovedFrom(self.cause, self.scanner, self.starts_at, reason)


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """What moving so many patients who were not affected would buy.

    Parameters
    ----------
    moved
        Patients asked to make room.
    breaches, no_place
        Of all concerned, those at or beyond their breach day or without a place, and
        those without a place.
    cost
        Of all concerned where they would be, that of having no place among it, less
        what those asked to make room cost where they are. It falls from one point to
        the next; what a move itself is worth is not in it.
    """

    moved: int
    breaches: int
    no_place: int
    cost: int


@dataclass(frozen=True, slots=True)
class Rebooking:
    """A proposal for all bookings under one closure.

    Parameters
    ----------
    most_moves
        How many patients who are not affected may be asked to make room; ``None``:
        as many as it pays to ask.
    cost
        As in `FrontierPoint`, in cost units of the policy.
    gap
        How far the answer may be from the best of the neighbourhood that was searched,
        as a share of all that the neighbourhood costs; ``None`` until it was searched.
    seconds
        Wall time of the solver.
    improving
        Whether a better one is still to be looked for.
    improved_at
        When that ended; ``None`` before.
    frontier
        By number of patients moved, ascending.
    decided_at, decided_by, note
        Who approved or declined it, and in what words.
    """

    id: RebookingId
    closure_id: DiaryEntryId
    status: RebookingStatus
    made_at: datetime
    made_by: Actor
    policy_version: str
    lines: tuple[Line, ...]
    frontier: tuple[FrontierPoint, ...]
    cost: int
    seconds: float
    most_moves: int | None = None
    gap: float | None = None
    improving: bool = False
    improved_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: Actor | None = None
    note: str = ""
    version: int = 1

    def after(self, action: RebookingAction) -> Rebooking:
        """Return the rebooking as it stands after `action`.

        Raises
        ------
        TransitionRefused
            The state table has no such transition.
        """
        target = TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefused(
                f"Rebooking {self.id} is {self.status}: it cannot {action}; make a new"
                " one for the bookings that still lie in the closed time."
            )
        return replace(
            self, status=target, improving=self.improving and target is _S.PROPOSED
        )

    def count(self, *outcomes: LineOutcome) -> int:
        """Return how many lines have one of these outcomes."""
        return sum(line.outcome in outcomes for line in self.lines)

    @property
    def affected(self) -> int:
        """How many bookings lie in the closed time."""
        return sum(line.cause is MoveCause.CLOSED for line in self.lines)

    @property
    def making_room(self) -> int:
        """How many others are asked to move."""
        return len(self.lines) - self.affected

    @property
    def no_place(self) -> int:
        """How many bookings have no place to go."""
        return sum(line.to is None for line in self.lines)

    @property
    def breaches(self) -> int:
        """How many would be at or beyond their breach day, or have no place."""
        return sum(line.breach for line in self.lines)

    def groups(self) -> tuple[tuple[Line, ...], ...]:
        """Return the lines that have a place, by what moves together, in order."""
        return groups_of(self.lines)

    def approved(self, numbers: Collection[int] | None) -> Rebooking:
        """Return the rebooking with these lines to be moved now; ``None``: all.

        Raises
        ------
        TransitionRefused
            It is not open to approval, or no line is.
        InvalidValue
            A line is not there or has no place, or lines that move together are not
            all named.
        """
        begun = self.after(RebookingAction.APPROVE)
        still = {
            line.number
            for line in self.lines
            if line.outcome in (LineOutcome.OPEN, LineOutcome.PENDING)
        }
        wanted = still if numbers is None else set(numbers)
        if strange := sorted(wanted - still):
            raise InvalidValue(
                f"Rebooking {self.id} has no open line {_listed(strange)} with a place;"
                " read it again."
            )
        if not wanted:
            raise TransitionRefused(
                f"Rebooking {self.id} has no line that can be moved; each booking"
                " is for a person to settle."
            )
        for group in self.groups():
            members = {line.number for line in group} & still
            if wanted & members and members - wanted:
                raise InvalidValue(
                    f"Lines {_listed(sorted(members))} of rebooking {self.id} move"
                    " together; approve all of them or none."
                )
        return begun.with_outcomes(wanted, LineOutcome.PENDING)

    def with_outcomes(
        self, numbers: Collection[int], outcome: LineOutcome, code: str = ""
    ) -> Rebooking:
        """Return the rebooking with what became of these lines."""
        return replace(
            self,
            lines=tuple(
                replace(line, outcome=outcome, code=code)
                if line.number in numbers
                else line
                for line in self.lines
            ),
        )

    def finished(self) -> Rebooking:
        """Return the rebooking as its lines' outcomes have it."""
        if not self.count(LineOutcome.MOVED):
            return self.after(RebookingAction.FINISH_WITHOUT)
        if self.count(LineOutcome.OPEN, LineOutcome.OVERTAKEN):
            return self.after(RebookingAction.FINISH_IN_PART)
        return self.after(RebookingAction.FINISH_WHOLE)


def groups_of(lines: Iterable[Line]) -> tuple[tuple[Line, ...], ...]:
    """Return the lines that have a place, by what moves together, in order.

    Within a group, whoever makes room comes before whoever takes it.

    Raises
    ------
    InvalidValue
        Lines wait for each other in a circle.
    """
    placed = {line.number: line for line in lines if line.to is not None}
    group = {number: {number} for number in placed}
    for line in placed.values():
        for other in line.needs:
            joined = group[line.number] | group[other]
            for number in joined:
                group[number] = joined
    found: list[tuple[Line, ...]] = []
    seen: set[int] = set()
    for number in placed:
        if number not in seen:
            seen |= group[number]
            found.append(_in_order([placed[n] for n in sorted(group[number])]))
    return tuple(found)


def _in_order(group: list[Line]) -> tuple[Line, ...]:
    """Return the lines of a group, those that others need first."""
    members = {line.number for line in group}
    done: list[Line] = []
    while len(done) < len(group):
        gone = {line.number for line in done}
        ready = [
            line
            for line in group
            if line.number not in gone and not (set(line.needs) & members) - gone
        ]
        if not ready:
            raise InvalidValue(
                f"Lines {_listed(sorted(members - gone))} wait for each other's slots;"
                " propose other places."
            )
        done += ready
    return tuple(done)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
