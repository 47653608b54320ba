"""The outbox on its way out: render once, store, send, mark.

Deliveries of one order to one partner go in sequence: what is refused or has to wait
keeps the later ones back. A message is stored before its first attempt and repeated
byte for byte, so a partner that took it without our hearing of it can tell. What is
for a partner that is told nothing is skipped, so that it does not wait for ever.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from booking_engine.domain.clock import Clock
from booking_engine.domain.delivery_history import AttemptOutcome, DeliveryAttempt
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import Actor, OrderId, PartnerId
from booking_engine.domain.messages import Delivery, DeliveryStatus
from hl7_adapters.ack import error_of, read_ack
from hl7_adapters.er7 import DecodeError
from hl7_adapters.mllp.sender import DeliveryFailed, Phase
from hl7_adapters.payloads import skipped, write_payloads
from hl7_adapters.profile import Profile
from hl7_adapters.search_keys import printable

if TYPE_CHECKING:
    from booking_engine.application.dispatch import Dispatcher
from hl7_adapters.relay_outcomes import Outcomes, RelayPolicy, RelayResult

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:relay")
_ACCEPTED: Final = frozenset({"AA", "CA"})
"""MSA-1 of success; CA is the commit acknowledgement of enhanced mode (table 0008)."""
_PASSING: Final = frozenset({"206", "207"})
"""Errors of table 0357 after which the same bytes may succeed: a record that is locked,
a fault inside the receiver."""
_LONGEST_ERROR: Final = 200


OnAttempt = Callable[[PartnerId, str, float], None]


class Sender(Protocol):
    """A connection to one partner, such as `mllp.sender.MllpSender`."""

    def send(self, payload: bytes) -> bytes:
        """Return the acknowledgement; raises `DeliveryFailed`."""
        ...


class Relay:
    """Sends the outbox to the partners.

    Parameters
    ----------
    dispatcher
        Opens transactions.
    profiles
        How each partner is told.
    senders
        The connection to each partner; one that is told nothing needs none.
    clock
        Decides what is due and stamps what was delivered.
    on_attempt
        Told of each attempt: to whom, MSA-1 or ``none``, and how many seconds it took.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        profiles: Mapping[PartnerId, Profile],
        senders: Mapping[PartnerId, Sender],
        *,
        clock: Clock,
        policy: RelayPolicy | None = None,
        on_attempt: OnAttempt | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._profiles = profiles
        self._senders = senders
        self._clock = clock
        self._policy = policy or RelayPolicy()
        self._on_attempt = on_attempt

    def run(self, destination: PartnerId, stop: threading.Event) -> None:
        """Send to one partner until `stop`; for a thread of its own."""
        failures = 0
        while not stop.is_set():
            try:
                result = self.run_once(destination, stop=stop)
            except Exception as error:  # noqa: BLE001 - the loop outlives a lost database
                log.error(  # noqa: TRY400 - the text of an error may quote a message
                    "relay failed",
                    extra={
                        "event": "relay.failed",
                        "partner": destination,
                        "error": type(error).__name__,
                    },
                )
                result = RelayResult(failed=1)
            failures = failures + 1 if result.failed else 0
            if failures:
                # One dead line costs one attempt, not one for each waiting message.
                stop.wait(self._policy.wait_after(failures).total_seconds())
            elif not result.total:
                stop.wait(self._policy.idle_seconds)

    def run_once(
        self, destination: PartnerId, *, stop: threading.Event | None = None
    ) -> RelayResult:
        """Send what is due to one partner and return what became of it.

        What is due to a partner whose profile has no outgoing is skipped with that
        reason, whether it has its bytes or not. A partner without a profile may be one
        whose file was lost: what is due to it stays pending.

        Parameters
        ----------
        stop
            Once set, the message under way is the last of this run.
        """
        profile = self._profiles[destination]
        if profile.outgoing is None:
            return self._skip_due(destination)
        due = self._rendered(destination, profile)
        sender = self._senders.get(destination)
        outcomes = Outcomes(self._store, self._policy)
        stuck: set[OrderId] = set()
        try:
            for delivery in due:
                if stop is not None and stop.is_set():
                    break
                if delivery.order_id in stuck:
                    continue
                if delivery.status is DeliveryStatus.PENDING:
                    if sender is None:
                        raise InvalidValue(
                            f"There is no connection to {destination}; its profile"
                            " says outgoing: start the relay with a sender for it."
                        )
                    after, attempt = self._send(delivery, sender)
                    outcomes.add(after, attempt)
                else:
                    after = delivery  # parked or skipped, and stored as that already
                outcomes.count(after)
                if after.status is DeliveryStatus.PENDING and after.ack is None:
                    break  # the line is dead; after a passing refusal others may go
                if after.order_id is not None and _keeps_back(after):
                    stuck.add(after.order_id)
        finally:
            outcomes.store()
        return outcomes.result

    # Skipping ------------------------------------------------------------------------

    def _skip_due(self, destination: PartnerId) -> RelayResult:
        """Skip one batch for a partner that is told nothing."""
        reason = f"{destination} is told nothing: its profile has no outgoing"
        with self._dispatcher.reading(ACTOR) as session:
            due = session.uow.outbox.due(
                destination, self._clock.now(), limit=self._policy.batch
            )
        if due:
            self._store([skipped(delivery, reason) for delivery in due])
            log.info(
                "deliveries skipped",
                extra={
                    "event": "relay.skipped",
                    "partner": destination,
                    "count": len(due),
                },
            )
        return RelayResult(skipped=len(due))

    # Rendering -----------------------------------------------------------------------

    def _rendered(self, destination: PartnerId, profile: Profile) -> list[Delivery]:
        """Return what is due, each with its bytes, stored before any is sent."""
        with self._dispatcher.reading(ACTOR) as session:
            now = self._clock.now()
            due = session.uow.outbox.due(destination, now, limit=self._policy.batch)
            made = write_payloads(due, session.uow, profile)
        if made:
            self._store(list(made.values()))
        return [made.get(delivery.id, delivery) for delivery in due]

    # Sending -------------------------------------------------------------------------

    def _send(
        self, delivery: Delivery, sender: Sender
    ) -> tuple[Delivery, DeliveryAttempt]:
        """Return the delivery as it stands after one attempt, and the attempt."""
        if delivery.payload is None:
            raise InvalidValue(f"Delivery {delivery.id} has no message to send.")
        started_at, begin = self._clock.now(), monotonic()
        failure: DeliveryFailed | DecodeError | None = None
        code = text = ""
        ack = b""
        try:
            ack = sender.send(delivery.payload)
            code, text = read_ack(ack)
        except (DeliveryFailed, DecodeError) as error:
            failure = error
        seconds = monotonic() - begin
        if self._on_attempt is not None:
            told = "none" if failure is not None else code
            self._on_attempt(delivery.destination, told, seconds)
        after = self._after(delivery, ack, code, text, failure)
        return after, DeliveryAttempt(
            delivery.id,
            started_at,
            round(seconds * 1_000_000),
            _outcome_of(after),
            _phase_of(failure),
            code,
            printable(text if failure is None else str(failure))[:_LONGEST_ERROR],
        )

    def _after(
        self,
        delivery: Delivery,
        ack: bytes,
        code: str,
        text: str,
        failure: Exception | None,
    ) -> Delivery:
        """Return the delivery as an attempt leaves it."""
        attempts = delivery.attempts + 1
        if failure is not None:
            now = self._clock.now()
            log.warning(
                "delivery failed; it will be sent again",
                extra={
                    "event": "relay.retry",
                    "delivery_id": delivery.id,
                    "partner": delivery.destination,
                    "attempts": attempts,
                },
            )
            return replace(
                delivery,
                attempts=attempts,
                next_attempt_at=now + self._policy.wait_after(attempts),
                last_error=str(failure)[:_LONGEST_ERROR],
                ack=None,
            )
        done = replace(delivery, attempts=attempts, ack=ack, next_attempt_at=None)
        if code in _ACCEPTED:
            return replace(
                done,
                status=DeliveryStatus.DELIVERED,
                delivered_at=self._clock.now(),
                last_error="",
            )
        done = replace(done, last_error=f"{code}: {text}"[:_LONGEST_ERROR])
        if _may_pass(code, ack) and attempts < self._policy.busy_attempts:
            log.warning(
                "delivery refused for now; it will be sent again",
                extra={
                    "event": "relay.busy",
                    "delivery_id": delivery.id,
                    "partner": delivery.destination,
                    "attempts": attempts,
                },
            )
            wait = self._policy.wait_after(attempts)
            return replace(done, next_attempt_at=self._clock.now() + wait)
        log.error(
            "delivery refused; a person must look",
            extra={
                "event": "relay.parked",
                "delivery_id": delivery.id,
                "partner": delivery.destination,
                "code": code,
            },
        )
        return replace(done, status=DeliveryStatus.PARKED)

    def _store(
        self,
        deliveries: Sequence[Delivery],
        attempts: Sequence[DeliveryAttempt] = (),
    ) -> None:
        with self._dispatcher.session(ACTOR) as session:
            session.uow.outbox.save(deliveries)
            session.uow.outbox.record(attempts)
            session.commit()


def _outcome_of(after: Delivery) -> AttemptOutcome:
    if after.status is DeliveryStatus.DELIVERED:
        return AttemptOutcome.ACCEPTED
    if after.status is DeliveryStatus.PARKED:
        return AttemptOutcome.REFUSED
    return AttemptOutcome.FAILED if after.ack is None else AttemptOutcome.BUSY


def _phase_of(failure: Exception | None) -> str:
    if failure is None:
        return ""
    # An answer that cannot be read is none: the peer may have taken the message.
    phase = failure.phase if isinstance(failure, DeliveryFailed) else Phase.AWAIT_ACK
    return phase.value


def _may_pass(code: str, ack: bytes) -> bool:
    """Return whether a refusal is of the moment (CE, 206, 207)."""
    return code == "CE" or error_of(ack) in _PASSING


def _keeps_back(delivery: Delivery) -> bool:
    """Return whether later ones of its order wait; nothing waits for an answer."""
    if delivery.status is DeliveryStatus.PARKED:
        return delivery.event_id is not None
    return delivery.status is DeliveryStatus.PENDING
