"""`@app.websocket`: one coroutine for each connection, over the real server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import websockets
from conftest import StartServer
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from server_process import PATIENCE, RoostServer

APP = """
import asyncio, gc, os
from roost import App, Headers, QueryParams, SubRouter, WebSocket, WebSocketAdapter, WebSocketDisconnect, publish

app = App(__file__)
seen, living = [], set()


@app.websocket("/echo/:room")
async def echo(websocket, room: str, times: int = 1, query_params=None):
    seen.append(f"query {query_params.get('x')}")
    while True:
        message = await websocket.receive()
        for _ in range(times):
            await websocket.send(message if isinstance(message, bytes) else f"{room} {message}")


@echo.on_connect
def welcome(websocket):
    return f"welcome {websocket.path_params['room']} from {websocket.ip_addr}"


@echo.on_close
async def goodbye(websocket):
    seen.append(f"closed {websocket.path_params['room']} {websocket._native.close_code}")


@app.websocket("/iterate")
async def iterate(websocket: WebSocketAdapter):
    async for message in websocket:
        await websocket.send_json({"got": message})
    seen.append("iteration ended")


@app.websocket("/typed")
async def typed(ws):
    seen.append(await ws.receive_json())
    await ws.send_json(await ws.receive_json())
    await ws.send_text(await ws.receive_text())
    await ws.send_bytes(await ws.receive_bytes())
    await ws.close(4001, "enough")
    try:
        await ws.receive()
    except WebSocketDisconnect as error:
        seen.append(f"disconnect {error.code}")
        raise


@app.websocket("/raises")
async def raises(ws):
    raise LookupError("a handler that raises")


@app.websocket("/returns")
async def returns(ws):
    await ws.send_text("bye")


@app.websocket("/choose", accept=False)
async def choose(ws):
    if "refuse" in ws.query_params:
        return await ws.close()
    if "raise" in ws.query_params:
        raise LookupError("before the handshake")
    await asyncio.sleep(0)
    await ws.accept(subprotocol=ws.offered_subprotocols[-1], headers={"X-Chosen": "yes"})
    await ws.send_text(ws.subprotocol)


@app.websocket("/undecided", accept=False, grace=0)
async def undecided(ws):
    seen.append("undecided")
    try:
        await asyncio.Event().wait()
    finally:
        seen.append(f"undecided closed {ws.closed}")


@app.websocket("/late", accept=False)
async def late(ws):
    seen.append("late begins")
    while not ws.closed:
        await asyncio.sleep(0)
    for method, *words in ((ws.receive,), (ws.send, "x"), (ws.accept,)):
        try:
            await method(*words)
        except WebSocketDisconnect as error:
            seen.append(f"late {method.__name__} {error.code}")
    await ws.close()


@app.websocket("/preferred", subprotocols=["b", "a"])
async def preferred(ws):
    await ws.accept()
    await ws.send_text(str(ws.subprotocol))


@app.websocket("/hold")
async def hold(ws):
    taken = 0
    while True:
        command = await ws.receive_text()
        taken += 1
        if command == "stop taking":
            await app.state.go_on.wait()
        elif command == "count":
            await ws.send_text(str(taken))


@app.websocket("/sleep", grace=0)
async def sleep(ws):
    living.add(ws.id)
    try:
        await ws.send_text("asleep")
        await asyncio.Event().wait()
    finally:
        living.discard(ws.id)


@app.websocket("/pour")
async def pour(ws):
    most = 0
    for _ in range(2000):
        await ws.send_bytes(bytes(10_000))
        most = max(most, ws.buffered)
    await ws.send_text(str(most))


@app.websocket("/topics")
async def topics(ws):
    async for message in ws:
        command, _, rest = message.partition(" ")
        if command == "sub":
            ws.subscribe(rest)
        elif command == "unsub":
            ws.unsubscribe(rest)
        elif command == "pub":
            await ws.publish(*rest.split(" ", 1))
        elif command == "others":
            topic, text = rest.split(" ", 1)
            await ws.publish(topic, text, exclude=ws.id)
        elif command == "all":
            await ws.broadcast(rest)
        elif command == "from-thread":
            await asyncio.to_thread(publish, *rest.split(" ", 1))
        elif command == "ids":
            await ws.send_json(sorted(ws.active_connections))
        elif command == "to":
            await ws.send_to(*rest.split(" ", 1))
        await ws.send_text(f"ok {os.getpid()} {ws.id}")


sub = SubRouter(__file__, prefix="/sub")


