"""How WebSockets end, and what becomes of clients that do not read or do not answer."""

from __future__ import annotations

import signal
import struct

import pytest
from conftest import StartServer
from websockets.exceptions import ConnectionClosed

from raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, RawWebSocket, closing, frame
from server_process import PATIENCE, RoostServer
from websocket_rooms import ask, code_of, events, room, who, yaml


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    """One worker, so that /events are those of every connection."""
    return module_server(yaml())


@pytest.mark.parametrize(
    ("sent", "answer", "seen"),
    [(b"", 0, "1005 "), (b"\x03\xe8bye-1", 1000, "1000 bye-1"), (b"\x0f\xa1x", 4001, "4001 x")],
)
def test_close_by_the_client(roost_server: StartServer, sent: bytes, answer: int, seen: str) -> None:
    server = roost_server(yaml())
    with RawWebSocket(server) as ws:
        ws.send(frame(CLOSE, sent), frame(TEXT, b"too late"))
        assert ws.closed_with() == answer
    server.wait_for(lambda: events(server) == [f"echo close {seen}"])


def test_client_that_vanishes(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    RawWebSocket(server).raw.close()
    server.wait_for(lambda: events(server) == ["echo close 1006 "])


def test_close_by_the_handler(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    with room(server) as member:
        own, _ = who(member)
        member.send("close 4002 enough")
        with pytest.raises(ConnectionClosed) as closed:
            member.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "enough")
    server.wait_for(lambda: events(server) == [f"open {own}", "close asked", "close 4002 enough"])


def test_handler_that_throws_closes_with_1011(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    with room(server) as member:
        who(member)
        member.send("throw")
        with pytest.raises(ConnectionClosed) as closed:
            member.recv(PATIENCE)
        assert code_of(closed) == 1011
    server.wait_log("a handler that throws")


def test_ping_keeps_alive_and_cuts_the_silent(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="ping: 100ms, ping_timeout: 100ms"))
    with RawWebSocket(server) as ws:
        for _ in range(3):
            assert ws.receive() == (PING, b"")
            ws.send(frame(PONG))
        assert ws.receive() == (PING, b"")
        assert ws.raw.closed()
    server.wait_for(lambda: events(server) == ["echo close 1006 "])


def test_slow_receiver_loses_the_oldest_where_it_says_drop(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="send_buffer: 64KiB, slow_client: drop"))
    large, count, padding = 10_000, 20_000, "x" * 1000
    with RawWebSocket(server, "/room/slow") as slow, room(server, "other") as publisher:
        slow.receive()
        slow.send(frame(TEXT, b"sub news"))
        assert slow.receive() == (TEXT, b"ok")
        who(publisher)
        # The small ones at last leave no room for the pong in the queue.
        for i in range(count):
            publisher.send(f"pub news {i} {padding if i < large else ''}")
        assert ask(publisher, "list").startswith("ids ")
        slow.send(frame(PING, b"are you there"))
        heard: list[int] = []
        ponged = False
        while not ponged or heard[-1] != count - 1:
            opcode, payload = slow.receive()
            if opcode == PONG:
                assert payload == b"are you there"
                ponged = True
                continue
            assert opcode == TEXT, (opcode, payload[:80])
            number, _, text = payload.decode().partition(" ")
            assert text == (padding if int(number) < large else "")
            heard.append(int(number))
        assert heard == sorted(set(heard))
        assert len(heard) < count
        server.wait_log(r"messages dropped for clients that read too slowly")


def test_slow_receiver_is_closed_with_1013(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="send_buffer: 256KiB"))
    with RawWebSocket(server, "/room/a") as ws:
        ws.receive()
        ws.send(frame(TEXT, b"flood 10000"))
        server.wait_for(lambda: any(line.startswith("flood gone") for line in events(server)))
        line = next(line for line in events(server) if line.startswith("flood gone"))
        assert int(line.rpartition(" ")[2]) <= 256 * 1024
        while (received := ws.receive())[0] == BINARY:
            assert len(received[1]) == 10000
        assert (received[0], received[1][:2]) == (CLOSE, struct.pack("!H", 1013))
        ws.send(closing(1013))
        assert ws.raw.closed()


@pytest.mark.tsan
def test_writable_after_would_block(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="send_buffer: 256KiB"))
    with RawWebSocket(server, "/room/a") as ws:
        ws.receive()
        ws.send(frame(TEXT, b"pour 10000"))
        # Nothing is read before, or it might never have to wait.
        server.wait_for(lambda: "flood waits" in events(server))
        count = 0
        while (received := ws.receive())[0] == BINARY:
            count += 1
        assert received == (TEXT, f"writable after {count}".encode())


@pytest.mark.tsan
def test_drain_closes_with_1001(roost_server: StartServer) -> None:
    server = roost_server(yaml(processes=2))
    with room(server) as first, room(server) as second:
        who(first), who(second)
        server.signal(signal.SIGTERM)
        for member in (first, second):
            with pytest.raises(ConnectionClosed) as closed:
                member.recv(PATIENCE)
            assert code_of(closed) == 1001
        assert server.wait() == 0


@pytest.mark.tsan
def test_sends_from_another_thread_in_order(server: RoostServer) -> None:
    with room(server) as member:
        who(member)
        member.send("later x")
        assert [member.recv(PATIENCE) for _ in range(100)] == [f"x {i}" for i in range(100)]
