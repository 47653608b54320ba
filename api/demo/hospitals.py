"""The demo's hospitals: they send orders, and receive bookings, over real sockets."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from api.demo.orders import DemoMessage
from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.er7 import Message, decode
from hl7_adapters.mllp.framing import frame
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.peer import StandIn

_LOOPBACK: Final = "127.0.0.1"
_ACK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What the senders heard back.

    Parameters
    ----------
    messages
        How many were sent and answered.
    answers
        MSA-1 of the answers, counted.
    """

    messages: int
    answers: Mapping[str, int]


def send_all(
    messages: Iterable[DemoMessage],
    address: tuple[str, int],
    *,
    log: Path,
    on_answer: Callable[[], None],
) -> Sent:
    """Send every message, each hospital's in order over a connection of its own.

    Parameters
    ----------
    log
        File to which each control id is appended with its answer, once answered.
    on_answer
        Called after each answer.

    Raises
    ------
    DeliveryFailed
        A connection broke or an acknowledgement did not come in time.
    """
    queues: dict[PartnerId, list[DemoMessage]] = defaultdict(list)
    for message in messages:
        queues[message.partner].append(message)
    answers: Counter[str] = Counter()
    failures: list[BaseException] = []
    lock = threading.Lock()

    def work(queue: list[DemoMessage]) -> None:
        try:
            with MllpSender(*address, ack_timeout=_ACK_SECONDS) as sender:
                for message in queue:
                    answer = decode(sender.send(message.payload)).get("MSA-1")
                    with lock:
                        answers[answer] += 1
                        answered.write(f"{message.control_id} {answer}\n")
                    on_answer()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(queue,), name=f"sender {partner}")
        for partner, queue in queues.items()
    ]
    with log.open("a", buffering=1, encoding="ascii") as answered:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return Sent(sum(answers.values()), answers)


class ReceivingHospitals:
    """A stand-in for every partner's RIS; each writes down what it received.

    Parameters
    ----------
    partners
        Who receives.
    directory
        Where one file for each is appended to, flushed to disk before the
        acknowledgement goes out.
    """

    def __init__(self, partners: Iterable[PartnerId], directory: Path) -> None:
        self._files: list[BinaryIO] = []
        self._stand_ins = {
            partner: self._stand_in(directory / f"{partner}.mllp")
            for partner in partners
        }

    def start(self) -> dict[PartnerId, tuple[str, int]]:
        """Begin to listen; return where."""
        for stand_in in self._stand_ins.values():
            stand_in.start()
        return {partner: s.address for partner, s in self._stand_ins.items()}

    def stop(self) -> None:
        """Close the connections and the files."""
        for stand_in in self._stand_ins.values():
            stand_in.stop()
        for file in self._files:
            file.close()

    @property
    def accepted(self) -> int:
        """How many messages all of them have acknowledged since they started."""
        return sum(s.counts.accepted for s in self._stand_ins.values())

    def _stand_in(self, path: Path) -> StandIn:
        file = path.open("ab", buffering=0)
        self._files.append(file)

        def keep(message: Message) -> None:
            file.write(frame(message.raw))
            os.fsync(file.fileno())

        return StandIn(_LOOPBACK, 0, on_message=keep)
