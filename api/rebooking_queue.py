"""Rebookings: made in the request, improved by the one process that does the jobs.

That a better one is to be looked for is stored with the rebooking, so any process may
make one: the process of the role ``work`` improves its own at once, those of others
when it next looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from api.errors import log_failure
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.rebooker import Rebooker
from booking_engine.domain.identifiers import Actor, DiaryEntryId
from booking_engine.domain.rebookings import Rebooking

ACTOR: Final = Actor("job:rebooking")


class RebookingQueue:
    """Makes and carries out rebookings, and looks for better ones.

    Parameters
    ----------
    rebooker
        Does one.
    """

    def __init__(self, dispatcher: Dispatcher, rebooker: Rebooker) -> None:
        self._dispatcher = dispatcher
        self._rebooker = rebooker
        self.latest = rebooker.latest
        self.approve = rebooker.approve
        self.decline = rebooker.decline
        self.wake: Callable[[], None] = lambda: None
        """Called when one was made; the jobs put theirs here."""

    def make(
        self, closure_id: DiaryEntryId, actor: Actor, *, most_moves: int | None = None
    ) -> Rebooking:
        """Propose places for the bookings under a closure; as `Rebooker.make`."""
        made = self._rebooker.make(closure_id, actor, most_moves=most_moves)
        if made.improving:
            self.wake()
        return made

    def improve_due(self) -> int:
        """Look for better ones, oldest first; return how many were improved."""
        with self._dispatcher.reading(ACTOR) as session:
            due = session.uow.rebookings.to_improve()
        improved = 0
        for rebooking_id in due:
            try:
                improved += self._rebooker.improve(rebooking_id)
            except Exception as error:  # noqa: BLE001 - one must not stop the others
                log_failure("rebooking not improved", error)
        return improved
