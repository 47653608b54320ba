"""Who may speak for a partner: by the port and by the certificate.

A certificate that a profile lists speaks for the partners that list it and for nobody
else; a partner with a list is heard from those certificates alone (IHE ITI-19,
Authenticate Node). Who is not admitted is answered AR 207, and what it sent is kept.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from booking_engine.domain.identifiers import PartnerId
from hl7_adapters.ack import UNKNOWN_SENDER, Answer
from hl7_adapters.conditions import Reply
from hl7_adapters.mllp.received import Received
from hl7_adapters.profile import Profile, by_sender, profile_of

log = logging.getLogger(__name__)

WRONG_PORT: Final = Answer(
    Reply.AR, "207", "MSH^1^3", "this port is for another partner; use your own"
)
WRONG_CERTIFICATE: Final = Answer(
    Reply.AR,
    "207",
    "MSH^1^3",
    "the certificate may not speak for this sender; ask for it to be listed",
)


class Admission:
    """Finds whose message it is, and whether it came from there.

    Parameters
    ----------
    profiles
        Of all partners.
    """

    def __init__(self, profiles: Iterable[Profile]) -> None:
        known = tuple(profiles)
        self._by_sender = by_sender(known)
        self._by_id = {str(profile.id): profile for profile in known}
        self._speakers: defaultdict[str, set[PartnerId]] = defaultdict(set)
        for profile in known:
            for name in profile.certificates:
                self._speakers[name.strip().casefold()].add(profile.id)

    def admit(
        self, received: Received, sender: tuple[str, str]
    ) -> tuple[Profile | None, Answer | None]:
        """Return the sender's profile, and the refusal if it may not speak for it.

        Parameters
        ----------
        sender
            MSH-3.1 and MSH-4.1.
        """
        profile = profile_of(sender, self._by_sender)
        if received.partner:
            owner = self._by_id.get(received.partner)
            if profile is None and owner is not None and not owner.senders:
                profile = owner
        if profile is None:
            return None, UNKNOWN_SENDER
        refusal = None
        # Carried out again, it came through no door: a person stands for it, or it was
        # admitted when it came.
        if received.certificate_names is not None:
            if received.partner and received.partner != profile.id:
                refusal = WRONG_PORT
            elif not self._may_speak(received.certificate_names, profile):
                refusal = WRONG_CERTIFICATE
        if refusal is not None:
            log.warning(
                "sender not admitted",
                extra={
                    "event": "hl7.not_admitted",
                    "partner": profile.id,
                    "peer": received.peer,
                    "port": received.port,
                    "certificate_names": received.certificate_names,
                    "problem": refusal.text,
                },
            )
        return profile, refusal

    def _may_speak(self, names: tuple[str, ...], profile: Profile) -> bool:
        speaks_for: set[PartnerId] = set()
        for name in names:
            speaks_for |= self._speakers.get(name.casefold(), set())
        if speaks_for or profile.certificates:
            return profile.id in speaks_for
        return True
