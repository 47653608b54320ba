"""Carrying out stored messages again, as they are or edited.

The original is never changed: what comes of it is a message of its own, which names the
original, who wanted it and why. The answer is stored with it and sent to nobody.
"""

from __future__ import annotations

from booking_engine.application.dispatch import Dispatcher
from booking_engine.domain.clock import Clock
from booking_engine.domain.errors import StoreUnavailable, TransitionRefused
from booking_engine.domain.identifiers import Actor, Ids, MessageId
from booking_engine.domain.messages import InboundMessage
from hl7_adapters.editing import edited
from hl7_adapters.frames import Replay
from hl7_adapters.mllp.received import Received
from hl7_adapters.receiver import Receiver


class Replayer:
    """Replays messages.

    Parameters
    ----------
    dispatcher
        Reads the originals.
    receiver
        Carries them out.
    ids
        Names messages ("M").
    clock
        Tells when a replay came in: now.
    """

    def __init__(
        self, dispatcher: Dispatcher, receiver: Receiver, *, ids: Ids, clock: Clock
    ) -> None:
        self._dispatcher = dispatcher
        self._receiver = receiver
        self._ids = ids
        self._clock = clock

    def replay(
        self,
        message_id: MessageId,
        *,
        by: Actor,
        reason: str,
        text: str | None = None,
    ) -> InboundMessage:
        """Carry out a message again and return what came of it.

        An order that the original made is found by its number, so a replay never
        makes a second one.

        Parameters
        ----------
        text
            What to carry out in its place; lines may end as on any system.

        Raises
        ------
        NotKnown
            There is no such message.
        TransitionRefused
            What came in was no whole frame: it must be completed first.
        InvalidValue
            The text cannot be written in the original's character set.
        StoreUnavailable
            Nothing was stored; the replay may be tried again.
        """
        with self._dispatcher.reading(by) as session:
            original = session.uow.messages.get(message_id)
        if text is not None:
            frame = edited(text, original.raw)
        elif original.fault:
            raise TransitionRefused(
                f"Message {original.id} is no whole frame ({original.fault}): part of"
                " it may be missing; complete its text and replay that."
            )
        else:
            frame = original.raw
        replay = Replay(
            MessageId(self._ids("M")), original.id, original.digest, by, reason
        )
        received = Received(
            *(frame, "replay", 0, self._clock.now(), 0),
            partner=original.partner or "",
        )
        if not self._receiver.replay(received, replay):
            raise StoreUnavailable("The replay was not stored; try it again.")
        with self._dispatcher.reading(by) as session:
            return session.uow.messages.get(replay.message_id)
