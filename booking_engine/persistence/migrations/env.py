"""What Alembic runs around each migration; `booking_engine.persistence.schema` calls.

All steps run in one transaction, on SQLite too, so a failed upgrade leaves nothing
behind; on PostgreSQL a lock makes processes that start together take turns.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from booking_engine.persistence.rows import metadata

_LOCK = 4_170_001  # any number that nothing else locks


def run(connection: Connection) -> None:
    """Run what was asked of Alembic on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.run_migrations()


run(context.config.attributes["connection"])
