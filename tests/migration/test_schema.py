"""The migrations, from nothing, give the very schema that the code expects."""

import json
import sqlite3

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, make_url, text

from booking_engine.persistence import schema
from booking_engine.persistence.rows import metadata
from booking_engine.persistence.schema import current_revision, is_at_head, migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request):
    return request.getfixturevalue(f"empty_{request.param}_url")


@pytest.fixture
def engine_of():
    engines = []

    def make(url):
        engines.append(make_engine(url))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


def downgrade(url, revision):
    config = schema._config()
    with schema._connected(url, writable=True) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


def reflected(engine):
    """Return all that the database says of its tables, without Alembic's own."""
    found = inspect(engine)
    described = {}
    for table in sorted(found.get_table_names()):
        if table == "alembic_version":
            continue
        described[table] = {
            "columns": [
                {**column, "type": repr(column["type"])}
                for column in found.get_columns(table)
            ],
            "key": found.get_pk_constraint(table),
            "foreign": sorted(found.get_foreign_keys(table), key=str),
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "checks": sorted(found.get_check_constraints(table), key=str),
        }
    return described


def declared(engine):
    """Return the text of indices, triggers and constraints as the database keeps it."""
    query = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND type IN ('index', 'trigger')",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'public'"
        " UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace"
        " UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE NOT tgisinternal"
        " UNION ALL SELECT proname, prosrc FROM pg_proc JOIN pg_language l"
        " ON l.oid = prolang AND lanname = 'plpgsql'"
        " WHERE pronamespace = 'public'::regnamespace",
    }[engine.dialect.name]
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    # CREATE INDEX is written over several lines by one and on one line by the other.
    return sorted((n, " ".join(sql.split())) for n, sql in rows if "alembic" not in n)


def test_migrating_from_empty_gives_the_schema_of_the_code(
    empty_url, engine_of, request, tmp_path
):
    migrated = engine_of(empty_url)
    migrate(empty_url)
    if migrated.dialect.name == "sqlite":
        created = engine_of(f"sqlite:///{tmp_path / 'created.db'}")
        drop = None
    else:
        server = request.getfixturevalue("postgres_server")
        drop = server.create()
        created = engine_of(server.url(drop))
    metadata.create_all(created)

    assert reflected(migrated) == reflected(created)
    assert declared(migrated) == declared(created)
    assert len(declared(migrated)) > 30
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    if drop is not None:
        created.dispose()
        server.drop(drop)


def test_revisions_are_told(empty_url):
    assert current_revision(empty_url) is None
    assert not is_at_head(empty_url)
    migrate(empty_url)
    assert current_revision(empty_url) is not None
    assert is_at_head(empty_url)
    migrate(empty_url)
    migrate(empty_url, "base")
    assert current_revision(empty_url) is None
    migrate(empty_url, "0001_initial")
    assert current_revision(empty_url) == "0001_initial"
    assert not is_at_head(empty_url)


def test_orders_of_before_are_found_by_either_number(empty_url, engine_of, make, ids):
    orders = [
        make.order(patient=make.patient(nhs_number="9990000018", local_id="7:1")),
        make.order(patient=make.patient(nhs_number=None, local_id="72")),
        make.order(patient=make.patient(nhs_number="9990000026", local_id="")),
    ]
    migrate(empty_url)
    engine = engine_of(empty_url)
    units = SqlUnitOfWorkFactory(engine, ids)
    with units() as uow:
        for order in orders:
            uow.orders.add(order)
        uow.commit()
    with engine.begin() as connection:
        connection.execute(text("UPDATE imaging_order SET local_key = NULL"))
    downgrade(empty_url, "0005_diary_entry")
    migrate(empty_url)

    with units.reading() as uow:
        for key, order in (
            ("nhs:9990000018", orders[0]),
            ("local:R0A:7:1", orders[0]),
            ("local:R0A:72", orders[1]),
            ("nhs:9990000026", orders[2]),
        ):
            assert uow.orders.of_patient([key], open_only=True) == [order]
        assert uow.orders.of_patient(["local:R0A:"], open_only=True) == []


