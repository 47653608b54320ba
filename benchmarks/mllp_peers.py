"""Servers that only parse a message and acknowledge it, to measure beside ours."""

from __future__ import annotations

import asyncio

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server
from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPRequestHandler, MLLPServer
from hl7apy.parser import parse_message

from benchmarks.mllp_load import CHARSET, HOST


class _Acknowledge(AbstractHandler):  # type: ignore[misc]
    """hl7apy: parse a message and build its acknowledgement."""

    def reply(self) -> str:
        """Return the acknowledgement, framed."""
        message = parse_message(self.incoming_message)
        ack = Message("ACK", version=message.version)
        ack.msh.msh_3 = message.msh.msh_5
        ack.msh.msh_5 = message.msh.msh_3
        ack.msh.msh_9 = "ACK"
        ack.msh.msh_10 = "1"
        ack.msh.msh_11 = "T"
        ack.msa.msa_1 = "AA"
        ack.msa.msa_2 = message.msh.msh_10.value
        return str(ack.to_mllp())


class _Latin1(MLLPRequestHandler):  # type: ignore[misc]
    encoding = CHARSET


class _Server(MLLPServer):  # type: ignore[misc]
    # Its own five would drop some of fifty callers, who then wait a second.
    request_queue_size = 128
    daemon_threads = True


def hl7apy_part() -> None:
    """Serve with hl7apy, one connection for each message, until ended."""
    kinds = ("ORM^O01", "OMG^O19", "OMI^O23^OMI_O23")
    handlers = dict.fromkeys(kinds, (_Acknowledge,))
    server = _Server(HOST, 0, handlers, request_handler_class=_Latin1)
    print(f"LISTENING {server.server_address[1]}", flush=True)
    server.serve_forever()


async def python_hl7_part() -> None:
    """Serve with python-hl7 until ended."""

    async def answer(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message: hl7.Message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await start_hl7_server(answer, HOST, 0, encoding=CHARSET)
    print(f"LISTENING {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()
