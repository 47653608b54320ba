"""Why an order waits, in plain English: for a clerk to read; no patient data."""

from __future__ import annotations

from typing import Final

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.explanations import (
    Alternative,
    Cause,
    FilterStep,
    OrderExplanation,
    Relaxation,
    RelaxationKind,
)
from booking_engine.domain.sentences import PRIORITY_WORDS, RULE_WORDS, when, where

CAUSE_WORDS: Final[dict[Cause, str]] = {
    Cause.PLACED: "it has a slot",
    Cause.OPEN: "a slot is free for it",
    Cause.NO_SCANNER: "no scanner that will do has free time",
    Cause.LIST_TYPE: "every list with free time is kept for other patients",
    Cause.DAY_WINDOW: "no list with free time is on a day that is allowed",
    Cause.TIME_WINDOW: "no list with free time is at an hour that is allowed",
    Cause.LENGTH: "no free time is long enough for the exam",
    Cause.NO_ROOM: "there is no room for one more exam",
    Cause.PRICED_OUT: "what is free is worth more to patients with a stronger claim",
    Cause.PATIENT_BUSY: "the patient has other appointments wherever there is room",
    Cause.NOT_FOUND: "there was room, but the plan did not find it",
}
LEFT_WORDS: Final = {
    "scanners": "stretches of free time on them",
    "list_type": "on lists that it may use",
    "day_window": "on days allowed",
    "time_window": "at hours allowed",
    "length": "long enough",
    "room": "with room",
}
CHANGE_WORDS: Final[dict[RelaxationKind, str]] = {
    RelaxationKind.TRAVEL: "if the patient travelled further",
    RelaxationKind.NOTICE: "with shorter notice",
    RelaxationKind.DAY_WINDOW: "on a day outside those that were asked for",
    RelaxationKind.LIST_TYPE: "on a list that is kept for other patients",
    RelaxationKind.ANOTHER_SESSION: "in a further list",
}


def explanation_sentences(
    explained: OrderExplanation, catalogue: Catalogue
) -> tuple[str, ...]:
    """Return what is said of an order, one thought a sentence, the main one first."""
    sentences: list[str] = []
    if explained.decision is not None:
        sentences.append(explained.decision.sentence)
    elif explained.appointment is not None:
        starts = when(explained.appointment.starts_at)
        sentences.append(f"It has a slot at {starts}.")
    if explained.cause is not Cause.PLACED:
        sentences.append(f"It waits: {CAUSE_WORDS[explained.cause]}.")
    sentences += _counted(explained.steps, catalogue)
    sentences += _alternatives(explained.alternatives, catalogue)
    if explained.in_plan is not None:
        placed = explained.in_plan.cause is Cause.PLACED
        verdict = "gave it a slot" if placed else "left it out"
        why = "" if placed else f": {CAUSE_WORDS[explained.in_plan.cause]}"
        sentences.append(f"The last plan ({explained.in_plan.run_id}) {verdict}{why}.")
    if explained.changes:
        sentences.append(_change(explained.change, catalogue))
    return tuple(sentences)


def _counted(steps: tuple[FilterStep, ...], catalogue: Catalogue) -> list[str]:
    """Tell the filters as a story: scanners first, then the free time on them."""
    scanners = [one for one in steps if one.of_scanners]
    total = len(catalogue.scanners)
    left = scanners[-1].left if scanners else total
    sentences = [f"Of {total} scanners {left} will do."]
    if scanners:
        out = "; ".join(
            f"{RULE_WORDS.get(one.rule, one.rule)} ({one.out})" for one in scanners
        )
        sentences[0] = f"Of {total} scanners {left} will do; ruled out: {out}."
    counted = [
        f"{one.left} {LEFT_WORDS[one.rule]}"
        for one in steps
        if not one.of_scanners and (one.out or one.rule in {"scanners", "room"})
    ]
    return [*sentences, f"Counted in this order: {', '.join(counted)}."]


def _alternatives(
    alternatives: tuple[Alternative, ...], catalogue: Catalogue
) -> list[str]:
    if not alternatives:
        return []
    best = alternatives[0]
    text = (
        f"The best that is free is {when(best.choice.starts_at)} on"
        f" {where(best.choice, catalogue)} ({best.choice.travel_km} km, cost"
        f" {best.choice.terms.total})"
    )
    if best.protects:
        urgency = PRIORITY_WORDS[best.protects[0][0]]
        text += (
            f"; its time is worth {round(best.choice.price / 1000)} to other, mainly"
            f" {urgency}, patients"
        )
    return [f"{text}."]


def _change(change: Relaxation | None, catalogue: Catalogue) -> str:
    """Say which single relaxation would give the cheapest slot."""
    if change is None or change.best is None:
        return "Lifting no single rule would give a better slot."
    best = change.best
    gain = "" if change.saves is None else f", {change.saves} less for this patient"
    return (
        f"What would change it for the least: {CHANGE_WORDS[change.kind]},"
        f" {when(best.starts_at)} on {where(best, catalogue)} ({best.travel_km} km,"
        f" cost {best.terms.total}{gain})."
    )
