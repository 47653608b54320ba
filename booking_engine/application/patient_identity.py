"""Who a message from patient administration is about, and what is known of them then.

Numbers are matched as the reference demands: a hospital's own number is trusted
unless birth date and family name both differ; an NHS number only together with the
birth date.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final

from booking_engine.application.patient_commands import UpdatePatient
from booking_engine.domain.identifiers import PatientId, PatientKey
from booking_engine.domain.register import (
    UNSAID,
    KnownIdentifier,
    RegisteredPatient,
    local_number_of,
    nhs_number_of,
)

NOBODY: Final = PatientId("")


def person_meant(
    command: UpdatePatient, known: dict[PatientKey, RegisteredPatient]
) -> RegisteredPatient | None:
    """Return who the message is about, a new person without a name if nobody.

    ``None`` where its numbers belong to different people.
    """
    numbers = {nhs_number_of(key) for key in command.keys} - {None}
    local = [one for key, one in known.items() if nhs_number_of(key) is None]
    traced = [one for key, one in known.items() if nhs_number_of(key) is not None]
    people = {one.id: one for one in (*local, *traced)}
    if not people:
        return RegisteredPatient(NOBODY)
    own = (local or traced)[0]
    for one in local:
        if one.nhs_number is not None and numbers and one.nhs_number not in numbers:
            return None
    if len({one.id for one in local}) > 1:
        return None
    born = command.details.birth_date
    name = command.details.family_name
    for one in people.values():
        known_days = {born, one.birth_date} - {None, UNSAID}
        name_differs = name is not UNSAID and (
            name.casefold() != one.family_name.casefold()
        )
        other_day = len(known_days) > 1
        day_is_said = None not in (born, one.birth_date) and born is not UNSAID
        if one in local:
            if other_day and name_differs:
                return None
        elif other_day or (name_differs and not day_is_said):
            return None
    return own


def _is_older(sent_at: datetime, last: datetime | None) -> bool:
    """Return whether it was sent before the last; within a minute, later is later."""
    return last is not None and sent_at < last.replace(second=0, microsecond=0)


def updated(
    before: RegisteredPatient,
    command: UpdatePatient,
    others: Collection[RegisteredPatient],
) -> RegisteredPatient:
    """Return the person as known after the message.

    Parameters
    ----------
    others
        People who turn out to be the same by their NHS number.
    """
    after, at = before, command.sent_at
    if not _is_older(at, before.person_at):
        after = _renumbered_list(before, command)
        theirs = set(after.keys)
        for one in others:
            after = after.known_by(k for k in one.identifiers if k.key not in theirs)
            if one.deceased and not after.deceased:
                after = replace(
                    after,
                    deceased=True,
                    deceased_on=one.deceased_on,
                    death_at=one.death_at,
                    death_by=one.death_by,
                )
        after = replace(command.details.applied_to(after), person_at=at)
    if command.visit is not None and not _is_older(at, before.visit_at):
        after = replace(after, visit_at=at)
    if command.deceased is None or _is_older(at, after.death_at):
        return after
    if not command.deceased and after.deceased and after.death_by != command.partner:
        return after  # many systems write N into every message
    return replace(
        after,
        deceased=command.deceased,
        deceased_on=command.deceased_on if command.deceased else None,
        death_at=at,
        death_by=command.partner,
    )


def _renumbered_list(
    before: RegisteredPatient, command: UpdatePatient
) -> RegisteredPatient:
    """Return the person with the numbers listed; the sender's others are taken back."""
    owned = {local[0] for key in command.keys if (local := local_number_of(key))}
    gone: list[PatientKey] = []
    if command.authority in owned:
        for each in before.identifiers:
            local = local_number_of(each.key)
            if local and local[0] == command.authority and not each.retired:
                gone.append(each.key)
    after = before.without(set(gone) - set(command.keys))
    theirs = set(after.keys)
    return after.known_by(KnownIdentifier(k) for k in command.keys if k not in theirs)
