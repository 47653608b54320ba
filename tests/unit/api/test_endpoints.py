"""From configuration to endpoints and senders, and what is said of mistakes."""

import ssl

import pytest
from certificates import Authority

from api.endpoints import endpoints, make_sender
from booking_engine.settings import SettingsError, load_settings
from hl7_adapters.profile_errors import ProfileError
from hl7_adapters.profile_files import load_profile

NOBODY = {}
PROFILE = """\
id: ris
name: A RIS
certificates: [ris.example]
outgoing:
  host: 127.0.0.1
  keep_open: false
  tls:
    ca: ca.pem
    certificate: a.example.pem
    key: a.example.key
    server_name: ris.example
    minimum: "1.3"
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority.new(tmp_path_factory.mktemp("files"))
    made.issue("a.example")
    return made


def configured(authority, text):
    file = authority.folder / "booking.toml"
    file.write_text(text)
    return load_settings(file)


TLS = 'tls = {certificate = "a.example.pem", key = "a.example.key", ca = "ca.pem"'


def test_one_file_describes_every_endpoint(authority):
    settings = configured(
        authority,
        f"""
        [listener]
        port = 2575
        [[listeners]]
        host = "0.0.0.0"
        port = 2576
        {TLS}, minimum = "1.3"}}
        connections = 7
        [[listeners]]
        host = "0.0.0.0"
        port = 2577
        plain_ok = true
        raw_ok = true
        frame_seconds = 9
        [[listeners]]
        port = 2578
        {TLS}, client_certificates = "optional"}}
        [[listeners]]
        port = 2579
        {TLS}, client_certificates = "none"}}
        """,
    )

    plain, secure, raw, optional, unasked = endpoints(settings, NOBODY)

    assert [e.port for e in endpoints(settings, NOBODY)] == [*range(2575, 2580)]
    assert plain.tls is None
    assert secure.tls is not None
    assert secure.tls.verify_mode is ssl.CERT_REQUIRED
    assert secure.tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert secure.limits.connections == 7
    assert raw.limits.raw_ok
    assert raw.limits.frame_seconds == 9
    assert optional.tls is not None
    assert optional.tls.verify_mode is ssl.CERT_OPTIONAL
    assert optional.tls.minimum_version is ssl.TLSVersion.TLSv1_2
    assert unasked.tls is not None
    assert unasked.tls.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[listener]\nhost = "0.0.0.0"',
            (
                "listener: host 0.0.0.0 can be reached from other machines but no TLS"
                " is set; set tls, use 127.0.0.1, or set plain_ok"
            ),
        ),
        (
            '[[listeners]]\nhost = "10.1.2.3"',
            "listeners.0: host 10.1.2.3 can be reached from other machines",
        ),
        (
            '[listener]\ntls = {certificate = "a", key = "b"}',
            (
                "listener.tls: ca is missing, so no sender's certificate can be"
                " checked; set ca, or"
            ),
        ),
        (
            '[listener]\ntls = {certificate = "a", key = "b", c = "ca.pem"}',
            "listener.tls.c is not a setting; did you mean ca?",
        ),
        (
            '[[listeners]]\ntsl = ""',
            "listeners.0.tsl is not a setting; did you mean tls?",
        ),
    ],
)
def test_a_mistake_in_the_configuration_names_key_and_remedy(text, problem, authority):
    with pytest.raises(SettingsError) as caught:
        configured(authority, text)

    assert f"booking.toml: {problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[listener]\npartner = "north"',
            "listener.partner: 'north' has no profile; choose from: none",
        ),
        (
            (
                '[[listeners]]\ntls = {certificate = "no.pem", key = "a.example.key",'
                ' ca = "ca.pem"}'
            ),
            "no.pem: No such file or directory; give a readable PEM file",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(text, problem, authority):
    with pytest.raises(SettingsError) as caught:
        endpoints(configured(authority, text), NOBODY)

    assert problem in str(caught.value)
    assert str(caught.value).startswith("listener")


def sender_of(authority, text):
    file = authority.folder / "ris.yaml"
    file.write_text(text)
    return make_sender(load_profile(file))


def test_a_profile_says_how_its_partner_is_reached(authority):
    sender = sender_of(authority, PROFILE)

    assert sender._tls.verify_mode is ssl.CERT_REQUIRED
    assert sender._tls.check_hostname
    assert sender._tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert sender._server_name == "ris.example"
    assert not sender._keep_open


@pytest.mark.parametrize(
    ("changed", "line", "problem"),
    [
        (PROFILE.replace("ca.pem", "no.pem"), 8, "outgoing.tls.ca: "),
        (PROFILE.replace("a.example.key", "ca.pem"), 9, "outgoing.tls.certificate: "),
        (
            PROFILE.replace("    key: a.example.key\n", ""),
            7,
            "outgoing.tls: certificate and key belong together; give both or none",
        ),
        (PROFILE.replace("server_name", "servername"), 11, "outgoing.tls.servername: "),
        (PROFILE.replace('"1.3"', '"1.1"'), 12, "outgoing.tls.minimum: "),
        (
            PROFILE.replace("[ris.example]", "{a: b}"),
            3,
            "certificates: ",
        ),
    ],
)
def test_a_mistake_in_a_profile_names_file_line_and_key(
    changed, line, problem, authority
):
    with pytest.raises(ProfileError) as caught:
        sender_of(authority, changed)

    assert f"ris.yaml:{line}:" in str(caught.value)
    assert problem in str(caught.value)