@sub.websocket("/:number")
async def below(ws, number: int, router_dependencies, shared, own, *, flag: bool = False):
    await ws.send_json([number, flag, shared["x"], own["y"], list(router_dependencies)])


app.include_router(sub)
app.inject_global(shared={"x": 1})
sub.inject(own={"y": 2})


@app.startup_handler
async def start():
    app.state.go_on = asyncio.Event()


@app.get("/seen")
def read_seen():
    return seen


@app.get("/living")
async def read_living():
    gc.collect()
    adapters = sum(isinstance(o, WebSocketAdapter) for o in gc.get_objects())
    return {"living": len(living), "adapters": adapters, "tasks": len(asyncio.all_tasks())}


@app.get("/go-on")
async def go_on():
    app.state.go_on.set()
"""

YAML = """\
server:
  listen: 127.0.0.1:0
  processes: {processes}
  access_log: {{ format: none }}
  websocket: {{ message_bytes: 4MiB }}
python: {{ venv: "${{ROOST_VENV}}", path: [.] }}
routes:
  - {{ path: /, python: sockets:app }}
"""


def start(factory: StartServer, processes: int = 1) -> RoostServer:
    return factory(YAML.format(processes=processes), files={"sockets.py": APP})


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return start(module_server)


@contextmanager
def raw_handshake(server: RoostServer, path: str) -> Iterator[socket.socket]:
    """A client that has asked for a WebSocket and waits."""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        lines = [f"GET {path} HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        yield client


def seen(server: RoostServer) -> list[object]:
    found: list[object] = httpx.get(server.url + "/seen").json()
    return found


def test_echo_with_parameters_and_hooks(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/echo/my%20room?times=2&x=7") as ws:
        assert ws.recv(PATIENCE) == "welcome my room from 127.0.0.1"
        ws.send("hi")
        assert [ws.recv(PATIENCE), ws.recv(PATIENCE)] == ["my room hi"] * 2
        ws.send(b"\x00\xff")
        assert [ws.recv(PATIENCE), ws.recv(PATIENCE)] == [b"\x00\xff"] * 2
        assert "query 7" in seen(server)
        ws.close(4321)
    server.wait_for(lambda: "closed my room 4321" in seen(server))


def test_a_parameter_of_the_wrong_type_refuses_the_handshake(server: RoostServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{server.ws_url}/echo/a?times=often")
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body or b"") == {
        "error": "Invalid value for query parameter 'times': 'often'"
    }


def test_iteration_ends_with_the_connection(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/iterate") as ws:
        ws.send("a")
        assert json.loads(ws.recv(PATIENCE)) == {"got": "a"}
    server.wait_for(lambda: "iteration ended" in seen(server))


def test_receive_and_send_by_type(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/typed") as ws:
        ws.send('{"first": 1}')
        ws.send(b"[1, 2.5, null]")
        assert json.loads(ws.recv(PATIENCE)) == [1, 2.5, None]
        ws.send("ä".encode())
        assert ws.recv(PATIENCE) == "ä"
        ws.send("ä")
        assert ws.recv(PATIENCE) == "ä".encode()
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "enough")
    server.wait_for(lambda: "disconnect 4001" in seen(server))
    assert {"first": 1} in seen(server)


@pytest.mark.parametrize(("path", "first", "code"), [("/raises", None, 1011), ("/returns", "bye", 1000)])
def test_the_handlers_end_closes(server: RoostServer, path: str, first: str | None, code: int) -> None:
    with connect(server.ws_url + path) as ws:
        if first is not None:
            assert ws.recv(PATIENCE) == first
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
    if code == 1011:
        server.wait_log(r"raises raised\nTraceback(.*\n)+LookupError: a handler that raises")


def test_the_handler_answers_the_handshake(server: RoostServer) -> None:
    with connect(server.ws_url + "/choose", subprotocols=[Subprotocol("v1"), Subprotocol("v2")]) as ws:
        assert ws.recv(PATIENCE) == "v2"
        assert ws.subprotocol == "v2"
        assert ws.response is not None
        assert ws.response.headers["X-Chosen"] == "yes"
    for query, status in (("refuse", 403), ("raise", 500)):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{server.ws_url}/choose?{query}")
        assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("path", "begun", "told"),
    [
        ("/undecided", "undecided", ["undecided closed True"]),
        ("/late", "late begins", ["late receive 1006", "late send 1006", "late accept 1006"]),
    ],
)
def test_a_client_that_goes_before_the_handshake_is_answered(
    server: RoostServer, path: str, begun: str, told: list[str]
) -> None:
    with raw_handshake(server, path):
        server.wait_for(lambda: begun in seen(server))
    server.wait_for(lambda: all(line in seen(server) for line in told))
    server.wait_for(lambda: httpx.get(server.url + "/living").json()["adapters"] == 0)


@pytest.mark.parametrize(("offered", "chosen"), [(["a", "b"], "b"), (["c", "a"], "a"), (["c"], None), ([], None)])
def test_the_favourite_of_the_subprotocols(server: RoostServer, offered: list[str], chosen: str | None) -> None:
    with connect(server.ws_url + "/preferred", subprotocols=[Subprotocol(name) for name in offered] or None) as ws:
        assert ws.subprotocol == chosen
        assert ws.recv(PATIENCE) == str(chosen)


def test_a_client_waits_for_a_handler_that_does_not_take(server: RoostServer) -> None:
    async def talk() -> None:
        async with websockets.connect(server.ws_url + "/hold") as ws:
            await ws.send("stop taking")
            sent = 0

            async def pour() -> None:
                nonlocal sent
                for _ in range(300):
                    await ws.send("x" * 100_000)
                    sent += 1

            pouring = asyncio.create_task(pour())
            # As long as something moves it goes on; 30 MB is more than all buffers on the way hold.
            before = -1
            while before != sent:
                before = sent
                for _ in range(50):
                    async with httpx.AsyncClient() as client:
                        await client.get(server.url + "/seen")
            assert sent < 300
            async with httpx.AsyncClient() as client:
                await client.get(server.url + "/go-on")
            await pouring
            await ws.send("count")
            assert await ws.recv() == "302"

    asyncio.run(talk())


def test_send_waits_for_the_client(server: RoostServer) -> None:
    with connect(server.ws_url + "/pour") as ws:
        for _ in range(2000):
            assert ws.recv(PATIENCE) == bytes(10_000)
        assert int(ws.recv(PATIENCE)) <= 1 << 20


def test_disconnect_leaves_nothing_behind(server: RoostServer) -> None:
    before = httpx.get(server.url + "/living").json()

    async def come_and_go(count: int) -> None:
        connections: list[ClientConnection] = []
        for _ in range(count):
            connections.append(await websockets.connect(server.ws_url + "/sleep"))
            assert await connections[-1].recv() == "asleep"
        assert httpx.get(server.url + "/living").json()["living"] == count
        for connection in connections:
            connection.transport.abort()

    for _ in range(4):
        asyncio.run(come_and_go(50))
        server.wait_for(lambda: httpx.get(server.url + "/living").json()["living"] == 0)
    after = httpx.get(server.url + "/living").json()
    server.wait_for(lambda: httpx.get(server.url + "/living").json() == {**before, "living": 0}), (before, after)


def test_routers_have_sockets_too(server: RoostServer) -> None:
    with connect(server.ws_url + "/sub/7?flag=true") as ws:
        assert json.loads(ws.recv(PATIENCE)) == [7, True, 1, 2, ["own"]]
    with pytest.raises(InvalidStatus) as refused:
        connect(server.ws_url + "/sub/seven")
    assert refused.value.response.status_code == 400


def test_topics_across_workers(roost_server: StartServer) -> None:
    server = start(roost_server, processes=2)

    async def talk() -> None:
        members: list[ClientConnection] = []
        pids: set[str] = set()
        ids: list[str] = []

        async def ask(member: ClientConnection, command: str) -> str:
            await member.send(command)
            answer = str(await member.recv())
            assert answer.startswith("ok ")
            return answer

        while len(pids) < 2 or len(members) < 4:
            members.append(await websockets.connect(server.ws_url + "/topics"))
            _, pid, name = (await ask(members[-1], "sub news")).split()
            pids.add(pid)
            ids.append(name)
        first, *others = members
        await first.send("others news hello")
        assert [await member.recv() for member in others] == ["hello"] * len(others)
        assert str(await first.recv()).startswith("ok")
        for command in ("pub news one", "from-thread news one", "all one"):
            await first.send(command)
            for member in others:
                assert await member.recv() == "one"
            answers = {str(await first.recv()), str(await first.recv())}
            assert "one" in answers
        await first.send("ids")
        assert json.loads(await first.recv()) == sorted(ids)
        assert str(await first.recv()).startswith("ok")
        for member, name in zip(members[1:], ids[1:], strict=True):
            await ask(first, f"to {name} for {name}")
            assert await member.recv() == f"for {name}"
        await ask(others[0], "unsub news")
        await first.send("pub news last")
        for member in others[1:]:
            assert await member.recv() == "last"
        await ask(others[0], "nothing")
        for member in members:
            await member.close()

    asyncio.run(talk())
