"""SQM^S25 in: which time is free (HL7 2.4 section 10.5; withdrawn in HL7 2.7).

Errors::

    MappingError   see `reading`
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from booking_engine.application.request_commands import FindOpenings, StartRange
from booking_engine.domain.vocabulary import Modality
from hl7_adapters.conditions import Condition
from hl7_adapters.er7 import Message, Segment
from hl7_adapters.inbound_srm import read_ranges, read_scanners
from hl7_adapters.reading import Reading
from hl7_adapters.scheduling_fields import read_length, slot_time

MOST_OPENINGS: Final = 50
"""In one answer; there is no continuation (DSC)."""
_DEFAULT_OPENINGS: Final = 20


def read_query(message: Message, reading: Reading) -> Iterator[FindOpenings]:
    """Return what a query asks for; raises `MappingError`."""
    if not reading.profile.queries:
        raise reading.refuse(
            Condition.UNSUPPORTED_TYPE, "MSH^1^9", "this partner's queries are off"
        )
    if message.first("DSC") is not None:
        raise reading.refuse(
            Condition.UNSUPPORTED_REQUEST, "DSC^1", "ask for less; there is no DSC here"
        )
    qrd = message.first("QRD")
    if qrd is None:
        raise reading.refuse(
            Condition.MISSING_SEGMENT, "QRD^1", "a query needs a QRD segment"
        )
    arq, qrf = message.first("ARQ"), message.first("QRF")
    ranges = () if arq is None else read_ranges(arq, message, reading)
    if not ranges and qrf is not None:
        earliest = slot_time(qrf.value(2), "QRF^1^2", reading)
        latest = slot_time(qrf.value(3), "QRF^1^3", reading)
        ranges = (StartRange(earliest, latest),)
    length = timedelta(minutes=1)
    if arq is not None:
        sent = read_length(arq, 9, "ARQ^1^9", reading, lenient=True)
        length = sent or length
    yield FindOpenings(
        partner=reading.profile.id,
        ranges=ranges,
        scanners=read_scanners(message, reading),
        modality=_modality(message),
        minutes=max(1, round(length / timedelta(minutes=1))),
        limit=_limit(qrd),
    )


def _limit(qrd: Segment) -> int:
    """Return how many openings are wanted (QRD-7), within bounds."""
    sent = qrd.value(7).strip()
    wanted = int(sent[:4]) if sent[:4].isdecimal() and sent.isascii() else 0
    return min(wanted or _DEFAULT_OPENINGS, MOST_OPENINGS)


def _modality(message: Message) -> Modality | None:
    """Return the modality where a resource's type (AIG-4) names one."""
    for segment in message.all("AIG"):
        sent = segment.value(4).strip().upper()
        if sent in {one.value for one in Modality}:
            return Modality(sent)
    return None
