"""A million broken messages: each is answered once, with a code, and kept.

Damaged messages (`mutations`) go through the deframer in random portions, then through
the receiver with the demo's partners into a SQLite file. Between them come good
messages, which must be accepted. Counted and refused are: answers without a code,
answers that are missing or too many, messages that the store does not have, and faults
of ours (answered 207). Run from the repository's root::

    python -m benchmarks.fuzz [--messages 20000] [--seed 1]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from api.demo.mix import Intent
from api.demo.network import demo_catalogue, demo_profiles
from api.demo.orders import DemoOrders
from benchmarks import conditions, resident_mb, shown_mb, table
from benchmarks.further_messages import further_messages
from benchmarks.mutations import mutated
from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import SystemClock, local_date
from booking_engine.domain.identifiers import MessageId, PartnerId, TimeOrderedIds
from booking_engine.domain.messages import MessageOutcome
from booking_engine.domain.policy import Policy
from booking_engine.persistence.schema import migrate
from booking_engine.persistence.sql import SqlUnitOfWorkFactory, make_engine
from hl7_adapters.ack import read_ack
from hl7_adapters.diary_profile import KeptDiary
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.framing import Deframer, Frame, TooLong, frame
from hl7_adapters.mllp.received import Fault, Received
from hl7_adapters.receiver import Receiver

BATCH: Final = 100
LONGEST: Final = 64 * 1024
"""Bytes of a frame; longer ones must be refused, so that this is tried too."""
KEEPER: Final = PartnerId("r0a")
"""The demo's partner that keeps a diary here."""
FURTHER_TIMES: Final = 8
"""How often messages that are no orders stand in the corpus beside 400 orders."""
FRESH: Final = 0.7
"""Share of the messages that are new; the others meet what the store holds."""
CODES: Final = frozenset({"AA", "AE", "AR", "CA", "CE", "CR"})  # HL7 table 0008
_KINDS: Final = ("whole", "framing", "bare")


class Broken(Exception):
    """The receiver broke a promise; the text says which, the seed repeats it."""


@dataclass
class Tally:
    """What was sent and what came back."""

    messages: int = 0
    frames: int = 0
    good: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)


