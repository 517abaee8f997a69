"""What applications put around their handlers, over a socket: middleware, exceptions, authentication, sessions."""

from __future__ import annotations

import concurrent.futures
import os
import re
import signal
from collections.abc import Iterator

import httpx
import pytest
import websockets.sync.client
from conftest import StartServer

from server_process import RoostServer

SITE = """
import asyncio, os
from roost import (ALLOW_CORS, App, AuthenticationHandler, BearerGetter, HTTPException, Identity, Request, Response,
                   SubRouter, WebSocket)

app = App(__file__)
bare = App(__file__)
cross = App(__file__)
ALLOW_CORS(cross, ["https://a.example"])


class Users(AuthenticationHandler):
    async def authenticate(self, request):
        await asyncio.sleep(0)
        token = self.token_getter.get_token(request)
        return Identity({"user": token}) if token else None


app.configure_authentication(Users(BearerGetter()))
app.configure_sessions(["new", "old"])
app.set_response_header("X-Server", "mine")
app.exclude_response_headers_for(["/bare"])
users = SubRouter(__file__, prefix="/users")
app.include_router(users)

@app.before_request()
def mark(request):
    request.headers["x-mark"] = "app"

@users.before_request()
async def mark_users(request):
    request.headers["x-mark"] += " users"

@users.after_request()
def count(request, response):
    response.headers["X-Users"] = request.headers["x-mark"]

@users.exception_handler(KeyError)
def no_user(request, error):
    return {"no user": error.args[0]}, 404

@app.exception_handler(405)
def refused(error):
    return Response(405, error.headers, "not so")

users.inject(greeting="hello")
app.inject_global(mark="!")
chat = WebSocket(users, "/chat/:room")

@chat.on("message")
def heard(ws, message):
    return f"{ws.path_params['room']} {message}"

@users.websocket("/greet/:name")
async def greet(websocket, name: str, router_dependencies, global_dependencies):
    await websocket.send_text(router_dependencies["greeting"] + " " + name + global_dependencies["mark"])

@users.get("/injected")
async def injected(greeting, mark):
    return greeting + mark

@app.trace("/trace")
def traced(request):
    return request.method

@app.lifespan
async def life():
    app.state.alive = True
    yield

@app.get("/alive")
def alive():
    return str(app.state.alive)

@users.get("/")
def list_users(request):
    return request.headers["x-mark"]

@users.get("/:name")
def user(name):
    return {}[name]

@users.get("/:name/later")
async def user_later(name):
    return {}[name]

@app.get("/me", auth_required=True)
def me(request):
    return request.identity.claims

@app.get("/me/later", auth_required=True)
async def me_later(request):
    return request.identity.claims

@app.get("/count")
def counted(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return [request.session["n"], sorted(request.cookies)]

@app.get("/bare")
def without():
    return "bare"

@app.get("/constant", const=True)
async def constant():
    os.write(1, b"computed in %d\\n" % os.getpid())
    return {"constant": True}

@app.get("/raise")
def failing():
    raise LookupError("as it should be")

@cross.get("/raise")
def failing_across():
    raise LookupError("across origins")

@bare.exception_handler(ZeroDivisionError)
async def divided(request, error):
    await asyncio.sleep(0)
    return f"{request.path} {error}", 400

@bare.get("/divide")
def divide():
    return 1 // 0

@bare.get("/")
def root():
    return "root"

@bare.get("/http/:status")
def http(status):
    raise HTTPException(int(status), headers={"X-Why": "because"})

@bare.get("/http_later/:status")
async def http_later(status):
    await asyncio.sleep(0)
    raise HTTPException(int(status), {"later": True})

@bare.get("/constant", const=True)
def bare_constant():
    return "constant"
"""

