"""IPC: the procedure steps of one order, done one after another in one slot.

With one IPC the exam is what OBR-4 says. Of several, each is a step, named by its
protocol code (IPC-6, HL7 2.5.1 section 4.5.6.6); the one that means what OBR-4 means is
the exam itself, no additional one, and the others are done beside it. What cannot be
told, or cannot share a scanner, is put to a person: no step is guessed or left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.orders import HoldCode, ProcedureStep
from hl7_adapters.datatypes import Code
from hl7_adapters.er7 import Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.procedure_fields import (
    called,
    described,
    meanings,
    read_code,
    read_meaning,
)
from hl7_adapters.profile import Profile
from hl7_adapters.reading import Reading

PROTOCOL: Final = 6
"""IPC-6."""
_SHARED: Final = ((3, "studies"), (5, "modalities"), (7, "stations"), (9, "scanners"))
"""Fields of IPC that one booking can have only one of."""
_LONGEST_STATED: Final = 180
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class SentStep:
    """One IPC of several.

    Parameters
    ----------
    number
        Which IPC of the order, from 1.
    codes
        Its protocol codes (IPC-6 repeats).
    """

    number: int
    segment: Segment
    codes: tuple[Code, ...]


def read_steps(group: OrderGroup, reading: Reading) -> tuple[ProcedureStep, ...]:
    """Return what is done beside the exam of OBR-4, or hold the order."""
    if not group.steps:
        reading.keep("further_steps")
        return ()
    if len(group.steps) == 1:
        return ()
    doubts = list(_contradictions(group.steps))
    further = further_steps(group, reading.profile)
    if len(further) == len(group.steps):
        doubts.append("OBR-4 is none of the steps (IPC-6)")
    steps: list[ProcedureStep] = []
    for place, sent in enumerate(further, 1):
        code, doubt = _meaning(sent, reading, place)
        if doubt:
            doubts.append(f"IPC {sent.number}: {doubt}")
        accession = sent.segment.value(1).strip()
        named = next(iter(sent.codes), Code())
        steps.append(ProcedureStep(code, called(named), accession, described(named)))
    if doubts:
        detail = f"{len(group.steps)} IPC: {'; '.join(doubts)}"
        reading.hold(HoldCode.SEVERAL_STEPS, detail[:_LONGEST_STATED])
    return tuple(steps)


def further_steps(group: OrderGroup, profile: Profile) -> list[SentStep]:
    """Return the steps beside the exam of OBR-4; none where there is but one IPC.

    Where none is that exam, all are; without a protocol code the first is taken for
    it, for what OBR-4 says must be one of them.
    """
    if len(group.steps) < _SEVERAL or "OBR" not in group.segments:
        return []
    exam = read_code(group.segments["OBR"], 4)
    sent = [
        SentStep(number, step, _protocol_codes(step))
        for number, step in enumerate(group.steps, 1)
    ]
    own = next((step for step in sent if _is_exam(step, exam, profile)), None)
    if own is None and not sent[0].codes:
        own = sent[0]
    return [step for step in sent if step is not own]


def _protocol_codes(step: Segment) -> tuple[Code, ...]:
    found = (
        Code(*(repetition.component(n).strip() for n in range(1, 7)))
        for repetition in step.repetitions(PROTOCOL)
    )
    return tuple(code for code in found if code)


def _contradictions(steps: Sequence[Segment]) -> Iterator[str]:
    """Yield why steps cannot be one booking."""
    for field, what in _SHARED:
        sent = dict.fromkeys(step.value(field).strip().upper() for step in steps)
        sent.pop("", None)
        if len(sent) > 1:
            yield f"{len(sent)} {what} (IPC-{field})"


def _is_exam(step: SentStep, exam: Code, profile: Profile) -> bool:
    """Return whether all codes of a step mean what OBR-4 means."""
    return bool(step.codes) and all(
        _is_same(code, exam, profile) for code in step.codes
    )


def _is_same(one: Code, other: Code, profile: Profile) -> bool:
    """Return whether two codes mean the same, or are the same if one means nothing."""
    means, others = meanings(one, profile), meanings(other, profile)
    if means and others:
        return means == others
    return any(
        code == name and (system == its or not system or not its)
        for code, system in _names(one)
        for name, its in _names(other)
    )


def _names(sent: Code) -> Iterator[tuple[str, str]]:
    for code, system in (
        (sent.code, sent.system),
        (sent.alternate_code, sent.alternate_system),
    ):
        if code:
            yield code.casefold(), system.casefold()
    if not (sent.code or sent.alternate_code) and sent.text:
        yield sent.text.casefold(), ""


def _meaning(
    step: SentStep, reading: Reading, place: int
) -> tuple[ProcedureCode | None, str]:
    """Return what a further step means, and what a person must say of it."""
    if not step.codes:
        return None, "no protocol code (IPC-6)"
    found = {read_meaning(code, reading, step=place) for code in step.codes}
    if len(found) == 1:
        return found.pop(), ""
    return None, "its protocol codes (IPC-6) mean different exams"
