"""What Prometheus may know: counts and ages, few labels, no identifiers.

Each runtime has a registry of its own. Gauges that mirror the database are read when
they are scraped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.answer_times import AnswerTimes
from booking_engine.domain.alerts import FeedReading

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SOLVER_SECONDS: Final = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says when it is scraped.

    Parameters
    ----------
    orders
        How many there are in each state.
    deliveries
        How many each partner has pending, and parked.
    oldest_delivery_seconds
        Age of the oldest delivery that waits; 0 if none does.
    feeds
        How each partner's feed stands.
    alerts
        Partner and condition of every open alert.
    """

    orders: dict[str, int]
    deliveries: dict[tuple[str, str], int]
    oldest_delivery_seconds: float
    feeds: Mapping[str, FeedReading] = field(default_factory=dict)
    alerts: Sequence[tuple[str, str]] = ()


class Metrics:
    """The metrics of one runtime."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "http_request_seconds",
            "Time to answer a request.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.messages = Counter(
            "hl7_messages",
            "Messages received, by what was answered.",
            ["sender", "type", "ack"],
            registry=self.registry,
        )
        self.attempts = Counter(
            "hl7_attempts",
            "Messages sent, by what the partner answered; none: no answer.",
            ["partner", "ack"],
            registry=self.registry,
        )
        self.ack_seconds = Histogram(
            "hl7_ack_seconds",
            "Time to the acknowledgement: ours (in) or theirs (out).",
            ["partner", "direction"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.answer_times = AnswerTimes()
        # To look a labelled metric up costs more than to count: they are kept here.
        self._received: dict[tuple[str, str, str], Counter] = {}
        self._took: dict[tuple[str, str], Histogram] = {}
        self.booking_conflicts = Counter(
            "booking_conflicts",
            "Writes refused because somebody else was faster.",
            ["code"],
            registry=self.registry,
        )
        self.urgent_bookings = Counter(
            "urgent_bookings",
            "Urgent orders tried on arrival, by what became of them.",
            ["outcome"],
            registry=self.registry,
        )
        self.price_refresh_failures = Counter(
            "price_refresh_failures",
            "Turns in which something that slots are priced by was not renewed.",
            ["part"],
            registry=self.registry,
        )
        self.solver_seconds = Histogram(
            "solver_seconds",
            "Time of planning runs.",
            buckets=_SOLVER_SECONDS,
            registry=self.registry,
        )
        self.solver_gap_ratio = Gauge(
            "solver_gap_ratio",
            "Certified gap of the last planning run.",
            registry=self.registry,
        )

    def message_received(
        self, sender: str, kind: str, ack: str, at: datetime, seconds: float
    ) -> None:
        """Count one message and how long its answer took.

        Parameters
        ----------
        sender
            Partner id; ``unknown`` where none fits.
        kind
            MSH-9, such as ``ORM^O01``; the caller keeps the number of values small.
        at, seconds
            When it came, and how long until it was answered.
        """
        labels = (sender, kind, ack)
        counter = self._received.get(labels)
        if counter is None:
            counter = self._received[labels] = self.messages.labels(*labels)
        counter.inc()
        self._took_seconds(sender, "in", seconds)
        self.answer_times.add(sender, at, seconds)

    def message_sent(self, partner: str, ack: str, seconds: float) -> None:
        """Count one attempt to send.

        Parameters
        ----------
        ack
            MSA-1 of the answer, or ``none``.
        seconds
            Until it was answered or given up.
        """
        self.attempts.labels(partner, ack).inc()
        if ack != "none":
            self._took_seconds(partner, "out", seconds)

    def _took_seconds(self, partner: str, direction: str, seconds: float) -> None:
        histogram = self._took.get((partner, direction))
        if histogram is None:
            histogram = self.ack_seconds.labels(partner, direction)
            self._took[partner, direction] = histogram
        histogram.observe(seconds)

    def watch(
        self, standing: Callable[[], Standing], now: Callable[[], datetime]
    ) -> None:
        """Read the database through `standing` at each scrape."""
        self.registry.register(_AtScrape(standing, now))

    def watch_prices(self, ages: Callable[[], Mapping[str, float]]) -> None:
        """Read through `ages` at each scrape how old what slots are priced by is."""
        self.registry.register(_PriceAges(ages))

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _PriceAges(Collector):
    """How old what this process prices slots by is; without what there is not."""

    def __init__(self, ages: Callable[[], Mapping[str, float]]) -> None:
        self._ages = ages

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauge as it stands."""
        gauge = GaugeMetricFamily(
            "price_age_seconds",
            "Since what slots are priced by was worked out.",
            labels=["part"],
        )
        for part, seconds in self._ages().items():
            gauge.add_metric([part], seconds)
        yield gauge


class _AtScrape(Collector):
    """Gauges that are read when asked for."""

    def __init__(
        self,
        standing: Callable[[], Standing],
        now: Callable[[], datetime],
    ) -> None:
        self._standing = standing
        self._now = now

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Say nothing, so that registering does not read the database."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges as they stand."""
        standing, now = self._standing(), self._now()
        orders = GaugeMetricFamily("orders", "Orders by state.", labels=["state"])
        for state, count in standing.orders.items():
            orders.add_metric([state], count)
        yield orders
        deliveries = GaugeMetricFamily(
            "hl7_deliveries",
            "Outbound messages that have not gone, by partner and status.",
            labels=["partner", "status"],
        )
        for (partner, status), count in standing.deliveries.items():
            deliveries.add_metric([partner, status], count)
        yield deliveries
        yield GaugeMetricFamily(
            "hl7_queue_oldest_seconds",
            "Age of the oldest outbound message that waits.",
            value=standing.oldest_delivery_seconds,
        )
        yield from _of_feeds(standing, now)
        alerts = GaugeMetricFamily(
            "hl7_alerts_open", "Open alerts.", labels=["partner", "condition"]
        )
        for partner, condition in standing.alerts:
            alerts.add_metric([partner, condition], 1)
        yield alerts


def _of_feeds(standing: Standing, now: datetime) -> Iterable[GaugeMetricFamily]:
    """Return the gauges that each partner has."""
    silence, unsent, unmapped, unplaced, conflicts, expired = (
        GaugeMetricFamily(name, text, labels=["partner"])
        for name, text in (
            (
                "hl7_last_message_age_seconds",
                "Time since the partner last sent anything.",
            ),
            ("hl7_oldest_unsent_seconds", "Age of the oldest message that waits."),
            ("hl7_unmapped_orders", "Orders that wait for a code to be mapped."),
            (
                "hl7_unmapped_entries",
                "Entries of the partner's diary in a room that is not mapped.",
            ),
            (
                "hl7_diary_conflicts",
                "Bookings of ours that the partner's diary contradicts.",
            ),
            (
                "hl7_expired_messages",
                "Messages that waited in vain for their order, not replayed yet.",
            ),
        )
    )
    for partner, reading in sorted(standing.feeds.items()):
        last, oldest = reading.last_received_at, reading.oldest_unsent_at
        if last is not None:
            silence.add_metric([partner], (now - last).total_seconds())
        age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        unsent.add_metric([partner], age)
        unmapped.add_metric([partner], reading.unmapped)
        unplaced.add_metric([partner], reading.unplaced)
        conflicts.add_metric([partner], reading.conflicts)
        expired.add_metric([partner], reading.expired)
    yield from (silence, unsent, unmapped, unplaced, conflicts, expired)
