"""What may be done to partners' profiles and to the meanings of their codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from booking_engine.domain.identifiers import (
    MappingId,
    OrderId,
    PartnerId,
    ProcedureCode,
    SiteCode,
)
from booking_engine.domain.mappings import MappingTable
from booking_engine.domain.orders import Orderer
from booking_engine.domain.vocabulary import BookingMode, PatientSetting, Priority


@dataclass(frozen=True, slots=True)
class MapCode:
    """A partner's code gets a meaning.

    Handled by `mappings.map_code`, which returns the `CodeMapping`.

    Parameters
    ----------
    target
        Our code, or the word of ours.
    valid_from, valid_to
        As in `CodeMapping`; from now on, by default.
    replaces
        The mapping of the same code that ends where this one begins.
    """

    partner: PartnerId
    table: MappingTable
    code: str
    target: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    why: str = ""
    replaces: MappingId | None = None


@dataclass(frozen=True, slots=True)
class EndMapping:
    """A mapping shall count no longer.

    Handled by `mappings.end_mapping`, which returns the `CodeMapping`.

    Parameters
    ----------
    at
        Its first instant out of force; now, by default.
    version
        The version that the caller has seen; `StaleVersion` if it moved on.
    """

    mapping_id: MappingId
    why: str = ""
    at: datetime | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class StoreProfile:
    """A partner profile is created or replaced.

    Handled by `mappings.store_profile`, which returns the `StoredProfile`.

    Parameters
    ----------
    text
        YAML that the caller has read without an error.
    version
        The newest version that the caller has seen; 0 for a new partner.
    """

    partner: PartnerId
    text: str
    version: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class SettleHolds:
    """What an order waits for is mapped by now.

    Handled by `mappings.settle_holds`, which returns the order.

    Parameters
    ----------
    procedure, priority, site, setting
        What its codes mean; ``None`` where that is still open.
    further_procedures
        Likewise of its further steps: number from 1, meaning.
    guidelines, mode
        As in `ReceiveOrder`; without `mode` the order keeps its own.
    note
        For the history: which code means what, and who said so.
    """

    order_id: OrderId
    procedure: ProcedureCode | None = None
    priority: Priority | None = None
    site: SiteCode | None = None
    setting: PatientSetting | None = None
    further_procedures: tuple[tuple[int, ProcedureCode], ...] = ()
    guidelines: frozenset[str] = frozenset()
    mode: BookingMode | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class NameOrderer:
    """Who asked for an exam is known by now, by their code.

    Handled by `mappings.name_orderer`, which returns whether the order still asked.

    Parameters
    ----------
    orderer
        With the code that the order has.
    note
        As in `SettleHolds`.
    """

    order_id: OrderId
    orderer: Orderer
    note: str = ""