def test_a_timestamp_of_another_format_is_refused_on_sqlite(sqlite_url):
    """The triggers compare text, so an instant written by hand must fit."""
    with sqlite3.connect(make_url(sqlite_url).database) as connection:
        row = "('A', 'O', 'S', 'MR1', 'p', {}, {}, 'booked', NULL, 0, NULL, '', 1)"
        good = "'2026-11-02 12:00:00.000000'", "'2026-11-02 12:30:00.000000'"
        bad = "'2026-11-02T12:00:00Z'", "'2026-11-02 12:30:00.000000'"
        with pytest.raises(sqlite3.IntegrityError, match="time_format"):
            connection.execute(f"INSERT INTO appointment VALUES {row.format(*bad)}")  # noqa: S608
        connection.execute(f"INSERT INTO appointment VALUES {row.format(*good)}")  # noqa: S608
    connection.close()


def test_another_kind_of_database_is_refused():
    with pytest.raises(ValueError, match="mysql"):
        make_engine("mysql://user@host/db")


def test_deliveries_survive_the_way_to_answers(empty_url, engine_of):
    migrate(empty_url, "0001_initial")
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO imaging_order VALUES ('O', 'p', '', '', 'k', NULL, '',"
                " 'waiting', '2026-11-02 12:00:00.000000', 4, '2026-11-02',"
                " '2026-11-02', '2026-11-02', NULL, '', '',"
                " '2026-11-02 12:00:00.000000', '2026-11-02 12:00:00.000000', 1, '{}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO outbox_event VALUES ('E', 'order_held', 'O',"
                " '2026-11-02 12:00:00.000000', '[]', NULL, NULL, NULL, NULL, NULL, '')"
            )
        )
        for number in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO delivery (id, event_id, order_id, destination, status,"
                    " created_at, attempts, last_error) VALUES"
                    " (:id, 'E', 'O', :partner, 'pending',"
                    " '2026-11-02 12:00:00.000000', 0, '')"
                ),
                {"id": f"X{number}", "partner": f"p{number}"},
            )
    migrate(empty_url)
    with engine.begin() as connection:
        kept = connection.execute(
            text("SELECT sequence, id, answers, application_ack FROM delivery")
        ).all()
        assert sorted(kept) == [(1, "X1", None, ""), (2, "X2", None, "")]
        connection.execute(
            text(
                "INSERT INTO delivery (id, destination, status, created_at, attempts,"
                " last_error, application_ack) VALUES ('X3', 'p', 'pending',"
                " '2026-11-02 12:00:00.000000', 0, '', '')"
            )
        )
        added = connection.execute(
            text("SELECT sequence FROM delivery WHERE id = 'X3'")
        ).scalar_one()
        assert added == 3
    migrate(empty_url, "base")
    assert current_revision(empty_url) is None


def test_orders_that_are_stored_already_get_their_further_names(empty_url, engine_of):
    migrate(empty_url, "0002_answers")
    columns = {
        "partner": "north",
        "placer_authority": "RA1",
        "patient_key": "k",
        "accession": "",
        "status": "waiting",
        "status_since": "2026-11-02 12:00:00.000000",
        "tier": 4,
        "breach_on": "2026-12-14",
        "clock_started_on": "2026-11-02",
        "clock_requested_on": "2026-11-02",
        "procedure_as_sent": "MHEAD",
        "hold_codes": "",
        "received_at": "2026-11-02 12:00:00.000000",
        "sent_at": "2026-11-02 12:00:00.000000",
        "version": 1,
    }
    orders = (
        ("O1", "P1", ""),
        ("O2", "P2", "F2"),
        ("O3", "P3#1#MHEAD", ""),
        ("O4", "A#B", ""),
    )
    with engine_of(empty_url).begin() as connection:
        for order_id, number, filler in orders:
            row = {
                **columns,
                "id": order_id,
                "placer_number": number,
                "content": json.dumps({"filler_number": filler}),
            }
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            insert = f"INSERT INTO imaging_order ({names}) VALUES ({values})"  # noqa: S608
            connection.execute(text(insert), row)
    migrate(empty_url)
    with engine_of(empty_url).begin() as connection:
        found = connection.execute(
            text("SELECT order_id, kind, number, authority FROM order_name ORDER BY 1")
        ).all()
    assert [tuple(row) for row in found] == [
        ("O2", "filler", "F2", ""),
        ("O3", "shared_placer", "P3", "RA1"),
    ]
