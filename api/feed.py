"""Between listener and receiver: count what came, and wake who waits for orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from api.metrics import Metrics
from hl7_adapters.mllp.listener import Handle, Received
from hl7_adapters.profile import Profile, profile_of
from hl7_adapters.profile_source import Senders, senders_of

_KIND: Final = re.compile(r"[A-Z]{3}\^[A-Z]\d\d")
_ACKS: Final = frozenset({"AA", "AE", "AR", "CA", "CE", "CR"})  # HL7 table 0008
_HEADER_FIELDS: Final = 9


class Feed:
    """Hands batches on, and tells what became of them.

    Parameters
    ----------
    handle
        Stores and answers a batch.
    profiles
        Whose feeds are counted by name; all others together.
    committed
        Called after each batch that was stored.
    now
        The clock that also stamped what was received.
    """

    def __init__(
        self,
        handle: Handle,
        profiles: Iterable[Profile] | Senders,
        *,
        metrics: Metrics,
        committed: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._handle = handle
        self._senders = senders_of(profiles)
        self._metrics = metrics
        self._committed = committed
        self._now = now

    def __call__(self, batch: Sequence[Received]) -> Sequence[bytes | None]:
        """Return one answer for each frame."""
        answers = self._handle(batch)
        answered_at = self._now()
        for received, answer in zip(batch, answers, strict=True):
            sender, kind = self._header(received.frame)
            if received.partner and sender == "unknown":
                sender = received.partner  # it came to that partner's port
            at = received.received_at
            self._metrics.message_received(
                sender, kind, _ack_of(answer), at, (answered_at - at).total_seconds()
            )
        if any(answer is not None for answer in answers):
            self._committed()
        return answers

    def _header(self, raw: bytes) -> tuple[str, str]:
        """Return partner and kind, both from short lists: they become labels."""
        # A byte order mark or the header of a batch may come before it.
        start = max(0, raw.find(b"MSH"))
        line = raw[start:].partition(b"\r")[0].decode("latin-1")
        if not line.startswith("MSH") or len(line) < _HEADER_FIELDS:
            return "unknown", "other"
        fields = (line.split(line[3]) + [""] * _HEADER_FIELDS)[:_HEADER_FIELDS]
        part = line[4]
        application = fields[2].split(part)[0].strip().casefold()
        facility = fields[3].split(part)[0].strip().casefold()
        profile = profile_of((application, facility), self._senders.owners)
        if profile is None:
            return "unknown", "other"
        kind = "^".join(fields[8].split(part)[:2])
        return profile.id, kind if _KIND.fullmatch(kind) else "other"


def _ack_of(answer: bytes | None) -> str:
    if answer is None:
        return "closed"
    code = answer.partition(b"\rMSA")[2][1:3].decode("latin-1")
    return code if code in _ACKS else "none"
