"""Watches for changed profiles and mappings, and lets the orders that waited go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from api.deps import Services
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.identifiers import Actor, PartnerId
from hl7_adapters.profile_source import ProfileSource
from hl7_adapters.settling import Settled, settle_waiting

ACTOR: Final = Actor("job:mappings")
SECONDS: Final = 1.0
"""How soon a process notices what another one changed."""
_LINGER: Final = timedelta(seconds=15)
"""For so long after a change, orders may come that were read without it elsewhere."""


class MappedOrders:
    """What each process does every second.

    Parameters
    ----------
    dispatcher
        Reads what is stored, and settles orders.
    source
        The profiles in force.
    settled
        Called when orders have gone on.

    Attributes
    ----------
    wake
        Has the next turn at once, where a loop runs; whoever begins one sets it.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        source: ProfileSource,
        *,
        settled: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._source = source
        self._settled = settled
        self.wake: Callable[[], None] = lambda: None
        self._generation = -1
        self._until = dispatcher.clock.now()

    def codes_changed(self) -> None:
        """Have the next turn at once, where a loop runs."""
        self.wake()

    def refresh(self) -> None:
        """Take over profiles and mappings that were changed anywhere."""
        self._source.refresh(self._dispatcher)

    def run_once(self) -> None:
        """Take over changes, and settle the orders that waited for them."""
        self.refresh()
        now = self._dispatcher.clock.now()
        if self._source.generation != self._generation:
            self._generation = self._source.generation
            self._until = now + _LINGER
        elif now >= self._until:
            return
        done = settle_waiting(self._dispatcher, self._source, actor=ACTOR)
        if done.released or done.still_held or done.entries or done.named:
            self._settled()
        if done.left:
            self._until = now + _LINGER


def settle_now(services: Services, partner: PartnerId, actor: Actor) -> Settled:
    """Take over what was just changed for a partner, and settle what waited for it."""
    services.profiles.refresh(services.dispatcher)
    settled = settle_waiting(
        services.dispatcher, services.profiles, actor=actor, partner=partner
    )
    services.codes_changed()
    if settled.released or settled.entries:
        services.orders_changed()
    return settled
