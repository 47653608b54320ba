"""Diary entries that name what only now means something: which command settles each."""

from __future__ import annotations

from booking_engine.application.diary_commands import SettleNames
from booking_engine.domain.diary_entries import DiaryEntry
from booking_engine.domain.identifiers import ProcedureCode, ScannerId
from booking_engine.domain.mappings import NO_SCANNER, MappingTable, UnknownName
from hl7_adapters.profile import Profile
from hl7_adapters.scheduling_parts import meaning_of


def entry_command(entry: DiaryEntry, profile: Profile) -> SettleNames | None:
    """Return what settles an entry, or ``None`` if its names mean nothing yet.

    Parameters
    ----------
    profile
        Of the partner whose diary it is, as it counts now.
    """
    settled: list[UnknownName] = []
    scanners: list[ScannerId] = []
    exams: set[ProcedureCode] = set()
    for unknown in entry.unknown:
        if unknown.table is MappingTable.RESOURCE:
            scanner = meaning_of(unknown.names, profile)
            if scanner is None:
                continue
            if scanner != NO_SCANNER:
                scanners.append(scanner)
        else:
            found = {
                profile.procedures[name]
                for name in unknown.names
                if name in profile.procedures
            }
            # Two codes of one field must not mean two different exams.
            if len(found) != 1:
                continue
            exams |= found
        settled.append(unknown)
    if not settled:
        return None
    return SettleNames(
        entry.id, tuple(settled), tuple(dict.fromkeys(scanners)), frozenset(exams)
    )
