"""One frame, several messages: HL7 batches (FHS, BHS, BTS, FTS) and bare sequences.

Each message is stored, carried out and answered for itself (HL7 2.5.1 sections 2.10.3
and 2.15.2). A batch is answered by a batch of the acknowledgements, in one frame;
messages that merely follow each other in a frame are answered in a frame each.

Every byte of the frame is kept: what stands between two messages is stored with the
one before it, and what stands before the first with the first.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress, pairwise
from typing import Final, TypeAlias

from booking_engine.domain.clock import LONDON, Clock
from booking_engine.domain.identifiers import Ids
from hl7_adapters.datatypes import write_timestamp
from hl7_adapters.er7 import FieldValue, Segment, Separators, encode
from hl7_adapters.mllp.framing import KEPT_BYTES
from hl7_adapters.mllp.received import Fault, Handle, Received

log = logging.getLogger(__name__)

MOST_MESSAGES: Final = 500

Reply: TypeAlias = "bytes | tuple[bytes, ...] | None"

_OPENING: Final = re.compile(
    rb"(?:\A|[\r\n\x0b])[ \t]*((?i:MSH|FHS|BHS|BTS|FTS)[^A-Za-z0-9\x00-\x20\x7f])"
    rb"|(?:\A|[\r\n])[ \t]*(BTS|FTS)[ ]*(?=[\r\n]|\Z)"
)
_BOM: Final = b"\xef\xbb\xbf"
_CONTROL_ID: Final = 11  # BHS-11 and FHS-11; 12 refers to that of the request


@dataclass(slots=True)
class _Batch:
    """One batch within a frame: its header if any, how many messages, what it said.

    Parameters
    ----------
    stated
        BTS-1, or None where the batch does not say.
    """

    header: Segment | None
    messages: int = 0
    stated: str | None = None


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What a frame holds around its messages.

    Parameters
    ----------
    file
        FHS, or None.
    """

    file: Segment | None
    batches: tuple[_Batch, ...]

    @property
    def mismatches(self) -> list[str]:
        """What is said and counted of each batch where the two differ."""
        found: list[str] = []
        for batch in self.batches:
            stated = batch.stated
            if not stated or (stated.lstrip("0") or "0") == str(batch.messages):
                continue
            shown = stated[:9] if stated.isdecimal() else "no number"
            found.append(f"BTS-1 says {shown}, {batch.messages} came")
        return found


