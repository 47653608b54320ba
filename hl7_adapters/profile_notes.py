"""What is allowed in a profile, and worth a second look before the first message."""

from __future__ import annotations

from collections.abc import Iterator

from booking_engine.domain.catalogue import Catalogue
from hl7_adapters.datatypes import SNOMED, is_snomed_id
from hl7_adapters.profile import Profile


def notes_on(profile: Profile, catalogue: Catalogue | None) -> Iterator[str]:
    """Yield one sentence for each thing that may be meant otherwise."""
    if not profile.senders:
        yield "no senders: none of its messages would be taken"
        if profile.outgoing is None:
            yield "no outgoing either: nothing is exchanged"
        return
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
