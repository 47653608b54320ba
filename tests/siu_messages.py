"""A diary's SIU messages, and how they are read under one profile."""

from datetime import UTC, datetime, timedelta

import pytest

from hl7_adapters.er7 import decode
from hl7_adapters.inbound import MappingError, to_commands
from hl7_adapters.profile import Profile

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
OURS = "A00000000000001"

PROFILE = Profile.model_validate(
    {
        "id": "indie",
        "name": "A RIS with a diary",
        "senders": [{"application": "RIS"}],
        "placer_authority": "EPR",
        "local_authority": "NX1",
        "diary": {
            "resources": {"MRX": "MRX", "ROOM 2^MR Scanner 2": "MR2", "R3": "MR3"},
            "patient_reasons": ["PATCAN"],
        },
        "outgoing": {"host": "127.0.0.1", "scanners": {"MR4": "SCAN4"}},
    }
)
PID = "PID|1||9990000018^^^NHS^NH~X1^^^NX1^MR||Test^Ann||19800301|F"
SCH = (
    "SCH||D1|||||||30|min|^^^202611261000^202611261030|||||^^^Desk||||^^^Clerk"
    "|||||Booked^^HL70278"
)
RESOURCE = ("RGS|1|A", "AIG|1|A|MRX^MR X|MR")


def message(event, *segments, version="2.4", time="20261124085900"):
    header = f"MSH|^~\\&|RIS|NX1|BOOKING||{time}||SIU^{event}|C1|P|{version}"
    return "\r".join((header, *segments)).encode() + b"\r"


def read(event, *segments, profile=PROFILE, **header):
    return to_commands(decode(message(event, *segments, **header)), profile, now=NOW)


def only(event, *segments, **header):
    (command,) = read(event, *segments, **header).commands
    return command


def refused(event, *segments, **more):
    with pytest.raises(MappingError) as caught:
        read(event, *segments, **more)
    return caught.value.kind, caught.value.code


def at(hour, minute=0):
    return datetime(2026, 11, 26, hour, minute, tzinfo=UTC)


def stretches(*segments, **more):
    return [
        (s.scanner, s.starts_at, int((s.ends_at - s.starts_at) / timedelta(minutes=1)))
        for s in only("S12", *segments, **more).stretches
    ]
