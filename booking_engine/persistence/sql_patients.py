"""The register of patients in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Select, select

from booking_engine.domain.identifiers import PatientId, PatientKey
from booking_engine.domain.register import RegisteredPatient
from booking_engine.persistence import mapping
from booking_engine.persistence.locks import lock_numbers
from booking_engine.persistence.session import Query
from booking_engine.persistence.statements import Statement, among
from booking_engine.persistence.transaction import Ahead, Transaction
from booking_engine.persistence.write_kinds import TABLES, Kind, Write

_PATIENT: Final = TABLES[Kind.PATIENT]
_IDENTIFIER: Final = TABLES[Kind.PATIENT_IDENTIFIER]

# Kinds of what the transaction remembers.
_ONE: Final = "patient"
_OWNER: Final = "patient with key"
_ASKED: Final = "patient's key that was asked for"


def _of_keys(on: str) -> Select[Any]:
    named = select(_IDENTIFIER.c.patient_id).where(among(_IDENTIFIER.c.key, "keys", on))
    return (
        select(_PATIENT, _IDENTIFIER.c.key, _IDENTIFIER.c.since, _IDENTIFIER.c.retired)
        .join(_IDENTIFIER, _IDENTIFIER.c.patient_id == _PATIENT.c.id)
        .where(_PATIENT.c.id.in_(named))
        .order_by(_PATIENT.c.id, _IDENTIFIER.c.since, _IDENTIFIER.c.key)
    )


_OF_KEYS: Final = Statement(_of_keys)


class SqlPatients:
    """The register of patients."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def ahead(self, keys: Iterable[PatientKey]) -> Ahead | None:
        """Return the query that finds who has these keys, for `by_keys` to find."""
        t = self._transaction
        # Also those that are known from other keys: they are not ours yet.
        unread = sorted({key for key in keys if not t.knows(_ASKED, key)})
        if not unread:
            return None
        t.settle(Kind.PATIENT, Kind.PATIENT_IDENTIFIER)
        numbers = lock_numbers(t, "patient", ((key,) for key in unread))
        query = Query(_OF_KEYS, {"keys": unread}, numbers)
        return Ahead(query, lambda found: self._take(unread, found))

    def _take(self, unread: Iterable[PatientKey], found: Iterable[Any]) -> None:
        t = self._transaction
        for _, rows in groupby(found, key=lambda row: row.id):
            self._remember(mapping.patient_of(list(rows)))
        for key in unread:
            t.remember(_ASKED, key, value=True)
            if not t.knows(_OWNER, key):
                t.remember(_OWNER, key, None)

    def _remember(self, patient: RegisteredPatient) -> None:
        """Remember a patient as stored, unless this unit has them as new or newer."""
        t = self._transaction
        known: RegisteredPatient | None = t.recall(_ONE, patient.id)
        if known is not None and known.version >= patient.version:
            return
        t.remember(_ONE, patient.id, patient)
        for key in patient.keys:
            t.remember(_OWNER, key, patient.id)

    def by_keys(
        self, keys: Iterable[PatientKey]
    ) -> dict[PatientKey, RegisteredPatient]:
        """Return who has these keys; those that nobody has are left out."""
        t = self._transaction
        wanted = list(dict.fromkeys(keys))
        t.read_ahead([self.ahead(wanted)])
        owners = {key: t.recall(_OWNER, key) for key in wanted}
        return {
            key: t.recall(_ONE, owner)
            for key, owner in owners.items()
            if owner is not None
        }

    def add(self, patient: RegisteredPatient) -> None:
        """Store a new patient; identifiers that others had are theirs from now on."""
        t = self._transaction
        t.write(Write(Kind.PATIENT, mapping.patient_row(patient)))
        t.remember(_ONE, patient.id, patient)
        self._write_identifiers(patient)

    def save(self, patient: RegisteredPatient) -> None:
        """Store a changed patient with their identifiers; as `Orders.save`."""
        t = self._transaction
        before: RegisteredPatient | None = t.recall(_ONE, patient.id)
        replaces, version = t.next_version(_ONE, patient.id, patient.version)
        stored = replace(patient, version=version)
        row = mapping.patient_row(stored)
        t.write(Write(Kind.PATIENT, row, changes=True, replaces=replaces))
        t.remember(_ONE, patient.id, stored)
        if before is not None:
            for known in before.identifiers:
                if known.key not in stored.keys and self._owns(patient.id, known.key):
                    row = mapping.identifier_row(known, None)
                    t.write(Write(Kind.PATIENT_IDENTIFIER, row))
                    t.remember(_OWNER, known.key, None)
        self._write_identifiers(stored)

    def _owns(self, patient_id: PatientId, key: PatientKey) -> bool:
        owner: PatientId | None = self._transaction.recall(_OWNER, key)
        return owner == patient_id

    def _write_identifiers(self, patient: RegisteredPatient) -> None:
        t = self._transaction
        for known in patient.identifiers:
            row = mapping.identifier_row(known, patient.id)
            t.write(Write(Kind.PATIENT_IDENTIFIER, row))
            t.remember(_OWNER, known.key, patient.id)
