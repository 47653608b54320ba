"""Why not there, in plain English: for a clerk to read out; no patient data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from booking_engine.domain.blockers import Blocker, BlockerKind, Standing, WhyNot
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import LONDON
from booking_engine.domain.decisions import Choice
from booking_engine.domain.sentences import differences, when, where

_K = BlockerKind
BLOCKER_WORDS: Final[dict[BlockerKind, Callable[[Blocker], str]]] = {
    _K.ORDER_STATE: lambda b: (
        f"the order is {_words(b.name)}{f' ({_words(b.detail)})' if b.detail else ''}"
    ),
    _K.VETTING: lambda _: "the exam has not been vetted",
    _K.SAFETY: lambda b: f"the safety question on {_words(b.name)} {b.detail}",
    _K.OWN_HOLD: lambda b: f"the order holds another slot ({b.name}, {_span(b)})",
    _K.MODALITY: lambda _: "the scanner is of another kind than the exam needs",
    _K.PROVIDER_OPEN: lambda _: "the provider takes no orders now",
    _K.CAPABILITY: lambda b: f"the scanner lacks what is needed ({b.detail})",
    _K.WEIGHT: lambda b: f"the table bears {b.detail}",
    _K.CONTRACT_EXCLUSION: lambda b: f"the contract excludes this case ({b.detail})",
    _K.SITE: lambda _: "the patient lies at another site",
    _K.TRAVEL: lambda b: f"the site is too far ({b.detail})",
    _K.NO_SESSION: lambda _: "no list is staffed there at that time",
    _K.SESSION_OPEN: lambda _: "the list is closed",
    _K.LIST_TYPE: lambda b: f"the list is kept for {b.detail} patients",
    _K.NOTICE: lambda b: f"it is too soon (possible from {b.detail})",
    _K.LATEST: lambda b: f"it is later than asked (until {b.detail})",
    _K.OUTSIDE_SESSION: lambda b: f"the exam does not lie within the list, {_span(b)}",
    _K.PAST: lambda _: "the time has passed",
    _K.CONTRACT_CEILING: lambda b: f"under contract {b.name} {b.detail}",
    _K.APPOINTMENT: lambda b: f"appointment {b.name} is there {_span(b)}",
    _K.DIARY_ENTRY: lambda b: (
        f"the hospital's own diary has an appointment there {_span(b)} ({b.name})"
    ),
    _K.CLOSURE: lambda b: f"the scanner is closed {_span(b)} ({b.name})",
    _K.PATIENT_ELSEWHERE: lambda b: (
        f"the patient has another appointment {_span(b)} ({b.name})"
    ),
}
REMEDIES: Final[dict[BlockerKind, str]] = {
    _K.ORDER_STATE: "settle what the order waits for",
    _K.VETTING: "have the exam vetted",
    _K.SAFETY: "record the answer, or have a clinician clear it",
    _K.OWN_HOLD: "confirm or release the hold",
    _K.MODALITY: "choose a scanner of the right kind",
    _K.PROVIDER_OPEN: "choose another provider",
    _K.CAPABILITY: "choose a scanner that has it",
    _K.WEIGHT: "choose a scanner with a stronger table",
    _K.CONTRACT_EXCLUSION: "choose a scanner of the NHS, or agree it with the provider",
    _K.SITE: "choose a scanner where the patient lies",
    _K.TRAVEL: "ask the patient whether they would travel so far",
    _K.NO_SESSION: "staff a list at that time",
    _K.SESSION_OPEN: "open the list",
    _K.LIST_TYPE: "have the list released, or wait until it is",
    _K.NOTICE: "choose a later day, or agree a shorter preparation",
    _K.LATEST: "choose an earlier day, or ask the sender for a later one",
    _K.OUTSIDE_SESSION: "choose a time within the list, or extend it",
    _K.PAST: "choose a time to come",
    _K.CONTRACT_CEILING: "have the contract raised",
    _K.APPOINTMENT: "move that appointment, if its patient agrees",
    _K.DIARY_ENTRY: "ask the hospital to move it",
    _K.CLOSURE: "open the scanner again",
    _K.PATIENT_ELSEWHERE: "move the patient's other appointment",
}
"""What would lift each kind, as told to the person who asks."""


def blocker_sentence(blocker: Blocker) -> str:
    """Return what is in the way, as part of a sentence."""
    return BLOCKER_WORDS[blocker.kind](blocker)


def why_not_sentence(answer: WhyNot, catalogue: Catalogue) -> str:
    """Return the answer to "why not there" in one to three sentences."""
    place = f"{when(answer.starts_at)} on {_scanner(answer, catalogue)}"
    if answer.standing is Standing.THERE:
        return f"{place}: the order has this slot already ({answer.appointment_id})."
    parts = [f"{place} {_standing(answer)}", _beside_best(answer, catalogue)]
    return " ".join(part for part in parts if part)


def _standing(answer: WhyNot) -> str:
    if answer.standing is Standing.POSSIBLE:
        return "is free and allowed."
    if answer.standing is Standing.IMPOSSIBLE:
        lasting = [one for one in answer.blockers if one.lasting]
        return f"is not possible: {_listed(lasting)}."
    text = f"cannot be booked now: {_listed(answer.blockers)}."
    if len(answer.blockers) > 1:
        text += " Each of these would have to change."
    remedies = dict.fromkeys(REMEDIES[one.kind] for one in answer.blockers)
    return f"{text} To make it possible: {'; '.join(remedies)}."


def _beside_best(answer: WhyNot, catalogue: Catalogue) -> str:
    """Say how the slot compares with the best one."""
    there, best = answer.there, answer.best
    if best is None:
        return ""
    if there is not None and _same(there, best):
        return "No slot is better."
    text = f"The best free slot is {when(best.starts_at)} on {where(best, catalogue)}"
    if there is None:
        return f"{text}."
    return f"{text}; the slot asked for {_compared(there, best)}."


def _compared(there: Choice, best: Choice) -> str:
    more = there.terms.total - best.terms.total
    terms = differences(best.terms, there.terms)
    room = round((there.price - best.price) / 1000)
    if there.reserved and not best.reserved:
        return "takes room that is kept for more urgent patients to come"
    if more > 0:
        return f"costs this patient {more} more ({terms})"
    suits = "as well" if more == 0 else f"better by {-more} ({terms})"
    text = f"would suit this patient {suits}"
    if room > 0:
        text += f" but takes room that other patients need more (worth {room})"
    return text


def _same(one: Choice, other: Choice) -> bool:
    return (one.scanner, one.starts_at) == (other.scanner, other.starts_at)


def _scanner(answer: WhyNot, catalogue: Catalogue) -> str:
    scanner = catalogue.scanner(answer.scanner)
    return f"{scanner.name} at {catalogue.sites[scanner.site].name}"


def _listed(blockers: tuple[Blocker, ...] | list[Blocker]) -> str:
    return "; ".join(blocker_sentence(one) for one in blockers)


def _span(blocker: Blocker) -> str:
    assert blocker.starts_at is not None, "a thing in the way has its times"
    assert blocker.ends_at is not None, "a thing in the way has its times"
    starts, ends = (_local(t) for t in (blocker.starts_at, blocker.ends_at))
    if starts.date() == ends.date():
        return f"from {starts:%H:%M} to {ends:%H:%M}"
    return f"from {when(starts)} to {when(ends)}"


def _local(instant: datetime) -> datetime:
    return instant.astimezone(LONDON)


def _words(name: str) -> str:
    return name.replace("_", " ")
