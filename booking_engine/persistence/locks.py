"""Names that two transactions must not look up and store at the same moment.

Intake asks whether an order or a message is stored, and stores it if not. On SQLite
only one transaction writes, so the answer stays true. PostgreSQL lets two ask at once
and both would store: a retransmission on another line made two orders. No unique key
can forbid that, since a placer's number and a control id may rightly come again. So
whoever asks for writing holds a lock on the name until the transaction ends, and the
second asks only when the first is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b

from booking_engine.persistence.statements import POSTGRESQL
from booking_engine.persistence.transaction import Transaction


def lock_numbers(
    t: Transaction, kind: str, keys: Iterable[tuple[str, ...]]
) -> list[int]:
    """Return what to lock for these names, for `Session.locked_rows`.

    Parameters
    ----------
    kind
        What they name: names of different kinds do not meet.
    """
    if t.dialect != POSTGRESQL or not t.writable:
        return []
    # In one order everywhere, so that two batches cannot wait for each other.
    return sorted({_number(kind, key) for key in keys})


def _number(kind: str, key: tuple[str, ...]) -> int:
    """Return a number for the name; two names that share one only wait in vain."""
    text = json.dumps([kind, *key]).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)
