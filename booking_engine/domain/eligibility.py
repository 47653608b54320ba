"""The hard rules of allocation: which scanner and session an order may use.

Each rule is declared once, as arithmetic that works alike on plain numbers and on
numpy columns. A booking evaluates it one by one, a plan over millions of pairs; a
property test holds the two equal. The solver knows none of these rules: it sees only
the pairs and openings that passed.

Rules on the order itself (vetting, safety answers) are in `safety` and `orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from booking_engine.domain.catalogue import Catalogue
from booking_engine.domain.exams import exam_of
from booking_engine.domain.orders import ImagingOrder
from booking_engine.domain.patients import is_child
from booking_engine.domain.policy import Policy
from booking_engine.domain.resources import Contract, Scanner, Site, road_km
from booking_engine.domain.safety import required_capabilities
from booking_engine.domain.schedule import ScanSession, SessionStatus
from booking_engine.domain.vocabulary import (
    Capability,
    ListType,
    PatientSetting,
    Priority,
    Trait,
)

RULES_VERSION = "2026-11.2"
"""Stored with each decision; raise it with any change to the rules below."""

Number = int | NDArray[np.int64]
"""A plain number, or a column of them."""
Truth = bool | NDArray[np.bool_]

ANYWHERE = -1
"""In `OrderFacts.only_site`: any site will do."""
NOWHERE = -2
"""In `OrderFacts.only_site`: an inpatient whose place is not known can go nowhere."""
_HOIST_MINUTES = 10
_INTERPRETER_MINUTES = 5


class Rule(StrEnum):
    """Names of the rules, in the order in which exclusions are counted."""

    MODALITY = "modality"
    PROVIDER_OPEN = "provider_open"
    CAPABILITY = "capability"
    WEIGHT = "weight"
    CONTRACT_EXCLUSION = "contract_exclusion"
    SITE = "site"
    TRAVEL = "travel"
    SESSION_OPEN = "session_open"
    LIST_TYPE = "list_type"
    NOTICE = "notice"
    LATEST = "latest"
    LENGTH = "length"
    CONTRACT_CEILING = "contract_ceiling"


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the rules ask of an order: plain numbers, or columns of them.

    Parameters
    ----------
    modality
        `Modality.number`.
    required
        Capability mask that the scanner must cover.
    weight_kg
        0 where not known.
    traits
        What a contract may exclude.
    only_site
        Row number of the one site that will do (inpatients), `ANYWHERE`, or `NOWHERE`.
    travel_cap_km
        The furthest allowed, by the patient's word or the policy.
    lists
        Mask of the list types allowed.
    earliest_day, latest_day
        Proleptic ordinals of local days, inclusive.
    """

    modality: Number
    required: Number
    weight_kg: Number
    traits: Number
    only_site: Number
    travel_cap_km: Number
    lists: Number
    earliest_day: Number
    latest_day: Number


