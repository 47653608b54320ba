"""What may be done to the rebooking of a closure: propose, approve, move, decline."""

from __future__ import annotations

from dataclasses import dataclass

from booking_engine.domain.identifiers import RebookingId
from booking_engine.domain.rebookings import FrontierPoint, Line, Rebooking


@dataclass(frozen=True, slots=True)
class ProposeRebooking:
    """Store a new rebooking; one of the same closure that nobody decided is overtaken.

    Handled by `rebooking.propose_rebooking`, which returns the rebooking.
    """

    rebooking: Rebooking


@dataclass(frozen=True, slots=True)
class ImproveRebooking:
    """Put better lines in the place of a rebooking's, if nobody has touched it.

    Handled by `rebooking.improve_rebooking`, which returns whether it was done.

    Parameters
    ----------
    version
        The version that the search began from.
    lines, frontier, cost, gap, seconds
        As in `Rebooking`; ``None`` lines: nothing better was found.
    """

    rebooking_id: RebookingId
    version: int
    lines: tuple[Line, ...] | None
    frontier: tuple[FrontierPoint, ...] = ()
    cost: int = 0
    gap: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ApproveRebooking:
    """Let lines of a rebooking be moved; those that no longer stand are overtaken.

    Handled by `rebooking.approve_rebooking`, which returns the rebooking. Nothing moves
    yet: `MoveLines` does that, group by group.

    Parameters
    ----------
    lines
        Their numbers; ``None``: all that have a place.
    version
        The version that the person has seen.
    """

    rebooking_id: RebookingId
    version: int
    lines: tuple[int, ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MoveLines:
    """Move the bookings of approved lines, all of them or none.

    Handled by `rebooking.move_lines`, which returns the rebooking. Lines that are not
    to be moved any more are left alone.

    Parameters
    ----------
    lines
        In the order in which they move.
    """

    rebooking_id: RebookingId
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OvertakeLines:
    """Record that approved lines could not be moved.

    Handled by `rebooking.overtake_lines`, which returns the rebooking.

    Parameters
    ----------
    code
        Of what had changed.
    """

    rebooking_id: RebookingId
    lines: tuple[int, ...]
    code: str


@dataclass(frozen=True, slots=True)
class FinishRebooking:
    """Record that all approved lines were seen to.

    Handled by `rebooking.finish_rebooking`, which returns the rebooking.
    """

    rebooking_id: RebookingId


@dataclass(frozen=True, slots=True)
class DeclineRebooking:
    """Reject a rebooking; the bookings stay, each for a person to settle.

    Handled by `rebooking.decline_rebooking`, which returns the rebooking.

    Parameters
    ----------
    version
        The version that the person has seen.
    """

    rebooking_id: RebookingId
    version: int
    note: str
