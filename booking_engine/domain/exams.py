"""What is done in an order's one slot: its exam and its further steps, as one.

Steps share a slot, so they share its scanner: times add up, of what must be there
everything must be, and of what must be observed the strictest.
"""

from __future__ import annotations

from typing import Final

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.orders import HoldCode, HoldReason, OrderContent
from booking_engine.domain.procedures import Procedure
from booking_engine.domain.vocabulary import Capability

_LONGEST_MINUTES: Final = 24 * 60


def exam_of(content: OrderContent, catalogue: Catalogue) -> Procedure:
    """Return what an order asks for as one procedure.

    Under a guideline only what one guideline covers as a whole may be authorised:
    whether two exams justify each other no guideline of one of them says.

    Raises
    ------
    NotKnown
        A procedure is not in the catalogue.
    InvalidValue
        The steps take longer than a day together.
    """
    assert content.procedure is not None, "an order without procedure is held"
    first = catalogue.procedure(content.procedure)
    if not content.further_steps:
        return first
    steps = steps_of(content, catalogue)
    needs = Capability.NONE
    for step in steps:
        needs |= step.needs
    return Procedure(
        code=first.code,
        name=" + ".join(step.name for step in steps),
        modality=first.modality,
        minutes=sum(step.minutes for step in steps),
        needs=needs,
        contrast=any(step.contrast for step in steps),
        ionising=any(step.ionising for step in steps),
        notice_days=max(step.notice_days for step in steps),
        preparation="\n".join(
            dict.fromkeys(step.preparation for step in steps if step.preparation)
        ),
        questions=tuple(dict.fromkeys(q for step in steps for q in step.questions)),
        guideline=(
            first.guideline if len({step.guideline for step in steps}) == 1 else None
        ),
    )


def steps_of(content: OrderContent, catalogue: Catalogue) -> tuple[Procedure, ...]:
    """Return the procedures of an order, one a step.

    Raises
    ------
    NotKnown
        A procedure is not in the catalogue.
    """
    codes = content.procedures
    assert None not in codes, "an order with an unmapped step is held"
    return tuple(catalogue.procedure(code) for code in codes if code is not None)


def known_steps(
    content: OrderContent, catalogue: Catalogue
) -> tuple[Procedure | None, ...]:
    """Return the procedures of an order, one a step; ``None`` where not known."""
    return tuple(
        None if code is None else catalogue.procedures.get(code)
        for code in content.procedures
    )


def why_not_one(content: OrderContent, catalogue: Catalogue) -> str:
    """Return why the steps that are known cannot share a slot; empty if they can."""
    if not content.further_steps:
        return ""
    known = [step for step in known_steps(content, catalogue) if step is not None]
    kinds = dict.fromkeys(procedure.modality.value for procedure in known)
    if len(kinds) > 1:
        return f"steps on scanners of several kinds: {', '.join(kinds)}"
    minutes = sum(procedure.minutes for procedure in known)
    if minutes > _LONGEST_MINUTES:
        return f"the steps take {minutes} minutes together, more than a day"
    return ""


def is_bookable(content: OrderContent, catalogue: Catalogue) -> bool:
    """Return whether the catalogue has every step, and one scanner can do them."""
    every = all(code in catalogue.procedures for code in content.procedures)
    return every and not why_not_one(content, catalogue)


def catalogue_holds(
    content: OrderContent, catalogue: Catalogue
) -> tuple[HoldReason, ...]:
    """Return what only the catalogue can tell: codes that it lacks, steps apart."""
    found = [
        HoldReason(HoldCode.UNMAPPED_PROCEDURE, code, step=step)
        for step, code in enumerate(content.procedures)
        if code is not None and code not in catalogue.procedures
    ]
    apart = why_not_one(content, catalogue)
    if apart:
        found.append(HoldReason(HoldCode.SEVERAL_STEPS, apart))
    return tuple(found)
