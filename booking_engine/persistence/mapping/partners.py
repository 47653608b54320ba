"""Profiles, code mappings and alerts to rows and back."""

from __future__ import annotations

from typing import Any

from booking_engine.domain.alerts import Alert, Condition
from booking_engine.domain.identifiers import Actor
from booking_engine.domain.mappings import CodeMapping, MappingTable, StoredProfile
from booking_engine.persistence.mapping.values import Values


def alert_row(alert: Alert) -> Values:
    """Return the row of an alert."""
    values: Values = {name: getattr(alert, name) for name in Alert.__slots__}
    values["condition"] = alert.condition.value
    return values


def alert_of(row: Any) -> Alert:
    """Return the alert of a row."""
    values = {name: getattr(row, name) for name in Alert.__slots__}
    return Alert(**values | {"condition": Condition(row.condition)})


def profile_row(profile: StoredProfile) -> Values:
    """Return the row of a version of a profile."""
    return {
        "partner": profile.partner,
        "version": profile.version,
        "text": profile.text,
        "made_by": profile.made_by,
        "made_at": profile.made_at,
        "why": profile.why,
    }


def profile_of(row: Any) -> StoredProfile:
    """Return the version of a profile of a row."""
    return StoredProfile(
        partner=row.partner,
        version=row.version,
        text=row.text,
        made_by=Actor(row.made_by),
        made_at=row.made_at,
        why=row.why,
    )


def mapping_row(mapping: CodeMapping) -> Values:
    """Return the row of a mapping of a code."""
    return {
        "id": mapping.id,
        "partner": mapping.partner,
        "code_table": mapping.table.value,
        "code": mapping.code,
        "target": mapping.target,
        "valid_from": mapping.valid_from,
        "valid_to": mapping.valid_to,
        "made_by": mapping.made_by,
        "made_at": mapping.made_at,
        "why": mapping.why,
        "ended_by": mapping.ended_by,
        "ended_at": mapping.ended_at,
        "ended_why": mapping.ended_why,
        "version": mapping.version,
    }


def mapping_of(row: Any) -> CodeMapping:
    """Return the mapping of a code of a row."""
    return CodeMapping(
        id=row.id,
        partner=row.partner,
        table=MappingTable(row.code_table),
        code=row.code,
        target=row.target,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        made_by=Actor(row.made_by),
        made_at=row.made_at,
        why=row.why,
        ended_by=None if row.ended_by is None else Actor(row.ended_by),
        ended_at=row.ended_at,
        ended_why=row.ended_why,
        version=row.version,
    )
