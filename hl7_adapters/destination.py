"""Where a partner is told of events, with which message, and how we acknowledge."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from booking_engine.domain.events import EventKind
from booking_engine.domain.identifiers import ScannerId, SiteCode
from hl7_adapters.dialect import Strict, Text
from hl7_adapters.event_codes import OF_THE_DAY, SCHEDULING

DEFAULT_PORT: Final = 2575  # IANA, service "hl7"


class Sending(StrEnum):
    """Which message tells a partner of an event."""

    SIU = "siu"
    ORM_SC = "orm_sc"
    OMG_SC = "omg_sc"
    NONE = "none"


class AckMode(StrEnum):
    """How a partner's messages are acknowledged (HL7 2.5.1 section 2.9)."""

    ORIGINAL = "original"
    ENHANCED = "enhanced"
    ENHANCED_BUT_AA = "enhanced_but_aa"


class Commit(StrEnum):
    """MSA-1 of a commit acknowledgement (table 0008)."""

    CA = "CA"
    CE = "CE"
    CR = "CR"


class OutgoingTls(Strict):
    """How the connection to a partner is secured; paths are relative to the profile.

    Parameters
    ----------
    ca
        PEM file of the authorities that the partner's certificate must come from; none:
        those of this machine.
    certificate, key
        PEM files of what we show to the partner; none: nothing.
    server_name
        Name that the partner's certificate must bear; none: the host.
    minimum
        Oldest version of TLS.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: Text | None = None
    minimum: Literal["1.2", "1.3"] = "1.2"

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        """Refuse a certificate without its key."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together; give both or none")
        return self


class Outgoing(Strict):
    """Where and how this partner is told.

    Parameters
    ----------
    tls
        How the connection is secured; none: it is not.
    keep_open
        Whether one connection serves many messages; some receivers can take only one
        message on each.
    appointments
        Message for bookings, moves, cancellations and misses of appointments.
    orders
        Message for orders held, rejected or cancelled; there is no SIU for these.
    events
        Message by event where it differs, such as ``did_not_attend: none``; that a
        patient arrived or was scanned is told only where it stands here.
    order_status
        Their ORC-5 by event, where it differs from `event_codes.STATUS`.
    appointment_status
        Their word for a status of table 0278 (SCH-25), such as ``Noshow: DNA``.
    accept_ack, application_ack
        MSH-15 and MSH-16: what we ask to be told (HL7 2.5.1 section 2.9.3). Empty:
        original mode, one answer on the connection.
    application, facility
        MSH-5 and MSH-6 of what we send.
    own_application, own_facility
        MSH-3 and MSH-4.
    scanners, sites
        Our names to theirs; one that is missing is sent as it is.
    """

    host: Text
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535)
    tls: OutgoingTls | None = None
    keep_open: bool = True
    appointments: Sending = Sending.SIU
    orders: Literal[Sending.ORM_SC, Sending.OMG_SC, Sending.NONE] = Sending.NONE
    events: dict[EventKind, Sending] = Field(default_factory=dict)
    order_status: dict[EventKind, Text] = Field(default_factory=dict)
    appointment_status: dict[str, Text] = Field(default_factory=dict)
    accept_ack: Literal["", "AL"] = ""
    application_ack: Literal["", "AL", "ER", "SU", "NE"] = ""
    version: Literal["2.3", "2.3.1", "2.4", "2.5", "2.5.1"] = "2.4"
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
        wanted = {self.appointments, self.orders, *self.events.values()}
        if Sending.OMG_SC in wanted and self.version in {"2.3", "2.3.1"}:
            raise ValueError(
                f"HL7 {self.version} has no OMG message; raise the version or send"
                " orm_sc"
            )
        return self

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        """Refuse what no message can say, and words for what is never said."""
        for kind, sending in self.events.items():
            if sending is Sending.SIU and kind not in SCHEDULING:
                raise ValueError(
                    f"there is no SIU for {kind.value}; send orm_sc, omg_sc or none"
                )
        said = {row.status for row in SCHEDULING.values()}
        for status in self.appointment_status:
            if status not in said:
                raise ValueError(
                    f"we never send the status {status!r}; name one of"
                    f" {', '.join(sorted(said))}"
                )
        if self.application_ack not in {"", "NE"} and not self.accept_ack:
            raise ValueError("application_ack needs accept_ack: AL (enhanced mode)")
        return self

    def sending(self, kind: EventKind) -> Sending:
        """Return which message tells of an event."""
        chosen = self.events.get(kind)
        if chosen is not None:
            return chosen
        if kind in OF_THE_DAY:
            return Sending.NONE
        return self.appointments if kind in SCHEDULING else self.orders


class AckOptions(Strict):
    """How this partner's messages are acknowledged (HL7 2.5.1 section 2.9).

    Parameters
    ----------
    mode
        ``original``: one answer, whatever MSH-15 and MSH-16 say. ``enhanced``: as they
        say, where they say anything. ``enhanced_but_aa``: likewise, but the commit
        acknowledgement is written AA, AE and AR, as many engines expect.
    order_answers
        In original mode: answer orders with ORR, ORG or ORI in place of ACK.
    commit
        What is answered at once in enhanced mode to a message in error, by error of
        table 0357, where it differs from `acknowledging.commit_of`.
    """

    mode: AckMode = AckMode.ORIGINAL
    order_answers: bool = False
    commit: dict[str, Literal[Commit.CE, Commit.CR]] = Field(default_factory=dict)
