"""Where messages come in and go out: endpoints of the listener, senders, and TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from booking_engine.domain.identifiers import PartnerId
from booking_engine.settings import ListenerSettings, Settings, SettingsError
from hl7_adapters.destination import OutgoingTls
from hl7_adapters.mllp.listener import Endpoint, ListenerLimits
from hl7_adapters.mllp.sender import MllpSender
from hl7_adapters.mllp.tls import Identity, TlsError, client_context, server_context
from hl7_adapters.profile import Profile
from hl7_adapters.profile_files import path_beside, problem_in

if TYPE_CHECKING:
    import ssl


def endpoints(
    settings: Settings, profiles: Mapping[PartnerId, Profile]
) -> tuple[Endpoint, ...]:
    """Return the listener's endpoints: the first, then those beside it.

    Raises
    ------
    SettingsError
        A certificate cannot be used, or an endpoint is for nobody.
    """
    given = [("listener", settings.listener)]
    given += [(f"listeners.{at}", each) for at, each in enumerate(settings.listeners)]
    return tuple(_endpoint(key, each, profiles) for key, each in given)


def _endpoint(
    key: str, given: ListenerSettings, profiles: Mapping[PartnerId, Profile]
) -> Endpoint:
    if given.partner and given.partner not in profiles:
        known = ", ".join(profiles) or "none"
        raise SettingsError(
            f"{key}.partner: {given.partner!r} has no profile; choose from: {known}"
        )
    return Endpoint(
        host=given.host,
        port=given.port,
        limits=ListenerLimits(
            batch=given.batch,
            connections=given.connections,
            max_bytes=given.max_bytes,
            held_bytes=given.held_bytes,
            idle_seconds=given.idle_seconds,
            frame_seconds=given.frame_seconds,
            raw_ok=given.raw_ok,
        ),
        tls=_server_tls(key, given),
        partner=given.partner,
        setting=f"{key}.host and {key}.port",
    )


def _server_tls(key: str, given: ListenerSettings) -> ssl.SSLContext | None:
    tls = given.tls
    if tls is None:
        return None
    try:
        return server_context(
            Identity(tls.certificate, tls.key),
            ca=None if tls.client_certificates == "none" else tls.ca,
            required=tls.client_certificates == "required",
            minimum=tls.minimum,
        )
    except TlsError as error:
        raise SettingsError(f"{key}.tls.{error}") from error


def make_sender(profile: Profile) -> MllpSender:
    """Return the connection to a partner that is told of anything.

    Raises
    ------
    ProfileError
        A certificate that the profile names cannot be used.
    """
    outgoing = profile.outgoing
    assert outgoing is not None, "only who is told of anything has a connection"
    tls = outgoing.tls
    return MllpSender(
        outgoing.host,
        outgoing.port,
        ack_timeout=outgoing.ack_timeout_seconds,
        tls=None if tls is None else _client_tls(profile, tls),
        server_name=None if tls is None else tls.server_name,
        keep_open=outgoing.keep_open,
    )


def _client_tls(profile: Profile, tls: OutgoingTls) -> ssl.SSLContext:
    identity = None
    if tls.certificate is not None and tls.key is not None:
        identity = Identity(
            path_beside(profile, tls.certificate), path_beside(profile, tls.key)
        )
    ca = None if tls.ca is None else path_beside(profile, tls.ca)
    try:
        return client_context(identity, ca=ca, minimum=tls.minimum)
    except TlsError as error:
        raise problem_in(
            profile, ("outgoing", "tls", error.key), error.problem
        ) from error
