"""What slots are priced by is renewed by itself; failing to is seen, and bounded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from api import price_refresh, runtime
from api.metrics import Metrics
from api.price_refresh import PriceRefresh
from booking_engine.domain.prices import NO_PRICES
from booking_engine.domain.vocabulary import Priority


@pytest.fixture
def planned(make_world: Any) -> Iterator[Any]:
    """A world whose last plan is applied, and its prices in use."""
    world = make_world(plan={"seconds": 0.2})
    for _ in range(5):
        world.waiting()
    plan(world)
    world.runtime.refresh()
    yield world
    world.runtime.stop()


def plan(world: Any) -> None:
    assert world.post("/v1/plan-runs").status_code == 202
    world.runtime.plans.run_due()
    assert world.runtime.dispatcher.prices.minute


def failing(*_: object, **__: object) -> None:
    raise RuntimeError("no answer")


def metrics_of(world: Any) -> str:
    text: str = world.http.get("/metrics").text
    return text


def test_prices_of_a_plan_that_another_process_made_are_taken_over(planned: Any):
    dispatcher = planned.runtime.dispatcher
    made, dispatcher.prices = dispatcher.prices, NO_PRICES

    PriceRefresh(dispatcher, planned.clock, Metrics()).run_once()

    assert dispatcher.prices == made


def test_the_age_of_what_is_used_is_told(planned: Any):
    planned.clock.advance(timedelta(minutes=30))

    text = metrics_of(planned)

    assert 'price_age_seconds{part="plan"} 1800.0' in text
    assert 'price_age_seconds{part="urgent_room"} 1800.0' in text


def test_a_running_process_takes_a_plan_over_by_itself(
    world: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runtime, "PRICE_SECONDS", 0.02)
    world.waiting()
    world.runtime.start(roles=())
    text = metrics_of(world)
    assert 'price_age_seconds{part="plan"}' not in text
    plan(world)

    ends = time.monotonic() + 10
    while 'price_age_seconds{part="plan"} 0.0' not in metrics_of(world):
        assert time.monotonic() < ends, "nobody took the plan over"
        time.sleep(0.02)


def test_before_the_first_plan_there_is_no_age(world: Any):
    assert 'price_age_seconds{part="plan"}' not in metrics_of(world)


def test_a_part_that_fails_is_counted_and_the_others_are_renewed(
    planned: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    dispatcher = planned.runtime.dispatcher
    made = dispatcher.prices
    planned.booked(priority=Priority.URGENT)
    planned.clock.advance(timedelta(days=3))
    planned.waiting()
    plan(planned)
    dispatcher.prices = made
    monkeypatch.setattr(price_refresh, "latest_prices", failing)

    planned.runtime.refresh()

    assert dispatcher.prices == made
    assert dispatcher.room_kept is not None
    assert 'price_refresh_failures_total{part="plan"} 1.0' in metrics_of(planned)
    assert "renewing what slots are priced by failed: plan" in caplog.messages


def test_prices_of_a_plan_of_last_week_are_dropped_though_nobody_answers(
    planned: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING, "api.price_refresh")  # a command may have set it
    dispatcher = planned.runtime.dispatcher
    made = dispatcher.prices
    planned.clock.advance(timedelta(days=7))
    planned.runtime.refresh()
    assert dispatcher.prices == made

    planned.clock.advance(timedelta(seconds=1))
    monkeypatch.setattr(PriceRefresh, "_newest_applied", failing)
    planned.runtime.refresh()

    assert dispatcher.prices == NO_PRICES
    assert 'part="plan"} 604' not in metrics_of(planned)
    dropped = [r for r in caplog.records if getattr(r, "event", "") == "prices.dropped"]
    assert len(dropped) == 1
    monkeypatch.undo()
    planned.runtime.refresh()  # nor does the next turn, or a start, take them up again
    PriceRefresh(dispatcher, planned.clock, Metrics()).run_once()
    assert dispatcher.prices == NO_PRICES


def test_a_count_that_fails_keeps_the_old_one_and_is_tried_again_soon(
    planned: Any, monkeypatch: pytest.MonkeyPatch
):
    dispatcher = planned.runtime.dispatcher
    planned.booked(priority=Priority.URGENT)
    planned.clock.advance(timedelta(days=3))
    planned.runtime.refresh()
    old = dispatcher.room_kept
    assert old is not None

    planned.clock.advance(timedelta(hours=1))
    monkeypatch.setattr(price_refresh, "learn", failing)
    for _ in range(2):
        planned.runtime.refresh()
    text = metrics_of(planned)
    assert 'price_refresh_failures_total{part="urgent_room"} 1.0' in text
    assert 'price_age_seconds{part="urgent_room"} 3600.0' in text
    assert dispatcher.room_kept is old

    monkeypatch.undo()
    planned.clock.advance(timedelta(minutes=5))
    planned.runtime.refresh()
    assert 'price_age_seconds{part="urgent_room"} 0.0' in metrics_of(planned)
