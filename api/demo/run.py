"""The demo: a region's day on one machine, over real sockets, from order to booking.

Hospitals send synthetic orders as HL7; the engine stores, acknowledges, vets under
signed guidelines, books urgent orders at once, plans the rest, and writes bookings back
to the hospitals' stand-ins. Nothing here is special to the demo but the hospitals: the
engine is the one that ``serve`` runs.
"""

from __future__ import annotations

import gzip
import json
import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.bootstrap import build, migrate_database
from api.demo.hospitals import ReceivingHospitals, Sent, send_all
from api.demo.network import demo_catalogue, demo_profiles
from api.demo.orders import DemoOrders
from api.demo.state import DemoState, open_state
from api.demo.summary import ACTOR, Summary, summarise
from api.log_setup import configure_logging
from api.output import CommandFailed
from api.runtime import Runtime
from booking_engine.domain.clock import SystemClock, local_date
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.domain.plan_runs import PlanRun, PlanRunStatus
from booking_engine.settings import (
    DatabaseSettings,
    HttpSettings,
    JobSettings,
    ListenerSettings,
    LogSettings,
    PlanSection,
    RelaySettings,
    Settings,
)
from solver import Progress as SolverProgress
from solver import warm_up

log = logging.getLogger(__name__)

DIARY_DAYS: Final = 28
PLAN_SECONDS: Final = 20.0
DRAIN_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.2


def run(
    *,
    orders: int,
    seed: int,
    once: bool,
    data: Path,
    http_port: int,
    as_json: bool,
) -> None:
    """Run the demo; with `once` it ends, else it goes on serving until stopped.

    Parameters
    ----------
    data
        Directory of the demo's database and files. An unfinished demo of the same
        orders and seed is resumed; any other is begun anew.
    http_port
        Port of the API; 0 picks a free one.
    as_json
        Print one last line of JSON on standard output.

    Raises
    ------
    CommandFailed
        The counts do not add up, the plan failed, or a message was not acknowledged.
    """
    began = time.monotonic()
    console = Console(stderr=True, highlight=False)
    configure_logging(LogSettings(level="error", format="console"))
    try:
        state = open_state(
            data, orders=orders, seed=seed, today=local_date(SystemClock().now())
        )
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    with _running(state, http_port, console) as runtime:
        sent = _send(runtime, state, console)
        planned = _plan(runtime, console)
        _drain(runtime, console)
        summary = summarise(runtime.dispatcher, planned)
        seconds = time.monotonic() - began
        files = _keep_plan(runtime, planned, state)
        _tell(summary, sent, planned, files, seconds, console)
        if as_json:
            typer.echo(json.dumps(_as_json(summary, sent, seconds)))
        _require(summary)
        state.finish()
        if not once:
            _serve(runtime, summary, console)


@contextmanager
def _running(state: DemoState, http_port: int, console: Console) -> Iterator[Runtime]:
    """Start the hospitals' stand-ins, then the engine with all its roles."""
    console.print("compiling the solver (once; later starts use the cache) ...")
    warm_up(rules=False)  # the demo's hospitals link no exams
    profiles = demo_profiles()
    receivers = [name for name, p in profiles.items() if p.outgoing is not None]
    hospitals = ReceivingHospitals(receivers, state.received)
    settings = Settings(
        database=DatabaseSettings(url=state.database_url),
        listener=ListenerSettings(port=0),
        http=HttpSettings(port=http_port),
        plan=PlanSection(at=None, seconds=PLAN_SECONDS),
        relay=RelaySettings(first_wait_seconds=0.5, idle_seconds=0.2),
        jobs=JobSettings(diary_days=DIARY_DAYS, urgent_seconds=1.0),
        log=LogSettings(level="error", format="console"),
    )
    migrate_database(settings)
    try:
        addresses = hospitals.start()
        runtime = build(
            settings,
            profiles=demo_profiles(addresses),
            region=demo_catalogue(state.today),
        )
        runtime.start()
        try:
            yield runtime
        finally:
            runtime.stop()
    finally:
        hospitals.stop()


def _send(runtime: Runtime, state: DemoState, console: Console) -> Sent:
    """Send every hospital's messages to the listener."""
    assert runtime.region is not None, "the demo brings its own region"
    messages = list(
        DemoOrders(
            runtime.region, count=state.orders, seed=state.seed, today=state.today
        )
    )
    with _bar(console, "orders in", len(messages)) as step:
        return send_all(
            messages, runtime.mllp_address, log=state.answers, on_answer=step
        )


def _plan(runtime: Runtime, console: Console) -> PlanRun:
    """Plan what is waiting, once the urgent orders have been seen to."""
    with _status(console, "urgent orders booked on arrival") as say:
        while booked := runtime.urgent.run_once():
            say(f"urgent orders: {booked} booked")
    with _status(console, "plan") as say:

        def tell(stage: str, progress: SolverProgress | None) -> None:
            if progress is None or progress.gap is None:
                say(f"plan: {stage}")
            else:
                say(
                    f"plan: {progress.stage}, gap {progress.gap:.2%},"
                    f" {progress.seconds:.0f} s"
                )

        run_id = runtime.plan_runner.request(ACTOR)
        planned = runtime.plan_runner.run(run_id, on_progress=tell)
    if planned.status is PlanRunStatus.FAILED:
        raise CommandFailed(f"planning run {planned.id} failed: {planned.error}")
    return planned


