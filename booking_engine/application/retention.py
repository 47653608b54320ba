"""Deleting what has been kept long enough, in small portions.

Never what is still needed: messages and deliveries of orders that are open, messages
that wait for their order or whose answer is kept, deliveries that are not sent yet.
What a repeat is recognised by is kept for as long as senders repeat (HL7 UK practice:
up to 30 days), so nothing is deleted sooner.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.ports import OldMessage
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.messages import MessageOutcome

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:retention")
LEAST: Final = timedelta(days=30)
"""Nothing is deleted sooner: a sender may still repeat it."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long things are kept; ``None`` means for ever.

    Parameters
    ----------
    messages
        Inbound messages, from their receipt.
    by_outcome
        Likewise, where an outcome has a time of its own.
    deliveries
        Deliveries that were made or skipped, from their event.
    chunk
        What is looked at and deleted at once, in rows.
    """

    messages: timedelta | None = None
    by_outcome: Mapping[MessageOutcome, timedelta] = field(default_factory=dict)
    deliveries: timedelta | None = None
    chunk: int = 500

    def __post_init__(self) -> None:
        """Refuse to delete what a repeat is recognised by."""
        for given in (self.messages, self.deliveries, *self.by_outcome.values()):
            if given is not None and given < LEAST:
                raise InvalidValue(
                    f"Keep messages for at least {LEAST.days} days, not {given.days}:"
                    " repeats are recognised by them."
                )
        if self.chunk < 1:
            raise InvalidValue("Retention looks at 1 row at least at a time.")

    @property
    def deletes(self) -> bool:
        """Whether anything is ever deleted."""
        return bool(self.messages or self.by_outcome or self.deliveries)

    def is_over(self, message: OldMessage, now: datetime) -> bool:
        """Return whether a message was kept long enough."""
        keep = self.by_outcome.get(message.outcome, self.messages)
        return keep is not None and message.received_at < now - keep


@dataclass(frozen=True, slots=True)
class Discarded:
    """How much was deleted."""

    messages: int = 0
    deliveries: int = 0


class Retention:
    """Deletes what was kept long enough.

    Parameters
    ----------
    dispatcher
        Opens transactions, and tells the time.
    policy
        How long things are kept.
    """

    def __init__(self, dispatcher: Dispatcher, policy: RetentionPolicy) -> None:
        self._dispatcher = dispatcher
        self.policy = policy

    def run_once(self) -> Discarded:
        """Delete all that was kept long enough; return how much that was.

        Deliveries first: a message whose answer is kept is kept.
        """
        now = self._dispatcher.clock.now()
        deliveries = self._deliveries(now)
        found = Discarded(self._messages(now), deliveries)
        if found != Discarded():
            log.info(
                "old messages deleted",
                extra={
                    "event": "retention.deleted",
                    "messages": found.messages,
                    "deliveries": found.deliveries,
                },
            )
        return found

    def _messages(self, now: datetime) -> int:
        policy = self.policy
        keeps = [*policy.by_outcome.values(), policy.messages]
        shortest = min((keep for keep in keeps if keep is not None), default=None)
        if shortest is None:
            return 0
        before, after, count = now - shortest, None, 0
        while True:
            # Looked for without a lock; looked at again where something is to go.
            with self._dispatcher.reading(ACTOR) as session:
                old = session.uow.messages.old(
                    before=before, after=after, limit=policy.chunk
                )
            if not old:
                return count
            if any(not m.needed and policy.is_over(m, now) for m in old):
                with self._dispatcher.session(ACTOR) as session:
                    again = session.uow.messages.old(
                        before=before, after=after, limit=policy.chunk
                    )
                    gone = [m for m in again if not m.needed and policy.is_over(m, now)]
                    session.uow.messages.discard(gone)
                    session.commit()
                count += len(gone)
            after = (old[-1].received_at, old[-1].id)

    def _deliveries(self, now: datetime) -> int:
        keep = self.policy.deliveries
        if keep is None:
            return 0
        after = count = 0
        while True:
            with self._dispatcher.reading(ACTOR) as session:
                old = session.uow.outbox.old(
                    before=now - keep, after=after, limit=self.policy.chunk
                )
            if not old:
                return count
            if any(not delivery.needed for delivery in old):
                with self._dispatcher.session(ACTOR) as session:
                    again = session.uow.outbox.old(
                        before=now - keep, after=after, limit=self.policy.chunk
                    )
                    gone = [each.id for each in again if not each.needed]
                    session.uow.outbox.discard(gone)
                    session.commit()
                count += len(gone)
            after = old[-1].sequence
