"""Rebookings as they are stored, approved and carried out.

A person's approval comes first (HAZ-10); then each group of lines is moved in a
transaction of its own, by the command that a clerk would use.
"""

from __future__ import annotations

from dataclasses import replace

from booking_engine.application.commands import (
    ApproveRebooking,
    DeclineRebooking,
    FinishRebooking,
    ImproveRebooking,
    MoveAppointment,
    MoveLines,
    OvertakeLines,
    ProposeRebooking,
)
from booking_engine.application.context import Context
from booking_engine.application.ports import UnitOfWork
from booking_engine.application.scheduling import move_appointment
from booking_engine.domain.decisions import MoveCause
from booking_engine.domain.diary_entries import EntryKind, EntryStatus
from booking_engine.domain.errors import StaleVersion, TransitionRefused
from booking_engine.domain.rebookings import (
    UNDECIDED,
    Line,
    LineOutcome,
    Rebooking,
    RebookingAction,
    RebookingStatus,
)
from booking_engine.domain.schedule import AppointmentStatus

CLOSURE_OVER = "closure.over"
"""Code of a line whose booking does not lie in closed time any more."""
TOGETHER = "rebooking.together"
"""Code of a line that moves only together with one that was overtaken."""
REASON = "rebooked because of a closure"
"""What partners and the order's history are told."""


def propose_rebooking(
    command: ProposeRebooking, uow: UnitOfWork, context: Context
) -> Rebooking:
    """Store a new rebooking in the place of one that nobody decided.

    Versions go on from those of the closure's last one: all of them are read at one
    address, and whoever has seen an older one must not approve this one by its ETag.

    Raises
    ------
    TransitionRefused
        One is being carried out.
    StaleVersion
        Somebody else proposed one at the same time.
    """
    del context
    rebooking = command.rebooking
    before = uow.rebookings.latest_of(rebooking.closure_id)
    if before is not None:
        if before.status in UNDECIDED:
            uow.rebookings.save(before.after(RebookingAction.OVERTAKE))
            uow.flush()
            before = _stored(before)
        rebooking = replace(rebooking, version=before.version + 1)
    uow.rebookings.add(rebooking)
    uow.flush()
    return rebooking


def improve_rebooking(
    command: ImproveRebooking, uow: UnitOfWork, context: Context
) -> bool:
    """Replace the lines of a rebooking; return whether nobody had touched it."""
    rebooking = uow.rebookings.get(command.rebooking_id)
    untouched = rebooking.version == command.version
    if not untouched or rebooking.status is not RebookingStatus.PROPOSED:
        return False
    improved = replace(
        rebooking.after(RebookingAction.IMPROVE),
        improving=False,
        improved_at=context.now,
    )
    if command.lines is not None:
        improved = replace(
            improved,
            lines=command.lines,
            frontier=command.frontier,
            cost=command.cost,
            gap=command.gap,
            seconds=improved.seconds + command.seconds,
        )
    uow.rebookings.save(improved)
    return True


def approve_rebooking(
    command: ApproveRebooking, uow: UnitOfWork, context: Context
) -> Rebooking:
    """Let lines be moved; those that do not stand any more are overtaken.

    Raises
    ------
    StaleVersion
        The person saw another version.
    TransitionRefused
        It is not open to approval, or no line of it is.
    InvalidValue
        A line is not open, or of lines that move together some are missing.
    """
    rebooking = _seen(uow.rebookings.get(command.rebooking_id), command.version)
    approved = replace(
        rebooking.approved(command.lines),
        decided_at=context.now,
        decided_by=context.actor,
        # What was said of the lines that were approved before stays.
        note="; ".join(filter(None, (rebooking.note, command.note))),
    )
    for group in approved.groups():
        pending = [line for line in group if line.outcome is LineOutcome.PENDING]
        codes = {
            line.number: code for line in pending if (code := _overtaken_by(line, uow))
        }
        for line in pending if codes else ():
            code = codes.get(line.number, TOGETHER)
            approved = approved.with_outcomes(
                {line.number}, LineOutcome.OVERTAKEN, code
            )
    uow.rebookings.save(approved)
    return _stored(approved)