YAML = """
server: { listen: 127.0.0.1:0, processes: 2 }
python: { venv: "${ROOST_VENV}" }
routes:
  - { path: /, python: "site_app:app" }
  - { path: /x, python: "site_app:bare" }
  - { path: /cross, python: "site_app:cross" }
  - { path: /x/native, respond: { body: native } }
  - { path: /function, python: "site_app:failing_function" }
"""
FUNCTION = """

def failing_function():
    raise HTTPException(418, "short and stout")
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"site_app.py": SITE + FUNCTION})


@pytest.fixture(scope="module")
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def test_middleware_of_a_router_stays_below_its_prefix(client: httpx.Client) -> None:
    answer = client.get("/users")
    assert (answer.text, answer.headers["x-users"], answer.headers["x-server"]) == ("app users", "app users", "mine")
    assert "x-users" not in client.get("/count").headers


def test_websockets_of_a_router_are_below_its_prefix(server: RoostServer) -> None:
    with websockets.sync.client.connect(f"{server.ws_url}/users/chat/kitchen") as ws:
        ws.send("soup")
        assert ws.recv() == "kitchen soup"
    with websockets.sync.client.connect(f"{server.ws_url}/users/greet/ada") as ws:
        assert ws.recv() == "hello ada!"


def test_handlers_of_a_router_are_given_what_is_injected(client: httpx.Client) -> None:
    assert client.get("/users/injected").text == "hello!"


def test_trace_reaches_its_handler(client: httpx.Client) -> None:
    assert client.request("TRACE", "/trace").text == "TRACE"


def test_lifespan_begins_in_each_worker(server: RoostServer) -> None:
    assert {httpx.get(f"{server.url}/alive").text for _ in range(10)} == {"True"}


@pytest.mark.parametrize("path", ["/users/ada", "/users/ada/later"])
def test_exception_handler_of_a_router_answers(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json(), answer.headers["x-users"]) == (404, {"no user": "ada"}, "app users")


def test_unmatched_requests_meet_the_middleware(client: httpx.Client) -> None:
    missing = client.get("/users/a/b/c")
    assert (missing.status_code, missing.text, missing.headers["x-users"]) == (404, "Not Found\n", "app users")
    assert client.get("/nothing").headers["x-server"] == "mine"
    refused = client.delete("/users")
    assert (refused.status_code, refused.text, refused.headers["allow"]) == (405, "not so", "GET, HEAD, OPTIONS")
    options = client.options("/users/ada")
    assert (options.status_code, options.headers["allow"], options.content) == (204, "GET, HEAD, OPTIONS", b"")
    own = client.post("/count")
    assert (own.status_code, own.text, own.headers["allow"]) == (405, "not so", "GET, HEAD, OPTIONS")
    head = client.head("/nothing")
    assert (head.status_code, head.content) == (404, b"")


def test_what_an_inner_application_has_no_answer_for_is_the_outer_ones(client: httpx.Client) -> None:
    assert client.get("/x/nothing").headers["x-server"] == "mine"
    assert client.get("/x").headers.get("x-server") is None


@pytest.mark.parametrize("path", ["/x", "/x/", "/x/native", "/x/constant", "/x/constant/"])
def test_final_slash_means_the_same(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, path.strip("/").partition("/")[2] or "root")


@pytest.mark.parametrize("path", ["/me", "/me/later"])
def test_auth_required(client: httpx.Client, path: str) -> None:
    refused = client.get(path)
    assert (refused.status_code, refused.headers["www-authenticate"], refused.text) == (401, "Bearer", "Unauthorized")
    assert client.get(path, headers={"Authorization": "Bearer ada"}).json() == {"user": "ada"}


def test_session_is_shared_by_all_workers(server: RoostServer) -> None:
    # A new connection each time, so that more than one worker answers.
    cookies: dict[str, str] = {}
    for n in range(1, 21):
        answer = httpx.get(f"{server.url}/count", cookies=cookies)
        assert answer.json() == [n, sorted(cookies)]
        cookies["session"] = answer.cookies["session"]
    assert httpx.get(f"{server.url}/count", cookies={"session": cookies["session"] + "x"}).json()[0] == 1


def test_global_headers_may_be_left_out(client: httpx.Client) -> None:
    answer = client.get("/bare")
    assert (answer.text, answer.headers.get("x-server")) == ("bare", None)


def test_constant_handler_is_called_once_in_each_worker(server: RoostServer, client: httpx.Client) -> None:
    for _ in range(3):
        answer = client.get("/constant")
        assert (answer.json(), answer.headers["x-server"]) == ({"constant": True}, "mine")
    computed = re.findall(r"computed in (\d+)", server.output())
    assert (len(computed), len(set(computed))) == (2, 2)


@pytest.mark.parametrize("kind", ["http", "http_later"])
def test_http_exception_is_answered_where_nothing_is_around_the_handler(
    server: RoostServer, client: httpx.Client, kind: str
) -> None:
    answer = client.get(f"/x/{kind}/409")
    want = {"http": {"detail": "Conflict"}, "http_later": {"detail": {"later": True}}}[kind]
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (409, want, "application/json")
    assert answer.headers.get("x-why") == ("because" if kind == "http" else None)
    failing = client.get("/function")
    assert (failing.status_code, failing.json()) == (418, {"detail": "short and stout"})
    assert "HTTPException" not in server.log()


def test_asynchronous_exception_handler_answers_for_a_plain_handler(client: httpx.Client) -> None:
    answer = client.get("/x/divide")
    assert (answer.status_code, answer.text) == (400, "/x/divide integer division or modulo by zero")


def test_exception_that_nobody_answers_is_logged_and_carries_headers(server: RoostServer, client: httpx.Client) -> None:
    answer = client.get("/raise")
    assert (answer.status_code, answer.text, answer.headers["x-server"]) == (500, "Internal Server Error\n", "mine")
    server.wait_log(r"request \S+: failing raised\nTraceback(.*\n)+LookupError: as it should be")
    across = client.get("/cross/raise", headers={"Origin": "https://a.example"})
    assert (across.status_code, across.headers["access-control-allow-origin"]) == (500, "https://a.example")
    assert across.headers["vary"] == "Origin"


def test_cors_of_errors_and_preflights(client: httpx.Client) -> None:
    origin = {"Origin": "https://a.example"}
    for method, path, status in (("GET", "/cross/nothing", 404), ("POST", "/cross/raise", 405)):
        answer = client.request(method, path, headers=origin)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "https://a.example")
        assert answer.headers["access-control-allow-credentials"] == "true"
    preflight = client.options("/cross/raise", headers={**origin, "Access-Control-Request-Method": "GET"})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "https://a.example")
    other = client.options(
        "/cross/raise", headers={"Origin": "https://b.example", "Access-Control-Request-Method": "GET"}
    )
    assert (other.status_code, other.headers.get("access-control-allow-origin")) == (403, None)


def test_auth_required_without_a_handler_is_an_error_at_start(roost_server: StartServer) -> None:
    source = "from roost import App\napp = App(__file__)\n@app.get('/x', auth_required=True)\ndef x(): pass\n"
    yaml = YAML.split("routes:")[0] + 'routes: [{ path: /, python: "site_app:app" }]'
    server = roost_server(yaml, {"site_app.py": source}, wait_ready=False)
    assert server.wait() == 1
    assert re.search(r"site_app\.py:3: GET /x is auth_required: use app\.configure_authentication", server.log())


MEETING = """
import asyncio, threading
from roost import App