class Target:
    """A receiver with a store in a file, and what must hold of both.

    Parameters
    ----------
    folder
        Where the database is made.
    seed
        Of the good messages and of the identifiers.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        clock = SystemClock()
        self._today = local_date(clock.now())
        self._url = f"sqlite:///{folder / 'fuzz.db'}"
        migrate(self._url)
        self._engine = make_engine(self._url)
        ids = TimeOrderedIds(clock, Random(seed))
        self._dispatcher = Dispatcher(
            SqlUnitOfWorkFactory(self._engine, ids),
            clock=clock,
            ids=ids,
            policy=Policy(),
        )
        catalogue = demo_catalogue(self._today)
        with self._dispatcher.open_work() as uow:
            uow.replace_catalogue(catalogue)
            uow.commit()
        profiles = demo_profiles()
        # One of them keeps a diary, so that its messages are read.
        keeper = profiles[KEEPER]
        diary = KeptDiary(resources={"room1": next(iter(catalogue.scanners))})
        profiles[KEEPER] = keeper.model_copy(
            update={"diary": diary, "fills_orders": True, "park_minutes": 30}
        )
        self._receiver = Receiver(
            self._dispatcher, profiles.values(), ids=ids, clock=clock
        )
        orders = DemoOrders(catalogue, count=400, seed=seed, today=self._today)
        self.corpus = [each.payload for each in orders]
        sender = keeper.senders[0]
        further = further_messages(
            sender.application, sender.facility, f"{self._today:%Y%m%d}101500"
        )
        self.corpus += FURTHER_TIMES * list(further)
        self._good = next(each.payload for each in orders if each.intent is Intent.NEW)
        self._number = 0
        self.tally = Tally()

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    def good(self) -> bytes:
        """Return a new order that must be accepted, whatever came before it."""
        return self.renumbered(self._good)

    def renumbered(self, message: bytes) -> bytes:
        """Return a message of the corpus as another order under another control id."""
        self._number += 1
        header, *rest = message.split(b"\r")
        fields = header.split(b"|")
        fields[9] = b"STORM%d" % self._number
        text = b"\r".join([b"|".join(fields), *rest])
        number = decode(message).get("ORC-2.1").encode()
        return text.replace(number, b"STORM%d" % self._number) if number else text

    def attack(self, payloads: Sequence[bytes], rng: Random) -> None:
        """Send payloads over one connection in random portions, then a good one.

        Raises
        ------
        Broken
            Something was not answered, not kept, or not coded.
        """
        stream = b"".join(_framed(each, rng) for each in payloads)
        good = self.good()
        deframer = Deframer(LONGEST)
        received: list[Received] = []
        at = 0
        while at < len(stream):
            size = rng.choice((1, 7, 100, 5000, 60_000))
            received += _received(deframer.feed(stream[at : at + size]))
            at += size
        # The last byte may have been anything: a frame begins anew at its VT.
        tail = list(_received(deframer.feed(frame(good))))
        if not tail or tail[-1].frame != good:
            raise Broken("the good message after the damage was not framed")
        self.tally.messages += len(payloads)
        for start in range(0, len(received), BATCH):
            self._handle(received[start : start + BATCH])
        answer = self._handle(tail)[-1]
        if answer is None or read_ack(answer)[0] not in {"AA", "CA"}:
            raise Broken(f"a good message was answered {answer!r}")
        self.tally.good += 1

    def _handle(self, batch: Sequence[Received]) -> list[bytes | None]:
        answers = self._receiver.handle(batch)
        if len(answers) != len(batch):
            raise Broken(f"{len(batch)} frames got {len(answers)} answers")
        self.tally.frames += len(batch)
        names: set[str] = set()
        for received, answer in zip(batch, answers, strict=True):
            if answer is None:
                raise Broken(f"closed unanswered: {received.frame!r}")
            if not answer:
                continue  # stored, and nobody waits for an answer to it
            code, _ = read_ack(answer)
            if code not in CODES:
                raise Broken(f"answer without a code: {answer!r}")
            names.add(decode(answer).control_id)
            self.tally.answers[code] += 1
        self._kept(names)
        return answers

    def _kept(self, names: set[str]) -> None:
        """Refuse an acknowledgement whose message is not in the store."""
        with self._dispatcher.open_work.reading() as uow:
            for name in names:
                message = uow.messages.get(MessageId(name))
                self.tally.outcomes[message.outcome.value] += 1
                if message.outcome is MessageOutcome.FAILED:
                    raise Broken(
                        f"{message.error_text}: {message.kind} {message.raw!r}"
                    )


def _framed(payload: bytes, rng: Random) -> bytes:
    match rng.choices(_KINDS, (90, 8, 2))[0]:
        case "whole":
            return frame(payload)
        case "framing":
            whole = bytearray(frame(payload))
            for _ in range(rng.choice((1, 2, 5))):
                at = rng.choice((0, len(whole) - 1, rng.randrange(len(whole))))
                whole[at : at + rng.choice((0, 1))] = rng.choice(
                    (b"\x0b", b"\x1c", b"\r", b"", b"\x1c\r", b"\x06", b"x")
                )
            return bytes(whole) or b"\x0b"
        case _:
            return payload


def _received(events: Sequence[object]) -> Iterator[Received]:
    for event in events:
        fault, data = None, b""
        if isinstance(event, Frame):
            data = event.payload
        elif isinstance(event, TooLong):
            fault, data = Fault.TOO_LONG, event.head
        else:
            head: bytes = getattr(event, "head", b"")
            stray = getattr(event, "stray", None)
            fault, data = Fault(stray.value if stray else "unframed"), head
        yield Received(data, "127.0.0.1:1", 1, datetime.now(UTC), 0, fault)


def storm(target: Target, count: int, rng: Random) -> None:
    """Send `count` damaged messages, some of them twice."""
    while target.tally.messages < count:
        size = min(BATCH, count - target.tally.messages)
        payloads = []
        for _ in range(size):
            message = rng.choice(target.corpus)
            if rng.random() < FRESH:
                message = target.renumbered(message)
            payloads.append(mutated(message, target.corpus, rng))
        if rng.random() < 0.1:
            payloads[-1] = payloads[0]
        target.attack(payloads, rng)


def run(given: argparse.Namespace) -> None:
    """Send the storm and print the counts."""
    logging.disable(logging.CRITICAL)
    heading = conditions(
        "Broken messages", seed=given.seed, size=f"{given.messages} messages"
    )
    rng = Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder), given.seed)
        storm(target, min(2000, given.messages), rng)
        warm = resident_mb(os.getpid())
        began = time.perf_counter()
        while target.tally.messages < given.messages:
            storm(target, min(target.tally.messages + 10_000, given.messages), rng)
            if sys.stderr.isatty():
                print(f"\r{target.tally.messages} messages", end="", file=sys.stderr)
        seconds = time.perf_counter() - began
        held = resident_mb(os.getpid())
        target.close()
    tally = target.tally
    rows = [
        ("damaged messages", str(tally.messages)),
        ("frames and stray pieces received", str(tally.frames)),
        *(
            (f"answered {code}", str(count))
            for code, count in sorted(tally.answers.items())
        ),
        *(
            (f"stored as {outcome}", str(count))
            for outcome, count in sorted(tally.outcomes.items())
        ),
        ("good messages between them, all accepted", str(tally.good)),
        ("unanswered, not stored, or failed by a fault of ours", "0"),
        ("seconds", f"{seconds:.0f}"),
        ("memory after 2,000 messages and at the end, MB", _mb(warm, held)),
    ]
    print(heading)
    print(table(("what", "count"), rows))


def _mb(first: float | None, last: float | None) -> str:
    return f"{shown_mb(first)}, {shown_mb(last)}"


def main() -> None:
    """Run the storm."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