def _overtaken_by(line: Line, uow: UnitOfWork) -> str:
    """Return the code of what has changed since a line was proposed, or nothing."""
    booked = uow.schedule.appointment(line.appointment_id)
    if booked.version != line.appointment_version:
        return StaleVersion.code
    if booked.status is not AppointmentStatus.BOOKED:
        return TransitionRefused.code
    if line.cause is MoveCause.CLOSED and not any(
        entry.kind is EntryKind.CLOSURE and entry.status is EntryStatus.TAKING
        for entry in uow.diary.taking_between(
            line.starts_at, line.ends_at, scanners=[line.scanner]
        )
    ):
        return CLOSURE_OVER
    return ""


def move_lines(command: MoveLines, uow: UnitOfWork, context: Context) -> Rebooking:
    """Move the bookings of approved lines.

    Raises
    ------
    DomainError
        What forbids one of the moves; then none is made.
    """
    rebooking = uow.rebookings.get(command.rebooking_id)
    reason = uow.diary.get(rebooking.closure_id).reason
    wanted = {line.number: line for line in rebooking.lines}
    for number in command.lines:
        line = wanted[number]
        if line.outcome is LineOutcome.PENDING:
            _move(line, rebooking, reason, uow, context)
            rebooking = rebooking.with_outcomes({number}, LineOutcome.MOVED)
    uow.rebookings.save(rebooking)
    return _stored(rebooking)


def _move(
    line: Line, rebooking: Rebooking, reason: str, uow: UnitOfWork, context: Context
) -> None:
    assert line.to is not None, "a line without a place is never approved"
    chosen = line.to.chosen
    inputs = {
        **line.to.inputs,
        "rebooking": {"id": rebooking.id, "line": line.number},
    }
    move_appointment(
        MoveAppointment(
            line.appointment_id,
            chosen.session_id,
            chosen.starts_at,
            REASON,
            version=line.appointment_version,
            proposed=replace(line.to, inputs=inputs),
            moved=line.moved_from(reason),
        ),
        uow,
        context,
    )


def overtake_lines(
    command: OvertakeLines, uow: UnitOfWork, context: Context
) -> Rebooking:
    """Record what kept approved lines from being moved."""
    del context
    rebooking = uow.rebookings.get(command.rebooking_id)
    pending = {
        line.number
        for line in rebooking.lines
        if line.number in command.lines and line.outcome is LineOutcome.PENDING
    }
    rebooking = rebooking.with_outcomes(pending, LineOutcome.OVERTAKEN, command.code)
    uow.rebookings.save(rebooking)
    return _stored(rebooking)


def finish_rebooking(
    command: FinishRebooking, uow: UnitOfWork, context: Context
) -> Rebooking:
    """Record how a rebooking ended; once that is done, return it as it is."""
    del context
    rebooking = uow.rebookings.get(command.rebooking_id)
    if rebooking.status is not RebookingStatus.APPLYING:
        return rebooking
    finished = rebooking.finished()
    uow.rebookings.save(finished)
    return _stored(finished)


def decline_rebooking(
    command: DeclineRebooking, uow: UnitOfWork, context: Context
) -> Rebooking:
    """Reject a rebooking; nothing moves.

    Raises
    ------
    StaleVersion
        The person saw another version.
    TransitionRefused
        It was decided already.
    """
    rebooking = _seen(uow.rebookings.get(command.rebooking_id), command.version)
    declined = replace(
        rebooking.after(RebookingAction.DECLINE),
        decided_at=context.now,
        decided_by=context.actor,
        note=command.note,
    )
    uow.rebookings.save(declined)
    return _stored(declined)


def _seen(rebooking: Rebooking, version: int) -> Rebooking:
    if version != rebooking.version:
        raise StaleVersion(
            f"Rebooking {rebooking.id} is at version {rebooking.version}, not"
            f" {version}; read it again."
        )
    return rebooking


def _stored(rebooking: Rebooking) -> Rebooking:
    """Return the rebooking with the version that it has once saved."""
    return replace(rebooking, version=rebooking.version + 1)
