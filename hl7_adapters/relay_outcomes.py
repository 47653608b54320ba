"""How patiently deliveries are sent, and what became of those of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from booking_engine.domain.delivery_history import DeliveryAttempt
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.messages import Delivery, DeliveryStatus


@dataclass(frozen=True, slots=True)
class RelayPolicy:
    """How patiently and in what portions to send.

    Parameters
    ----------
    batch
        Most deliveries taken at once.
    commit_every, commit_seconds
        Outcomes are stored after so many messages or so long.
    first_wait, longest_wait
        Before the first repeat, doubled each time, up to the longest.
    busy_attempts
        Refused with a passing error (206, 207) so often, a message is parked.
    idle_seconds
        Pause of `Relay.run` when nothing is due.
    """

    batch: int = 200
    commit_every: int = 50
    commit_seconds: float = 0.2
    first_wait: timedelta = timedelta(seconds=2)
    longest_wait: timedelta = timedelta(minutes=5)
    busy_attempts: int = 10
    idle_seconds: float = 0.5

    def __post_init__(self) -> None:
        """Refuse portions and waits that would never send, or never rest."""
        counts = (self.batch, self.commit_every, self.busy_attempts)
        if min(counts) < 1 or self.idle_seconds <= 0:
            raise InvalidValue(
                "Relay batch, commit_every, busy_attempts and idle_seconds are above 0"
            )
        if not timedelta(0) < self.first_wait <= self.longest_wait:
            raise InvalidValue("Relay first_wait is above 0, at most longest_wait")

    def wait_after(self, attempts: int) -> timedelta:
        """Return how long to wait after so many failed attempts."""
        doublings = min(attempts - 1, 30)
        seconds = self.first_wait.total_seconds() * 2**doublings
        return min(timedelta(seconds=seconds), self.longest_wait)


@dataclass(frozen=True, slots=True)
class RelayResult:
    """What one run did, in deliveries.

    Parameters
    ----------
    busy
        Refused for now; to be sent again.
    failed
        Not acknowledged; to be sent again. A run stops at the first.
    """

    delivered: int = 0
    parked: int = 0
    skipped: int = 0
    busy: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All that were handled."""
        return self.delivered + self.parked + self.skipped + self.busy + self.failed


class Outcomes:
    """Outcomes of attempts, stored in groups: a commit costs as much as a send."""

    def __init__(
        self,
        store: Callable[[Sequence[Delivery], Sequence[DeliveryAttempt]], None],
        policy: RelayPolicy,
    ) -> None:
        self._store = store
        self._policy = policy
        self._waiting: list[Delivery] = []
        self._attempts: list[DeliveryAttempt] = []
        self._since = monotonic()
        self._counts = dict.fromkeys(
            ("delivered", "parked", "skipped", "busy", "failed"), 0
        )

    def add(self, delivery: Delivery, attempt: DeliveryAttempt) -> None:
        """Take one outcome; store all that wait if they are many or old."""
        if not self._waiting:
            self._since = monotonic()
        self._waiting.append(delivery)
        self._attempts.append(attempt)
        if (
            len(self._waiting) >= self._policy.commit_every
            or monotonic() - self._since >= self._policy.commit_seconds
        ):
            self.store()

    def count(self, delivery: Delivery) -> None:
        """Count what became of one delivery."""
        became = delivery.status.value
        if delivery.status is DeliveryStatus.PENDING:
            became = "failed" if delivery.ack is None else "busy"
        self._counts[became] += 1

    def store(self) -> None:
        """Store what waits."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            attempts, self._attempts = self._attempts, []
            self._store(waiting, attempts)

    @property
    def result(self) -> RelayResult:
        """What was counted."""
        return RelayResult(**self._counts)
