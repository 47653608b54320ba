"""The network and its diary, read-only, as seen over HTTP."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Document, Instant
from booking_engine.domain.resources import Sector
from booking_engine.domain.schedule import SessionStatus
from booking_engine.domain.vocabulary import Modality


class SiteDocument(Document):
    """A place with scanners."""

    code: str
    name: str
    organisation: str
    organisation_name: str
    sector: Sector
    latitude: float
    longitude: float
    diary_partner: str


class ScannerDocument(Document):
    """One machine in one room."""

    id: str
    name: str
    site: str
    modality: Modality
    capabilities: list[str]
    max_weight_kg: int
    contract: str | None


class SessionDocument(Document):
    """One list: a scanner, staffed, from one instant to another."""

    id: str
    scanner: str
    starts_at: Instant
    ends_at: Instant
    list_type: str
    release_at: Instant | None
    contract: str | None
    status: SessionStatus
    version: int
    free_minutes: int = Field(description="What nothing occupies now.")
