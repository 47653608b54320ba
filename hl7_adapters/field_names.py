"""What the standard calls a field; from hl7apy's tables, read when first asked."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from hl7_adapters.ack import DEFAULT_VERSION

KNOWN: Final = frozenset({"2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6"})


OUR_OWN: Final = {
    ("ZBK", 1): "Decision",
    ("ZBK", 2): "Planning run",
    ("ZBK", 3): "Version of the rules",
    ("ZBK", 4): "Version of the weights",
    ("ZBK", 5): "Urgency tier, 0 the most urgent",
    ("ZBK", 6): "Placer order number",
    ("ZBK", 7): "Filler order number",
}
"""Our segment, as `outbound` writes it."""


@lru_cache(2048)
def field_name(segment: str, number: int, version: str) -> str:
    """Return a field's name in a version, such as ``Universal service identifier``.

    Empty for a field that the version does not have.
    """
    own = OUR_OWN.get((segment, number))
    if own is not None:
        return own
    from hl7apy import load_reference  # noqa: PLC0415 - slow to load, and seldom asked
    from hl7apy.exceptions import ChildNotFound  # noqa: PLC0415

    version = version if version in KNOWN else DEFAULT_VERSION
    try:
        found = load_reference(f"{segment}_{number}", "Field", version)
    except ChildNotFound:
        return ""
    name = str(found[3]).replace("_", " ").lower()
    return name[:1].upper() + name[1:]