class Batches:
    """Stands between a listener and what handles single messages.

    Parameters
    ----------
    handle
        Handles messages; one answer for each.
    ids
        Names our batches ("B", in BHS-11).
    clock
        The time in them.
    at_once
        Most messages handed on at once: one transaction.
    most
        Most messages in one frame; a frame with more is refused whole.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        ids: Ids,
        clock: Clock,
        at_once: int = 200,
        most: int = MOST_MESSAGES,
    ) -> None:
        self._handle = handle
        self._ids = ids
        self._clock = clock
        self._at_once = at_once
        self._most = most

    def __call__(self, frames: Sequence[Received]) -> Sequence[Reply]:
        """Return one reply for each frame."""
        if not any(map(_may_be_several, frames)):
            return self._handle(frames)
        parted = [self._part(received) for received in frames]
        messages = [message for parts, _ in parted for message in parts]
        answers = iter(self._in_turn(messages))
        return [
            self._reply([next(answers) for _ in parts], envelope)
            for parts, envelope in parted
        ]

    def _in_turn(self, messages: Sequence[Received]) -> list[bytes | None]:
        """Hand the messages on in portions, none behind an unanswered one."""
        answers: list[bytes | None] = []
        lost: set[int] = set()
        for at in range(0, len(messages), self._at_once):
            portion = messages[at : at + self._at_once]
            # What follows an unanswered message must not overtake its resend.
            heard = [each.connection_id not in lost for each in portion]
            taken = list(compress(portion, heard))
            found = iter(self._handle(taken) if taken else ())
            for each, is_heard in zip(portion, heard, strict=True):
                answer = next(found) if is_heard else None
                if answer is None:
                    lost.add(each.connection_id)
                answers.append(answer)
        return answers

    def _part(self, received: Received) -> tuple[list[Received], _Envelope | None]:
        """Return the messages of a frame, and what stands around them."""
        if not _may_be_several(received):
            return [received], None
        starts, envelope = _open(received.frame)
        if len(starts) > self._most:
            log.warning(
                "batch refused: too many messages",
                extra={
                    "event": "hl7.batch_too_long",
                    "peer": received.peer,
                    "messages": len(starts),
                },
            )
            head = received.frame[starts[0] :][:KEPT_BYTES]
            return [replace(received, frame=head, fault=Fault.TOO_MANY)], None
        if not starts:
            return [received], None
        edges = [0, *starts[1:], len(received.frame)]
        parts = [
            replace(received, frame=received.frame[a:b]) for a, b in pairwise(edges)
        ]
        if envelope is not None and envelope.mismatches:
            note = "batch: " + "; ".join(envelope.mismatches)
            log.warning(note, extra={"event": "hl7.batch_count", "peer": received.peer})
            parts[-1] = replace(parts[-1], note=note)
        return parts, envelope

    def _reply(
        self, answers: Sequence[bytes | None], envelope: _Envelope | None
    ) -> Reply:
        """Return what the sender of a frame is told."""
        told: list[bytes] = []
        for answer in answers:
            if answer is None:  # all again: what was stored will be recognised
                return None
            told.append(answer)
        if envelope is not None and any(told):
            return self._batch_of(told, envelope)
        told = [answer for answer in told if answer]
        return told[0] if len(told) == 1 else tuple(told) or b""

    def _batch_of(self, told: Sequence[bytes], envelope: _Envelope) -> bytes:
        """Return the acknowledgements as a batch that mirrors the one received."""
        at = self._clock.now()
        pieces: list[bytes] = []
        if envelope.file is not None:
            pieces.append(encode([self._header(envelope.file, at)]))
        rest = iter(told)
        for batch in envelope.batches:
            answers = [next(rest) for _ in range(batch.messages)]
            answers = [answer for answer in answers if answer]
            if batch.header is not None:
                pieces.append(encode([self._header(batch.header, at)]))
            pieces += answers
            if batch.header is not None:
                pieces.append(encode([("BTS", str(len(answers)))]))
        if envelope.file is not None:
            pieces.append(encode([("FTS", str(len(envelope.batches)))]))
        return b"".join(pieces)

    def _header(self, theirs: Segment, at: datetime) -> tuple[FieldValue, ...]:
        """Return our BHS or FHS: names exchanged, their control id referred to."""
        names: tuple[FieldValue, ...] = tuple(
            tuple(theirs.first(number).components) for number in (5, 6, 3, 4)
        )
        header = (theirs.id, None, None, *names, write_timestamp(at, LONDON))
        return (*header, None, None, None, self._ids("B"), theirs.value(_CONTROL_ID))


def _may_be_several(received: Received) -> bool:
    """Whether a frame may hold a batch; nearly all do not, so this must be quick."""
    if received.fault is not None:
        return False
    raw = received.frame
    if raw[:3] != b"MSH":
        return True
    return raw.upper().count(b"MSH") > 1


def _open(raw: bytes) -> tuple[list[int], _Envelope | None]:
    """Return where the messages begin, and the envelope if there is one."""
    starts: list[int] = []
    file: Segment | None = None
    batches = [_Batch(None)]
    has_envelope = False
    for match in _OPENING.finditer(raw.removeprefix(_BOM)):
        at = match.start(1) if match.group(1) else match.start(2)
        at += len(raw) - len(raw.removeprefix(_BOM))
        name = raw[at : at + 3].upper()
        if name == b"MSH":
            starts.append(at)
            batches[-1].messages += 1
        elif name == b"FHS":
            has_envelope = True
            file = _segment(raw, at)
        elif name == b"BHS":
            has_envelope = True
            batches.append(_Batch(_segment(raw, at)))
        elif name == b"BTS" and batches[-1].header is not None:
            batches[-1].stated = _segment(raw, at).value(1).strip()
            batches.append(_Batch(None))
    if not has_envelope:
        return starts, None
    kept = tuple(b for b in batches if b.header is not None or b.messages)
    return starts, _Envelope(file, kept)


def _segment(raw: bytes, at: int) -> Segment:
    """Return an envelope's segment, with the separators that it declares."""
    line = re.split(rb"[\r\n]", raw[at : at + KEPT_BYTES], maxsplit=1)[0]
    text = line.decode("utf-8", "replace").rstrip(" ")
    mark = text[3:4] or "|"
    marks = (
        text[4:].split(mark, 1)[0] if text[:3].upper() in {"FHS", "BHS"} else "^~\\&"
    )
    marks_are_usable = (
        len(marks) >= 4  # noqa: PLR2004 - ^~\&
        and len(set(marks)) == len(marks)
        and not any(sign.isalnum() for sign in marks)
    )
    if not marks_are_usable:
        marks = "^~\\&"
    return Segment(text, 0, Separators(mark, *marks[:4]), "utf-8")
