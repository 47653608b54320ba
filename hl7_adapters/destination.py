"""Where a partner is told of events, with which message, and how we acknowledge."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from booking_engine.domain.identifiers import ScannerId, SiteCode
from hl7_adapters.dialect import Strict, Text

DEFAULT_PORT: Final = 2575  # IANA, service "hl7"


class Sending(StrEnum):
    """Which message tells a partner of an event."""

    SIU = "siu"
    ORM_SC = "orm_sc"
    OMG_SC = "omg_sc"
    NONE = "none"


class Outgoing(Strict):
    """Where and how this partner is told.

    Parameters
    ----------
    appointments
        Message for bookings, moves and cancellations of appointments.
    orders
        Message for orders held, rejected or cancelled; there is no SIU for these.
    application, facility
        MSH-5 and MSH-6 of what we send.
    own_application, own_facility
        MSH-3 and MSH-4.
    scanners, sites
        Our names to theirs; one that is missing is sent as it is.
    """

    host: Text
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535)
    appointments: Sending = Sending.SIU
    orders: Literal[Sending.ORM_SC, Sending.OMG_SC, Sending.NONE] = Sending.NONE
    version: Literal["2.3.1", "2.4", "2.5.1"] = "2.4"
    charset: Text = "UNICODE UTF-8"
    application: str = ""
    facility: str = ""
    own_application: Text = "BOOKING"
    own_facility: str = ""
    processing_id: Literal["P", "T", "D"] = "P"
    ack_timeout_seconds: float = Field(default=30.0, gt=0)
    scanners: dict[ScannerId, str] = Field(default_factory=dict)
    sites: dict[SiteCode, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exists_in_version(self) -> Self:
        """Refuse messages that the version does not have: OMG came with HL7 2.4."""
        if Sending.OMG_SC in {self.appointments, self.orders} and (
            self.version == "2.3.1"
        ):
            raise ValueError(
                "HL7 2.3.1 has no OMG message; raise the version or send orm_sc"
            )
        return self


class AckOptions(Strict):
    """How this partner's messages are acknowledged (HL7 2.5.1 section 2.9)."""

    mode: Literal["original"] = "original"
