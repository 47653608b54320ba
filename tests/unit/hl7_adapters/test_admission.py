"""Who may speak for a partner: ports and certificates."""

from datetime import UTC, datetime

import pytest

from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.ack import UNKNOWN_SENDER
from hl7_adapters.admission import WRONG_CERTIFICATE, WRONG_PORT, Admission
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile import Profile, SenderName

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def profile(name, *applications, certificates=()):
    return Profile(
        id=PartnerId(name),
        name=name,
        senders=tuple(SenderName(application=each) for each in applications),
        certificates=frozenset(certificates),
    )


LISTED = profile("listed", "A", "A2", certificates=["EPR.North.Example", "engine"])
SHARED = profile("shared", "B", certificates=["engine"])
OPEN = profile("open", "C")
BY_PORT = profile("by-port")
ADMISSION = Admission([LISTED, SHARED, OPEN, BY_PORT])


def admit(application, *, names=(), partner=""):
    received = Received(b"", "10.0.0.1:1", 1, NOW, 1, None, names, partner)
    found, refusal = ADMISSION.admit(received, (application, ""))
    return None if found is None else found.id, refusal


@pytest.mark.parametrize(
    ("application", "names", "refusal"),
    [
        ("A", ("epr.north.example",), None),
        ("A2", ("other", "EPR.NORTH.EXAMPLE"), None),
        ("A", ("engine",), None),
        ("B", ("engine",), None),
        ("A", (), WRONG_CERTIFICATE),
        ("A", ("stranger",), WRONG_CERTIFICATE),
        ("B", ("epr.north.example",), WRONG_CERTIFICATE),
        ("C", (), None),
        ("C", ("stranger",), None),
        ("C", ("engine",), WRONG_CERTIFICATE),
        ("A", None, None),
    ],
    ids=[
        "listed, in any case",
        "one of several names",
        "another of its list",
        "a name on two lists",
        "none shown though listed",
        "not listed",
        "listed for another",
        "no list, none shown",
        "no list, any shown",
        "no list, but listed for others",
        "a replay",
    ],
)
def test_a_certificate_speaks_for_whoever_lists_it(application, names, refusal):
    assert admit(application, names=names)[1] == refusal


@pytest.mark.parametrize(
    ("application", "partner", "found", "refusal"),
    [
        ("C", "open", "open", None),
        ("C", "shared", "open", WRONG_PORT),
        ("X", "open", None, UNKNOWN_SENDER),
        ("X", "", None, UNKNOWN_SENDER),
        ("X", "by-port", "by-port", None),
        ("", "by-port", "by-port", None),
        ("C", "by-port", "open", WRONG_PORT),
    ],
    ids=[
        "its own port",
        "another's port",
        "its own port, other name",
        "unknown",
        "known by the port alone",
        "known by the port, no name",
        "somebody else at such a port",
    ],
)
def test_a_port_may_be_one_partners(application, partner, found, refusal):
    assert admit(application, partner=partner) == (found, refusal)


def test_who_is_not_admitted_is_logged(caplog):
    caplog.set_level("WARNING", logger="hl7_adapters.admission")
    admit("A", names=("stranger",))

    (record,) = caplog.records
    assert record.event == "hl7.not_admitted"
    assert (record.partner, record.peer) == ("listed", "10.0.0.1:1")
    assert record.certificate_names == ("stranger",)
