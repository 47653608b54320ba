"""Whether this process is ready: a few checks, each with a word on what it found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    ok: bool
    detail: str = ""


Check = Callable[[], Finding]


def run_checks(checks: Mapping[str, Check]) -> dict[str, Finding]:
    """Run every check; one that raises has failed."""
    found: dict[str, Finding] = {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except Exception as error:  # noqa: BLE001 - a failed check is an answer
            log.warning(
                "health check failed",
                extra={"event": "health.failed", "check": name},
            )
            found[name] = Finding(ok=False, detail=type(error).__name__)
    return found
