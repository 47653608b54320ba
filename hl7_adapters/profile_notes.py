"""What is allowed in a profile, and worth a second look before the first message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from booking_engine.domain.catalogue import Catalogue
from hl7_adapters.datatypes import SNOMED, is_snomed_id
from hl7_adapters.profile import Profile

PLACEHOLDER: Final = "RXX"
"""What the template has where an organisation's code belongs; no trust bears it."""


def notes_on(profile: Profile, catalogue: Catalogue | None) -> Iterator[str]:
    """Yield one sentence for each thing that may be meant otherwise."""
    if not profile.senders:
        yield "no senders: none of its messages would be taken"
        if profile.outgoing is None:
            yield "no outgoing either: nothing is exchanged"
        return
    yield from _left_over(profile)
    if not profile.urgency and not profile.dated.urgency:
        yield "no urgency codes: every order would be held"
    if not profile.procedures and not profile.dated.procedures:
        yield "no procedures: every order would be held until its code is mapped"
    if not profile.sites and profile.site_when_absent is None:
        yield "no sites: every order would be held"
    wrong = [
        code
        for code in (*profile.procedures, *profile.dated.procedures)
        if code.endswith(f"^{SNOMED.casefold()}")
        and not is_snomed_id(code.partition("^")[0])
    ]
    if wrong:
        yield f"no SNOMED CT identifiers, by their check digit: {', '.join(wrong)}"
    if not profile.guidelines:
        yield "no guidelines: a person vets every order"
    if catalogue is not None:
        named = {p.guideline for p in catalogue.procedures.values()}
        unused = sorted(profile.guidelines - named)
        if unused:
            yield f"guidelines of no exam: {', '.join(unused)}"


def _left_over(profile: Profile) -> Iterator[str]:
    left = [name for name, value in _filled_in(profile) if value == PLACEHOLDER]
    if left:
        yield f"{PLACEHOLDER} of the template still stands in: {', '.join(left)}"


def _filled_in(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield the keys that name an organisation, with what stands there."""
    for sender in profile.senders:
        yield "senders.facility", sender.facility
    yield "placer_authority", profile.placer_authority
    yield "local_authority", profile.local_authority
    if profile.outgoing is not None:
        yield "outgoing.facility", profile.outgoing.facility
