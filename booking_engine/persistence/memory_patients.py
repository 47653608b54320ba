"""The register of patients in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from booking_engine.domain.identifiers import PatientKey
from booking_engine.domain.register import RegisteredPatient
from booking_engine.persistence.memory_transaction import Transaction


class InMemoryPatients:
    """The register of patients."""

    def __init__(self, unit: Transaction) -> None:
        self._unit = unit

    def by_keys(
        self, keys: Iterable[PatientKey]
    ) -> dict[PatientKey, RegisteredPatient]:
        """Return who has these keys; those that nobody has are left out."""
        tables = self._unit.tables
        owners = tables.patient_keys
        return {key: tables.patients[owners[key]] for key in keys if key in owners}

    def add(self, patient: RegisteredPatient) -> None:
        """Store a new patient; identifiers that others had are theirs from now on."""
        patients = self._unit.own("patients")
        if patient.id in patients:
            self._unit.refuse_existing()
            return
        patients[patient.id] = patient
        self._file(patient)

    def save(self, patient: RegisteredPatient) -> None:
        """Store a changed patient with their identifiers; as `Orders.save`."""
        before = self._unit.tables.patients.get(patient.id)
        version = self._unit.next_version(
            "Patient", patient.id, patient.version, before
        )
        self._unit.own("patients")[patient.id] = replace(patient, version=version)
        owners = self._unit.own("patient_keys")
        for key in () if before is None else before.keys:
            if key not in patient.keys and owners.get(key) == patient.id:
                del owners[key]
        self._file(patient)

    def _file(self, patient: RegisteredPatient) -> None:
        owners = self._unit.own("patient_keys")
        for key in patient.keys:
            owners[key] = patient.id
