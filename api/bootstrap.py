"""The composition root: the only place that chooses adapters and joins the parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from api.app import make_app
from api.auth import Gate, load_keys
from api.config_files import read_policy, read_profiles, read_region
from api.deps import Services
from api.endpoints import endpoints, make_sender
from api.feed import Feed
from api.health import Check, Finding
from api.idempotency import InProcessStore
from api.jobs import Jobs
from api.mapped_orders import MappedOrders
from api.metrics import Metrics, Standing
from api.plan_queue import PlanQueue
from api.price_refresh import PriceRefresh
from api.rebooking_queue import RebookingQueue
from api.relays import Connections, RelayThreads
from api.runtime import Runtime, Storage
from api.server import HttpServer
from api.session_values import SessionValuation
from api.urgent import UrgentBooking
from api.watch import Watch
from api.webhook import Webhook
from booking_engine.application.dispatch import Dispatcher
from booking_engine.application.plan_runner import PlanRunner, PlanSettings
from booking_engine.application.ports import UnitOfWorkFactory
from booking_engine.application.rebooker import Rebooker, RebookingSettings
from booking_engine.application.retention import Retention, RetentionPolicy
from booking_engine.application.stored_plans import StoredPlans
from booking_engine.application.views import Views
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import Clock, SystemClock
from booking_engine.domain.identifiers import Actor, Ids, PartnerId, TimeOrderedIds
from booking_engine.persistence.memory import InMemoryUnitOfWorkFactory
from booking_engine.persistence.memory_views import InMemoryViews
from booking_engine.persistence.schema import is_at_head, migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine
from booking_engine.persistence.views import SqlViews
from booking_engine.settings import MEMORY_URL, Settings, SettingsError
from hl7_adapters.batches import Batches
from hl7_adapters.mllp.listener import MllpListener
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.profile import Profile
from hl7_adapters.profile_source import ProfileSource
from hl7_adapters.receiver import Receiver
from hl7_adapters.relay import Relay
from hl7_adapters.relay_outcomes import RelayPolicy
from hl7_adapters.replaying import Replayer

HEALTH: Final = Actor("job:health")


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    profiles: Mapping[PartnerId, Profile] | None = None,
    region: Catalogue | None = None,
) -> Runtime:
    """Join the parts of one process; nothing is started or stored yet.

    Parameters
    ----------
    clock
        The machine's, by default; tests and simulations pass theirs.
    profiles, region
        Those of the files that the configuration names, by default.

    Raises
    ------
    SettingsError, ProfileError, RegionError
        A file that the configuration names cannot be used.
    """
    clock = clock or SystemClock()
    ids = TimeOrderedIds(clock, SystemRandom())
    if profiles is None:
        profiles = read_profiles(settings)
    source = ProfileSource(profiles, clock=clock)
    open_work, views, storage = open_storage(settings.database.url, ids)
    dispatcher = Dispatcher(
        open_work, clock=clock, ids=ids, policy=read_policy(settings)
    )
    if region is None:
        region = read_region(
            settings,
            profiles,
            stored=lambda: _stored_partners(storage, source, dispatcher),
        )
    metrics = Metrics()
    metrics.watch(lambda: _standing(dispatcher, source), clock.now)
    plan = settings.plan
    runner = PlanRunner(
        dispatcher,
        PlanSettings(
            seconds=plan.seconds,
            work=plan.work,
            target_gap=plan.target_gap,
            seed=plan.seed,
            workers=plan.workers,
        ),
    )
    plans = PlanQueue(dispatcher, runner, metrics)
    rebookings = RebookingQueue(
        dispatcher,
        Rebooker(dispatcher, RebookingSettings(workers=plan.workers, seed=plan.seed)),
    )
    urgent = UrgentBooking(
        dispatcher,
        views,
        tier=settings.jobs.urgent_tier,
        retry_after=timedelta(seconds=settings.jobs.urgent_retry_seconds),
        metrics=metrics,
    )
    watch = _watch(settings, dispatcher, source, metrics)
    jobs = Jobs(
        dispatcher,
        plans,
        rebookings,
        urgent,
        settings=settings.jobs,
        plan=plan,
        watch=watch,
        watch_seconds=settings.watch.every_seconds,
        retention=Retention(dispatcher, _kept(settings)),
    )
    mapped = MappedOrders(dispatcher, source, settled=jobs.orders_changed)
    receiver = Receiver(dispatcher, source, ids=ids, clock=clock)
    checks: dict[str, Check] = {
        "database": lambda: _database(dispatcher),
        "schema": lambda: Finding(ok=storage.at_head()),
        "outbox": lambda: _outbox(dispatcher),
        "profiles": lambda: _profiles(source),
    }
    keys = None if settings.http.keys is None else load_keys(settings.http.keys)
    stored_plans = StoredPlans(dispatcher)
    session_values = SessionValuation(stored_plans)
    app = make_app(
        Services(
            dispatcher=dispatcher,
            views=views,
            profiles=source,
            gate=Gate(keys, clock),
            metrics=metrics,
            replayer=Replayer(dispatcher, receiver, ids=ids, clock=clock),
            request_plan=plans.request,
            stage_of=plans.stage_of,
            rebookings=rebookings,
            stored_plans=stored_plans,
            session_values=session_values,
            orders_changed=jobs.orders_changed,
            codes_changed=mapped.codes_changed,
            checks=checks,
        ),
        InProcessStore(clock),
    )
    senders = Connections(source, make_sender)
    senders.check()
    relay = _relay(settings, dispatcher, source, senders, clock, metrics)
    return Runtime(
        settings=settings,
        clock=clock,
        dispatcher=dispatcher,
        views=views,
        profiles=source,
        mapped=mapped,
        region=region,
        receiver=receiver,
        listener=_listener(settings, receiver, source, jobs, metrics, clock, ids),
        relay=relay,
        relays=RelayThreads(relay, source, senders),
        plan_runner=runner,
        plans=plans,
        prices=PriceRefresh(dispatcher, clock, metrics),
        rebookings=rebookings,
        session_values=session_values,
        urgent=urgent,
        watch=watch,
        jobs=jobs,
        metrics=metrics,
        app=app,
        server=HttpServer(app, settings.http.host, settings.http.port),
        storage=storage,
        checks=checks,
    )


def migrate_database(settings: Settings) -> str:
    """Bring the schema to this version; return where, without any password.

    Raises
    ------
    SettingsError
        The URL cannot be used, or the database cannot be reached.
    """
    url = settings.database.url
    if url == MEMORY_URL:
        return MEMORY_URL
    try:
        parsed = make_url(url)
        shown = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        migrate(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"database.url: {error}") from error
    except SQLAlchemyError as error:
        raise SettingsError(
            f"database.url: the database cannot be used: {_cause(error)}"
        ) from error
    return shown


def open_storage(url: str, ids: Ids) -> tuple[UnitOfWorkFactory, Views, Storage]:
    """Return the way into a database: writes, reads, and what else is asked of it.

    Raises
    ------
    SettingsError
        The URL is none that can be used.
    """
    if url == MEMORY_URL:
        memory = InMemoryUnitOfWorkFactory(ids)
        storage = Storage(at_head=lambda: True, close=lambda: None)
        return memory, InMemoryViews(memory), storage
    try:
        engine = make_engine(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"database.url: {error}") from error
    storage = Storage(at_head=lambda: _at_head(url), close=engine.dispose)
    return SqlUnitOfWorkFactory(engine, ids), SqlViews(engine), storage


def _listener(
    settings: Settings,
    receiver: Receiver,
    profiles: ProfileSource,
    jobs: Jobs,
    metrics: Metrics,
    clock: Clock,
    ids: Ids,
) -> MllpListener:
    feed = Feed(
        receiver.handle,
        profiles,
        metrics=metrics,
        committed=jobs.orders_changed,
        now=clock.now,
    )
    first, *beside = endpoints(settings, profiles)
    batches = Batches(
        feed,
        ids=ids,
        clock=clock,
        at_once=settings.listener.batch,
        most=settings.listener.batch_messages,
    )
    return MllpListener(first, batches, now=clock.now, beside=beside)


def _relay(
    settings: Settings,
    dispatcher: Dispatcher,
    profiles: Mapping[PartnerId, Profile],
    senders: Mapping[PartnerId, MllpSender],
    clock: Clock,
    metrics: Metrics,
) -> Relay:
    given = settings.relay
    return Relay(
        dispatcher,
        profiles,
        senders,
        clock=clock,
        policy=RelayPolicy(
            batch=given.batch,
            first_wait=timedelta(seconds=given.first_wait_seconds),
            longest_wait=timedelta(seconds=given.longest_wait_seconds),
            idle_seconds=given.idle_seconds,
        ),
        on_attempt=metrics.message_sent,
    )


def _watch(
    settings: Settings,
    dispatcher: Dispatcher,
    profiles: Mapping[PartnerId, Profile],
    metrics: Metrics,
) -> Watch:
    given = settings.watch
    return Watch(
        dispatcher,
        lambda: {
            partner: profile.watch.thresholds(profile.zone)
            for partner, profile in profiles.items()
        },
        metrics.answer_times,
        window=timedelta(minutes=given.window_minutes),
        webhook=None if given.webhook is None else Webhook(given.webhook),
    )


def _kept(settings: Settings) -> RetentionPolicy:
    given = settings.retention

    def days(number: int | None) -> timedelta | None:
        return None if number is None else timedelta(days=number)

    return RetentionPolicy(
        messages=days(given.messages_days),
        by_outcome={
            outcome: timedelta(days=number)
            for outcome, number in given.messages_days_by_outcome.items()
        },
        deliveries=days(given.deliveries_days),
    )


def _standing(
    dispatcher: Dispatcher, profiles: Mapping[PartnerId, Profile]
) -> Standing:
    with dispatcher.reading(HEALTH) as session:
        outbox = session.uow.outbox
        oldest = outbox.oldest_pending()
        age = 0.0 if oldest is None else (session.context.now - oldest).total_seconds()
        return Standing(
            orders={s.value: n for s, n in session.uow.orders.counts().items()},
            deliveries={(p, str(s)): n for (p, s), n in outbox.unsent_counts().items()},
            oldest_delivery_seconds=max(0.0, age),
            feeds={
                str(partner): reading
                for partner, reading in session.uow.traffic.readings(
                    profiles, session.context.now
                ).items()
            },
            alerts=[
                (alert.partner, alert.condition.value)
                for alert in session.uow.alerts.open()
            ],
        )


def _database(dispatcher: Dispatcher) -> Finding:
    with dispatcher.reading(HEALTH) as session:
        session.uow.plan_runs.latest(1)
    return Finding(ok=True)


def _outbox(dispatcher: Dispatcher) -> Finding:
    """Say how old the oldest message is; a partner that is down is no fault here."""
    with dispatcher.reading(HEALTH) as session:
        oldest = session.uow.outbox.oldest_pending()
        if oldest is None:
            return Finding(ok=True, detail="empty")
        age = (session.context.now - oldest).total_seconds()
    return Finding(ok=True, detail=f"oldest waits {max(0, round(age))} s")


def _stored_partners(
    storage: Storage, source: ProfileSource, dispatcher: Dispatcher
) -> Collection[PartnerId]:
    """Return the partners whose profiles are stored; none before the first start."""
    if storage.at_head():
        source.refresh(dispatcher)
    return source


def _profiles(source: ProfileSource) -> Finding:
    """Say which stored profiles cannot be used; those feeds go on as before."""
    names = ", ".join(sorted(source.faults))
    return Finding(ok=not names, detail=f"cannot be used: {names}" if names else "")


def _at_head(url: str) -> bool:
    try:
        return is_at_head(url)
    except SQLAlchemyError as error:
        raise SettingsError(
            f"database.url: the database cannot be used: {_cause(error)}"
        ) from error


def _cause(error: SQLAlchemyError) -> str:
    """Return the driver's own words, on one line."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
