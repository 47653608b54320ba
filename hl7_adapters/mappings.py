"""A profile as it counts at one instant: its own tables, with what was mapped since.

A mapping that came over the API outranks the profile's table, for whoever made it had
seen what the table says. Codes that begin or end on a day are in or out as the instant
has it; `Effective.changes_at` says when that will be different.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

from booking_engine.domain.clinicians import Clinician
from booking_engine.domain.errors import InvalidValue
from booking_engine.domain.identifiers import ProcedureCode, ScannerId, SiteCode
from booking_engine.domain.mappings import CodeMapping, MappingTable, folded_name
from booking_engine.domain.safety import Answer
from booking_engine.domain.vocabulary import PatientSetting, Priority, WaitingListType
from hl7_adapters.datatypes import SNOMED, is_snomed_id
from hl7_adapters.dated_codes import Span
from hl7_adapters.dialect import KnownClinician
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.profile import Profile

FIELDS: Final[dict[MappingTable, tuple[str, Any]]] = {
    MappingTable.PROCEDURE: ("procedures", ProcedureCode),
    MappingTable.URGENCY: ("urgency", Priority),
    MappingTable.SITE: ("sites", SiteCode),
    MappingTable.PATIENT_CLASS: ("patient_classes", PatientSetting),
    MappingTable.LIST_TYPE: ("list_types", WaitingListType),
}
"""The field of the profile behind each table, and how it holds a target."""

ALWAYS: Final = Span()

Key = tuple[MappingTable, str]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code, what it means, when, and who says so.

    Parameters
    ----------
    name
        The code, folded.
    mapping
        The one that came over the API; ``None`` for the profile's own.
    """

    table: MappingTable
    name: str
    target: str
    span: Span = ALWAYS
    mapping: CodeMapping | None = None

    @property
    def origin(self) -> str:
        """Where it was said: ``profile``, or the mapping and who made it."""
        if self.mapping is None:
            return "profile"
        return f"mapping {self.mapping.id} by {self.mapping.made_by}"


@dataclass(frozen=True, slots=True)
class Effective:
    """A profile at one instant.

    Parameters
    ----------
    profile
        With the tables of that instant.
    in_force
        What decides each code.
    changes_at
        The next instant at which a code begins or ends; ``None``: never.
    """

    profile: Profile
    in_force: Mapping[Key, Meaning] = field(default_factory=dict)
    changes_at: datetime | None = None


def meanings_of(profile: Profile, mappings: Iterable[CodeMapping]) -> list[Meaning]:
    """Return everything that a partner's codes mean, meant or will mean; later wins.

    Parameters
    ----------
    profile
        As it was written.
    mappings
        Of this partner, oldest first.
    """
    found = list(_own_meanings(profile))
    found += [
        Meaning(m.table, m.key, m.target, Span(m.valid_from, m.valid_to), m)
        for m in mappings
        if m.valid_from != m.valid_to
    ]
    return found


def _own_meanings(profile: Profile) -> Iterator[Meaning]:
    for table, (name, _) in FIELDS.items():
        for code, target in getattr(profile, name).items():
            yield Meaning(table, code, _word(target))
        for code, entries in getattr(profile.dated, name).items():
            for entry in entries:
                span = entry.span(profile.zone)
                yield Meaning(table, code, _word(entry.to), span)
    for observed, safety in profile.safety.items():
        for value, answer in safety.values.items():
            yield Meaning(MappingTable.SAFETY, f"{observed}={value}", answer.value)
    yield from _own_clinicians(profile)
    if profile.diary is not None:
        yield from _own_resources(profile, profile.diary)


def _own_clinicians(profile: Profile) -> Iterator[Meaning]:
    for code, one in profile.clinicians.items():
        who = str(Clinician(one.name, one.gmc))
        yield Meaning(MappingTable.CLINICIAN, code, who)


