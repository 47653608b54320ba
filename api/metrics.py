"""What Prometheus may know: counts and ages, few labels, no identifiers.

Each runtime has a registry of its own. Gauges that mirror the database are read when
they are scraped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
        How many each partner has in each status.
    oldest_delivery_seconds
        Age of the oldest delivery that waits; 0 if none does.
    """

    orders: dict[str, int]
    deliveries: dict[tuple[str, str], int]
    oldest_delivery_seconds: float


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
        self._last_message: dict[str, datetime] = {}
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

    def message_received(self, sender: str, kind: str, ack: str, at: datetime) -> None:
        """Count one message.

        Parameters
        ----------
        sender
            Partner id; ``unknown`` where none fits.
        kind
            MSH-9, such as ``ORM^O01``; the caller keeps the number of values small.
        """
        self.messages.labels(sender, kind, ack).inc()
        self._last_message[sender] = at

    def watch(
        self, standing: Callable[[], Standing], now: Callable[[], datetime]
    ) -> None:
        """Read the database through `standing` at each scrape."""
        self.registry.register(_AtScrape(standing, now, self._last_message))

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _AtScrape(Collector):
    """Gauges that are read when asked for."""

    def __init__(
        self,
        standing: Callable[[], Standing],
        now: Callable[[], datetime],
        last_message: dict[str, datetime],
    ) -> None:
        self._standing = standing
        self._now = now
        self._last_message = last_message

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
            "Outbound messages by partner and status.",
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
        ages = GaugeMetricFamily(
            "hl7_last_message_age_seconds",
            "Time since a feed last sent anything, since this process started.",
            labels=["sender"],
        )
        for sender, at in tuple(self._last_message.items()):
            ages.add_metric([sender], (now - at).total_seconds())
        yield ages
