"""Messages in, as seen over HTTP."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from api.schemas.common import (
    MOST,
    Body,
    Document,
    Instant,
    InstantIn,
    Reason,
    example,
)
from api.schemas.deliveries import DeliveryDocument
from booking_engine.application.views import MessageFilter
from booking_engine.domain.identifiers import MessageId, OrderId, PartnerId
from booking_engine.domain.messages import (
    InboundMessage,
    KeyKind,
    MessageOutcome,
    SearchKey,
)
from hl7_adapters.tree import MessageTree, tree_of

MOST_REPLAYED: Final = 200
"""Messages that one request replays; each is a transaction of its own."""
_BLANKS: Final = re.compile(r"[\s-]")
_KEYS: Final = {
    "nhs_number": KeyKind.NHS_NUMBER,
    "hospital_number": KeyKind.HOSPITAL_NUMBER,
    "placer_number": KeyKind.PLACER,
    "filler_number": KeyKind.FILLER,
    "accession": KeyKind.ACCESSION,
}

Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=199)
]


class MessageLine(Document):
    """One inbound message in a list."""

    id: str
    received_at: Instant
    sent_at: Instant | None = Field(description="MSH-7.")
    peer: str
    partner: str | None
    sender: str
    control_id: str
    kind: str
    order_control: str = Field(description="The different ORC-1, such as CA,NW.")
    outcome: MessageOutcome
    error_code: str
    error_text: str
    warnings: list[str] = Field(description="What was repaired or passed over.")
    order_ids: list[str]
    latency_us: int = Field(
        description="Microseconds from the last byte to the acknowledgement; the"
        " commit comes on top."
    )
    fault: str = Field(description="Why the bytes are no whole frame, or empty.")
    replay_of: str | None
    replayed_by: str | None
    replay_reason: str
    edited: bool = Field(description="Whether a replay's bytes differ.")


class SearchKeyDocument(Document):
    """A number that the message names."""

    kind: KeyKind
    value: str


class FieldDocument(Document):
    """One field that holds anything."""

    number: int
    is_null: bool = Field(description='Whether it is the explicit null, "".')
    repetitions: list[list[list[str]]] = Field(
        description="Repetitions of components of subcomponents, escapes undone."
    )


class SegmentDocument(Document):
    """One segment."""

    id: str
    fields: list[FieldDocument]


class TreeDocument(Document):
    """The message as a tree."""

    charset: str
    segments: list[SegmentDocument]
    left_out: int = Field(description="Further segments, not shown.")


class MessageDocument(MessageLine):
    """One inbound message: what came, what was answered, and what it led to."""

    digest: str = Field(description="SHA-256 of the bytes received.")
    raw: str = Field(description="As received; segments end with a carriage return.")
    raw_base64: str = Field(description="The very bytes.")
    ack: str = Field(description="As answered.")
    keys: list[SearchKeyDocument]
    tree: TreeDocument | None = Field(description="Null where no header was found.")
    deliveries: list[DeliveryDocument] = Field(
        description="What answers it, and what was told of its orders since."
    )
    replays: list[MessageLine] = Field(description="Newest first.")


class MessageSearch(Body):
    """What to look for; all that is given must match."""

    model_config = example(nhs_number="999 000 0018", outcome="refused")

    nhs_number: Number | None = None
    hospital_number: Number | None = None
    placer_number: Number | None = None
    filler_number: Number | None = None
    accession: Number | None = None
    control_id: str | None = None
    partner: str | None = None
    kind: str | None = Field(default=None, examples=["ORM^O01"])
    outcome: MessageOutcome | None = None
    error_code: str | None = Field(default=None, description="HL7 table 0357.")
    order_id: str | None = None
    replay_of: str | None = None
    received_from: InstantIn | None = None
    received_to: InstantIn | None = None

    def filter(self, *, unreplayed: bool = False) -> MessageFilter:
        """Return what is looked for."""
        return MessageFilter(
            partner=None if self.partner is None else PartnerId(self.partner),
            control_id=self.control_id,
            outcome=self.outcome,
            kind=self.kind,
            error_code=self.error_code,
            order_id=None if self.order_id is None else OrderId(self.order_id),
            replay_of=None if self.replay_of is None else MessageId(self.replay_of),
            received_from=self.received_from,
            received_to=self.received_to,
            keys=tuple(self._keys()),
            unreplayed=unreplayed,
        )

    def _keys(self) -> list[SearchKey]:
        found = []
        for name, kind in _KEYS.items():
            value: str | None = getattr(self, name)
            if value is not None:
                if kind is KeyKind.NHS_NUMBER:
                    value = _BLANKS.sub("", value)
                found.append(SearchKey(kind, value))
        return found


class MessagePageSearch(MessageSearch):
    """A search, and which page of what it finds."""

    cursor: str | None = Field(
        default=None, max_length=2000, description="`next_cursor` of the page before."
    )
    limit: int = Field(default=50, ge=1, le=MOST)


class FoundMessages(Document):
    """A page of what a search found; the numbers stay out of addresses and logs."""

    items: list[MessageLine]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null on the last."
    )


class ReplayBody(Body):
    """Why a message is carried out again, and perhaps what instead of it."""

    model_config = example(reason="procedure code mapped")

    reason: Reason
    text: str | None = Field(
        default=None,
        min_length=1,
        description="The edited message; lines may end as on any system.",
    )


class ReplayMany(MessageSearch):
    """Which messages to carry out again: those that were not yet, oldest first."""

    model_config = example(
        outcome="refused", error_code="103", reason="control mapped", dry_run=True
    )

    reason: Reason
    dry_run: bool = Field(default=False, description="Only say what would be done.")
    limit: int = Field(default=50, ge=1, le=MOST_REPLAYED)

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        """Refuse to replay all there is by a forgotten filter."""
        if self.filter() == MessageFilter():
            raise ValueError("name at least one filter, such as outcome")
        return self


class Replayed(Document):
    """What became of one replay."""

    original: str
    message: MessageLine


class ReplayedMany(Document):
    """What was, or would be, replayed."""

    matching: int = Field(
        description="How many were not replayed before this request, counted to 10000."
    )
    originals: list[str] = Field(description="Those of this request, oldest first.")
    replayed: list[Replayed] = Field(description="Empty in a dry run.")


def document_of(
    message: InboundMessage,
    deliveries: list[DeliveryDocument],
    replays: list[MessageLine],
    charset: str | None,
) -> MessageDocument:
    """Return a message with all that is known of it.

    Parameters
    ----------
    charset
        What its sender is known to use.
    """
    tree = tree_of(message.raw, charset=charset)
    return MessageDocument(
        **MessageLine.model_validate(message).model_dump(),
        digest=message.digest,
        raw=as_text(message.raw) if tree is None else tree.text,
        raw_base64=b64encode(message.raw).decode(),
        ack=as_text(message.ack),
        keys=[SearchKeyDocument(kind=k, value=v) for k, v in message.keys],
        tree=None if tree is None else _tree(tree),
        deliveries=deliveries,
        replays=replays,
    )


def _tree(tree: MessageTree) -> TreeDocument:
    return TreeDocument.model_validate(tree)


def as_text(raw: bytes) -> str:
    """Return bytes from a wire as text, whatever they are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