def _drain(runtime: Runtime, console: Console) -> None:
    """Wait until every message has been acknowledged, or none moves any more."""
    deadline = time.monotonic() + DRAIN_SECONDS
    waiting, total = _pending(runtime)
    with _bar(console, "messages out", total, done=total - waiting) as step:
        while waiting and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            left, _ = _pending(runtime)
            for _ in range(waiting - left):
                step()
            waiting = left


def _pending(runtime: Runtime) -> tuple[int, int]:
    with runtime.dispatcher.reading(ACTOR) as session:
        counts = session.uow.outbox.counts()
    pending = sum(n for (_, s), n in counts.items() if s == DeliveryStatus.PENDING)
    return pending, sum(counts.values())


def _keep_plan(runtime: Runtime, planned: PlanRun, state: DemoState) -> list[Path]:
    """Write every plan's instance and plan, for ``booking-engine check`` to judge."""
    written: list[Path] = []
    with runtime.dispatcher.reading(ACTOR) as session:
        for listed in session.uow.plan_runs.latest(100):
            stored = session.uow.plan_runs.get(listed.id)
            if stored.problem is None or stored.plan is None:
                continue
            for name, content in (
                ("instance", stored.problem),
                ("plan", stored.plan),
            ):
                path = state.plans / f"{stored.id}.{name}.json"
                path.write_bytes(gzip.decompress(content))
                if stored.id == planned.id:
                    written.append(path)
    return written


def _tell(
    summary: Summary,
    sent: Sent,
    planned: PlanRun,
    files: list[Path],
    seconds: float,
    console: Console,
) -> None:
    share = summary.within_target / summary.booked if summary.booked else 0.0
    held = ", ".join(f"{c} {n}" for c, n in sorted(summary.hold_codes.items()))
    states = ", ".join(f"{n} {s}" for s, n in summary.states.items())
    answers = ", ".join(f"{n} {a}" for a, n in sorted(sent.answers.items()))
    gap = "-" if summary.gap is None else f"{summary.gap:.2%}"
    parts = (
        f"{summary.received} = {summary.booked} booked + {summary.waiting} waiting +"
        f" {summary.held} held + {summary.cancelled} cancelled +"
        f" {summary.refused} refused"
    )
    solved = (
        f"{planned.orders} orders, {planned.placed} placed, {planned.lost} lost,"
        f" certified gap {gap}, {planned.seconds:.1f} s"
    )
    out = f"{summary.messages_out}, {summary.messages_acknowledged} acknowledged"
    lines = [
        f"orders received   {parts}",
        f"  by state        {states}",
        f"  held for        {held or 'nothing'}",
        f"within target     {share:.1%} of those booked",
        f"plan              {solved}",
        f"messages in       {sent.messages} ({answers})",
        f"messages out      {out}",
        f"in all            {seconds:.1f} s",
    ]
    if summary.example is not None:
        lines += ["", f"why, for one ({summary.example[0]}):", summary.example[1]]
    if files:
        named = " ".join(map(str, files))
        lines += ["", f"check the plan:  booking-engine check {named}"]
    console.print("\n".join(lines), soft_wrap=True)


def _as_json(summary: Summary, sent: Sent, seconds: float) -> Mapping[str, Any]:
    values = asdict(summary)
    values["example"] = None if summary.example is None else summary.example[0]
    return {
        **values,
        "messages_in": sent.messages,
        "answers": dict(sent.answers),
        "seconds": round(seconds, 2),
    }


def _require(summary: Summary) -> None:
    """Fail loudly if an order or a message is unaccounted for."""
    if not summary.adds_up:
        raise CommandFailed(f"the orders do not add up: {summary.states}")
    missing = summary.messages_out - summary.messages_acknowledged
    if missing:
        raise CommandFailed(
            f"{missing} messages out were not acknowledged; see GET /v1/deliveries"
        )


def _serve(runtime: Runtime, summary: Summary, console: Console) -> None:
    host, port = runtime.http_address
    base = f"http://{host}:{port}"
    console.print(f"\nserving; open {base}/docs, stop with Ctrl-C", soft_wrap=True)
    if summary.example is not None:
        console.print(f"{base}/v1/decisions/{summary.example[0]}", soft_wrap=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(timedelta(seconds=1).total_seconds()):
        pass


@contextmanager
def _bar(console: Console, what: str, total: int, *, done: int = 0) -> Iterator[Any]:
    """Show a bar while its `step` is called from any thread."""
    columns = (
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda: progress.advance(task)


@contextmanager
def _status(console: Console, what: str) -> Iterator[Any]:
    with console.status(what) as status:
        yield status.update
