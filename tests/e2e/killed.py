"""A whole engine in a process of its own, its hospitals, and a hand that kills it.

The senders behave as a RIS does: one message under way on each connection, sent again,
byte for byte, until it is answered. The receivers refuse, drop and delay at random, and
write down what came.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Self

import sqlalchemy as sa

from api.demo.network import PARTNERS, REGION, demo_profiles
from api.demo.orders import DemoMessage
from hl7_adapters.er7 import decode
from hl7_adapters.mllp.sender import DeliveryFailed, MllpSender
from hl7_adapters.peer import Behaviour, StandIn

SERVE = [sys.executable, "-c", "from api.cli import main; main()", "serve"]
START_SECONDS = 90  # a first start compiles the solver
DEADLINE_SECONDS = 600


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hospitals:
    """The receiving side: a stand-in for each partner, that is not to be relied on.

    Parameters
    ----------
    seed
        Of their moods.
    """

    def __init__(self, seed: int) -> None:
        self.received: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        names = [n for n, p in demo_profiles().items() if p.outgoing is not None]
        self._stand_ins = {
            name: StandIn(
                behaviour=Behaviour(
                    refuse_share=0.02,
                    # One partner refuses for good, and its clerks must solve it.
                    refuse_code="AR" if number == 0 else "AE",
                    refuse_error="" if number == 0 else "207",
                    drop_share=0.01,
                    longest_delay_seconds=0.004,
                    seed=seed + number,
                ),
                on_frame=self._writing_down(name),
                keep=1,
            )
            for number, name in enumerate(sorted(names))
        }

    def _writing_down(self, name: str) -> Callable[[bytes], None]:
        into = self.received[name]
        return lambda raw: into.append((decode(raw).control_id, raw))

    def __enter__(self) -> dict[str, int]:
        """Begin to listen; return the ports."""
        for stand_in in self._stand_ins.values():
            stand_in.start()
        return {name: s.address[1] for name, s in self._stand_ins.items()}

    def __exit__(self, *_: object) -> None:
        for stand_in in self._stand_ins.values():
            stand_in.stop()

    @property
    def counts(self) -> dict[str, int]:
        """What the stand-ins did, over all."""
        found: dict[str, int] = defaultdict(int)
        for stand_in in self._stand_ins.values():
            for what in ("received", "accepted", "refused", "dropped"):
                found[what] += getattr(stand_in.counts, what)
        return dict(found)


class Engine:
    """``booking-engine serve``, started again after each kill.

    The database is read beside it, also once it has stopped, until the context ends.

    Parameters
    ----------
    folder
        Where its configuration and its log are made; none other may use it.
    ports
        Where each partner listens; the others are told nothing.
    roles
        What it does; everything where none is given. Without the role ``api``,
        `call` reaches nobody.
    """

    def __init__(
        self, folder: Path, url: str, ports: dict[str, int], *roles: str
    ) -> None:
        self._roles = [word for role in roles for word in ("--role", role)]
        self._has_api = not roles or "api" in roles
        self.url, self.mllp_port, self.http_port = url, free_port(), free_port()
        partners = folder / "partners"
        shutil.copytree(PARTNERS, partners)
        for name, port in ports.items():
            file = partners / f"{name}.yaml"
            text = file.read_text(encoding="utf-8")
            file.write_text(
                text.replace(
                    "outgoing:\n  host: 127.0.0.1\n",
                    f"outgoing:\n  host: 127.0.0.1\n  port: {port}\n",
                ),
                encoding="utf-8",
            )
        self._config = folder / "booking.toml"
        self._config.write_text(
            f"partners = {json.dumps(str(partners))}\n"
            f"region = {json.dumps(str(REGION))}\n"
            f"[database]\nurl = {json.dumps(url)}\n"
            f"[listener]\nport = {self.mllp_port}\n"
            f"[http]\nport = {self.http_port}\n"
            "[plan]\nseconds = 5.0\n"
            "[relay]\nfirst_wait_seconds = 0.2\nlongest_wait_seconds = 1.0\n"
            "idle_seconds = 0.05\n"
            "[jobs]\ndiary_days = 42\nurgent_seconds = 0.5\n"
            '[log]\nlevel = "error"\n',
            encoding="utf-8",
        )
        self._log = folder / "engine.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = itertools.count(1)
        self.kills = 0
        self._database = sa.create_engine(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._database.dispose()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*SERVE, "--config", str(self._config), *self._roles],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            assert time.monotonic() < deadline, "the engine did not start"
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.mllp_port), 1).close()
                if not self._has_api or self.call("GET", "/livez")[0] == 200:
                    return
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it with SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)
        self.kills += 1

    def stop(self) -> None:
        """End it, however it stands."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(30)

    def call(self, method: str, path: str) -> tuple[int, object]:
        """Call the API; return the status and what it said."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            method=method,
            headers={"Idempotency-Key": str(next(self._requests))},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - ours
            body = answer.read()
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status, json.loads(body) if is_json else body

    def rows(self, query: str) -> list[tuple]:
        """Ask the database, beside the engine."""
        with self._database.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def number(self, query: str) -> int:
        """Return the one number that a query gives; 0 while there is no table."""
        try:
            [(found,)] = self.rows(query)
        except sa.exc.DBAPIError:
            return 0
        return int(found or 0)


class Senders:
    """The sending side: every hospital's messages, each in order, until answered."""

    def __init__(self, messages: Iterable[DemoMessage], port: int) -> None:
        queues: dict[str, list[DemoMessage]] = defaultdict(list)
        for message in messages:
            queues[message.partner].append(message)
        self.acknowledged: dict[tuple[str, str], bytes] = {}
        self.repeats = 0
        self._port = port
        self._lock = threading.Lock()
        self._give_up = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(queue,), daemon=True)
            for queue in queues.values()
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> bool:
        """Whether every message has been answered."""
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Give up what is not answered."""
        self._give_up.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)

    def _send(self, queue: list[DemoMessage]) -> None:
        with MllpSender("127.0.0.1", self._port, ack_timeout=30) as sender:
            for message in queue:
                answer = None
                while answer is None and not self._give_up.is_set():
                    try:
                        answer = sender.send(message.payload)
                    except DeliveryFailed:
                        self.repeats += 1
                        time.sleep(0.05)
                if answer is None:
                    return
                with self._lock:
                    self.acknowledged[message.partner, message.control_id] = answer


def killed_when(
    engine: Engine,
    progress: str,
    moments: Iterable[int],
    *,
    patience: float = 20.0,
) -> None:
    """Kill and start the engine again whenever a number reaches the next moment.

    Parameters
    ----------
    progress
        A query that gives the number.
    patience
        Seconds without the moment after which it is killed all the same: there may
        be less to do than was thought.
    """
    for moment in moments:
        until = time.monotonic() + patience
        while engine.number(progress) < moment and time.monotonic() < until:
            time.sleep(0.02)
        engine.kill()
        engine.start()


def moments(count: int, first: int, last: int, random: Random) -> list[int]:
    """Return so many random moments of a progress, in order."""
    return sorted(random.sample(range(first, last), count))
