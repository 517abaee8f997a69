"""What middleware, sessions and exceptions leave behind after many requests: nothing."""

from __future__ import annotations

import itertools
import socket

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

APP = """
import asyncio, gc, sys
from roost import App, AuthenticationHandler, BearerGetter, HTTPException, Identity, SubRouter

app, bare = App(__file__), App(__file__)


class Users(AuthenticationHandler):
    def authenticate(self, request):
        token = self.token_getter.get_token(request)
        return Identity({"user": token}) if token else None


app.configure_authentication(Users(BearerGetter()))
app.configure_sessions("secret")
app.set_response_header("X-Server", "mine")
later = SubRouter("/later")
app.include_router(later)

@app.after_request()
def after(request, response):
    response.headers["X-After"] = request.path

@later.before_request()
async def before(request):
    request.state.seen = request

@app.exception_handler(KeyError)
def missing(request, error):
    return {"missing": str(error)}, 404

@app.exception_handler(404)
def not_found(error):
    return "nothing", 404

@app.get("/session")
def session(request):
    request.session["n"] = 1
    return dict(request.session)

@app.get("/me", auth_required=True)
def me(request):
    return request.identity.claims

for router in (app, later, bare):
    @router.get("/key")
    def key():
        return {}["x"]

    @router.get("/http")
    def http():
        raise HTTPException(409, headers={"X-A": "1"})

    @router.get("/plain")
    def plain(request):
        return request.cookies

    @router.get("/async/http")
    async def http_later():
        await asyncio.sleep(0)
        raise HTTPException(409)

    @router.get("/value")
    def value():
        raise ValueError("logged")

@bare.get("/blocks")
def blocks():
    gc.collect()
    return sys.getallocatedblocks()
"""

YAML = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none } }
python: { venv: "${ROOST_VENV}" }
routes:
  - { path: /, python: "leak_app:app" }
  - { path: /bare, python: "leak_app:bare" }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"leak_app.py": APP})


def send_many(server: RoostServer, path: str, count: int) -> None:
    """One after the other on one connection; all of the answers have come when this returns."""
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\nCookie: a=1; session=x.y\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection, connection.makefile("rb") as answers:
        connection.sendall((asked + "\r\n").encode() * (count - 1))
        connection.sendall((asked + "Connection: close\r\n\r\n").encode())
        assert answers.read().count(b"HTTP/1.1 ") == count


@pytest.mark.parametrize(
    "path",
    [
        *("/session", "/me", "/nothing", "/key", "/later/key", "/http", "/later/http", "/later/async/http"),
        *("/plain", "/later/plain", "/value", "/later/value", "/bare/http", "/bare/async/http", "/bare/value"),
    ],
)
def test_nothing_is_left_of_requests(server: RoostServer, path: str) -> None:
    def blocks() -> int:
        return int(httpx.get(f"{server.url}/bare/blocks").text)

    counts = []
    for _ in range(5):
        send_many(server, path, 500)
        counts.append(blocks())
    # The first ones fill caches and begin threads; one block kept for each request would be 500 more each time.
    assert min(now - before for before, now in itertools.pairwise(counts)) < 100, counts