@dataclass(frozen=True, slots=True)
class ScannerFacts:
    """What the rules ask of a scanner; `travel_km` is from the order's patient."""

    modality: Number
    accepts: Number
    capabilities: Number
    max_weight_kg: Number
    excludes: Number
    site: Number
    travel_km: Number


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What the rules ask of a session at the time of booking."""

    is_open: Number
    list_bit: Number
    day: Number


SCANNER_RULES: tuple[tuple[Rule, Callable[[OrderFacts, ScannerFacts], Truth]], ...] = (
    (Rule.MODALITY, lambda o, s: o.modality == s.modality),
    (Rule.PROVIDER_OPEN, lambda _, s: s.accepts == 1),
    (Rule.CAPABILITY, lambda o, s: (o.required & ~s.capabilities) == 0),
    (Rule.WEIGHT, lambda o, s: o.weight_kg <= s.max_weight_kg),
    (Rule.CONTRACT_EXCLUSION, lambda o, s: (o.traits & s.excludes) == 0),
    (Rule.SITE, lambda o, s: (o.only_site == ANYWHERE) | (o.only_site == s.site)),
    (Rule.TRAVEL, lambda o, s: s.travel_km <= o.travel_cap_km),
)
"""Whether a scanner will do at all; counted in this order."""

SESSION_RULES: tuple[tuple[Rule, Callable[[OrderFacts, SessionFacts], Truth]], ...] = (
    (Rule.SESSION_OPEN, lambda _, s: s.is_open == 1),
    (Rule.LIST_TYPE, lambda o, s: (o.lists & s.list_bit) != 0),
    (Rule.NOTICE, lambda o, s: s.day >= o.earliest_day),
    (Rule.LATEST, lambda o, s: s.day <= o.latest_day),
)
"""Whether a session of such a scanner will do."""


def broken_scanner_rules(order: OrderFacts, scanner: ScannerFacts) -> list[Rule]:
    """Return the scanner rules that one order breaks on one scanner."""
    return [name for name, holds in SCANNER_RULES if not holds(order, scanner)]


def broken_session_rules(order: OrderFacts, session: SessionFacts) -> list[Rule]:
    """Return the session rules that one order breaks in one session."""
    return [name for name, holds in SESSION_RULES if not holds(order, session)]


def exam_minutes(order: ImagingOrder, catalogue: Catalogue) -> int:
    """Return the table time of this patient's exam: all steps, and what needs add.

    Raises
    ------
    NotKnown
        A procedure is not in the catalogue.
    """
    minutes = exam_of(order.content, catalogue).minutes
    if order.content.needs.hoist:
        minutes += _HOIST_MINUTES
    if order.content.needs.interpreter:
        minutes += _INTERPRETER_MINUTES
    return minutes


def order_facts(
    order: ImagingOrder,
    catalogue: Catalogue,
    *,
    today: date,
    policy: Policy,
) -> OrderFacts:
    """Return the facts of one order, as plain numbers.

    Parameters
    ----------
    order
        Vetted: its procedures and priority are known.
    today
        The local day of the booking; notice counts from it.

    Raises
    ------
    NotKnown
        A procedure is not in the catalogue.
    """
    content = order.content
    assert content.priority is not None, "an order without urgency is held"
    procedure = exam_of(content, catalogue)
    asked = tuple(a for a in content.safety if a.question in procedure.questions)
    from_answers = required_capabilities(asked)
    required = procedure.needs | content.needs.capabilities | from_answers
    traits = content.needs.traits
    if procedure.contrast:
        required |= Capability.CONTRAST_COVER
        traits |= Trait.CONTRAST
    if is_child(content.patient, today):
        required |= Capability.PAEDIATRIC
        traits |= Trait.UNDER_18
    if Capability.CARDIAC_DEVICE in from_answers:
        traits |= Trait.CARDIAC_DEVICE
    in_bed = content.setting in (PatientSetting.INPATIENT, PatientSetting.EMERGENCY)
    only_site = ANYWHERE
    if in_bed:
        traits |= Trait.INPATIENT
        sites = list(catalogue.sites)
        only_site = sites.index(content.site) if content.site in sites else NOWHERE
    earliest = today.toordinal()
    if not in_bed and content.priority is not Priority.IMMEDIATE:
        earliest += max(1, procedure.notice_days)
    if content.earliest_on is not None:
        earliest = max(earliest, content.earliest_on.toordinal())
    latest = content.latest_on or date.max
    cap = content.needs.travel_cap_km
    return OrderFacts(
        modality=procedure.modality.number,
        required=int(required),
        weight_kg=content.needs.weight_kg or 0,
        traits=int(traits),
        only_site=only_site,
        travel_cap_km=policy.max_travel_km if cap is None else cap,
        lists=int(policy.weights[content.priority].lists),
        earliest_day=earliest,
        latest_day=latest.toordinal(),
    )


def home_of(order: ImagingOrder, catalogue: Catalogue) -> tuple[float, float] | None:
    """Return where the patient lives: the district, else the asking site."""
    place = catalogue.places.get(order.content.patient.outward_code)
    if place is not None:
        return place.latitude, place.longitude
    site = (
        None if order.content.site is None else catalogue.sites.get(order.content.site)
    )
    return None if site is None else (site.latitude, site.longitude)


def travel_km(order: ImagingOrder, site: Site, catalogue: Catalogue) -> int:
    """Return whole road kilometres from the patient to `site`; 0 if not known."""
    home = home_of(order, catalogue)
    if home is None:
        return 0
    return int(np.rint(road_km(*home, site.latitude, site.longitude)))


def scanner_facts(
    scanner: Scanner, catalogue: Catalogue, *, today: date, travel: int
) -> ScannerFacts:
    """Return the facts of one scanner for one order, as plain numbers."""
    contract = (
        None if scanner.contract is None else catalogue.contracts[scanner.contract]
    )
    return ScannerFacts(
        modality=scanner.modality.number,
        accepts=int(_accepts(scanner, contract, catalogue, today)),
        capabilities=int(scanner.capabilities),
        max_weight_kg=scanner.max_weight_kg,
        excludes=0 if contract is None else int(contract.excludes),
        site=list(catalogue.sites).index(scanner.site),
        travel_km=travel,
    )


def _accepts(
    scanner: Scanner, contract: Contract | None, catalogue: Catalogue, today: date
) -> bool:
    if catalogue.site_is_closed(scanner.site, today):
        return False
    return contract is None or contract.starts_on <= today <= contract.ends_on


def session_facts(session: ScanSession, *, at: ListType, day: date) -> SessionFacts:
    """Return the facts of one session whose list type is now `at`, on local `day`."""
    return SessionFacts(
        is_open=int(session.status is SessionStatus.OPEN),
        list_bit=int(at),
        day=day.toordinal(),
    )


def order_columns(facts: Sequence[OrderFacts]) -> OrderFacts:
    """Return many orders' facts as columns of shape ``(orders,)``."""
    return OrderFacts(
        **{
            f.name: np.array([getattr(one, f.name) for one in facts], dtype=np.int64)
            for f in fields(OrderFacts)
        }
    )


def scanner_columns(facts: Sequence[ScannerFacts]) -> ScannerFacts:
    """Return many scanners' facts as columns of shape ``(scanners,)``."""
    return ScannerFacts(
        **{
            f.name: np.array([getattr(one, f.name) for one in facts], dtype=np.int64)
            for f in fields(ScannerFacts)
        }
    )
