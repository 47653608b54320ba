"""What the benchmarks share: conditions, tables, child processes, a database server."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

LIBRARIES: Final = (
    "fastapi",
    "hl7",
    "hl7apy",
    "numba",
    "numpy",
    "ortools",
    "psycopg",
    "sqlalchemy",
    "uvicorn",
)
START_SECONDS: Final = 90.0
"""Longest wait for a child to say that it is ready; the first start compiles."""
STOP_SECONDS: Final = 20.0
_SYNCS: Final = 50


def conditions(title: str, *, seed: int, size: str) -> str:
    """Return a heading and a table of what a reader needs to repeat the figures."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    rows = (
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("machine", f"{processor()}, {os.cpu_count()} cores, {platform.system()}"),
        ("Python", platform.python_version()),
        ("libraries", libraries),
        ("seed", str(seed)),
        ("size", size),
        ("load average", load()),
        ("one fsync", f"{1000 * fsync_seconds():.2f} ms (median of {_SYNCS})"),
    )
    return f"## {title}\n\n" + table(("condition", "value"), rows) + "\n"


def load() -> str:
    """Return the load of the last one, five and fifteen minutes."""
    return " ".join(f"{number:.2f}" for number in os.getloadavg())


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def fsync_seconds() -> float:
    """Return how long the temporary directory's disk takes to keep 4 KiB."""
    taken: list[float] = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def milliseconds(seconds: Sequence[float]) -> tuple[str, str]:
    """Return median and 99th percentile, in milliseconds."""
    return (
        f"{1000 * percentile(seconds, 0.5):.1f}",
        f"{1000 * percentile(seconds, 0.99):.1f}",
    )


def resident_mb(pid: int) -> float | None:
    """Return the memory that a process holds now, in MB; ``None`` if not known."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    for line in status.read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def shown_mb(megabytes: float | None) -> str:
    """Return a figure of memory as the tables show it."""
    return "-" if megabytes is None else f"{megabytes:.0f}"


class Child:
    """A process that the benchmark started and has said that it is ready.

    Parameters
    ----------
    words
        The last words of its announcement, such as a port.
    """

    def __init__(self, process: subprocess.Popen[str], words: Sequence[str]) -> None:
        self.pid = process.pid
        self.words = words

    @property
    def port(self) -> int:
        """The port that the announcement ends with."""
        return int(self.words[-1].rpartition(":")[2].partition("/")[0])


@contextmanager
def child(command: Sequence[str], *, announcement: str) -> Iterator[Child]:
    """Start a process, wait until it announces itself, and end it afterwards.

    Parameters
    ----------
    announcement
        First word of the line that it writes, on either output, once it is ready.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Child(process, _announced(process, announcement))
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: subprocess.Popen[str], announcement: str) -> list[str]:
    assert process.stdout is not None, "opened with a pipe"
    deadline = time.monotonic() + START_SECONDS
    heard: list[str] = []
    for line in process.stdout:
        heard.append(line)
        words = line.split()
        if words and words[0] == announcement:
            return words[1:]
        if time.monotonic() > deadline:
            break
    raise SystemExit(f"A child did not start:\n{''.join(heard[-20:])}")


def part(module: str, *arguments: str) -> list[str]:
    """Return the command of one part of a benchmark, to run as its own process."""
    return [sys.executable, "-m", f"benchmarks.{module}", "--part", *arguments]


def engine(*arguments: str) -> list[str]:
    """Return the command of ``booking-engine``."""
    run = "from api.cli import main; main()"
    return [sys.executable, "-c", run, *arguments]


def write_config(folder: Path, sections: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a configuration of the engine, with the demo's partners, and return it.

    Parameters
    ----------
    sections
        Any of the configuration's sections; the section ``""`` holds the rest.
    """
    lines: list[str] = []
    for name, values in sections.items():
        lines += [f"[{name}]"] if name else []
        # A JSON string or number is the same in TOML.
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path = folder / "booking.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
