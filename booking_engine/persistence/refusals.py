"""What the store says when it refuses a write; one wording for every engine.

The messages name no value: a constraint on a patient would give away who it is.
"""

from __future__ import annotations

from typing import Final

SLOT_TAKEN: Final = (
    "Another appointment or hold overlaps on this scanner; choose another slot."
)
TAKEN_BY_DIARY: Final = (
    "The diary of this scanner has an entry or a closure then; choose another slot."
)
PATIENT_BUSY: Final = (
    "The patient has another appointment or hold that overlaps; choose another time."
)
ORDER_HAS_APPOINTMENT: Final = (
    "The order has another appointment or hold that occupies time; read it again."
)
DANGLING: Final = (
    "A record names an order, session, message or event that is not stored;"
    " store that first."
)
EXISTS_ALREADY: Final = (
    "A record with this identifier exists already; repeat the command."
)
CONTENDED: Final = (
    "Another transaction changed the same records at the same time; repeat the command."
)


def stale(kind: str, identifier: str) -> str:
    """Return the message of `StaleVersion` for one thing.

    Parameters
    ----------
    kind
        What it is, capitalised, such as ``Order``.
    """
    return f"{kind} {identifier} was changed by somebody else; read it again."


def some_stale(kind: str, count: int) -> str:
    """Return the message of `StaleVersion` for one of several things."""
    return (
        f"{kind}: at least one of {count} was changed by somebody else; repeat one by"
        " one."
    )


def not_stored(kind: str, identifier: str) -> str:
    """Return the message of `NotKnown` for one thing."""
    return f"{kind} {identifier} is not stored."


def invalid(what: str) -> str:
    """Return the message of `InvalidValue` for a row that the database refuses.

    Parameters
    ----------
    what
        The constraint, or the database's code.
    """
    return f"The database refuses a value ({what}); correct it and repeat."


def unavailable(why: str) -> str:
    """Return the message of `StoreUnavailable`.

    Parameters
    ----------
    why
        The database's code, or what was waited for.
    """
    return f"The database cannot be used now ({why}); repeat in a moment."
