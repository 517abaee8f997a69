"""An application as an MCP server: by the official client over streamable HTTP, and message by message."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
from conftest import StartServer
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from server_process import RoostServer

MODULE = '''
import enum
from dataclasses import dataclass
from typing import Literal, Optional

from pydantic import BaseModel
from roost import App, Request

app = App(__file__)


class Unit(enum.Enum):
    metre = "m"
    foot = "ft"


@dataclass
class Point:
    x: int
    y: int = 0


class Sum(BaseModel):
    total: int
    parts: list[int]


@app.mcp.tool()
def add(a: int, b: int = 2) -> int:
    """Adds two numbers."""
    return a + b


@app.mcp.tool(name="measure", description="Measures")
async def length(value: float, unit: Unit = Unit.metre, way: Literal["up", "down"] = "up") -> str:
    return f"{value} {unit.value} {way}"


@app.mcp.tool()
def move(point: Point, by: Optional[list[int]] = None) -> dict:
    return {"x": point.x + sum(by or ()), "y": point.y}


@app.mcp.tool()
async def total(parts: list[int]) -> Sum:
    return Sum(total=sum(parts), parts=parts)


@app.mcp.tool()
def broken():
    raise ValueError("it broke")


@app.mcp.tool()
def agent(request: Request) -> str:
    return request.method + " " + request.headers["user-agent"]


@app.mcp.resource("config://main", mime_type="application/json")
def config():
    """The configuration."""
    return {"debug": True}


@app.mcp.resource("notes://{owner}/{number}")
async def note(owner: str, number: int) -> str:
    return f"note {number} of {owner}"


@app.mcp.resource("file://{path}")
def file(path: str) -> bytes:
    return path.encode()


@app.mcp.prompt()
def review(code: str, language: str = "Python") -> str:
    """Asks for a review."""
    return f"Review this {language}: {code}"


@app.mcp.prompt()
def talk() -> list:
    return ["Hello", {"role": "assistant", "content": "Good day"}]


@app.get("/")
def index():
    return "index"
'''

YAML = """
server: { listen: "127.0.0.1:0", processes: 2 }
python: { venv: "${ROOST_VENV}", path: [.] }
routes:
  - { path: /, python: tools:app }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, files={"tools.py": MODULE})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def in_session(server: RoostServer, use: Callable[[ClientSession], Awaitable[None]]) -> None:
    """Runs `use` with an initialised session of the official client."""

    async def run() -> None:
        async with (
            streamable_http_client(f"{server.url}/mcp") as streams,
            ClientSession(streams[0], streams[1]) as session,
        ):
            found = await session.initialize()
            assert found.server_info.name == "roost"
            await use(session)

    anyio.run(run)


def test_client_lists_and_calls_tools(server: RoostServer) -> None:
    async def use(session: ClientSession) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"add", "measure", "move", "total", "broken", "agent"}
        assert tools["add"].description == "Adds two numbers."
        assert tools["add"].input_schema == {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 2}},
            "required": ["a"],
        }
        assert tools["agent"].input_schema["properties"] == {}
        assert (await session.call_tool("add", {"a": 40})).content[0].text == "42"
        result = await session.call_tool("measure", {"value": 2, "unit": "ft", "way": "down"})
        assert result.content[0].text == "2.0 ft down"
        result = await session.call_tool("move", {"point": {"x": 1}, "by": [2, 3]})
        assert result.structured_content == {"x": 6, "y": 0}
        assert json.loads(result.content[0].text) == {"x": 6, "y": 0}
        assert tools["total"].output_schema["properties"]["total"]["type"] == "integer"
        assert (await session.call_tool("total", {"parts": [1, 2]})).structured_content == {"total": 3, "parts": [1, 2]}
        assert (await session.call_tool("agent", {})).content[0].text.startswith("POST ")

    in_session(server, use)


