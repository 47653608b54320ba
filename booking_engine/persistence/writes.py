"""Buffered writes, and the few bulk statements that they become.

Several writes of one thing become one statement with the last value. Updates go
before inserts, those that free time first, so that a slot can change hands within
one batch; what is referred to goes before what refers to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from booking_engine.domain.errors import NotKnown, StaleVersion
from booking_engine.domain.schedule import OCCUPYING
from booking_engine.persistence import refusals
from booking_engine.persistence.catalogue_store import write_catalogue
from booking_engine.persistence.mapping import Values
from booking_engine.persistence.session import Session
from booking_engine.persistence.statements import POSTGRESQL
from booking_engine.persistence.write_kinds import LABELS, Kind, Write
from booking_engine.persistence.write_statements import (
    DELETE_CHANGES,
    DELETE_DELIVERIES,
    DELETE_KEY,
    DELETE_MESSAGES,
    INSERT_KEYS,
    RAISE_PARTNER_VERSION,
    UPSERT_IDENTIFIER,
    inserting,
    inserting_absent,
    inserting_together,
    stored_rows,
    update_by_id,
    update_by_version,
)


def write_all(session: Session, writes: Sequence[Write]) -> None:
    """Send buffered writes.

    Raises
    ------
    StaleVersion
        A thing to replace is stored in another version.
    NotKnown
        A thing to change is not stored.
    DBAPIError
        The database refuses a row.
    """
    by_kind: dict[Kind, list[Write]] = {}
    for write in writes:
        by_kind.setdefault(write.kind, []).append(write)
    with session.together():
        for kind in sorted(by_kind):
            _WRITERS.get(kind, _insert)(session, kind, by_kind[kind])


def _insert(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    if not writes:
        return
    listed = [write.row for write in writes]
    names = tuple(listed[0])
    if session.dialect == POSTGRESQL and len(listed) > 1:
        session.insert(inserting_together(kind, names), [{"rows": listed}])
    else:
        session.insert(inserting(kind, names), listed)


def _write_versioned(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    merged = _merge(kind, writes)
    changed = [write for write in merged if write.changes]
    if kind is Kind.APPOINTMENT:
        changed.sort(key=lambda write: write.row["status"] in OCCUPYING)
    _replace(session, kind, changed)
    _insert(session, kind, [write for write in merged if not write.changes])


def _write_sessions(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    _insert_absent(session, kind, [write for write in writes if not write.changes])
    # Not merged with the inserts: an insert does nothing where the id exists.
    _replace(session, kind, _merge(kind, [w for w in writes if w.changes]))


def _insert_absent(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    """Insert what is not stored; what is stays as it is."""
    if writes:
        session.insert(inserting_absent(kind), [write.row for write in writes])


def _write_policies(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    _insert_absent(session, kind, [write for write in writes if not write.changes])
    changed = {write.row["id"]: write for write in writes if write.changes}
    if changed:
        _change_each(session, kind, changed)


def _write_changing(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    """Insert, then update, things without versions: each has one writer."""
    _insert(session, kind, [write for write in writes if not write.changes])
    # By what is written: one part of a thing may have another writer than the rest.
    parts: dict[tuple[str, ...], dict[str, Write]] = {}
    for write in writes:
        if write.changes:
            parts.setdefault(tuple(write.row), {})[write.row["id"]] = write
    for changed in parts.values():
        _change_each(session, kind, changed)


def _change_each(session: Session, kind: Kind, changed: Mapping[str, Write]) -> None:
    listed = [_parameters(write) for write in changed.values()]
    if session.change(update_by_id(kind, tuple(listed[0])), listed) != len(listed):
        found = session.rows(stored_rows(kind, "id"), ids=sorted(changed))
        stored = {row.id for row in found}
        missing = next(i for i in changed if i not in stored)
        raise NotKnown(refusals.not_stored(LABELS[kind], missing))


def _write_identifiers(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    """Insert or update: whose a number was before does not matter."""
    last = {write.row["key"]: write.row for write in writes}
    session.insert(UPSERT_IDENTIFIER, list(last.values()))


def _write_message_keys(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    """Insert the keys of messages, each write being one message's."""
    if session.dialect == POSTGRESQL:
        # As three texts of lines: a row or a list for each key would cost more than
        # the message itself. No key has more than one line (`SearchKey`).
        keys = [key for write in writes for key in write.row["keys"]]
        names = [w.row["message_id"] for w in writes for _ in w.row["keys"]]
        columns = {
            "kind": "\n".join([key[0] for key in keys]),
            "value": "\n".join([key[1] for key in keys]),
            "message_id": "\n".join(names),
        }
        session.insert(INSERT_KEYS, [columns])
        return
    listed = [
        {"kind": key.kind.value, "value": key.value, "message_id": w.row["message_id"]}
        for w in writes
        for key in w.row["keys"]
    ]
    session.insert(inserting(kind, tuple(listed[0])), listed)


