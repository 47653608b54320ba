"""A running process: what `bootstrap` put together, started by role and drained."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from fastapi import FastAPI

from api.diary import extend_diary
from api.health import Check, Finding
from api.jobs import Jobs
from api.loops import Loop
from api.mapped_orders import SECONDS as CHANGE_SECONDS
from api.mapped_orders import MappedOrders
from api.metrics import Metrics
from api.plan_queue import PlanQueue
from api.price_refresh import PriceRefresh
from api.rebooking_queue import RebookingQueue
from api.relays import RelayThreads
from api.server import HttpServer
from api.session_values import SessionValuation
from api.urgent import UrgentBooking
from api.watch import Watch
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.plan_runner import PlanRunner
from booking_engine.application.policies import bring_into_force
from booking_engine.application.views import Views
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import Clock
from booking_engine.domain.identifiers import Actor
from booking_engine.settings import Settings
from hl7_adapters.mllp.listener import MllpListener
from hl7_adapters.profile_source import ProfileSource
from hl7_adapters.receiver import Receiver
from hl7_adapters.relay import Relay

log = logging.getLogger(__name__)

ACTOR: Final = Actor("job:start")
PRICE_SECONDS: Final = 60.0
"""How often a process renews what it prices slots by."""
_CONNECT_SECONDS: Final = 2.0
_VALUATION_SECONDS: Final = 2.0
"""How long stopping waits for a test of a session's value; it is not stored."""


class Role(StrEnum):
    """What a process does; several processes may share the roles."""

    API = "api"
    LISTEN = "listen"
    RELAY = "relay"
    WORK = "work"


ALL_ROLES: Final = frozenset(Role)


class NotReady(Exception):
    """The process cannot start; the text says why and what to do."""


@dataclass(slots=True)
class Storage:
    """What `bootstrap` knows of the database; nothing else does.

    Parameters
    ----------
    at_head
        Whether the schema is that of this version.
    close
        Gives the connections back.
    """

    at_head: Callable[[], bool]
    close: Callable[[], None]


@dataclass(slots=True)
class Runtime:
    """Everything one process has; start it by role, and stop it.

    Parameters
    ----------
    region
        The network that the region file states, or ``None``: what is stored is used.
    relay, relays
        Outgoing messages: the way they are sent, and a thread for each destination.
    listener
        Takes messages in; its `address` is certain once started.
    server
        Serves `app`; likewise.
    """

    settings: Settings
    clock: Clock
    dispatcher: Dispatcher
    views: Views
    profiles: ProfileSource
    mapped: MappedOrders
    region: Catalogue | None
    receiver: Receiver
    listener: MllpListener
    relay: Relay
    relays: RelayThreads
    plan_runner: PlanRunner
    plans: PlanQueue
    prices: PriceRefresh
    rebookings: RebookingQueue
    session_values: SessionValuation
    urgent: UrgentBooking
    watch: Watch
    jobs: Jobs
    metrics: Metrics
    app: FastAPI
    server: HttpServer
    storage: Storage
    checks: dict[str, Check]
    _undo: list[Callable[[], None]] = field(default_factory=list)

    def prepare(self) -> None:
        """Check the schema, store policy and region, extend the diary, read ahead.

        Raises
        ------
        NotReady
            The schema is not that of this version.
        PolicyConflict
            The policy's version was in force with other values.
        """
        if not self.storage.at_head():
            raise NotReady(
                "The database's schema is not that of this version; run"
                " booking-engine migrate with the same configuration."
            )
        with self.dispatcher.session(ACTOR) as session:
            context = session.context
            bring_into_force(context.policy, session.uow, context.now)
            session.commit()
        if self.region is not None:
            with self.dispatcher.session(ACTOR) as session:
                if session.uow.catalogue() != self.region:
                    session.uow.replace_catalogue(self.region)
                    session.commit()
        self.mapped.refresh()
        extend_diary(self.dispatcher, days=self.settings.jobs.diary_days)
        self.prices.run_once()

    def start(self, roles: Collection[Role] = ALL_ROLES) -> None:
        """Prepare, then begin the roles; what began is stopped if another fails.

        Raises
        ------
        NotReady, OSError
            The schema is old, or an address is taken.
        """
        self.prepare()
        try:
            # Workers first and doors last: who is let in finds everybody at work.
            if Role.WORK in roles:
                self._begin(self.jobs.start, self.jobs.stop)
            prices = Loop("prices", self.prices.run_once, PRICE_SECONDS)
            self._begin(prices.start, lambda: prices.stop(5.0))
            # Only one process settles orders; all of them read with the same codes.
            look = self.mapped.run_once if Role.WORK in roles else self.mapped.refresh
            changes = Loop("partner changes", look, CHANGE_SECONDS)
            self.mapped.wake = changes.wake
            self._begin(changes.start, lambda: changes.stop(5.0))
            if Role.RELAY in roles:
                self._begin(self.relays.start, self.relays.stop)
            if Role.LISTEN in roles:
                self._begin(self.listener.start, self.listener.stop)
                self.checks["listener"] = self._listener_check
            if Role.API in roles:
                self._begin(self.server.start, self.server.stop)
        except BaseException:
            self.stop()
            raise
        log.info(
            "started",
            extra={"event": "started", "roles": sorted(str(r) for r in roles)},
        )

    def stop(self) -> None:
        """Close the doors, answer what came in, finish the work; safe to call twice."""
        if self._undo:
            log.info("stopping", extra={"event": "stopping"})
        while self._undo:
            self._undo.pop()()
        self.checks.pop("listener", None)
        self.session_values.stop(_VALUATION_SECONDS)
        self.storage.close()

    def refresh(self) -> None:
        """Renew what slots are priced by, as the background does each minute."""
        self.prices.run_once()

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port of the API, certain once it is started."""
        return self.server.address

    @property
    def mllp_address(self) -> tuple[str, int]:
        """Host and port of the listener, certain once it is started."""
        return self.listener.address

    def _begin(self, start: Callable[[], None], stop: Callable[[], None]) -> None:
        start()
        self._undo.append(stop)

    def _listener_check(self) -> Finding:
        for address in self.listener.addresses:
            with socket.create_connection(address, _CONNECT_SECONDS):
                pass
        ports = ", ".join(str(port) for _, port in self.listener.addresses)
        return Finding(ok=True, detail=f"port {ports}")
