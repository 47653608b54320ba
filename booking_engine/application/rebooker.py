"""Makes rebookings, looks for better ones, and carries out what was approved.

The solver works outside any transaction. The first answer moves nobody but the
affected; the better one, found in the background, may ask a few others to make room.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from booking_engine.application.commands import (
    ApproveRebooking,
    DeclineRebooking,
    FinishRebooking,
    ImproveRebooking,
    MoveLines,
    OvertakeLines,
    ProposeRebooking,
)
from booking_engine.application.context import Context
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.rebooking_affected import (
    Affected,
    affected_by,
    who_might_make_room,
)
from booking_engine.application.rebooking_lines import (
    Proposed,
    fixed_line,
    proposed,
)
from booking_engine.application.rebooking_problem import Disruption, disruption
from booking_engine.domain.errors import (
    DomainError,
    NotKnown,
    StoreUnavailable,
    TransitionRefused,
)
from booking_engine.domain.identifiers import Actor, DiaryEntryId, RebookingId
from booking_engine.domain.rebookings import (
    LineOutcome,
    Rebooking,
    RebookingStatus,
    groups_of,
)
from solver.repair import (
    FRONTIER,
    Repair,
    cheapest_of,
    frontier,
    improve_repair,
    repair_at_once,
)

log = logging.getLogger(__name__)

MOST_ASKED: Final = 1000
"""Neighbours that are considered, those whose moves would cost least."""
IMPROVING: Final = Actor("job:rebooking")


@dataclass(frozen=True, slots=True)
class RebookingSettings:
    """How long a better rebooking is looked for.

    Parameters
    ----------
    seconds
        Wall time of the search.
    step_seconds
        Wall time of each point of the frontier.
    """

    seconds: float = 1.5
    step_seconds: float = 0.5
    workers: int = 2
    seed: int = 1


class Rebooker:
    """Proposes, improves and carries out rebookings.

    Parameters
    ----------
    dispatcher
        Reads the diary, stores rebookings and moves bookings.
    settings
        Limits of the search for a better one.
    """

    def __init__(self, dispatcher: Dispatcher, settings: RebookingSettings) -> None:
        self._dispatcher = dispatcher
        self._settings = settings

    def latest(self, closure_id: DiaryEntryId, actor: Actor) -> Rebooking:
        """Return the newest rebooking of a closure.

        Raises
        ------
        NotKnown
            There is no such closure, or nobody has asked for one.
        """
        with self._dispatcher.reading(actor) as session:
            found = session.uow.rebookings.latest_of(closure_id)
            if found is None:
                entry = session.uow.diary.get(closure_id)
                raise NotKnown(
                    f"Closure {entry.id} has no rebooking; ask for one by POST."
                )
            return found

    def make(
        self,
        closure_id: DiaryEntryId,
        actor: Actor,
        *,
        most_moves: int | None = None,
    ) -> Rebooking:
        """Propose places for the bookings under a closure; nothing moves.

        Parameters
        ----------
        most_moves
            How many others may be asked to make room, once a better one is looked
            for; ``None``: as many as it pays to ask.

        Raises
        ------
        NotKnown
            No such closure.
        TransitionRefused
            It is over or lies on no booking, or its rebooking is being carried out.
        StaleVersion
            Somebody else asked at the same time.
        RebookingRefused
            The checker found fault.
        """
        dispatcher = self._dispatcher
        with dispatcher.reading(actor) as session:
            closure = session.uow.diary.get(closure_id)
            affected = affected_by(closure, session.uow, session.context)
            problem = disruption(affected.movable, session.uow, session.context)
            made_at = session.context.now
        found = _proposed(problem, affected, repair_at_once(problem.damage))
        rebooking = Rebooking(
            id=RebookingId(dispatcher.ids("B")),
            closure_id=closure_id,
            status=RebookingStatus.PROPOSED,
            made_at=made_at,
            made_by=actor,
            policy_version=problem.snapshot.problem.policy_version,
            lines=found.lines,
            frontier=found.frontier,
            cost=found.cost,
            seconds=found.seconds,
            most_moves=most_moves,
            improving=bool(affected.movable),
        )
        stored: Rebooking = dispatcher.handle(ProposeRebooking(rebooking), actor)
        log.info(
            "rebooking proposed",
            extra={
                "event": "rebooking.proposed",
                "rebooking_id": stored.id,
                "closure_id": closure_id,
                "lines": len(stored.lines),
                "no_place": stored.no_place,
            },
        )
        return stored

    def improve(self, rebooking_id: RebookingId) -> bool:
        """Look for a better rebooking; return whether it took the place of the first.

        One that was decided, or made anew, is left alone.
        """
        dispatcher, actor = self._dispatcher, IMPROVING
        with dispatcher.reading(actor) as session:
            rebooking = session.uow.rebookings.get(rebooking_id)
            if not rebooking.improving:
                return False
            lost = _lost_now(rebooking, session.uow, session.context)
        better = ImproveRebooking(rebooking.id, rebooking.version, None)
        if lost is not None:
            try:
                found = self._better(*lost, rebooking.most_moves)
            except Exception:  # tried again, it would fail again: the first one stands
                log.exception(
                    "no better rebooking", extra={"rebooking_id": rebooking.id}
                )
            else:
                better = replace(
                    better,
                    lines=found.lines,
                    frontier=found.frontier,
                    cost=found.cost,
                    gap=found.gap,
                    seconds=found.seconds,
                )
        done: bool = dispatcher.handle(better, actor)
        return done and better.lines is not None

    def _better(
        self, problem: Disruption, affected: Affected, most_moves: int | None
    ) -> Proposed:
        """Return the best that is found in the time; lines in a circle are refused."""
        damage, settings = problem.damage, self._settings
        may_move = np.zeros(damage.opening.shape[0], np.bool_)
        may_move[damage.displaced.size : len(problem.bookings)] = True
        first = repair_at_once(damage)
        best = improve_repair(
            damage,
            first,
            may_move=may_move,
            most_moves=most_moves,
            gains_count=False,
            most_movable=MOST_ASKED,
            seconds=settings.seconds,
            workers=settings.workers,
            seed=settings.seed,
        )
        steps = [n for n in FRONTIER if most_moves is None or n <= most_moves]
        points = frontier(
            damage,
            first,
            may_move=may_move,
            steps=steps,
            gains_count=False,
            most_movable=MOST_ASKED,
            seconds=settings.step_seconds,
            workers=settings.workers,
            seed=settings.seed,
        )
        seconds = best.seconds + sum(point.seconds for point in points)
        best = cheapest_of(damage, [best, *points], gains_count=False)
        found = _proposed(problem, affected, best, points)
        groups_of(found.lines)
        return replace(found, seconds=seconds)

    def approve(
        self,
        closure_id: DiaryEntryId,
        actor: Actor,
        *,
        version: int,
        lines: tuple[int, ...] | None = None,
        note: str = "",
    ) -> Rebooking:
        """Move what a person approves, each group of lines on its own.

        Raises
        ------
        NotKnown
            The closure has no rebooking.
        StaleVersion
            The person saw another version.
        TransitionRefused
            It is not open to approval, or no line of it is.
        InvalidValue
            A line is not open, or of lines that move together some are missing.
        """
        dispatcher = self._dispatcher
        rebooking = self.latest(closure_id, actor)
        approved: Rebooking = dispatcher.handle(
            ApproveRebooking(rebooking.id, version, lines, note), actor
        )
        for group in approved.groups():
            numbers = tuple(
                line.number for line in group if line.outcome is LineOutcome.PENDING
            )
            if not numbers:
                continue
            try:
                dispatcher.handle(MoveLines(approved.id, numbers), actor)
            except StoreUnavailable:
                # Approving again goes on from here.
                raise
            except DomainError as error:
                dispatcher.handle(
                    OvertakeLines(approved.id, numbers, error.code), actor
                )
        done: Rebooking = dispatcher.handle(FinishRebooking(approved.id), actor)
        log.info(
            "rebooking carried out",
            extra={
                "event": "rebooking.decided",
                "rebooking_id": done.id,
                "status": done.status.value,
                "moved": done.count(LineOutcome.MOVED),
                "overtaken": done.count(LineOutcome.OVERTAKEN),
            },
        )
        return done

    def decline(
        self, closure_id: DiaryEntryId, actor: Actor, *, version: int, note: str
    ) -> Rebooking:
        """Reject a rebooking; raises as `approve`."""
        rebooking = self.latest(closure_id, actor)
        declined: Rebooking = self._dispatcher.handle(
            DeclineRebooking(rebooking.id, version, note), actor
        )
        return declined


def _lost_now(
    rebooking: Rebooking, uow: UnitOfWork, context: Context
) -> tuple[Disruption, Affected] | None:
    """Return the problem as it stands now, or ``None`` if nobody need be moved."""
    try:
        closure = uow.diary.get(rebooking.closure_id)
        affected = affected_by(closure, uow, context)
    except TransitionRefused:
        # Opened again, or everybody has been moved by hand.
        return None
    if not affected.movable:
        return None
    others = (
        []
        if rebooking.most_moves == 0
        else who_might_make_room(affected.movable, uow, context)
    )
    return disruption(affected.movable, uow, context, neighbours=others), affected


def _proposed(
    problem: Disruption,
    affected: Affected,
    repair: Repair,
    points: list[Repair] | None = None,
) -> Proposed:
    fixed = [fixed_line(booked, code) for booked, code in affected.fixed]
    return proposed(problem, repair, steps=points or (), fixed=fixed)