def _delete_messages(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    keys = [
        {"kind": key.kind.value, "value": key.value, "message_id": w.row["id"]}
        for w in writes
        for key in w.row["keys"]
    ]
    if keys:
        session.insert(DELETE_KEY, keys)
    named = [{"ids": [write.row["id"] for write in writes]}]
    for statement in DELETE_MESSAGES:
        session.insert(statement, named)


def _delete_changes(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    session.insert(DELETE_CHANGES, [write.row for write in writes])


def _delete_deliveries(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    named = [{"ids": [write.row["id"] for write in writes]}]
    for statement in DELETE_DELIVERIES:
        session.insert(statement, named)


def _write_catalogue(session: Session, _: Kind, writes: Sequence[Write]) -> None:
    write_catalogue(session, writes[-1].row["catalogue"])


def _raise_partner_version(session: Session, _: Kind, __: Sequence[Write]) -> None:
    """Count a change; the first one makes the row."""
    session.insert(RAISE_PARTNER_VERSION, [{}])


_WRITERS: Final = {
    Kind.CATALOGUE: _write_catalogue,
    Kind.ORDER: _write_versioned,
    Kind.APPOINTMENT: _write_versioned,
    Kind.SESSION: _write_sessions,
    Kind.DIARY: _write_versioned,
    Kind.REBOOKING: _write_versioned,
    Kind.PLAN_RUN: _write_changing,
    Kind.POLICY: _write_policies,
    Kind.MESSAGE_KEY: _write_message_keys,
    Kind.OLD_DELIVERY: _delete_deliveries,
    Kind.OLD_MESSAGE: _delete_messages,
    Kind.OLD_CHANGES: _delete_changes,
    Kind.DELIVERY: _write_changing,
    Kind.MESSAGE: _write_changing,
    Kind.ORDER_NAME: _insert_absent,
    Kind.PARKED: _write_changing,
    Kind.PARTNER_VERSION: _raise_partner_version,
    Kind.MAPPING: _write_versioned,
    Kind.PATIENT: _write_versioned,
    Kind.PATIENT_IDENTIFIER: _write_identifiers,
    Kind.ALERT: _write_versioned,
}


def _merge(kind: Kind, writes: Sequence[Write]) -> list[Write]:
    """Return one write for each thing, in the order of its last one."""
    merged: dict[str, Write] = {}
    for write in writes:
        before = merged.pop(write.row["id"], None)
        if before is None:
            merged[write.row["id"]] = write
            continue
        if not write.changes:
            raise StaleVersion(refusals.EXISTS_ALREADY)
        if write.replaces != before.row["version"]:
            raise StaleVersion(refusals.stale(LABELS[kind], write.row["id"]))
        merged[write.row["id"]] = Write(
            kind, write.row, changes=before.changes, replaces=before.replaces
        )
    return list(merged.values())


def _replace(session: Session, kind: Kind, writes: Sequence[Write]) -> None:
    if not writes:
        return
    listed = [{**_parameters(write), "old_version": write.replaces} for write in writes]
    statement = update_by_version(kind, tuple(listed[0]))
    if session.change(statement, listed) != len(listed):
        raise StaleVersion(_name_stale(session, kind, writes))


def _name_stale(session: Session, kind: Kind, writes: Sequence[Write]) -> str:
    """Return the message that names what was stale among updates just made.

    Where somebody else has stored the very version that we meant to store, the two
    cannot be told apart any more, and the message names the kind alone.
    """
    ids = [write.row["id"] for write in writes]
    found = session.rows(stored_rows(kind, "id", "version"), ids=ids)
    stored = {row.id: row.version for row in found}
    named = [w.row["id"] for w in writes if stored.get(w.row["id"]) != w.row["version"]]
    suspects = named or ids
    if len(suspects) == 1:
        return refusals.stale(LABELS[kind], suspects[0])
    return refusals.some_stale(LABELS[kind], len(suspects))


def _parameters(write: Write) -> Values:
    return {
        f"new_{name}" if name != "id" else "old_id": v for name, v in write.row.items()
    }
