"""The whole engine on one database, told where to listen and whom to tell."""

import contextlib
import time
from datetime import datetime
from pathlib import Path

from network import catalogue

from api.bootstrap import build
from api.runtime import Role
from booking_engine.domain.clock import LONDON
from booking_engine.domain.identifiers import Actor, PartnerId
from booking_engine.domain.messages import DeliveryStatus
from booking_engine.settings import (
    DatabaseSettings,
    HttpSettings,
    JobSettings,
    ListenerSettings,
    RelaySettings,
    Settings,
)
from hl7_adapters.profile_files import load_profiles

PROFILES = Path(__file__).parent / "data" / "profiles"
NORTH = PartnerId("north")
READER = Actor("person:test")
SECONDS = 60.0
ORDER = r"""MSH|^~\&|EPR|RA1|BOOKING||{at}||ORM^O01|C{number}|P|2.4
PID|1||X{number}^^^RA1^PI||Testperson^Una||19800101|F|||^^^^M13 9PL
PV1|1|O|RA101
ORC|NW|P{number}^RA1|||||^^^^^2WW||{at}
OBR|1|P{number}^RA1||MHEAD^MR head^NICIP||{at}|||||||||||||||||||||^^^^^2WW
OBX|1|CE|PACE||N||||||F
OBX|2|CE|IMPL||N||||||F"""


def order(number):
    """An urgent order, which is booked on arrival."""
    at = f"{datetime.now(LONDON):%Y%m%d%H%M%S}"
    return ORDER.format(number=number, at=at).replace("\n", "\r") + "\r"


@contextlib.contextmanager
def engine(url, *listeners, tells=None, certificates=frozenset()):
    """Run an engine; the northern hospital is told as `tells` says, nobody else is.

    Parameters
    ----------
    listeners
        Its endpoints; one plain one by default.
    tells
        Changes to the northern profile's `Outgoing`.
    certificates
        Names that may speak for the northern hospital.
    """
    profiles = load_profiles(PROFILES)
    for partner, profile in profiles.items():
        changed = {"outgoing": None}
        if partner == NORTH:
            changed = {"certificates": certificates, "outgoing": None}
            if tells is not None:
                outgoing = profile.outgoing.model_copy(update=tells)
                changed["outgoing"] = outgoing
        profiles[partner] = profile.model_copy(update=changed)
    first, *beside = listeners or (ListenerSettings(port=0),)
    runtime = build(
        Settings(
            database=DatabaseSettings(url=url),
            listener=first,
            listeners=tuple(beside),
            http=HttpSettings(port=0),
            relay=RelaySettings(first_wait_seconds=0.2, idle_seconds=0.05),
            jobs=JobSettings(diary_days=14),
        ),
        profiles=profiles,
        region=catalogue(),
    )
    runtime.start({Role.LISTEN, Role.RELAY, Role.WORK})
    try:
        yield runtime
    finally:
        runtime.stop()


def wait_for(condition):
    """Wait until a condition holds; return what it gave, fail after `SECONDS`."""
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return found


def delivered(runtime):
    """How many messages out were acknowledged; raises if one was refused."""
    with runtime.dispatcher.reading(READER) as session:
        counts = session.uow.outbox.counts()
    found = 0
    for (_, status), number in counts.items():
        assert status in {DeliveryStatus.PENDING, DeliveryStatus.DELIVERED}, counts
        found += number if status == DeliveryStatus.DELIVERED else 0
    return found
