"""ORC, OBR, TQ1, IPC and PV1: what is asked for (HL7 2.5.1 section 4.5).

A code that the profile does not map leaves the value empty and holds the order; the
code itself is kept as sent, so that a person can map it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from booking_engine.application.naming import Named
from booking_engine.domain.identifiers import SiteCode
from booking_engine.domain.order_names import as_placed
from booking_engine.domain.orders import HoldCode, OrderContent
from booking_engine.domain.vocabulary import (
    PatientSetting,
    Priority,
    WaitingListType,
)
from hl7_adapters.clinician_fields import ORDERER, read_orderer
from hl7_adapters.conditions import Condition
from hl7_adapters.datatypes import Purpose
from hl7_adapters.dialect import places
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.order_groups import OrderGroup
from hl7_adapters.patient_fields import read_patient
from hl7_adapters.procedure_fields import (
    LONGEST_DETAIL,
    kept_names,
    read_procedure,
    sent_code,
)
from hl7_adapters.profile import PlacerSuffix
from hl7_adapters.reading import Reading
from hl7_adapters.safety_fields import read_findings
from hl7_adapters.step_fields import read_steps

NOT_IMAGING: Final = "not_imaging"
"""`ReceiveOrder.refusal` of an order for another department."""
_LONGEST_REASON: Final = 60
_UNSCHEDULED: Final = frozenset({PatientSetting.INPATIENT, PatientSetting.EMERGENCY})

# Keys and times ---------------------------------------------------------------------


def read_placer(
    group: OrderGroup, reading: Reading, *, needed: bool
) -> tuple[str, str]:
    """Return the placer's number and who assigned it (ORC-2, OBR-2).

    Several OBR under one ORC share its number: set id and code tell them apart. An
    own number in OBR-2 does so better.

    Raises
    ------
    MappingError
        It is deleted, contradictory, or missing where it is `needed`.
    """
    orc, obr = group.segments.get("ORC"), group.segments.get("OBR")
    for segment in (orc, obr):
        if segment is not None and segment.is_null(2):
            raise reading.refuse(
                Condition.MISSING_FIELD,
                group.location(segment.id, 2),
                "an order number cannot be deleted",
            )
    of_order, of_detail = _number(orc), _number(obr)
    several = group.siblings > 1
    if of_order[0] and of_detail[0] and of_order[0] != of_detail[0] and not several:
        raise reading.refuse(
            Condition.CONFLICTING_FIELDS,
            group.location("OBR", 2),
            "OBR-2 differs from ORC-2; send one order number",
        )
    own = several and of_detail[0] not in {"", of_order[0]}
    number, authority = of_detail if own else (of_order[0] or of_detail[0], "")
    if not number:
        if needed:
            raise reading.refuse(
                Condition.MISSING_FIELD,
                group.location("ORC", 2),
                "name the order by its placer number",
            )
        return "", _placer_authority(of_order[1] or of_detail[1], group, reading)
    suffix = reading.profile.placer_suffix
    if obr is not None and (
        suffix is PlacerSuffix.ALWAYS
        or (suffix is PlacerSuffix.WHEN_SEVERAL and several and not own)
    ):
        set_id = obr.value(1).strip()
        place = int(set_id) if set_id.isdecimal() else group.position
        code = (obr.value(4) or obr.value(4, 4)).strip().replace("#", "")
        number = f"{number}#{place}#{code}"
    authority = authority or of_order[1] or of_detail[1]
    return number, _placer_authority(authority, group, reading)


def read_name(group: OrderGroup, reading: Reading) -> Named:
    """Return how the sender names its order (ORC-2, ORC-3, and OBR-4 if it is sent).

    Raises
    ------
    MappingError
        It names it by nothing, or by two numbers that differ.
    """
    filler = filler_number(group)
    number, authority = read_placer(group, reading, needed=not filler)
    obr = group.segments.get("OBR")
    return Named(
        partner=reading.profile.id,
        authority=authority,
        number=number,
        shared=as_placed(number),
        code="" if obr is None else sent_code(obr),
        filler_number=filler,
        fills=reading.profile.fills_orders,
    )


def filler_number(group: OrderGroup) -> str:
    """Return the filler's number (ORC-3, else OBR-3)."""
    for name in ("ORC", "OBR"):
        segment = group.segments.get(name)
        number = "" if segment is None else segment.value(3).strip()
        if number:
            return number
    return ""


