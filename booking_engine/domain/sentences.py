"""Decisions in plain English, for a clerk to read and a patient to be told.

Rendered once, from the same values that the record stores; no patient data.
"""

from __future__ import annotations

from datetime import datetime

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.clock import LONDON, local_date
from booking_engine.domain.decisions import (
    Choice,
    DecisionKind,
    MoveCause,
    MovedFrom,
    Reasons,
    Terms,
)
from booking_engine.domain.exams import steps_of
from booking_engine.domain.identifiers import ScannerId
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.policy import Policy
from booking_engine.domain.vocabulary import Priority

PRIORITY_WORDS = {
    Priority.IMMEDIATE: "immediate",
    Priority.INPATIENT: "inpatient",
    Priority.SUSPECTED_CANCER: "urgent suspected cancer",
    Priority.URGENT: "urgent",
    Priority.ROUTINE: "routine",
}
RULE_WORDS = {
    "modality": "scanners of another modality",
    "provider_open": "scanners of a provider that takes no orders now",
    "capability": "scanners without a capability that this exam or patient needs",
    "weight": "scanners with too low a table limit",
    "contract_exclusion": "scanners under a contract that excludes this case",
    "site": "scanners elsewhere than where the patient lies",
    "travel": "scanners too far away",
    "list_type": "lists kept for other patients",
    "day_window": "lists too soon to prepare for, or later than asked",
    "length": "lists without a gap long enough",
    "time_window": "lists at the wrong time of day",
    "room": "lists filled by patients with a stronger claim",
}
"""How each exclusion reads before its count."""
TERM_WORDS = {
    "waiting": "waiting",
    "lateness": "lateness beyond the target",
    "breach": "the six-week breach",
    "pair": "travel and provider",
    "opening": "the list itself",
}


def when(instant: datetime) -> str:
    """Return an instant as said in England, such as Tue 8 December 2026 at 09:20."""
    local = instant.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%B %Y} at {local:%H:%M}"


def where(choice: Choice, catalogue: Catalogue) -> str:
    """Return the scanner and site of an option."""
    return place_of(choice.scanner, catalogue)


def place_of(scanner_id: ScannerId, catalogue: Catalogue) -> str:
    """Return a scanner's name and site."""
    scanner = catalogue.scanner(scanner_id)
    return f"{scanner.name} at {catalogue.sites[scanner.site].name}"


def booking_sentence(
    order: ImagingOrder,
    reasons: Reasons,
    kind: DecisionKind,
    catalogue: Catalogue,
    policy: Policy,
    moved: MovedFrom | None = None,
) -> str:
    """Return why this scanner and time, in two to seven sentences.

    Parameters
    ----------
    moved
        Where the booking was, if the engine proposed to move it.
    """
    chosen = reasons.chosen
    priority = order.content.priority
    assert priority is not None, "an order without urgency is held"
    waited = order.clock.waited_days(local_date(chosen.starts_at))
    target = policy.weights[priority].target_days
    spare = target - waited
    standing = (
        f"{spare} {_days(spare)} inside"
        if spare > 0
        else "on the last day of"
        if spare == 0
        else f"{-spare} {_days(-spare)} beyond"
    )
    place = (
        f"{when(chosen.starts_at)} on {where(chosen, catalogue)}"
        f" ({chosen.travel_km} km away): day {waited} of the wait, {standing} the"
        f" {target}-day target of {_article(PRIORITY_WORDS[priority])} exam."
    )
    before = "" if moved is None else moved_sentence(moved, catalogue)
    steps = _steps(order, chosen, catalogue)
    visit = _visit(reasons, catalogue)
    parts = [before, place, steps, visit, _how(kind, reasons)]
    if reasons.excluded:
        listed = "; ".join(
            f"{RULE_WORDS.get(rule, rule)} ({count})"
            for rule, count in reasons.excluded
        )
        parts.append(f"Ruled out: {listed}.")
    if chosen.reserved:
        parts.append("It takes room that is kept for more urgent patients to come.")
    if reasons.runner_up is not None:
        parts.append(_against(chosen, reasons.runner_up, catalogue))
    return " ".join(part for part in parts if part)


