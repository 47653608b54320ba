"""Events out: appointments as SIU^S12 to S26, order status as ORM^O01 or OMG^O19.

A message says what the event says: the times of that moment, under the delivery's own
number (MSH-10) and the event's time (MSH-7), so that to render it twice gives the same
bytes. Our segment ZBK, last in the message, leads to the decision record.

ZBK-1 decision, -2 planning run, -3 version of the rules, -4 version of the weights,
-5 urgency tier (0 is the most urgent), and before HL7 2.4, where SCH has no room for
them, -6 placer and -7 filler order number. The standard knows no ZBK: hl7apy's strict
validation, to which the tests put every kind in every version, is given the message
without it, and ZBK is checked by itself.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from booking_engine.domain.patients import Patient
from booking_engine.domain.vocabulary import PatientSetting, Priority
from hl7_adapters.destination import Outgoing, Sending
from hl7_adapters.er7 import FieldValue, Repeated, encode
from hl7_adapters.event_codes import SCHEDULING, STATUS, Scheduling, Status
from hl7_adapters.event_values import WITH_TQ1, CannotRender, EventValues, Telling
from hl7_adapters.patient_fields import UNIDENTIFIED
from hl7_adapters.profile import Profile

SegmentValues: TypeAlias = tuple[FieldValue, ...]

_CLERK: Final = ("BOOKING", "Imaging booking")
"""Filler contact and entered-by (SCH-16, SCH-20): required, and it is no person."""
_CLASSES: Final = {PatientSetting.INPATIENT: "I", PatientSetting.EMERGENCY: "E"}
"""PV1-2; all others are O."""
_WITH_STRUCTURE: Final = (2, 3, 1)  # MSH-9.3
_WITH_ORDER_NUMBERS: Final = (2, 4)  # SCH-26 and SCH-27
_PLACE_OF_SUFFIX: Final = re.compile(r"#(\d+)#[^#]*$")


_STATUS_TYPES: Final = {Sending.ORM_SC: ("ORM", "O01"), Sending.OMG_SC: ("OMG", "O19")}


def render(telling: Telling, profile: Profile) -> bytes | None:
    """Return the message that tells a partner of an event; none if it wants none.

    Raises
    ------
    CannotRender
        The event names no scanner, or no time.
    """
    outgoing = profile.outgoing
    if outgoing is None:
        return None
    sending = outgoing.sending(telling.event.kind)
    if sending is Sending.NONE:
        return None
    message = _Message(telling, profile, outgoing)
    segments = message.siu() if sending is Sending.SIU else message.status(sending)
    return encode(segments, charset=outgoing.charset)


def appointment_segments(
    telling: Telling, profile: Profile, outgoing: Outgoing, *, number: str
) -> list[SegmentValues]:
    """Return what the answer to a request says of its appointment (SRR).

    Parameters
    ----------
    outgoing
        With the version to write in.
    number
        The requester's name of the appointment (SCH-1); empty: ours.
    """
    message = _Message(telling, profile, outgoing)
    sch, *others = message.appointment(SCHEDULING[telling.event.kind])
    return [("SCH", number or sch[1], *sch[2:]), *others]


def pending_segments(
    telling: Telling, profile: Profile, outgoing: Outgoing, *, number: str
) -> list[SegmentValues]:
    """Return what is said of a request that waits for a person (SRR)."""
    message = _Message(telling, profile, outgoing)
    return message.pending(number)


class _Message(EventValues):
    """The segments of one message, for one partner."""

    # Messages ------------------------------------------------------------------------

    def siu(self) -> list[SegmentValues]:
        """Return SIU^S12 and its kin (HL7 2.5.1 section 10.4)."""
        row = SCHEDULING[self.event.kind]
        return [self._msh(("SIU", row.trigger, "SIU_S12")), *self.appointment(row)]

    def pending(self, number: str) -> list[SegmentValues]:
        """Return an appointment that is not made yet: no time, no scanner."""
        # TQ is demanded up to HL7 2.4: once, whenever it may be.
        timing = "1" if self.version < WITH_TQ1 else None
        status = ("Pending", "Pending", "HL70278")
        sch: SegmentValues = (
            *("SCH", number or None, None if number else self.order.id, None),
            *(self.content.group_number or None, None),
            *(("PENDING", "Waits for a person"), None),
            *(("Normal", "Normal", "HL70277"), None, None, timing),
            *(None, None, None, None, _CLERK, None, None, None, _CLERK),
            *(None, None, None, None, status),
        )
        if self.version >= _WITH_ORDER_NUMBERS:
            sch = (*sch, self._placer_number, self._filler_number)
        return [
            sch,
            self._pid(),
            self._pv1(),
            ("RGS", "1", "A"),
            *(
                ("AIS", str(number), "A", exam, *(None,) * 6, "Pending")
                for number, exam in enumerate((self._procedure, *self._further), 1)
            ),
            *self._zbk(),
        ]

    def appointment(self, row: Scheduling) -> list[SegmentValues]:
        """Return SCH and what follows it."""
        segments = [self._sch(row)]
        if self.version >= WITH_TQ1:
            segments.append(self._tq1())
        return [
            *segments,
            self._pid(),
            self._pv1(),
            ("RGS", "1", row.action),
            *self._ais(row),
            self._aig(row),
            self._ail(row),
            *self._zbk(),
        ]

    def status(self, sending: Sending) -> list[SegmentValues]:
        """Return an order status (HL7 2.5.1 sections 4.4.1 and 4.4.4)."""
        row = STATUS[self.event.kind]
        code, trigger = _STATUS_TYPES[sending]
        segments = [
            self._msh((code, trigger, f"{code}_{trigger}")),
            self._pid(),
            self._pv1(),
            self._orc(row),
        ]
        if self.version >= WITH_TQ1 and self._has_time:
            segments.append(self._tq1())
        return [
            *segments,
            self._obr(row),
            *self._notes(),
            *self._zds(),
            *self._zbk(),
        ]

    # Segments ------------------------------------------------------------------------

    def _msh(self, kind: tuple[str, ...]) -> SegmentValues:
        out = self.outgoing
        if self.version < _WITH_STRUCTURE:
            kind = kind[:2]
        return (
            *("MSH", None, None),
            *(out.own_application, out.own_facility, out.application, out.facility),
            *(self._time(self.event.occurred_at), None, kind),
            *(self.telling.delivery_id, out.processing_id, out.version),
            *(None, None, out.accept_ack, out.application_ack, "GBR", out.charset),
        )

    def _sch(self, row: Scheduling) -> SegmentValues:
        number = self.event.appointment_id
        urgent = self.content.priority is Priority.IMMEDIATE
        # Table 0276 knows no suspected cancer: better nothing than ROUTINE.
        reason = ("EMERGENCY", "Emergency", "HL70276") if urgent else None
        status = self._filler_status(row)
        common: SegmentValues = (
            # We are placer to a diary and filler to an orderer: one number for both.
            *("SCH", number, number, None, self.content.group_number or None, None),
            self._reason or (row.reason, row.text),
            reason,
            ("Normal", "Normal", "HL70277"),
            *(self._minutes, "min"),
            self._timing if self.version < WITH_TQ1 else None,
            *(None, None, None, None, _CLERK, None, None, None, _CLERK),
            *(None, None, None, None, (status, status, "HL70278")),
        )
        if self.version < _WITH_ORDER_NUMBERS:
            return common
        return (*common, self._placer_number, self._filler_number)

    def _tq1(self) -> SegmentValues:
        start, end = self._time(self.event.starts_at), self._time(self.event.ends_at)
        urgency = self._urgency
        return ("TQ1", "1", None, None, None, None, None, start, end, urgency)

    def _pid(self) -> SegmentValues:
        patient = self.content.patient
        born = patient.birth_date
        return (
            *("PID", "1", None, _identifiers(patient), None),
            (patient.family_name, patient.given_name),
            *(None, None if born is None else f"{born:%Y%m%d}", patient.sex.value),
        )

    def _pv1(self) -> SegmentValues:
        return ("PV1", "1", _CLASSES.get(self.content.setting, "O"))

    def _ais(self, row: Scheduling) -> list[SegmentValues]:
        """Return the exam and each further step, one after another in the slot."""
        exams = (self._procedure, *self._further)
        return [
            (
                *("AIS", str(number), row.action, exam),
                *(self._time(starts_at), None, None, minutes, "min"),
                *(None, self._filler_status(row)),
            )
            for number, (exam, (starts_at, minutes)) in enumerate(
                zip(exams, self._parts, strict=True), 1
            )
        ]

    def _aig(self, row: Scheduling) -> SegmentValues:
        scanner = self.telling.scanner
        if scanner is None:
            raise CannotRender(
                f"{self.event.kind.value} of order {self.order.id} names no scanner."
            )
        name = self.outgoing.scanners.get(scanner.id, scanner.id)
        return (
            *("AIG", "1", row.action, (name, scanner.name, "L")),
            *(scanner.modality.value, None, None, None),
            *(self._time(self.event.starts_at), None, None, self._minutes, "min"),
            *(None, self._filler_status(row)),
        )

    def _ail(self, row: Scheduling) -> SegmentValues:
        site = self.telling.site
        code = None if site is None else self.outgoing.sites.get(site.code, site.code)
        return (
            *("AIL", "1", row.action, (None, None, None, code), "SITE", None),
            *(self._time(self.event.starts_at), None, None, self._minutes, "min"),
            *(None, self._filler_status(row)),
        )

    def _orc(self, row: Status) -> SegmentValues:
        status = self.outgoing.order_status.get(self.event.kind, row.status)
        return (
            *("ORC", row.control, self._placer_number, self._filler_number),
            *(self.content.group_number or None, status, None),
            self._order_timing,
            *(None, self._time(self.event.occurred_at)),
            *(None, None, None, None, None, None, self._reason),
        )

    def _obr(self, row: Status) -> SegmentValues:
        place = _PLACE_OF_SUFFIX.search(self.content.placer_number)
        scanner, procedure = self.telling.scanner, self.telling.procedure
        modality = None
        if scanner is not None:
            modality = scanner.modality.value
        elif procedure is not None:
            modality = procedure.modality.value
        fields: list[FieldValue] = [None] * 37
        fields[0] = "OBR"
        fields[1] = place[1] if place else "1"
        fields[2] = self._placer_number
        fields[3] = self._filler_number
        fields[4] = self._procedure
        fields[24] = modality
        fields[25] = row.result or None
        fields[27] = self._order_timing
        if self._has_time:
            fields[36] = self._time(self.event.starts_at)
        for where in self.profile.dialect.accession[:1]:
            if where.segment == "OBR" and where.field in _ACCESSION_FIELDS:
                fields[where.field] = self.content.accession or None
        return tuple(fields)

    def _notes(self) -> list[SegmentValues]:
        """Return the further steps: an order status has no other room for them."""
        return [
            ("NTE", str(number), "L", f"In the same slot: {' '.join(exam[:2])}")
            for number, exam in enumerate(self._further, 1)
        ]

    def _zds(self) -> list[SegmentValues]:
        """Return the study that images will go into (IHE RAD-4), if it is known."""
        uid = self.content.study_uid
        return [("ZDS", (uid, None, "Application", "DICOM"))] if uid else []

    def _zbk(self) -> list[SegmentValues]:
        decision = self.telling.decision
        priority = self.content.priority
        fields: list[FieldValue] = [
            None if decision is None else decision.id,
            None if decision is None else decision.plan_run_id,
            None if decision is None else decision.rules_version,
            None if decision is None else decision.policy_version,
            None if priority is None else str(priority.tier),
        ]
        if self.version < _WITH_ORDER_NUMBERS:
            fields += [self._placer_number, self._filler_number]
        return [("ZBK", *fields)]


_ACCESSION_FIELDS: Final = frozenset({18, 19, 20, 21})
"""Where OBR has room for the department's numbers (IHE RAD-4; CRIS: 21)."""


def _identifiers(patient: Patient) -> FieldValue:
    found: list[tuple[str | None, ...]] = []
    if patient.nhs_number is not None:
        found.append((patient.nhs_number, None, None, "NHS", "NH"))
    if patient.local_id and patient.local_authority != UNIDENTIFIED:
        found.append((patient.local_id, None, None, patient.local_authority, "MR"))
    return Repeated(tuple(found)) if found else None
