"""Filing again what was stored before messages were filed by what they name.

Until the message store had search keys (schema 0007) a message was kept with its bytes
and nothing to find it by. What it is found by is read from the bytes now, as it would
have been then, by its partner's profile of today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from booking_engine.domain.errors import StaleVersion
from booking_engine.domain.identifiers import Actor, MessageId, PartnerId
from booking_engine.domain.messages import InboundMessage
from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.profile import Profile
from hl7_adapters.search_keys import NOTHING, FoundBy, found_by

if TYPE_CHECKING:
    from booking_engine.application.dispatch import CommandSession, Dispatcher

TOGETHER: Final = 500
"""Messages that are looked at, and filed, in one transaction."""


def file_again(
    dispatcher: Dispatcher,
    profiles: Mapping[PartnerId, Profile],
    *,
    actor: Actor,
    together: int = TOGETHER,
) -> int:
    """File every message that has no search keys; return how many have some now.

    It may be broken off and begun again, beside a running engine or another run: what
    is filed stays filed, and is passed over. One that names nothing is looked at each
    time.

    Parameters
    ----------
    together
        How many messages share a transaction.
    """
    now = dispatcher.clock.now()
    after: tuple[datetime, MessageId] | None = None
    count = 0
    while True:
        with dispatcher.reading(actor) as session:
            stored = session.uow.messages.old(before=now, after=after, limit=together)
        if not stored:
            return count
        bare = [message.id for message in stored if not message.keys]
        if bare:
            count += _filed_together(bare, profiles, dispatcher, actor)
        after = (stored[-1].received_at, stored[-1].id)


def _filed_together(
    names: Sequence[MessageId],
    profiles: Mapping[PartnerId, Profile],
    dispatcher: Dispatcher,
    actor: Actor,
) -> int:
    """File messages in one transaction; again, where another run filed one meanwhile.

    Each repetition finds fewer to file, for the other run has committed some.
    """
    while True:
        try:
            with dispatcher.session(actor) as session:
                count = sum(_filed(name, profiles, session) for name in names)
                session.commit()
        except StaleVersion:
            continue
        return count


def _filed(
    message_id: MessageId,
    profiles: Mapping[PartnerId, Profile],
    session: CommandSession,
) -> bool:
    """File one message, unless it names nothing or somebody was faster."""
    message = session.uow.messages.get(message_id)
    if message.keys:
        return False
    found = _read(message, profiles)
    if not found.keys:
        return False
    session.uow.messages.file(
        message.id,
        keys=found.keys,
        sent_at=message.sent_at or found.sent_at,
        order_control=message.order_control or found.order_control,
    )
    return True


def _read(message: InboundMessage, profiles: Mapping[PartnerId, Profile]) -> FoundBy:
    profile = None if message.partner is None else profiles.get(message.partner)
    try:
        read = decode(message.raw, charset=None if profile is None else profile.charset)
    except DecodeError:
        return NOTHING
    return found_by(read, profile)
