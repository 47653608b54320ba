"""Which field of an order is read for what: one table, told in two ways.

`explain` shows what stood there in one message, `mapping_document` what is looked for
in any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.orders import OrderContent
from hl7_adapters.clinician_fields import ORDERER
from hl7_adapters.dialect import Dialect, Place, places


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One thing that is read from an order.

    Parameters
    ----------
    places
        Where, for a partner's dialect; the first that holds anything counts.
    meaning
        What it became.
    rule
        How it is read, and what happens where it is missing or unknown.
    table
        The code table that decides it, if one does.
    """

    what: str
    places: Callable[[Dialect], tuple[Place, ...]]
    meaning: Callable[[OrderContent], object]
    rule: str
    table: MappingTable | None = None


def _at(*texts: str) -> Callable[[Dialect], tuple[Place, ...]]:
    fixed = places(*texts)
    return lambda _: fixed


FURTHER_STEPS: Final = "further steps"
"""The one rule that may read several values."""


def _needs(content: OrderContent) -> str:
    needs = content.needs
    stated = {
        "hoist": needs.hoist,
        "interpreter": needs.interpreter,
        "wide bore": needs.wide_bore,
        "general anaesthetic": needs.general_anaesthetic,
    }
    return ", ".join(name for name, needed in stated.items() if needed)


FIELD_RULES: Final = (
    FieldRule(
        "placer number",
        _at("ORC-2", "OBR-2"),
        lambda c: c.placer_number,
        "Your number of the order. Both fields must agree. Without one the order is"
        " held, for nothing can be told back. Several OBR under one ORC get the set id"
        " and the code added, unless OBR-2 has numbers of its own.",
    ),
    FieldRule(
        "authority",
        _at("ORC-2.2", "OBR-2.2"),
        lambda c: c.placer_authority,
        "Who gave the number; else as the profile says, else MSH-4, else MSH-3.",
    ),
    FieldRule(
        "filler number",
        _at("ORC-3", "OBR-3"),
        lambda c: c.filler_number,
        "The department's own number, sent back as it came.",
    ),
    FieldRule(
        "group",
        _at("ORC-4"),
        lambda c: c.group_number,
        "Orders that belong together: one visit where the profile says so"
        " (linked_orders), else nothing for booking. It is sent back as it came.",
    ),
    FieldRule(
        "patient",
        _at("PID-3"),
        lambda c: c.patient.key,
        "The NHS number (CX.4 NHS or CX.5 NH) if its check digit is right, else the"
        " first local number. Neither, or two NHS numbers: held.",
    ),
    FieldRule(
        "name",
        _at("PID-5"),
        lambda c: f"{c.patient.family_name}, {c.patient.given_name}".strip(", "),
        "The legal or current name. None: held.",
    ),
    FieldRule(
        "born",
        _at("PID-7"),
        lambda c: c.patient.birth_date,
        "The date; the time of day is not used. Missing or no date: held.",
    ),
    FieldRule(
        "sex", _at("PID-8"), lambda c: c.patient.sex, "M, F, O; anything else: unknown."
    ),
    FieldRule(
        "postcode area",
        _at("PID-11.5"),
        lambda c: c.patient.outward_code,
        "The first half of the postcode, for the way to the scanner.",
    ),
    FieldRule(
        "procedure",
        _at("OBR-4", "OBR-4.4", "OBR-4.2"),
        lambda c: c.procedure,
        "Code with system, code, then the alternate code; the text only where there is"
        " no code. Not in the table: held. Two codes for different exams: held.",
        MappingTable.PROCEDURE,
    ),
    FieldRule(
        FURTHER_STEPS,
        _at("IPC-6"),
        lambda c: ", ".join(step.procedure or "" for step in c.further_steps),
        "Of several IPC under one OBR each is a step, all in one slot on one scanner;"
        " the one that means what OBR-4 means is the exam itself. Not in the table:"
        " held. No code, or steps of several modalities, studies, stations or scanners:"
        " held. A single IPC adds nothing.",
        MappingTable.PROCEDURE,
    ),
    FieldRule(
        "urgency",
        lambda d: d.urgency,
        lambda c: None if c.priority is None else c.priority.value,
        "The first place that holds anything. Not in the table: held, never taken for"
        " routine.",
        MappingTable.URGENCY,
    ),
    FieldRule(
        "setting",
        _at("PV1-2"),
        lambda c: c.setting,
        "Patient class; outpatient where there is none. Not in the table: held.",
        MappingTable.PATIENT_CLASS,
    ),
    FieldRule(
        "list type",
        lambda d: d.list_type,
        lambda c: c.list_type,
        "Active, planned (surveillance) or unscheduled; inpatients and emergencies are"
        " unscheduled unless it says otherwise.",
        MappingTable.LIST_TYPE,
    ),
    FieldRule(
        "site",
        lambda d: d.site,
        lambda c: c.site,
        "Where the request comes from. Not in the table: held.",
        MappingTable.SITE,
    ),
    FieldRule(
        "requested at",
        lambda d: d.requested_at,
        lambda c: c.requested_at,
        "When the waiting clock starts. A time that lies ahead is passed over.",
    ),
    FieldRule(
        "not before",
        lambda d: d.earliest,
        lambda c: c.earliest_on,
        "First day of the wanted window; one that has passed is not used.",
    ),
    FieldRule(
        "not after",
        lambda d: d.latest,
        lambda c: c.latest_on,
        "Last day of the wanted window.",
    ),
    FieldRule(
        "accession",
        lambda d: d.accession,
        lambda c: c.accession,
        "Sent back in the same field.",
    ),
    FieldRule(
        "reason",
        _at("OBR-31.2", "OBR-31", "OBR-13"),
        lambda c: c.clinical_reason,
        "For the vetting clinician.",
    ),
    FieldRule(
        "ordered by",
        lambda _: ORDERER,
        lambda c: c.orderer.name or c.orderer.code,
        "Code and name; the profile may say who a code is. Not in the table: as sent,"
        " and the order goes on.",
    ),
    FieldRule(
        "weight",
        _at(),
        lambda c: c.needs.weight_kg,
        "An observation (OBX) in kg, g, lb or st.",
    ),
    FieldRule("needs", _at(), _needs, "Observations (OBX) that the profile names."),
)
"""What is read from an order, in the order in which it is shown."""
