"""Serve a receiver in a process of its own, for tests that measure or mistreat it.

Each line on standard input is answered by the largest size so far, in MiB.
"""

import json
import resource
import sys
from pathlib import Path

from wire import receiving

from hl7_adapters.mllp.listener import Endpoint, ListenerLimits


def main() -> None:
    """Serve until standard input ends."""
    limits = ListenerLimits(**json.loads(sys.argv[1]))
    with receiving(Endpoint(limits=limits)) as wire:
        say(wire.listener.address[1])
        for _ in sys.stdin:
            say(largest_size())


def largest_size() -> int:
    """Return the largest resident size of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with the size of who started us
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) // 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes or KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def say(number: int) -> None:
    """Write a number on a line of its own."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
