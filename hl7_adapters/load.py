"""Sends many messages at a steady pace over several connections, and keeps count.

With one connection the messages go out in order. With several, each connection takes
the next message as it becomes free.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

from hl7_adapters.ack import read_ack
from hl7_adapters.er7 import DecodeError, split_batch
from hl7_adapters.message_files import Filed
from hl7_adapters.mllp.sender import DeliveryFailed, Phase

ACCEPTED: Final = frozenset({"AA", "CA"})  # HL7 table 0008
KEPT_PROBLEMS: Final = 1000


class Line(Protocol):
    """One connection, such as `mllp.sender.MllpSender`."""

    def send(self, payload: bytes) -> bytes:
        """Return the acknowledgement; raises `DeliveryFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """A message that was not accepted.

    Parameters
    ----------
    code
        MSA-1, or the phase in which sending failed.
    """

    where: Filed
    code: str
    text: str


@dataclass(slots=True)
class Tally:
    """What became of a load.

    Parameters
    ----------
    answers
        How many messages had each answer: MSA-1 (of a batch the worst), or ``failed``.
    latencies
        Seconds from the first byte sent to the answer, of all that were answered.
    problems
        The first that were not accepted.
    gave_up
        Nobody was there to connect to: what was left was not sent.
    """

    answers: Counter[str] = field(default_factory=Counter)
    latencies: array[float] = field(default_factory=lambda: array("d"))
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0
    gave_up: bool = False

    @property
    def sent(self) -> int:
        """How many were tried."""
        return self.answers.total()

    @property
    def accepted(self) -> int:
        """How many were accepted."""
        return sum(self.answers[code] for code in ACCEPTED)

    def latency(self, share: float) -> float | None:
        """Return the latency, in seconds, that this share of the answers kept."""
        ordered = sorted(self.latencies)
        if not ordered:
            return None
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def send_all(
    messages: Iterable[Filed],
    connect: Callable[[], AbstractContextManager[Line]],
    *,
    connections: int = 1,
    rate: float | None = None,
    stop: threading.Event | None = None,
    on_sent: Callable[[int], None] | None = None,
) -> Tally:
    """Send every message once and return what became of them; Ctrl-C ends it early.

    Parameters
    ----------
    connect
        Opens one connection.
    rate
        Messages a second over all connections; none: as fast as they are answered.
    stop
        Once set, nothing further is sent.
    on_sent
        Told how many were sent so far.
    """
    stop = stop or threading.Event()
    begin = monotonic()
    queue = _Queue(messages, rate, begin)
    tally = Tally()
    lock = threading.Lock()

    def work() -> None:
        with connect() as line:
            while not stop.is_set() and (taken := queue.take()) is not None:
                due, message = taken
                if stop.wait(max(0.0, due - monotonic())):
                    return
                _send(message, line, tally, lock, stop)
                if on_sent is not None:
                    with lock:
                        on_sent(tally.sent)

    threads = [
        threading.Thread(target=work, name=f"hl7 send {number}", daemon=True)
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:  # what was sent so far is worth telling
        stop.set()
        for thread in threads:
            thread.join()
    tally.seconds = monotonic() - begin
    return tally


def _send(
    message: Filed,
    line: Line,
    tally: Tally,
    lock: threading.Lock,
    stop: threading.Event,
) -> None:
    began = monotonic()
    try:
        code, text = worst_of(line.send(message.payload))
        took: float | None = monotonic() - began
    except (DeliveryFailed, DecodeError) as error:
        code, text, took = "failed", str(error), None
        if isinstance(error, DeliveryFailed) and error.phase is Phase.CONNECT:
            tally.gave_up = True
            stop.set()
    with lock:
        tally.answers[code] += 1
        if took is not None:
            tally.latencies.append(took)
        if code not in ACCEPTED and len(tally.problems) < KEPT_PROBLEMS:
            tally.problems.append(Problem(message, code, text))


def worst_of(answer: bytes) -> tuple[str, str]:
    """Return MSA-1 and text of an acknowledgement; of a batch, the first refusal.

    Raises
    ------
    DecodeError
        It acknowledges nothing.
    """
    read = [read_ack(part) for part in split_batch(answer)]
    return next((one for one in read if one[0] not in ACCEPTED), read[0])


class _Queue:
    """The messages, each handed out once, with the instant at which it is due."""

    def __init__(
        self, messages: Iterable[Filed], rate: float | None, begin: float
    ) -> None:
        self._messages: Iterator[Filed] = iter(messages)
        self._seconds = 0.0 if rate is None else 1 / rate
        self._due = begin
        self._lock = threading.Lock()

    def take(self) -> tuple[float, Filed] | None:
        with self._lock:
            message = next(self._messages, None)
            if message is None:
                return None
            due, self._due = self._due, self._due + self._seconds
            return due, message