def moved_sentence(moved: MovedFrom, catalogue: Catalogue) -> str:
    """Return where a booking was and why it moved, in one sentence."""
    was = f"{when(moved.starts_at)} on {place_of(moved.scanner, catalogue)}"
    match moved.cause:
        case MoveCause.CLOSED:
            why = f" ({moved.reason})" if moved.reason else ""
            return f"Moved from {was}, which is closed then{why}."
        case MoveCause.MAKES_ROOM:
            return (
                f"Moved from {was} to make room for a patient whose scanner is closed."
            )


def _steps(order: ImagingOrder, chosen: Choice, catalogue: Catalogue) -> str:
    """Say what is done in the slot, if that is more than one exam."""
    if not order.content.further_steps:
        return ""
    names = [step.name for step in steps_of(order.content, catalogue)]
    return (
        f"One slot of {chosen.minutes} minutes for {', '.join(names[:-1])} and"
        f" {names[-1]}."
    )


def _visit(reasons: Reasons, catalogue: Catalogue) -> str:
    """Say what else the patient comes for on that day."""
    if not reasons.visit_with:
        return ""
    listed = " and ".join(
        f"{catalogue.procedure(one.procedure).name} (order {one.order})"
        for one in reasons.visit_with
    )
    return f"In one visit with {listed}."


def _how(kind: DecisionKind, reasons: Reasons) -> str:
    options = (
        f"{reasons.options} possible {'slot' if reasons.options == 1 else 'slots'}"
    )
    match kind:
        case DecisionKind.PLANNED:
            return (
                f"Chosen from {options} by a plan for all waiting patients at once, so"
                " that total waiting, lateness and travel are least."
            )
        case DecisionKind.ON_ARRIVAL:
            return f"Chosen on arrival as the least costly of {options}."
        case DecisionKind.BY_PERSON:
            return f"Chosen by a person; {options} were open."
        case DecisionKind.REBOOKED:
            return (
                f"Chosen from {options} so that those whose scanner is closed wait"
                " least and few others move; a person approved it."
            )


def _against(chosen: Choice, other: Choice, catalogue: Catalogue) -> str:
    """Say how the runner-up differs."""
    own = other.terms.total - chosen.terms.total
    room = (other.price - chosen.price) / 1000
    text = f"The next best was {when(other.starts_at)} on {where(other, catalogue)}"
    reasons = differences(chosen.terms, other.terms)
    if other.reserved and not chosen.reserved:
        return f"{text}, which takes room kept for more urgent patients to come."
    if own > 0:
        return f"{text}, which costs this patient {own} more ({reasons})."
    if own == 0 and round(room) <= 0:
        return f"{text}, which is as good."
    return (
        f"{text}, which would suit this patient {_as_well(own, reasons)} but takes room"
        f" that other patients need more (worth {room:.0f}{_of_it(chosen, other)})."
    )


def _of_it(chosen: Choice, other: Choice) -> str:
    to_come = round((other.to_come - chosen.to_come) / 1000)
    return f", of it {to_come} to urgent ones still to come" if to_come > 0 else ""


def _as_well(own: int, reasons: str) -> str:
    return "as well" if own == 0 else f"better by {-own} ({reasons})"


def differences(chosen: Terms, other: Terms) -> str:
    """Return how the terms of another option differ, as the other less the chosen."""
    found = []
    for name, words in TERM_WORDS.items():
        difference = getattr(other, name) - getattr(chosen, name)
        if difference:
            found.append(f"{words} {difference:+d}")
    return ", ".join(found) or "no single term"


def _days(count: int) -> str:
    return "day" if count == 1 else "days"


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