def _number(segment: Segment | None) -> tuple[str, str]:
    if segment is None:
        return "", ""
    return segment.value(2, 1).strip(), segment.value(2, 2).strip()


def _placer_authority(sent: str, group: OrderGroup, reading: Reading) -> str:
    header = group.segments["MSH"]
    return (
        sent
        or reading.profile.placer_authority
        or header.value(4).strip()
        or header.value(3).strip()
    )


def sent_at(group: OrderGroup, reading: Reading) -> datetime:
    """Return when the sender wrote the transaction; now, if it does not say."""
    return reading.past(group, reading.profile.dialect.sent_at) or reading.now


def reason_of(group: OrderGroup, reading: Reading) -> str:
    """Return the coded reason of a request; free text might name somebody."""
    _, reason = group.first(reading.profile.dialect.reason)
    return reason[:_LONGEST_REASON]


# What is asked for ------------------------------------------------------------------


def read_content(
    group: OrderGroup, message: Message, reading: Reading, *, number_needed: bool
) -> OrderContent:
    """Return what an order asks for, noting in `reading` what a person must settle.

    Raises
    ------
    MappingError
        It is no order that could be held: PID, OBR or a key is missing.
    """
    obr = group.segments.get("OBR")
    if obr is None:
        raise reading.refuse(
            Condition.MISSING_SEGMENT,
            f"OBR^{group.control_number or 1}",
            "an order needs an OBR segment",
        )
    number, authority = read_placer(group, reading, needed=number_needed)
    if not number and not reading.changes:
        reading.hold(HoldCode.MISSING_PLACER_NUMBER)
    dialect = reading.profile.dialect
    orc = group.segments.get("ORC", obr)
    requested = reading.past(group, dialect.requested_at) or reading.now
    patient = read_patient(
        group,
        reading,
        fallback_id=f"{authority}:{number or message.control_id}",
    )
    exam = read_procedure(obr, group, reading)
    further_steps = read_steps(group, reading)
    priority, priority_as_sent = _urgency(group, reading)
    setting = _setting(group, reading)
    earliest = reading.wanted_day(group, dialect.earliest, Purpose.APPOINTMENT)
    latest = reading.wanted_day(group, dialect.latest, Purpose.APPOINTMENT_END)
    if earliest is not None and latest is not None and latest < earliest:
        reading.hold(HoldCode.INVALID_TIME, "the wanted window ends before it begins")
        earliest = latest = None
    findings = read_findings(group, message.all("AL1"), reading, at=requested)
    if reading.changes:
        for name, where in _PLAIN.items():
            if not group.says(where):
                reading.keep(name)
        for name, where in (
            ("accession", dialect.accession),
            ("earliest_on", dialect.earliest),
            ("latest_on", dialect.latest),
        ):
            if not group.says(where):
                reading.keep(name)
    return OrderContent(
        placer_number=number,
        placer_authority=authority,
        patient=patient,
        procedure=exam.procedure,
        procedure_as_sent=exam.procedure_as_sent,
        procedure_text=exam.procedure_text,
        priority=priority,
        priority_as_sent=priority_as_sent,
        setting=setting,
        list_type=_list_type(group, setting, reading),
        requested_at=requested,
        site=_site(group, reading),
        filler_number=filler_number(group),
        accession=group.first(dialect.accession)[1],
        group_number=orc.value(4).strip() if orc is not obr else "",
        clinical_reason=_clinical_reason(obr),
        safety=tuple(findings.answers),
        needs=findings.all_needs,
        earliest_on=earliest,
        latest_on=latest,
        study_uid=group.first(_STUDY_UID)[1],
        orderer=read_orderer(group, reading.profile),
        further_steps=further_steps,
    )


_STUDY_UID: Final = places("ZDS-1", "IPC-3")
_PLAIN: Final = {
    "filler_number": places("ORC-3", "OBR-3"),
    "group_number": places("ORC-4"),
    "clinical_reason": places("OBR-31.2", "OBR-31", "OBR-13"),
    "study_uid": _STUDY_UID,
    "orderer": ORDERER,
}
"""Where the fields stand that a change keeps unless it says something of them."""


