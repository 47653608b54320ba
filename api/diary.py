"""Sessions are generated from their weekly templates, some weeks ahead."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import local_date
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.schedule import ScanSession, expand

ACTOR: Final = Actor("job:diary")
CHANGES_KEPT: Final = 100_000
"""Days of a network's bookings: whoever follows them looks every minute."""


def extend_diary(dispatcher: Dispatcher, *, days: int) -> int:
    """Store the sessions of the next days; those that exist are left as they are.

    Old lines about changes of the diary are deleted on the way.

    Parameters
    ----------
    days
        How many, from today on.

    Returns
    -------
    int
        How many sessions the templates make in that time.
    """
    with dispatcher.session(ACTOR) as session:
        today = local_date(session.context.now)
        span = [today + timedelta(days=day) for day in range(days)]
        found: list[ScanSession] = []
        for template in session.uow.catalogue().templates:
            # Lists of one scanner never overlap, so scanner, day and start name one.
            found += expand(template, span, session_id=template.scanner)
        session.uow.schedule.add_sessions(found)
        session.uow.schedule.forget_changes(keep=CHANGES_KEPT)
        session.commit()
    return len(found)