def _own_resources(profile: Profile, diary: KeptDiary) -> Iterator[Meaning]:
    told = {} if profile.outgoing is None else profile.outgoing.scanners
    for scanner, theirs in told.items():
        yield Meaning(MappingTable.RESOURCE, folded_name(theirs), scanner)
    for theirs, scanner in diary.resources.items():
        yield Meaning(MappingTable.RESOURCE, theirs, scanner)


def effective(
    profile: Profile, mappings: Iterable[CodeMapping], at: datetime
) -> Effective:
    """Return the profile as it counts at an instant."""
    meanings = meanings_of(profile, mappings)
    in_force = {(m.table, m.name): m for m in meanings if m.span.holds(at)}
    ahead = [edge for m in meanings for edge in m.span.edges() if edge > at]
    changes_at = min(ahead, default=None)
    if all(m.span == ALWAYS for m in meanings):
        return Effective(profile, in_force, changes_at)
    tables: dict[str, Any] = {}
    for table, (name, held_as) in FIELDS.items():
        tables[name] = {
            code: held_as(meaning.target)
            for (of, code), meaning in in_force.items()
            if of is table
        }
    tables["safety"] = _safety(profile, in_force)
    tables["clinicians"] = {
        code: _clinician(profile, meaning)
        for (of, code), meaning in in_force.items()
        if of is MappingTable.CLINICIAN
    }
    if profile.diary is not None:
        resources = {
            code: ScannerId(meaning.target)
            for (of, code), meaning in in_force.items()
            if of is MappingTable.RESOURCE
        }
        kept = profile.diary.model_copy(update={"resources": resources})
        tables["diary"] = kept
    return Effective(profile.with_tables(tables), in_force, changes_at)


def _clinician(profile: Profile, meaning: Meaning) -> KnownClinician:
    if meaning.mapping is None:
        return profile.clinicians[meaning.name]
    who = Clinician.read(meaning.target)
    return KnownClinician(name=who.name, gmc=who.gmc_number)


def _safety(profile: Profile, in_force: Mapping[Key, Meaning]) -> dict[str, Any]:
    found = dict(profile.safety)
    for (table, name), meaning in in_force.items():
        observed, _, value = name.rpartition("=")
        if table is MappingTable.SAFETY and observed in found:
            known = found[observed]
            values = {**known.values, value: Answer(meaning.target)}
            found[observed] = known.model_copy(update={"values": values})
    return found


def _word(target: Any) -> str:
    return str(target.value) if isinstance(target, Enum) else str(target)


def check_code(table: MappingTable, code: str, profile: Profile) -> str:
    """Return a code as it is to be stored: systems named as the reader names them.

    Raises
    ------
    InvalidValue
        It could never be met in a message of this partner.
    """
    code = code.strip()
    if table is MappingTable.RESOURCE and profile.diary is None:
        raise InvalidValue(
            f"{profile.id} keeps no diary here, so nothing says where its resources"
            " are; add diary: to its profile first."
        )
    if table is MappingTable.PROCEDURE and "^" in code:
        plain, _, system = code.partition("^")
        if system.strip().upper() == SNOMED and not is_snomed_id(plain.strip()):
            raise InvalidValue(
                f"{plain.strip()!r} is no SNOMED CT identifier: its check digit is"
                " wrong; correct it, or leave out the system."
            )
        return f"{plain.strip()}^{system.strip()}"
    if table is MappingTable.SAFETY:
        observed, equals, value = code.rpartition("=")
        if not equals or not value.strip():
            raise InvalidValue(
                f"{code!r} is no observation with its value; write it like PACE=Y."
            )
        if observed.strip().casefold() not in profile.safety:
            raise InvalidValue(
                f"Observation {observed.strip()!r} is none of {profile.id}'s safety"
                f" questions; give one of {', '.join(profile.safety) or 'none'}, or add"
                " it to the profile."
            )
        return f"{observed.strip()}={value.strip()}"
    return code
