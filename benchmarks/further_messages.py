"""Messages that are no orders, as templates: patients, diaries, requests, answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MSH: Final = r"MSH|^~\&|{application}|{facility}|BOOKING||{at}||{kind}|{number}|T|2.4"
_PID: Final = (
    "PID|1||L{number}^^^{facility}^PI||Testperson^Una||19800101|F|||^^^^M13 9PL"
)
_PV1: Final = "PV1|1|O|CLINIC"
_SCH: Final = (
    "SCH|{number}|{number}||||CHANGE^Change|||20|min|^^20^{day}||||||CLERK||||CLERK"
    "|||||Booked|{number}"
)
_ARQ: Final = (
    "ARQ|{number}|{number}|||||||20|min|{day}^{day}|R|||CLERK||||CLERK|||||{number}"
)
_PARTS: Final = (
    "RGS|1|A",
    "AIS|1|A|MHEAD^MR head|{day}|||20|min",
    "AIG|1|A|ROOM1^Room 1|MR||||{day}|||20|min",
)

_TEMPLATES: Final = (
    *(
        (f"ADT^{event}", ("EVN|{event}|{at}", _PID, _PV1))
        for event in ("A01", "A03", "A04", "A05", "A08", "A13", "A28", "A31", "A38")
    ),
    *(
        (f"ADT^{event}", ("EVN|{event}|{at}", _PID, "MRG|M{number}^^^{facility}^PI"))
        for event in ("A34", "A40")
    ),
    *(
        (f"SIU^{event}", (_SCH, _PID, _PV1, *_PARTS))
        for event in ("S12", "S13", "S14", "S15", "S16", "S17", "S23", "S24", "S26")
    ),
    *(
        (f"SRM^{event}", (_ARQ, _PID, _PV1, *_PARTS))
        for event in ("S01", "S02", "S03", "S04", "S05", "S06")
    ),
    ("SQM^S25", ("QRD|{at}|R|I|{number}|||10^RD|ROOM1|APN|MR", _ARQ, *_PARTS)),
    ("ACK^S12", ("MSA|AE|{number}|refused",)),
    ("ORR^O02", ("MSA|AA|{number}", "ORC|UA|P{number}|F{number}", "OBR|1|P{number}")),
    ("ORM^O01", (_PID, _PV1, "ORC|HD|P{number}", "OBR|1|P{number}||MHEAD")),
    ("ORM^O01", (_PID, _PV1, "ORC|SC|P{number}|F{number}||CM", "OBR|1|P{number}||M")),
)


def further_messages(application: str, facility: str, day: str) -> Iterator[bytes]:
    """Yield one of each kind.

    Parameters
    ----------
    application, facility
        The sender.
    day
        A time stamp of that day, for what is asked for.
    """
    for number, (kind, segments) in enumerate(_TEMPLATES, 1):
        text = "\r".join((_MSH, *segments)) + "\r"
        yield text.format(
            application=application,
            facility=facility,
            kind=kind,
            event=kind.partition("^")[2],
            number=f"X{number}",
            at=day,
            day=day,
        ).encode()
