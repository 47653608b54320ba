"""A process that watches one partner's feed when told, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api.bootstrap import build
from booking_engine.domain.clock import FixedClock
from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAttempt
from booking_engine.domain.identifiers import DeliveryId, MessageId, PartnerId
from booking_engine.domain.messages import (
    Delivery,
    DeliveryStatus,
    InboundMessage,
    MessageOutcome,
)
from booking_engine.settings import Settings
from hl7_adapters.profile_files import load_profiles

R0A = PartnerId("r0a")
MINUTE = timedelta(minutes=1)
PROFILE = """
id: r0a
name: Manchester
senders: [{application: EPR, facility: R0A}]
watch: {silent_after_minutes: 30, quiet: {night: , days: [], bank_holidays: no}}
"""


class Post:
    """A process on a store: it watches when told, and keeps what changed."""

    def __init__(self, url: str, start: datetime, folder: Path, **watch: Any) -> None:
        (folder / "r0a.yaml").write_text(PROFILE)
        self.clock = FixedClock(start)
        self.folder = folder
        settings = Settings(database={"url": url}, watch=watch)
        self.runtime = build(
            settings, clock=self.clock, profiles=load_profiles(folder), region=None
        )
        self.changes: list[tuple[str, str]] = []
        self._number = 0

    def tick(self, minutes: int = 1) -> None:
        for _ in range(minutes):
            for alert in self.runtime.watch.run_once():
                change = "raised" if alert.is_open else "cleared"
                self.changes.append((alert.condition.value, change))
            self.clock.advance(MINUTE)

    def message(
        self,
        outcome: MessageOutcome = MessageOutcome.PROCESSED,
        replay_of: MessageId | None = None,
    ) -> MessageId:
        now = self.clock.now()
        self._number += 1
        reply = b"AA" if outcome is MessageOutcome.PROCESSED else b"AE"
        with self.runtime.dispatcher.session("job:test") as session:
            name = MessageId(self.runtime.dispatcher.ids("M"))
            session.uow.messages.add(
                InboundMessage(
                    id=name,
                    received_at=now,
                    peer="10.0.0.1:1",
                    partner=R0A,
                    sender="EPR|R0A",
                    control_id=f"C{self._number}",
                    kind="ORM^O01",
                    digest="0" * 64,
                    raw=b"MSH|",
                    ack=b"MSH|^~\\&|X\rMSA|" + reply + b"|1\r",
                    outcome=outcome,
                    replay_of=replay_of,
                )
            )
            session.commit()
        return name

    def answered(self, *attempts: tuple[int, AttemptOutcome]) -> None:
        """File how the partner answered: seconds and outcome of each attempt."""
        now, units = self.clock.now(), self.runtime.dispatcher
        with units.session("job:test") as session:
            outbox = session.uow.outbox
            sent = DeliveryId(units.ids("X"))
            outbox.queue(Delivery(sent, None, None, R0A, DeliveryStatus.DELIVERED, now))
            outbox.record(
                [
                    DeliveryAttempt(sent, now, seconds * 1_000_000, outcome)
                    for seconds, outcome in attempts
                ]
            )
            session.commit()


MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SILENT_ONCE = [("silent_feed", "raised")]
AND_CLEARED = [*SILENT_ONCE, ("silent_feed", "cleared")]
