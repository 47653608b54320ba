"""Names of things: one type for each, so that a swapped pair is a type error.

Our own identifiers are 15 characters: a letter for the kind, nine base-32 digits of
milliseconds since 1970, five of sequence. They sort by time, and they fit SCH-2,
which old radiology systems cut at 15 characters (HL7 2.3.1, SCH-2 length).
"""

from __future__ import annotations

import threading
from random import Random
from typing import NewType, Protocol

from booking_engine.domain.clock import Clock

OrderId = NewType("OrderId", str)
AppointmentId = NewType("AppointmentId", str)
SessionId = NewType("SessionId", str)
DiaryEntryId = NewType("DiaryEntryId", str)
DecisionId = NewType("DecisionId", str)
PlanRunId = NewType("PlanRunId", str)
RebookingId = NewType("RebookingId", str)
EventId = NewType("EventId", str)
DeliveryId = NewType("DeliveryId", str)
MessageId = NewType("MessageId", str)
MappingId = NewType("MappingId", str)
PatientId = NewType("PatientId", str)

ScannerId = NewType("ScannerId", str)
ContractId = NewType("ContractId", str)
ProcedureCode = NewType("ProcedureCode", str)
PartnerId = NewType("PartnerId", str)
OrganisationCode = NewType("OrganisationCode", str)
"""ODS code of a trust or independent-sector provider, such as ``R0A``."""
SiteCode = NewType("SiteCode", str)
"""ODS code of a site, such as ``R0A02``."""
PatientKey = NewType("PatientKey", str)
"""``nhs:9990000018`` where the NHS number is valid, else ``local:R0A:X1234``."""
Actor = NewType("Actor", str)
"""Who is responsible for a change: ``person:…``, ``interface:…`` or ``job:…``."""

# Like Crockford's, but for U in place of S: node-hl7-server cuts a message wherever it
# finds MSH, FHS, BHS, BTS or FTS, also inside a name of ours.
_DIGITS = "0123456789ABCDEFGHJKMNPQRTUVWXYZ"
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_SEQUENCE_RANGE = 32**5


class Ids(Protocol):
    """A source of new identifiers."""

    def __call__(self, kind: str) -> str:
        """Return a new identifier whose first letter is `kind`."""
        ...


class TimeOrderedIds:
    """Identifiers that sort by time and never repeat within a process.

    Parameters
    ----------
    clock
        Read once for each identifier.
    random
        Chooses where the sequence of each millisecond begins, so that two processes
        do not collide; the database's primary keys are the last guard.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._millisecond = -1
        self._sequence = 0

    def __call__(self, kind: str) -> str:
        """Return a new identifier whose first letter is `kind`."""
        with self._lock:
            now = int(self._clock.now().timestamp() * 1000)
            if now <= self._millisecond:
                self._sequence += 1
                if self._sequence == _SEQUENCE_RANGE:
                    self._millisecond += 1
                    self._sequence = 0
            else:
                self._millisecond = now
                # The lower half leaves room to count upwards in one millisecond.
                self._sequence = self._random.randrange(_SEQUENCE_RANGE // 2)
            number = self._millisecond * _SEQUENCE_RANGE + self._sequence
        text = ""
        for _ in range(7):  # two digits at once: every message is given several names
            number, pair = divmod(number, 32 * 32)
            text = _PAIRS[pair] + text
        return kind + text
