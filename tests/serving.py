"""Serve a receiver in a process of its own, for tests that measure or mistreat it.

Each line on standard input is answered by the largest size so far, in MiB.
"""

import json
import resource
import sys

from wire import receiving

from hl7_adapters.mllp.listener import Endpoint, ListenerLimits


def main() -> None:
    """Serve until standard input ends."""
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes or KiB
    limits = ListenerLimits(**json.loads(sys.argv[1]))
    with receiving(Endpoint(limits=limits)) as wire:
        say(wire.listener.address[1])
        for _ in sys.stdin:
            size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
            say(round(size))


def say(number: int) -> None:
    """Write a number on a line of its own."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
