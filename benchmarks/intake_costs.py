"""Where the time of one order goes, from the frame to the acknowledgement, in process.

The engine's own receiver is handed one message at a time, or fifty together as the
listener does under load: neither a socket nor another process counts. Each step's own
time is measured, without the steps inside it. Run from the repository's root::

    python -m benchmarks.intake_costs [--orders 2000]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any, Final

from api.bootstrap import build, migrate_database
from api.demo.network import PARTNERS, REGION
from benchmarks import conditions, load, table, write_config
from benchmarks.intake import write_messages
from benchmarks.mllp_load import END
from benchmarks.persistence_writes import postgres
from booking_engine.persistence import transaction
from booking_engine.persistence.session import Session
from booking_engine.persistence.sql import SqlUnitOfWork
from booking_engine.settings import load_settings
from hl7_adapters import filing, frames, receiver
from hl7_adapters.mllp.received import Received

BATCHES: Final = (1, 50)
WARM_UP: Final = 200

STEPS: Final[tuple[tuple[str, object, str], ...]] = (
    ("reading: bytes to segments", frames, "decode"),
    ("reading: who sent it", frames.FrameReader, "read"),
    ("reading: segments to commands", frames, "to_commands"),
    ("transaction: opened, closed", receiver.Receiver, "_together"),
    ("prefetch: what to ask", SqlUnitOfWork, "prefetch"),
    ("prefetch: the database answers", Session, "execute"),
    ("rules: the order is made", receiver, "carry_out"),
    ("record of the message", filing.Filing, "record"),
    ("record: search keys", filing, "found_by"),
    ("record: acknowledgement", filing, "build_ack"),
    ("writes: buffered", receiver, "_store"),
    ("writes: as statements", transaction, "write_all"),
    ("writes: given to the driver", Session, "send"),
    ("writes: the way to PostgreSQL", transaction.Transaction, "commit"),
    ("commit, synchronised", Session, "commit"),
)
"""Each step, with the function whose own time it is."""


class Costs:
    """Seconds that each step took by itself."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._within: list[float] = []

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its own time counted under `step`."""

        def run(*given: Any, **named: Any) -> Any:
            self._within.append(0.0)
            began = perf_counter()
            try:
                return function(*given, **named)
            finally:
                taken = perf_counter() - began
                self.seconds[step] += taken - self._within.pop()
                if self._within:
                    self._within[-1] += taken

        return run

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Return a context in which every step is timed."""
        plain = [(owner, name, getattr(owner, name)) for _, owner, name in STEPS]
        for (step, _, _), (owner, name, function) in zip(STEPS, plain, strict=True):
            setattr(owner, name, self.timed(step, function))
        try:
            yield
        finally:
            for owner, name, function in plain:
                setattr(owner, name, function)


def measure(
    url: str, folder: Path, orders: int, batch: int, seed: int
) -> tuple[Costs, float, float]:
    """Return what the steps took, and milliseconds of wall and of CPU for one order.

    The two totals come from a pass of their own, without the timing of the steps.
    """
    config = write_config(
        folder,
        {
            "": {"partners": str(PARTNERS), "region": str(REGION)},
            "database": {"url": url},
            "listener": {"port": 0},
        },
    )
    settings = load_settings(config)
    migrate_database(settings)
    runtime = build(settings)
    runtime.prepare()
    files = write_messages(folder, (WARM_UP, orders, orders), seed)
    warm_up, plain, timed = (
        [payload for payload in path.read_bytes().split(END) if payload]
        for path in files
    )

    def take_in(payloads: Sequence[bytes]) -> None:
        for at in range(0, len(payloads), batch):
            now = runtime.clock.now()
            together = [
                Received(payload, "127.0.0.1:1", 1, now, 2575, certificate_names=())
                for payload in payloads[at : at + batch]
            ]
            answers = runtime.receiver.handle(together)
            if not all(b"\rMSA|AA|" in (answer or b"") for answer in answers):
                raise SystemExit(f"not every order was accepted by {url}")

    costs = Costs()
    take_in(warm_up)
    wall, processor = perf_counter(), thread_time()
    take_in(plain)
    wall, processor = perf_counter() - wall, thread_time() - processor
    with costs.counting():
        take_in(timed)
    runtime.storage.close()
    return costs, 1000 * wall / orders, 1000 * processor / orders


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(conditions("What one order costs", seed=given.seed, size=str(given.orders)))
    headings = ["ms for one order"]
    found: list[tuple[Costs, float, float]] = []
    for name in ("SQLite", "PostgreSQL"):
        for batch in BATCHES:
            with tempfile.TemporaryDirectory(prefix="booking-bench-") as at:
                folder = Path(at)
                database: AbstractContextManager[str] = (
                    nullcontext(f"sqlite:///{folder / 'booking.db'}")
                    if name == "SQLite"
                    else postgres(None)
                )
                with database as url:
                    found.append(measure(url, folder, given.orders, batch, given.seed))
            headings.append(f"{name}, {batch} at once")
    rows = [
        (step, *(f"{1000 * c.seconds[step] / given.orders:.3f}" for c, _, _ in found))
        for step, _, _ in STEPS
    ]
    rows.append(("all, without timing the steps", *(f"{w:.2f}" for _, w, _ in found)))
    rows.append(("of that, processor", *(f"{p:.2f}" for _, _, p in found)))
    print(table(headings, rows))
    print(f"\nLoad average at the end: {load()}.")


if __name__ == "__main__":
    main()
