"""What each sender of the demo calls things, read back from its profile.

A profile maps a sender's codes to ours; here the map is turned round, so that what the
demo sends is what the profile knows, save for the codes that are unknown on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from api.demo.cases import DemoOrder
from api.demo.mix import Intent
from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.identifiers import PartnerId, ProcedureCode, SiteCode
from booking_engine.domain.vocabulary import Modality, Priority
from hl7_adapters.profile import Profile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exam:
    """What stands in OBR-4 and OBR-24."""

    code: str
    text: str
    section: str


UNMAPPED: Final[Mapping[str, tuple[Exam, ...]]] = {
    "r0a": (
        Exam("4190", "MRI TEMPOROMANDIBULAR JOINTS", "MR"),
        Exam("4285", "CT CONE BEAM MANDIBLE", "CT"),
    ),
    "rw6": (
        Exam("MR-TMJ", "MRI jaw joints", "MRI"),
        Exam("US-ELASTO", "Ultrasound elastography of the liver", "US"),
    ),
    "rmc": (
        Exam("BOL.CT.77", "CT perfusion of the brain", "CT"),
        Exam("BOL.US.70", "Ultrasound with contrast, liver", "US"),
    ),
}
"""Procedures that no profile maps."""
NO_IMAGING: Final[Mapping[str, Exam]] = {
    "r0a": Exam("5012", "PHYSIOTHERAPY ASSESSMENT", "PHYSIO"),
    "rw6": Exam("FBC", "Full blood count", "LAB"),
    "rmc": Exam("BOL.EC.01", "Echocardiogram", "ECHO"),
}
UNKNOWN_URGENCY: Final[Mapping[str, str]] = {"r0a": "7", "rw6": "C", "rmc": "SOON"}

_SECTIONS: Final[Mapping[str, Mapping[Modality, str]]] = {
    "r0a": {Modality.DEXA: "RAD"},
    "rw6": {Modality.MR: "MRI", Modality.DEXA: "RAD"},  # HL7 UK A.3, OBR-24
    "rmc": {Modality.DEXA: "BMD"},
}


class Codes:
    """One sender's names for our procedures, sites and urgencies."""

    def __init__(self, profile: Profile, catalogue: Catalogue) -> None:
        self.partner: PartnerId = profile.id
        self._catalogue = catalogue
        self._exams: dict[ProcedureCode, list[str]] = {}
        for theirs, ours in profile.procedures.items():
            self._exams.setdefault(ours, []).append(theirs.upper())
        self._sites: dict[SiteCode, str] = {
            ours: theirs.upper() for theirs, ours in profile.sites.items()
        }
        self._urgencies: dict[Priority, str] = {
            ours: theirs.upper() for theirs, ours in profile.urgency.items()
        }

    def exam(self, order: DemoOrder) -> Exam:
        """Return what the order asks for, as the sender writes it."""
        if order.intent is Intent.NON_IMAGING:
            return NO_IMAGING[self.partner]
        if order.intent is Intent.UNMAPPED_PROCEDURE:
            return _pick(UNMAPPED[self.partner], order)
        procedure = self._catalogue.procedure(order.procedure)
        modality = procedure.modality
        section = _SECTIONS[self.partner].get(modality, modality.value)
        code = _pick(self._exams[order.procedure], order)
        return Exam(code, procedure.name, section)

    def site(self, order: DemoOrder) -> str:
        """Return the sender's name of the requesting site."""
        return self._sites[order.site]

    def urgency(self, order: DemoOrder) -> str:
        """Return the sender's code of the urgency."""
        if order.intent is Intent.UNKNOWN_URGENCY:
            return UNKNOWN_URGENCY[self.partner]
        return self._urgencies[order.priority]


def _pick(choices: Sequence[T], order: DemoOrder) -> T:
    """Return one of several; always the same for one order."""
    return choices[order.number % len(choices)]
