"""A database that cannot answer: one error, nothing half stored, and then on again."""

import sqlite3
import threading
import time

import psycopg
import pytest
from sqlalchemy import event, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout

from booking_engine.domain.errors import DomainError, StaleVersion, StoreUnavailable
from booking_engine.persistence import tickets
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine
from booking_engine.persistence.translate import cannot_answer


def is_unavailable(error):
    return isinstance(error, StoreUnavailable)


def failure_of(units, work):
    """Return the error that `work` on a new unit raises, or its commit."""
    try:
        with units() as uow:
            work(uow)
            uow.commit()
    except DomainError as error:
        return error
    return pytest.fail("nothing was raised")


@pytest.fixture
def impatient(sqlite_url, ids):
    """Units on SQLite that wait 50 ms for other processes."""
    engine = make_engine(sqlite_url)

    @event.listens_for(engine, "connect")
    def _hurry(connection, _):
        connection.execute("PRAGMA busy_timeout=50")

    yield SqlUnitOfWorkFactory(engine, ids)
    engine.dispose()


@pytest.fixture
def foreign(sqlite_url):
    """A connection of another program to the same file."""
    connection = sqlite3.connect(make_url(sqlite_url).database, isolation_level=None)
    yield connection
    connection.close()


def test_a_file_that_another_process_keeps_locked_is_unavailable(
    impatient, foreign, make
):
    foreign.execute("BEGIN IMMEDIATE")
    error = failure_of(impatient, lambda uow: uow.orders.add(make.order()))
    assert is_unavailable(error)
    assert "SQLITE_BUSY" in str(error)

    foreign.execute("ROLLBACK")
    with impatient() as uow:
        uow.orders.add(make.order())
        uow.commit()


def test_a_refused_turn_is_given_back(impatient, foreign, make):
    """The lock among our own threads must not outlive a transaction that failed."""
    foreign.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        assert is_unavailable(failure_of(impatient, lambda uow: uow.orders.counts()))
    foreign.execute("ROLLBACK")
    with impatient() as uow:
        assert uow.orders.counts() == {}


def test_a_full_disk_is_unavailable_and_stores_nothing(sqlite_url, ids, make):
    engine = make_engine(sqlite_url)

    @event.listens_for(engine, "connect")
    def _fill(connection, _):
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    units = SqlUnitOfWorkFactory(engine, ids)

    def fill(uow):
        for _ in range(200):
            uow.orders.add(make.order(clinical_reason="long " * 200))

    error = failure_of(units, fill)
    assert is_unavailable(error)
    assert "long" not in str(error)
    with units.reading() as uow:
        assert uow.orders.counts() == {}
    engine.dispose()


def lose(store):
    """End every connection to the server but the test's own."""
    url = make_url(store.url).set(drivername="postgresql")
    dsn = url.render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("when", ["reading", "writing", "committing"])
def test_a_lost_connection_is_unavailable_and_the_next_unit_gets_another(
    postgres_store, make, when
):

    def work(uow):
        uow.orders.counts()
        uow.orders.add(make.order())
        if when == "committing":
            uow.flush()
        lose(postgres_store)
        if when == "reading":
            uow.catalogue()

    assert is_unavailable(failure_of(postgres_store.units, work))
    with postgres_store.units() as uow:
        assert uow.orders.counts() == {}
        uow.orders.add(make.order())
        uow.commit()


def test_connections_that_rested_are_tried_before_they_are_used(
    postgres_store, monkeypatch
):
    with postgres_store.units() as one, postgres_store.units() as other:
        assert one.orders.counts() == other.orders.counts() == {}
    lose(postgres_store)
    monkeypatch.setattr("booking_engine.persistence.engine.TRUSTED_SECONDS", 0)
    for _ in range(3):
        with postgres_store.units.reading() as uow:
            assert uow.orders.counts() == {}


def test_after_the_store_failed_no_savepoint_saves_the_rest(postgres_store, make):
    """Half a batch is never committed."""

    def fail_inside(uow):
        with uow.savepoint():
            uow.flush()
            lose(postgres_store)
            uow.orders.counts()

    with postgres_store.units() as uow:
        uow.orders.add(make.order())
        with pytest.raises(DomainError) as caught:
            fail_inside(uow)
        assert is_unavailable(caught.value)
        with pytest.raises(DomainError):
            uow.orders.add(make.order())
        with pytest.raises(DomainError):
            uow.commit()
        uow.rollback()
        assert uow.orders.counts() == {}


def test_a_deadlock_while_reading_is_unavailable_and_one_goes_on(postgres_store):
    asked, outcomes = threading.Barrier(2), []

    def ask(names):
        try:
            with postgres_store.units() as uow:
                uow.orders.by_placer(("p", "a", names[0]))
                asked.wait()
                uow.orders.by_placer(("p", "a", names[1]))
                uow.commit()
            outcomes.append("done")
        except DomainError as error:
            outcomes.append("unavailable" if is_unavailable(error) else repr(error))

    threads = [threading.Thread(target=ask, args=(names,)) for names in ("AB", "BA")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "unavailable"]


def test_a_pool_without_a_free_connection_is_unavailable():
    assert is_unavailable(cannot_answer(PoolTimeout()))


def test_what_the_caller_did_wrong_stays_what_it_is(sql_store, make):
    order = make.order()
    with sql_store.units() as uow:
        uow.orders.add(order)
        uow.commit()
    error = failure_of(sql_store.units, lambda uow: uow.orders.add(order))
    assert isinstance(error, StaleVersion)


def test_a_refusal_quotes_no_patient_even_in_the_log(postgres_store, make, caplog):
    """PostgreSQL's own message names the key that exists already."""
    order = make.order()
    with postgres_store.units() as uow:
        uow.orders.add(order)
        uow.commit()

    def repeat(uow):
        uow.orders.add(order)
        uow.messages.add(make.message(raw=None))  # refused as well

    error = failure_of(postgres_store.units, repeat)
    assert isinstance(error, StaleVersion)
    assert order.id not in str(error)
    assert order.id not in caplog.text


def test_eight_threads_that_write_at_once_are_all_served_in_time(sqlite_store, make):
    """SQLite's own waiting let one of them starve (ten seconds, then an error)."""
    waits, errors = [], []
    orders = [[make.order() for _ in range(25)] for _ in range(8)]

    def write(own):
        try:
            for order in own:
                asked = time.monotonic()
                with sqlite_store.units() as uow:
                    uow.orders.by_placer(("p", "a", order.id))
                    waits.append(time.monotonic() - asked)
                    uow.orders.add(order)
                    uow.commit()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=write, args=(own,)) for own in orders]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - began

    assert errors == []
    with sqlite_store.units.reading() as uow:
        assert sum(uow.orders.counts().values()) == 200
    # In turn, nobody waits for more than the seven others: 4 % of all the work.
    assert max(waits) < max(0.4 * elapsed, 2.0)


def test_the_files_of_one_database_share_a_lock_whatever_they_are_called(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    engines = [
        make_engine(f"sqlite:///{tmp_path}/b.db"),
        make_engine(f"sqlite:///{tmp_path}/link/b.db"),
        make_engine(f"sqlite:///{tmp_path}/other.db"),
    ]
    one, same, other = (tickets.lock_of(engine) for engine in engines)
    assert one is same
    assert one is not other
