"""Broken messages chosen by the branches of our own code that they reach.

The promises are those of `fuzz`; atheris makes the damage. It is no dependency of the
project, for it has no build for every Python: install it to run this. ::

    python -m benchmarks.fuzz_coverage [--messages 20000] [--seed 1]
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris  # type: ignore[import-not-found,unused-ignore]

with atheris.instrument_imports(include=["hl7_adapters"]):
    from benchmarks.fuzz import Target


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    rng = Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder), given.seed)
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, payload in enumerate(target.corpus):
            (seeds / str(number)).write_bytes(payload)
        options = [
            *(sys.argv[0], str(seeds), f"-runs={given.messages}"),
            *(f"-seed={given.seed}", "-max_len=8192", "-rss_limit_mb=4096"),
        ]
        atheris.Setup(options, lambda data: target.attack([data], rng))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
