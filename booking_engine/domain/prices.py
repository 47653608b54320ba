"""What scanner time is worth to other patients: the last plan's dual prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from booking_engine.domain.identifiers import ContractId, SessionId


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Prices by session and by contract, in thousandths of a cost unit.

    Parameters
    ----------
    minute
        Per minute of a session; a session that is not listed costs nothing.
    exam
        Per exam under a contract.
    """

    minute: Mapping[SessionId, int] = field(
        default_factory=lambda: MappingProxyType({})
    )
    exam: Mapping[ContractId, int] = field(default_factory=lambda: MappingProxyType({}))


NO_PRICES = PriceBook()
"""Before the first plan: time is worth nothing but its own cost."""