def refusal_of(group: OrderGroup, content: OrderContent, reading: Reading) -> str:
    """Return why an order is refused for good, or nothing.

    A procedure that we know outweighs the section: an exam filed under the wrong
    department is still an exam.
    """
    _, section = group.first(reading.profile.dialect.section)
    if section.casefold() not in reading.profile.sections_refused:
        return ""
    if content.procedure is not None:
        reading.warn("OBR-24: no imaging section, but the procedure is known; taken")
        return ""
    return NOT_IMAGING


def _urgency(group: OrderGroup, reading: Reading) -> tuple[Priority | None, str]:
    """Return urgency and code as sent; an unknown one is held, never defaulted."""
    profile = reading.profile
    place, sent = group.first(profile.dialect.urgency)
    if place is None:
        if not group.deletes(profile.dialect.urgency) and reading.keep(
            "priority", "priority_as_sent"
        ):
            return None, ""
        if profile.urgency_when_absent is None:
            reading.hold(HoldCode.UNKNOWN_URGENCY, "not sent")
        return profile.urgency_when_absent, ""
    found = profile.urgencies.get(sent.casefold())
    if found is None:
        reading.hold(
            HoldCode.UNKNOWN_URGENCY,
            f"{place} {sent[:LONGEST_DETAIL]}",
            kept_names((sent.casefold(),)),
        )
    return found, sent


def _site(group: OrderGroup, reading: Reading) -> SiteCode | None:
    """Return where the request comes from; an unknown one is held."""
    profile = reading.profile
    unknown = ""
    names: tuple[str, ...] = ()
    for place in profile.dialect.site:
        sent = group.leaf(place)
        if not sent or (reading.changes and place.segment == "MSH"):
            continue
        found = profile.sites.get(sent.casefold())
        if found is not None:
            return found
        # The facility in the header is known anyway: it only ever adds a site.
        if place.segment != "MSH":
            unknown = f"{place} {sent[:LONGEST_DETAIL]}"
            names = kept_names((sent.casefold(),))
            break
    if not unknown and not group.deletes(profile.dialect.site) and reading.keep("site"):
        return None
    if not unknown and profile.site_when_absent is not None:
        return profile.site_when_absent
    reading.hold(HoldCode.UNKNOWN_SITE, unknown or "not sent", names)
    return None


def _setting(group: OrderGroup, reading: Reading) -> PatientSetting:
    """Return where the patient is looked after (PV1-2)."""
    visit = group.segments.get("PV1")
    sent = "" if visit is None else visit.value(2).strip()
    if not sent:
        if visit is None or not visit.deletes(2):
            reading.keep("setting")
        return PatientSetting.OUTPATIENT
    found = reading.profile.settings.get(sent.casefold())
    if found is None:
        # Outpatient until a person says: which scanners may be used hangs on it.
        reading.hold(
            HoldCode.UNKNOWN_SETTING,
            f"PV1-2 {sent[:LONGEST_DETAIL]}",
            kept_names((sent.casefold(),)),
        )
        return PatientSetting.OUTPATIENT
    return found


def _list_type(
    group: OrderGroup, setting: PatientSetting, reading: Reading
) -> WaitingListType:
    """Return how DM01 counts the wait."""
    place, sent = group.first(reading.profile.dialect.list_type)
    if place is not None:
        found = reading.profile.list_types.get(sent.casefold())
        if found is not None:
            return found
        reading.warn(f"{place}: list type is not known")
    elif "setting" in reading.kept:
        reading.keep("list_type")
    if setting in _UNSCHEDULED:
        return WaitingListType.UNSCHEDULED
    return WaitingListType.ACTIVE


def _clinical_reason(obr: Segment) -> str:
    """Return the reason for study (OBR-31), else the clinical information (OBR-13)."""
    reasons = [
        (reason.component(2) or reason.component(1)).strip()
        for reason in obr.repetitions(31)
    ]
    return "; ".join(filter(None, reasons)) or obr.first(13).text.strip()
