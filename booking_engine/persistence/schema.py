"""Bring a database's schema to a revision, from Python: no configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from booking_engine.persistence.engine import make_engine, open_reading, open_writing

_FOLDER: Final = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connected(url: str, *, writable: bool) -> Iterator[Connection]:
    engine = make_engine(url)
    connection = (open_writing if writable else open_reading)(engine)
    try:
        yield connection
    finally:
        connection.close()
        engine.dispose()


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`, all or nothing.

    Parameters
    ----------
    url
        As for `make_engine`. A SQLite file is created if there is none; on
        PostgreSQL the user must be allowed to create the extension ``btree_gist``.
    revision
        ``head``, ``base`` or the name of a revision.
    """
    config = _config()
    with _connected(url, writable=True) as connection:
        config.attributes["connection"] = connection
        run = command.downgrade if revision == "base" else command.upgrade
        run(config, revision)
        connection.commit()


def current_revision(url: str) -> str | None:
    """Return the revision that the database is at, or ``None`` if it is empty."""
    with _connected(url, writable=False) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_at_head(url: str) -> bool:
    """Return whether the database is at the newest revision."""
    return (
        current_revision(url)
        == ScriptDirectory.from_config(_config()).get_current_head()
    )
