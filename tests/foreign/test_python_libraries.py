"""python-hl7 and hl7apy at the other end: they send orders, and they are told."""

import asyncio
import contextlib
import socket
import threading

import hl7
import pytest
from engines import SECONDS, delivered, engine, order, wait_for
from hl7.client import MLLPClient
from hl7.mllp import open_hl7_connection, start_hl7_server
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

from booking_engine.settings import ListenerSettings
from hl7_adapters.destination import OutgoingTls

EPR = "epr.north.example"


@pytest.fixture(scope="module")
def listening(tmp_path_factory, authority, _migrated_sqlite):
    """One engine with a plain and a secured endpoint."""
    file = tmp_path_factory.mktemp("engine") / "booking.db"
    file.write_bytes(_migrated_sqlite.read_bytes())
    plain = ListenerSettings(port=0)
    secured = ListenerSettings(port=0, tls=authority.settings())
    with engine(f"sqlite:///{file}", plain, secured) as runtime:
        yield runtime.listener.addresses


def test_python_hl7s_client_sends_orders(listening):
    with MLLPClient(*listening[0]) as client:
        for number in (1, 2):
            answer = client.send_message(order(number))
            assert answer.startswith(b"\x0b")
            assert f"MSA|AA|C{number}\r".encode() in answer


def test_python_hl7s_asyncio_client_sends_orders_over_tls(listening, authority):
    host, port = listening[1]

    async def send():
        reader, writer = await open_hl7_connection(
            host, port, ssl=authority.client(EPR), encoding="utf-8"
        )
        for number in (11, 12):
            writer.writemessage(hl7.parse(order(number)))
            await writer.drain()
            answer = await reader.readmessage()
            assert str(answer.segment("MSA")[1]) == "AA"
            assert str(answer.segment("MSA")[2]) == f"C{number}"
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    asyncio.run(asyncio.wait_for(send(), SECONDS))


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_a_client_as_hl7apys_documentation_writes_it(secured, listening, authority):
    """It has no client of its own: `to_mllp`, a socket, and its parser for answers."""
    address, number = listening[int(secured)], 21 + secured
    message = parse_message(order(number), find_groups=False)
    with contextlib.ExitStack() as opened:
        sock = opened.enter_context(socket.create_connection(address, SECONDS))
        if secured:
            sock = opened.enter_context(
                authority.client(EPR).wrap_socket(sock, server_hostname="127.0.0.1")
            )
        sock.sendall(message.to_mllp().encode("utf-8"))
        received = b""
        while not received.endswith(b"\x1c\r"):
            received += sock.recv(1024 * 1024)
    answer = parse_message(received.decode("utf-8").strip("\x0b\x1c\r"))

    assert answer.msa.msa_1.value == "AA"
    assert answer.msa.msa_2.value == f"C{number}"


@contextlib.contextmanager
def python_hl7_server(tls):
    """Run python-hl7's asyncio server; yield its port and what it received."""
    received = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    ports = []
    ready = threading.Event()

    async def serve_one(reader, writer):
        with contextlib.closing(writer):
            while True:
                try:
                    message = await reader.readmessage()
                except (asyncio.IncompleteReadError, OSError):  # they hung up
                    return
                received.append(message)
                writer.writemessage(message.create_ack())
                await writer.drain()

    async def serve():
        server = await start_hl7_server(
            serve_one, "127.0.0.1", 0, ssl=tls, encoding="utf-8"
        )
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()
        # Whoever we told has hung up by now; let each connection end.
        while serving := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(serving)
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(SECONDS)
        yield ports[0], received
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(SECONDS)
        loop.close()


def outgoing(port, authority=None):
    """What the profile says of the receiver."""
    tells = {"host": "127.0.0.1", "port": port}
    if authority is not None:
        ours = authority.issue("booking.example")
        tells["tls"] = OutgoingTls(
            ca=authority.file, certificate=ours.certificate, key=ours.key
        )
    return tells


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "TLS"])
def test_python_hl7s_server_receives_bookings(secured, authority, sqlite_url):
    with (
        python_hl7_server(authority.server() if secured else None) as (port, received),
        engine(sqlite_url, tells=outgoing(port, authority if secured else None)) as run,
    ):
        with MLLPClient(*run.mllp_address) as client:
            for number in (1, 2, 3):
                client.send_message(order(number))
        wait_for(lambda: delivered(run) == 3)

    assert {str(m.segment("MSH")[9]) for m in received} == {"SIU^S12^SIU_S12"}
    assert sorted(str(m.segment("SCH")[26])[:2] for m in received) == ["P1", "P2", "P3"]


class Accept(AbstractHandler):
    """Keeps a booking and acknowledges it, as hl7apy's tutorial does."""

    def __init__(self, message, received):
        super().__init__(message)
        self.received = received

    def reply(self):
        booking = parse_message(self.incoming_message, find_groups=False)
        self.received.append(booking)
        control = booking.msh.msh_10.value
        head = "\x0bMSH|^~\\&|RIS|RA1|BOOKING||20261124||ACK|A1|P|2.4\r"
        return f"{head}MSA|AA|{control}\r\x1c\r"


def test_hl7apys_server_receives_bookings(sqlite_url):
    """It closes after each message; the next one opens a connection again."""
    received = []
    server = MLLPServer(
        "127.0.0.1",
        0,
        dict.fromkeys(("SIU^S12", "SIU^S12^SIU_S12"), (Accept, received)),
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        port = server.server_address[1]
        with engine(sqlite_url, tells=outgoing(port)) as run:
            with MLLPClient(*run.mllp_address) as client:
                for number in (1, 2, 3):
                    client.send_message(order(number))
            wait_for(lambda: delivered(run) == 3)
    finally:
        server.shutdown()
        thread.join(SECONDS)
        server.server_close()

    assert sorted(m.sch.sch_26.ei_1.value for m in received) == ["P1", "P2", "P3"]
