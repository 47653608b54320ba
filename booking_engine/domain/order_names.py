"""What an order goes by besides its own placer number.

Several exams of one request may share a placer number (one ORC with many OBR, or an
order that the filler split), and a filler has a number of its own for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from booking_engine.domain.identifiers import PartnerId
from booking_engine.domain.orders import ImagingOrder

_SUFFIX: Final = re.compile(r"#\d+#[^#]*$")
"""Set id and code: what tells apart the orders that share a placer number."""


class NameKind(StrEnum):
    """Whose number it is."""

    SHARED_PLACER = "shared_placer"
    FILLER = "filler"


@dataclass(frozen=True, slots=True)
class OrderName:
    """A number by which a partner knows an order.

    Parameters
    ----------
    authority
        Who assigned a placer number (ORC-2.2); empty for a filler's.
    """

    kind: NameKind
    partner: PartnerId
    authority: str
    number: str


def as_placed(placer_number: str) -> str:
    """Return a placer number as the sender wrote it, without what was added."""
    return _SUFFIX.sub("", placer_number)


def names_of(order: ImagingOrder) -> tuple[OrderName, ...]:
    """Return what else the sender calls its order; mostly nothing."""
    content = order.content
    found: list[OrderName] = []
    if "#" in content.placer_number:
        shared = as_placed(content.placer_number)
        if shared != content.placer_number:
            found.append(
                OrderName(
                    NameKind.SHARED_PLACER,
                    order.partner,
                    content.placer_authority,
                    shared,
                )
            )
    if content.filler_number:
        found.append(filler_name(order.partner, content.filler_number))
    return tuple(found)


def filler_name(partner: PartnerId, number: str) -> OrderName:
    """Return the name that a partner's filler number (ORC-3) is."""
    return OrderName(NameKind.FILLER, partner, "", number)
