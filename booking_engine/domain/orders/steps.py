"""Further steps of an order: what is done beside its exam, in the same slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from booking_engine.domain.identifiers import ProcedureCode


@dataclass(frozen=True, slots=True)
class ProcedureStep:
    """One scheduled procedure step beside the exam that the order names.

    Parameters
    ----------
    procedure, procedure_as_sent
        Our code, or ``None`` if the sender's is not mapped; the sender's (IPC-6).
    accession
        IPC-1 of this step.
    procedure_text
        The sender's words beside its code.
    """

    procedure: ProcedureCode | None
    procedure_as_sent: str = ""
    accession: str = ""
    procedure_text: str = ""


def with_meanings_of(
    sent: tuple[ProcedureStep, ...], stored: tuple[ProcedureStep, ...]
) -> tuple[ProcedureStep, ...]:
    """Return steps as sent, with what a person made of the same codes before."""
    known = {step.procedure_as_sent: step.procedure for step in stored}
    return tuple(
        replace(step, procedure=known.get(step.procedure_as_sent))
        if step.procedure is None and step.procedure_as_sent
        else step
        for step in sent
    )


def as_decided(
    stored: tuple[ProcedureStep, ...], codes: Sequence[ProcedureCode]
) -> tuple[ProcedureStep, ...]:
    """Return the steps that a person has decided on.

    Of as many as were sent, each is what its sender's became; others take their place.
    """
    if len(codes) != len(stored):
        return tuple(ProcedureStep(code) for code in codes)
    return tuple(
        replace(step, procedure=code) for step, code in zip(stored, codes, strict=True)
    )
