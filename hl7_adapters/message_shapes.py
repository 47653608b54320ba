"""What messages of one partner look like: kinds, segments, fields and codes, counted.

Nothing of a patient is kept: of fields only whether they hold anything, and values only
of fields that carry codes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from hl7_adapters.clinician_fields import orderer_known, read_orderer
from hl7_adapters.er7 import DecodeError, Message, decode
from hl7_adapters.order_groups import OrderGroup, group_orders
from hl7_adapters.procedure_fields import called, meanings, read_code
from hl7_adapters.profile import Profile
from hl7_adapters.step_fields import further_steps

LONGEST_CODE: Final = 60
UNREADABLE: Final = "unreadable"


@dataclass(slots=True)
class Shapes:
    """What was counted.

    Parameters
    ----------
    kinds
        Messages by kind, such as ``ORM^O01``.
    segments, fields
        By kind, in how many messages a segment is, or a field such as ``PID-8`` holds
        anything.
    codes
        By table, how often a code was sent.
    unmapped
        Those of them that mean nothing to us.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    segments: dict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    fields: dict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    codes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unmapped: set[tuple[str, str]] = field(default_factory=set)

    @property
    def messages(self) -> int:
        """How many messages were looked at."""
        return self.kinds.total()


def shapes_of(raw_messages: Iterable[bytes], profile: Profile) -> Shapes:
    """Count what these messages look like; never fails, whatever the bytes."""
    shapes = Shapes()
    for raw in raw_messages:
        try:
            message = decode(raw, charset=profile.charset or None)
        except DecodeError:
            shapes.kinds[UNREADABLE] += 1
            continue
        _count(message, profile, shapes)
    return shapes


def _count(message: Message, profile: Profile, shapes: Shapes) -> None:
    kind = "^".join(part[:3] for part in message.type if part) or UNREADABLE
    shapes.kinds[kind] += 1
    present: set[str] = set()
    for segment in message.segments:
        present.update(
            f"{segment.id}-{number}"
            for number in range(1, len(segment) + 1)
            if segment.field(number)
        )
    shapes.fields[kind].update(present)
    shapes.segments[kind].update({segment.id for segment in message.segments})
    for group in group_orders(message):
        for table, (read, known) in _TABLES.items():
            code = read(group, profile)[:LONGEST_CODE]
            if code:
                shapes.codes[table][code] += 1
                if known is not None and not known(group, profile):
                    shapes.unmapped.add((table, code))
        for sent in (c for s in further_steps(group, profile) for c in s.codes):
            code = called(sent)[:LONGEST_CODE]
            shapes.codes["procedure"][code] += 1
            if not meanings(sent, profile):
                shapes.unmapped.add(("procedure", code))
        for observation in group.observations:
            shapes.codes["observation"][
                observation.value(3).strip()[:LONGEST_CODE]
            ] += 1


_Read = Callable[[OrderGroup, Profile], str]
_Known = Callable[[OrderGroup, Profile], bool]


def _value(segment: str, number: int) -> _Read:
    def read(group: OrderGroup, _: Profile) -> str:
        found = group.segments.get(segment)
        return "" if found is None else found.value(number).strip()

    return read


def _procedure(group: OrderGroup, _: Profile) -> str:
    detail = group.segments.get("OBR")
    if detail is None:
        return ""
    return called(read_code(detail, 4))


def _procedure_known(group: OrderGroup, profile: Profile) -> bool:
    return bool(meanings(read_code(group.segments["OBR"], 4), profile))


def _urgency(group: OrderGroup, profile: Profile) -> str:
    return group.first(profile.dialect.urgency)[1]


def _site(group: OrderGroup, profile: Profile) -> str:
    return group.first(profile.dialect.site)[1]


_TABLES: Final[dict[str, tuple[_Read, _Known | None]]] = {
    "procedure": (_procedure, _procedure_known),
    "urgency": (
        _urgency,
        lambda group, profile: _urgency(group, profile).casefold() in profile.urgencies,
    ),
    "site": (
        _site,
        lambda group, profile: _site(group, profile).casefold() in profile.sites,
    ),
    "patient_class": (
        _value("PV1", 2),
        lambda group, profile: (
            _value("PV1", 2)(group, profile).casefold() in profile.settings
        ),
    ),
    "list_type": (
        lambda group, profile: group.first(profile.dialect.list_type)[1],
        lambda group, profile: (
            group.first(profile.dialect.list_type)[1].casefold() in profile.list_types
        ),
    ),
    "order_control": (
        _value("ORC", 1),
        lambda group, profile: (
            profile.control(_value("ORC", 1)(group, profile)) is not None
        ),
    ),
    "clinician": (
        lambda group, profile: read_orderer(group, profile).code,
        orderer_known,
    ),
    "section": (lambda group, profile: group.first(profile.dialect.section)[1], None),
}
"""Each table of codes: where its code stands, and whether it means anything to us."""