app = App(__file__)
gate = threading.Barrier(32)

@app.before_request()
async def pause(request):
    await asyncio.sleep(0)

@app.get("/")
def meet():
    gate.wait()
    return "met"
"""


def test_plain_handlers_behind_asynchronous_middleware_meet(roost_server: StartServer) -> None:
    yaml = YAML.split("routes:")[0].replace("processes: 2", "processes: 1")
    server = roost_server(yaml + 'routes: [{ path: /, python: "site_app:app" }]', {"site_app.py": MEETING})
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: httpx.get(server.url, timeout=60), range(32)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "met")}


LIFE = """
import asyncio, os
from roost import App

app = App(__file__)

@app.startup_handler
async def start():
    app.state.task = asyncio.create_task(asyncio.sleep(3600))

@app.lifespan
async def life():
    try:
        yield
    finally:
        await asyncio.sleep(0)
        os.write(1, b"life ended\\n")

@app.shutdown_handler
async def stop():
    await asyncio.sleep(0)
    app.state.task.cancel()
    os.write(1, b"closing %d\\n" % os.getpid())
    await asyncio.sleep(0.05)
    os.write(1, b"closed %d\\n" % os.getpid())

@app.get("/")
def index():
    return str(os.getpid())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_shutdown_is_awaited(roost_server: StartServer, number: signal.Signals) -> None:
    yaml = YAML.split("routes:")[0] + 'routes: [{ path: /, python: "site_app:app" }]'
    server = roost_server(yaml, {"site_app.py": LIFE})
    pids = {httpx.get(server.url).text for _ in range(20)}
    os.kill(server.pid, number)
    assert server.wait() == 0
    assert set(re.findall(r"closed (\d+)", server.output())) >= pids
    assert server.output().count("closed") == server.output().count("closing") == 2
    assert server.output().count("life ended") == 2
