"""A load of MLLP messages from a process of its own, for benchmarks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks import milliseconds

HOST: Final = "127.0.0.1"
START: Final = b"\x0b"
END: Final = b"\x1c\r"
CHARSET: Final = "latin-1"
"""For the peers: reads every byte, so that no message fails on its character set."""
LONGEST: Final = 75.0
"""Seconds for one load; what is not answered by then counts as not answered."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, and how.

    Parameters
    ----------
    path
        File of messages, each followed by the end of an MLLP frame.
    reconnect
        The server closes after each answer: open another connection for each message.
    rate
        Messages a second, over all connections; 0 for as many as are answered.
    """

    port: int
    path: str
    connections: int
    reconnect: bool = False
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one load measured.

    Parameters
    ----------
    answers
        Acknowledgements by code (MSA-1); a message without one counts under ``none``.
    latencies
        Seconds from sending to the whole acknowledgement, connecting included where
        each message needs a connection; at a rate, from when it was due, so that a
        stalled server cannot hide what it kept waiting.
    """

    seconds: float
    answers: dict[str, int]
    latencies: list[float]

    @property
    def accepted(self) -> int:
        """Messages acknowledged with AA."""
        return self.answers.get("AA", 0)

    def cells(self) -> tuple[str, str, str, str]:
        """Return messages, rate, median and 99th percentile, as the table shows."""
        others = ", ".join(f"{n} {a}" for a, n in self.answers.items() if a != "AA")
        return (
            f"{self.accepted}{f' ({others})' if others else ''}",
            f"{self.accepted / self.seconds:.0f}",
            *milliseconds(self.latencies),
        )


Due = tuple[bytes, float]
"""A message, and the instant before which it is not sent; 0 for at once."""


class Line(asyncio.Protocol):
    """One connection with one message under way: send, wait for the answer, go on."""

    def __init__(self, queue: Iterator[Due], wanted: Load) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.answers: Counter[str] = Counter()
        self._began = time.perf_counter()
        self._queue = queue
        self._received = b""
        self._waits = False
        self._reconnect = wanted.reconnect
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first message."""
        assert isinstance(transport, asyncio.Transport), "TCP"
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and send the next message."""
        self._received += data
        if not self._received.endswith(END):
            return
        self.latencies.append(time.perf_counter() - self._began)
        self.answers[self._received.partition(b"\rMSA|")[2][:2].decode(CHARSET)] += 1
        self._received, self._waits = b"", False
        if not self._reconnect:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note a message that got no answer."""
        del exc
        if self._waits:
            self.answers["none"] += 1
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        assert self._transport is not None, "connected"
        message, due = next(self._queue, (b"", 0.0))
        if not message:
            self._transport.close()
            return
        if not self._reconnect:
            self._began = due or time.perf_counter()
        wait = due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send, message)
        else:
            self._send(message)

    def _send(self, message: bytes) -> None:
        assert self._transport is not None, "connected"
        self._waits = True
        self._transport.write(message)


async def _one_line(messages: Sequence[Due], wanted: Load) -> list[Line]:
    """Send these one after the other; return every connection that it took."""
    queue = iter(messages)
    lines: list[Line] = []
    while len(lines) < len(messages):
        line = Line(queue, wanted)
        lines.append(line)
        await asyncio.get_running_loop().create_connection(
            lambda line=line: line,  # type: ignore[misc]
            HOST,
            wanted.port,
        )
        await line.done
        if not wanted.reconnect and not line.answers["none"]:
            break
    return lines


async def _load(wanted: Load, messages: Sequence[bytes]) -> Result:
    """Send everything and wait, for so long at most, until it is answered."""
    width = min(wanted.connections, len(messages))
    began = time.perf_counter()
    due = [
        (message, began + number / wanted.rate if wanted.rate else 0.0)
        for number, message in enumerate(messages)
    ]
    tasks = [
        asyncio.create_task(_one_line(due[at::width], wanted)) for at in range(width)
    ]
    done, late = await asyncio.wait(tasks, timeout=LONGEST)
    seconds = time.perf_counter() - began
    for task in late:
        task.cancel()
    lines = [line for task in done for line in task.result()]
    answers = sum((line.answers for line in lines), Counter[str]())
    missing = len(messages) - sum(answers.values())
    if missing:
        answers["none"] += missing
    latencies = [x for line in lines for x in line.latencies]
    return Result(seconds, dict(answers), latencies)


def _answer_loads() -> None:
    """Do one load for each line of standard input; answer each with a line."""
    for line in sys.stdin:
        wanted = Load(**json.loads(line))
        payloads = Path(wanted.path).read_bytes().split(END)
        messages = [START + payload + END for payload in payloads if payload]
        result = asyncio.run(_load(wanted, messages))
        print(json.dumps(asdict(result)), flush=True)


Send = Callable[[Load], Result]


@contextmanager
def loading() -> Iterator[Send]:
    """Start the process that sends; give a way to have it send."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.mllp_load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def send(wanted: Load) -> Result:
            assert process.stdin is not None, "opened with a pipe"
            assert process.stdout is not None, "opened with a pipe"
            print(json.dumps(asdict(wanted)), file=process.stdin, flush=True)
            return Result(**json.loads(process.stdout.readline()))

        try:
            yield send
        finally:
            process.terminate()


if __name__ == "__main__":
    _answer_loads()