def test_client_is_told_what_is_wrong_with_a_call(server: RoostServer) -> None:
    async def use(session: ClientSession) -> None:
        for arguments, message in [
            ({}, "a: Field required"),
            ({"a": "x"}, "a: Input should be a valid integer"),
            ({"a": 1, "c": 2}, "c: Unexpected argument"),
        ]:
            result = await session.call_tool("add", arguments)
            assert result.is_error
            assert message in result.content[0].text
        result = await session.call_tool("broken", {})
        assert (result.is_error, result.content[0].text) == (True, "it broke")

    in_session(server, use)
    assert "ValueError: it broke" in server.log()


def test_client_reads_resources(server: RoostServer) -> None:
    async def use(session: ClientSession) -> None:
        assert [str(found.uri) for found in (await session.list_resources()).resources] == ["config://main"]
        templates = (await session.list_resource_templates()).resource_templates
        assert [found.uri_template for found in templates] == ["notes://{owner}/{number}", "file://{path}"]
        found = (await session.read_resource("config://main")).contents[0]
        assert (found.mime_type, json.loads(found.text)) == ("application/json", {"debug": True})
        assert (await session.read_resource("notes://me/7")).contents[0].text == "note 7 of me"
        assert base64.b64decode((await session.read_resource("file://a/b%20c")).contents[0].blob) == b"a/b c"

    in_session(server, use)


def test_client_gets_prompts(server: RoostServer) -> None:
    async def use(session: ClientSession) -> None:
        prompts = {prompt.name: prompt for prompt in (await session.list_prompts()).prompts}
        assert [(one.name, one.required) for one in prompts["review"].arguments] == [
            ("code", True),
            ("language", False),
        ]
        found = await session.get_prompt("review", {"code": "x = 1"})
        assert found.description == "Asks for a review."
        assert found.messages[0].content.text == "Review this Python: x = 1"
        assert [one.role for one in (await session.get_prompt("talk", {})).messages] == ["user", "assistant"]

    in_session(server, use)


def post(client: httpx.Client, message: Any, **headers: str) -> httpx.Response:
    return client.post("/mcp", content=message if isinstance(message, bytes) else json.dumps(message), headers=headers)


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (b"{", 400, -32700),
        (7, 400, -32600),
        ([], 400, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "nothing"}, 200, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing"}}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {}}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "x://y"}}, 200, -32002),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "notes://a/b"}}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "review"}}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "nothing"}}, 200, -32602),
    ],
)
def test_errors_have_their_codes(client: httpx.Client, message: Any, status: int, code: int) -> None:
    response = post(client, message)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_notifications_are_accepted_without_an_answer(client: httpx.Client) -> None:
    response = post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (response.status_code, response.content) == (202, b"")
    assert post(client, {"jsonrpc": "2.0", "id": 3, "result": {}}).status_code == 202


def test_batch_is_answered_by_a_batch(client: httpx.Client) -> None:
    ping = {"jsonrpc": "2.0", "method": "ping"}
    answers = post(client, [{**ping, "id": 1}, ping, {**ping, "id": "two"}]).json()
    assert answers == [{"jsonrpc": "2.0", "id": number, "result": {}} for number in (1, "two")]


@pytest.mark.parametrize(
    ("asked", "answered"), [("2024-11-05", "2024-11-05"), ("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")]
)
def test_protocol_version_is_negotiated(client: httpx.Client, asked: str, answered: str) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    result = post(client, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).json()["result"]
    assert result["protocolVersion"] == answered
    assert set(result["capabilities"]) == {"tools", "resources", "prompts"}


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://evil.example", 403), ("http://localhost:6274", 200), ("http://localhost.evil.example", 403)],
)
def test_pages_of_other_origins_may_not_ask(client: httpx.Client, origin: str, status: int) -> None:
    assert post(client, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, origin=origin).status_code == status


def test_other_methods_are_not_allowed(client: httpx.Client) -> None:
    assert client.get("/mcp").status_code == 405
    assert client.delete("/mcp").status_code == 405
    assert client.get("/").text == "index"
