"""OBR-4 and IPC-6: which exam is meant (HL7 2.5.1 sections 4.5.3.4 and 4.5.6.6)."""

from __future__ import annotations

from typing import Final

from booking_engine.domain.identifiers import ProcedureCode
from booking_engine.domain.mappings import LONGEST_NAME
from booking_engine.domain.orders import HoldCode, ProcedureStep
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import Code, names_of
from hl7_adapters.er7 import Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.profile import Profile
from hl7_adapters.reading import Reading

LONGEST_DETAIL: Final = 60
"""Of a code as a hold shows it."""
_LONGEST_TEXT: Final = 80


def read_code(segment: Segment, number: int) -> Code:
    """Return a coded field, without what is no code in it."""
    return Code(*segment.first(number).leaves(1, 2, 3, 4, 5, 6))


def sent_code(obr: Segment) -> str:
    """Return the exam as the sender calls it (OBR-4)."""
    return called(read_code(obr, 4))


def called(sent: Code) -> str:
    """Return a code as its sender would say it."""
    return sent.code or sent.alternate_code or sent.text


def described(sent: Code) -> str:
    """Return the words that stand beside the code that `called` returns."""
    text = sent.text if sent.code or not sent.alternate_code else sent.alternate_text
    return text[:LONGEST_NAME]


def names_in_tables(sent: Code) -> tuple[str, ...]:
    """Return what a code may be called in a partner's tables, best first."""
    return tuple(dict.fromkeys(names_of(sent)))


def meanings(sent: Code, profile: Profile) -> frozenset[ProcedureCode]:
    """Return our codes that a code may mean: none, one, or two that contradict."""
    table = profile.procedures
    return frozenset(table[name] for name in names_of(sent) if name in table)


def kept_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a code as they are kept with an order: none is endless."""
    return tuple(name[:LONGEST_NAME] for name in names)


def read_procedure(obr: Segment, group: OrderGroup, reading: Reading) -> ProcedureStep:
    """Return what is ordered (OBR-4), or hold the order.

    Raises
    ------
    MappingError
        A new order names no exam, or a change deletes it.
    """
    sent = read_code(obr, 4)
    if not sent:
        if not obr.deletes(4) and reading.keep(
            "procedure", "procedure_as_sent", "procedure_text"
        ):
            return ProcedureStep(None)
        raise reading.refuse(
            Condition.MISSING_FIELD,
            group.location("OBR", 4),
            "say what is ordered in OBR-4",
        )
    return ProcedureStep(
        read_meaning(sent, reading), called(sent), procedure_text=described(sent)
    )


def read_meaning(
    sent: Code, reading: Reading, *, step: int = 0
) -> ProcedureCode | None:
    """Return the exam that a code means; where it means none or two, hold the order.

    Parameters
    ----------
    step
        See `HoldReason`.
    """
    found = meanings(sent, reading.profile)
    if len(found) == 1:
        return next(iter(found))
    detail = called(sent)[:LONGEST_DETAIL]
    if found:
        # The two codes of one field must not mean two different exams.
        detail = f"{detail}: code and alternate code differ"
    text = sent.text or sent.alternate_text
    reading.hold(
        HoldCode.UNMAPPED_PROCEDURE,
        detail,
        kept_names(names_in_tables(sent)),
        text[:_LONGEST_TEXT],
        step=step,
    )
    return None
