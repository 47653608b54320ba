"""A persistent MLLP client: one message out, its acknowledgement back.

Errors::

    DeliveryFailed   the message was not acknowledged; `phase` says how far it came
"""

from __future__ import annotations

import logging
import socket
import ssl
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

from hl7_adapters.er7 import DecodeError, decode
from hl7_adapters.mllp.connection import keep_alive
from hl7_adapters.mllp.framing import Deframer, Event, Frame, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

READ_BYTES: Final = 65536
_REFUSALS: Final = frozenset({"AE", "AR", "CE", "CR"})  # HL7 table 0008


class Phase(Enum):
    """How far a delivery came."""

    CONNECT = "connect"
    """Nothing was sent."""
    SEND = "send"
    """The peer may hold part of the message, hence will not have taken it."""
    AWAIT_ACK = "await_ack"
    """The peer may have taken the message: send the same bytes again."""


class DeliveryFailed(Exception):
    """A message was not acknowledged.

    Parameters
    ----------
    phase
        How far it came.
    peer
        ``host:port`` of the receiver.
    reason
        What happened; never patient data.
    """

    code = "mllp.delivery_failed"

    def __init__(self, phase: Phase, peer: str, reason: str) -> None:
        super().__init__(f"{peer}, {phase.value}: {reason}")
        self.phase = phase
        self.peer = peer
        self.reason = reason


class MllpSender:
    """Sends to one receiver over one connection, which is kept open between messages.

    It connects when first needed and again after a failure. For use by one thread.

    Parameters
    ----------
    host, port
        The receiver.
    connect_timeout
        For the connection, including TLS, in seconds.
    ack_timeout
        From the first byte sent to the acknowledgement, in seconds.
    tls
        Context for a TLS client, or None for plain TCP.
    server_name
        Name that the receiver's certificate must bear; the host by default.
    keep_open
        Whether the connection serves further messages.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_timeout: float = 5.0,
        ack_timeout: float = 30.0,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        keep_open: bool = True,
    ) -> None:
        self.peer = f"{host}:{port}"
        self._endpoint = (host, port)
        self._connect_timeout = connect_timeout
        self._ack_timeout = ack_timeout
        self._tls = tls
        self._server_name = server_name or host
        self._keep_open = keep_open
        self._socket: socket.socket | None = None
        self._deframer = Deframer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later `send` opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, payload: bytes) -> bytes:
        """Send one message and return the payload of its acknowledgement.

        Parameters
        ----------
        payload
            One encoded message, with a control id in MSH-10.

        Raises
        ------
        DeliveryFailed
            It was not acknowledged in time. The connection is closed, so that a late
            answer cannot be taken for the answer to another message.
        """
        control_id = decode(payload).control_id
        connection = self._connection()
        deadline = monotonic() + self._ack_timeout
        try:
            connection.settimeout(self._ack_timeout)
            connection.sendall(frame(payload))
        except OSError as error:
            raise self._failed(Phase.SEND, error) from error
        try:
            answer = self._acknowledgement(connection, control_id, deadline)
        except OSError as error:
            raise self._failed(Phase.AWAIT_ACK, error) from error
        if not self._keep_open:
            self.close()
        return answer

    def _failed(self, phase: Phase, error: OSError) -> DeliveryFailed:
        self.close()
        if isinstance(error, TimeoutError):
            return DeliveryFailed(phase, self.peer, "timed out")
        return DeliveryFailed(phase, self.peer, error.strerror or type(error).__name__)

    def _connection(self) -> socket.socket:
        """Return an open connection, with nothing left over from before."""
        if self._socket is not None and self._is_alive(self._socket):
            return self._socket
        self.close()
        try:
            plain = socket.create_connection(self._endpoint, self._connect_timeout)
            self._socket = plain
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep_alive(plain)
            if self._tls is not None:
                self._socket = self._tls.wrap_socket(
                    plain, server_hostname=self._server_name
                )
        except OSError as error:
            raise self._failed(Phase.CONNECT, error) from error
        self._deframer = Deframer()
        return self._socket

    def _is_alive(self, connection: socket.socket) -> bool:
        """Whether the peer still holds the connection; drops what it sent unasked.

        A receiver may close an idle connection at any time. To notice before sending
        is to be certain that nothing was delivered.
        """
        connection.setblocking(False)
        try:
            while data := connection.recv(READ_BYTES):
                self._report_stale(self._deframer.feed(data))
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def _acknowledgement(
        self, connection: socket.socket, control_id: str, deadline: float
    ) -> bytes:
        while True:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            data = connection.recv(READ_BYTES)
            if not data:
                raise ConnectionResetError(0, "the peer closed without an answer")
            events = self._deframer.feed(data)
            for at, event in enumerate(events):
                if isinstance(event, Frame) and _answers(event.payload, control_id):
                    self._report_stale(events[at + 1 :])
                    return event.payload
                self._report_stale([event])

    def _report_stale(self, events: Sequence[Event]) -> None:
        for event in events:
            log.warning(
                "unexpected answer ignored",
                extra={
                    "event": "mllp.stale_answer",
                    "peer": self.peer,
                    "kind": type(event).__name__,
                },
            )


def _answers(payload: bytes, control_id: str) -> bool:
    """Whether this acknowledges the message of that control id.

    A receiver that could not read our header refuses without an id.
    """
    try:
        message = decode(payload)
    except DecodeError:
        return False
    acknowledged = message.first("MSA")
    if acknowledged is None:
        return False
    echoed = acknowledged.whole(2).strip()
    refused = acknowledged.value(1).strip().upper() in _REFUSALS
    return echoed == control_id or (not echoed and refused)
