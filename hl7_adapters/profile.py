"""Partner profiles: one YAML file for each system that we exchange messages with.

`profile_files` reads them; this is what is in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, field_validator, model_validator

from booking_engine.domain.clock import LONDON
from booking_engine.domain.identifiers import PartnerId, ProcedureCode, SiteCode
from booking_engine.domain.register import OnDeath
from booking_engine.domain.vocabulary import (
    BookingMode,
    LinkedOrders,
    PatientSetting,
    Priority,
    WaitingListType,
)
from hl7_adapters.conditions import RULES, Condition, Reply
from hl7_adapters.dated_codes import DatedCodes, split_dated
from hl7_adapters.destination import AckOptions, Outgoing
from hl7_adapters.dialect import (
    NOT_IMAGING,
    PATIENT_CLASSES,
    URGENCY_OF_EMERGENCY,
    Dialect,
    KnownClinician,
    NeedCode,
    SafetyCode,
    Strict,
    Text,
    folded,
)
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.order_controls import CONTROLS, Control, Speaker
from hl7_adapters.watch_rules import WatchRules
from hl7_adapters.yaml_source import YamlSource

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class SenderName(Strict):
    """How a sender names itself; facility empty means any.

    Parameters
    ----------
    application, facility
        MSH-3.1 and MSH-4.1.
    """

    application: Text
    facility: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """As compared: without regard to case."""
        return self.application.casefold(), self.facility.strip().casefold()


class PlacerSuffix(StrEnum):
    """Whether set id and code are added to the placer number (one ORC, many OBR)."""

    WHEN_SEVERAL = "when_several"
    ALWAYS = "always"
    NEVER = "never"


class Profile(Strict):
    """Everything that is particular to one partner.

    Parameters
    ----------
    zone
        Where their clocks are; used for times without an offset.
    certificates
        Names, one of which the certificate must bear on a connection that their
        messages come over (common or alternative name); none: any, unless it is listed
        for another partner.
    charset
        As in MSH-18; believed before it. Empty: as the message says.
    version
        Read messages without MSH-12 as this.
    processing_id
        What MSH-11 must be; an empty MSH-11 passes.
    placer_authority
        Who assigned ORC-2, where ORC-2.2 does not say; empty: MSH-4, else MSH-3.
    local_authority
        Likewise for patient identifiers without CX.4.
    controls
        Their order control codes to standard ones.
    default_control
        What an order without ORC-1 asks for; none: it is refused.
    fills_orders
        Whether they fill orders that others place, such as a department with its own
        diary: then they may cancel, change and split those (OC, XX, PA, …).
    hold_keeps_slot
        Whether what is booked stays booked when they ask to wait with it (HD).
    park_minutes
        How long a change that comes before its order waits for it; 0: it is refused,
        for they can send it again.
    urgency, procedures, sites
        Their codes to our words. What is not here is held for a person.
    urgency_when_absent, site_when_absent
        Where the message has none at all; never for a value that is not known.
    not_imaging
        Further sections (OBR-24) whose orders are refused.
    list_types
        Values of `dialect.list_type`.
    dated
        Those codes of the tables above that have days; not written as such, see
        `dated_codes`.
    clinicians
        Who their codes for whoever orders are (ORC-12, OBR-16). One that is not here
        is shown as it was sent, holds no order, and is listed until it is mapped.
    safety, needs, weight, travel_cap
        What their observations (OBX-3) mean.
    allergens
        Codes or texts of allergies (AL1-3) to contrast media.
    booking_mode, booking_modes
        Who decides; by our procedure code where it differs.
    linked_orders
        What their group number (ORC-4) means: nothing for booking, or one visit.
    guidelines
        Under which exams may be authorised without a person looking at each.
    policies
        Replies that differ from `conditions.RULES`.
    on_death
        Whether the slots of a patient who has died are kept until a person confirms
        (``hold``), or released at once (``release``).
    interpreter_languages
        Codes or names of languages (PID-15) that ask for an interpreter.
    outgoing
        Where they are told; none: they are not.
    queries
        Whether they may ask which time is free (SQM^S25).
    diary
        The diary that they keep themselves; none: they keep none, and their SIU
        messages are refused.
    watch
        When their feed is no longer well.
    """

    id: PartnerId
    name: Text
    senders: tuple[SenderName, ...] = ()
    certificates: frozenset[str] = frozenset()
    zone: ZoneInfo = LONDON
    charset: str = ""
    version: Literal["2.3", "2.3.1", "2.4", "2.5", "2.5.1"] = "2.4"
    processing_id: Literal["P", "T", "D"] = "P"
    placer_authority: str = ""
    local_authority: str = ""
    dialect: Dialect = Dialect()
    controls: dict[str, str] = Field(default_factory=dict)
    default_control: Literal["NW"] | None = None
    fills_orders: bool = False
    hold_keeps_slot: bool = True
    park_minutes: int = Field(default=0, ge=0, le=7 * 24 * 60)
    placer_suffix: PlacerSuffix = PlacerSuffix.WHEN_SEVERAL
    urgency: dict[str, Priority] = Field(default_factory=dict)
    urgency_when_absent: Priority | None = None
    procedures: dict[str, ProcedureCode] = Field(default_factory=dict)
    sites: dict[str, SiteCode] = Field(default_factory=dict)
    site_when_absent: SiteCode | None = None
    patient_classes: dict[str, PatientSetting] = Field(default_factory=dict)
    not_imaging: frozenset[str] = frozenset()
    list_types: dict[str, WaitingListType] = Field(default_factory=dict)
    dated: DatedCodes = DatedCodes()
    clinicians: dict[str, KnownClinician] = Field(default_factory=dict)
    safety: dict[str, SafetyCode] = Field(default_factory=dict)
    needs: dict[str, NeedCode] = Field(default_factory=dict)
    weight: frozenset[str] = frozenset()
    travel_cap: frozenset[str] = frozenset()
    allergens: frozenset[str] = frozenset()
    booking_mode: BookingMode = BookingMode.AUTO
    booking_modes: dict[ProcedureCode, BookingMode] = Field(default_factory=dict)
    linked_orders: LinkedOrders = LinkedOrders.SEPARATE
    guidelines: frozenset[str] = frozenset()
    ack: AckOptions = AckOptions()
    policies: dict[Condition, Reply] = Field(default_factory=dict)
    on_death: OnDeath = OnDeath.HOLD
    interpreter_languages: frozenset[str] = frozenset()
    outgoing: Outgoing | None = None
    queries: bool = True
    diary: KeptDiary | None = None
    watch: WatchRules = WatchRules()

    _origin: tuple[Path, YamlSource] | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _split_dated(cls, data: Any) -> Any:
        return split_dated(data)

    @field_validator("id")
    @classmethod
    def _plain_id(cls, name: PartnerId) -> PartnerId:
        if not _ID.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot be an id; use up to 40 lower-case letters, digits"
                " and dashes"
            )
        return name

    @field_validator(
        "urgency", "procedures", "sites", "patient_classes", "list_types", "safety"
    )
    @classmethod
    def _fold(cls, table: dict[str, Any]) -> dict[str, Any]:
        return folded(table)

    @field_validator("needs", "controls", "clinicians")
    @classmethod
    def _fold_more(cls, table: dict[str, Any]) -> dict[str, Any]:
        return folded(table)

    @field_validator(
        "weight", "travel_cap", "allergens", "not_imaging", "interpreter_languages"
    )
    @classmethod
    def _fold_words(cls, words: frozenset[str]) -> frozenset[str]:
        return frozenset(word.strip().casefold() for word in words)

    @field_validator("controls")
    @classmethod
    def _known_controls(cls, table: dict[str, str]) -> dict[str, str]:
        for theirs, standard in table.items():
            if standard not in CONTROLS:
                raise ValueError(
                    f"{theirs!r} is mapped to {standard!r}; choose one of"
                    f" {', '.join(CONTROLS)}"
                )
        return table

    @field_validator("policies")
    @classmethod
    def _no_silent_loss(cls, table: dict[Condition, Reply]) -> dict[Condition, Reply]:
        for condition, reply in table.items():
            if reply is Reply.AA and not RULES[condition].accepting:
                raise ValueError(
                    f"{condition.value} cannot be answered AA: the order would be lost;"
                    " choose AE or AR"
                )
        return table

    def reply(self, condition: Condition) -> Reply:
        """Return what a condition is answered with."""
        return self.policies.get(condition, RULES[condition].reply)

    @cached_property
    def urgencies(self) -> dict[str, Priority]:
        """Urgency by folded code, with the emergency class of the standard."""
        return {**URGENCY_OF_EMERGENCY, **self.urgency}

    @cached_property
    def settings(self) -> dict[str, PatientSetting]:
        """Patient setting by folded class."""
        return {**PATIENT_CLASSES, **self.patient_classes}

    @cached_property
    def observed(self) -> frozenset[str]:
        """Folded names of the observations that mean anything."""
        return frozenset((*self.safety, *self.needs, *self.weight, *self.travel_cap))

    @cached_property
    def sections_refused(self) -> frozenset[str]:
        """Folded sections that are no imaging."""
        return self.not_imaging | {section.casefold() for section in NOT_IMAGING}

    @cached_property
    def own_codes(self) -> dict[ProcedureCode, str]:
        """Their code for each of our procedures: the first in the file."""
        found: dict[ProcedureCode, str] = {}
        for theirs, ours in self.procedures.items():
            found.setdefault(ours, theirs.upper())
        return found

    @property
    def text(self) -> str:
        """The YAML that the profile was read from; empty if it was none."""
        return "" if self._origin is None else self._origin[1].text

    def position(self, *location: str | int) -> tuple[int, int]:
        """Return the line and column of a key in the text; 1, 1 if there is none."""
        return (1, 1) if self._origin is None else self._origin[1].position(location)

    def with_tables(self, tables: Mapping[str, Any]) -> Profile:
        """Return the profile with these code tables, by field, in place of its own.

        Its ``diary`` holds one as well.
        """
        changed = self.model_copy(update=dict(tables))
        for name, value in vars(type(self)).items():
            if isinstance(value, cached_property):
                changed.__dict__.pop(name, None)
        return changed

    def mode_of(
        self, procedures: Iterable[ProcedureCode | None], *, otherwise: BookingMode
    ) -> BookingMode:
        """Return who decides on the slot in which all these are done.

        Parameters
        ----------
        otherwise
            For those that have no mode of their own, or are not known yet.
        """
        modes = self.booking_modes
        return BookingMode.most_careful(
            otherwise if code is None else modes.get(code, otherwise)
            for code in procedures
        )

    def control(self, code: str) -> Control | None:
        """Return what an order control code asks for; ``None`` if it cannot from here.

        It is not known, or it is a filler's and this partner fills no orders.
        """
        rule = CONTROLS.get(self.controls.get(code.casefold(), code.upper()))
        if rule is None or (rule.by is Speaker.FILLER and not self.fills_orders):
            return None
        return rule.control


def by_sender(profiles: Iterable[Profile]) -> dict[tuple[str, str], Profile]:
    """Return the profiles by folded application and facility (empty: any)."""
    return {sender.key: profile for profile in profiles for sender in profile.senders}


def profile_of(
    sender: tuple[str, str], owners: Mapping[tuple[str, str], Profile]
) -> Profile | None:
    """Return whose message this is: a named facility before any facility.

    Parameters
    ----------
    sender
        MSH-3.1 and MSH-4.1.
    owners
        What `by_sender` returned.
    """
    application, facility = sender[0].casefold(), sender[1].casefold()
    return owners.get((application, facility)) or owners.get((application, ""))
