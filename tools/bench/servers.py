"""The servers that the benchmark measures: how each is started, and which work it does at which path."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
APPS = BENCH / "apps"
PEERS = ROOT.parent / "shared" / "peers"
BUILD = Path(os.environ.get("ROOST_BUILD", ROOT / "build-bench"))

STATIC = {"static-1k": "/static/1k.bin", "static-100k": "/static/100k.bin"}
NATIVE = {"json": "/json", "json-x16": "/json", "param": "/users/42", "echo": "/echo"}
WEBSOCKET = {"ws-echo": "/ws", "ws-topic": "/topic", "ws-topic-large": "/topic"}
PYTHON_WEBSOCKET = {"ws-python-echo": "/ws-python"}
PYTHON = {"python-sync": "/sync", "python-async": "/async"}
POST_JSON = {"python-json": "/post-json"}
DATABASE = {"python-db-1": "/db", "python-db-64": "/db", "python-db-256": "/db"}
ARITHMETIC = {"python-cpu-1": "/cpu", "python-cpu-64": "/cpu", "python-cpu-256": "/cpu"}
WORKS = (*NATIVE, *STATIC, *PYTHON, "python-const", "python-chain", *POST_JSON, "python-typed", *DATABASE, *ARITHMETIC,
         "python-sleep", *WEBSOCKET, *PYTHON_WEBSOCKET)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """One server under test; `command` and `files` are made for a port and a folder to work in."""

    name: str
    works: Mapping[str, str]
    command: Callable[[int, Path], list[str]]
    files: Callable[[int, Path], Mapping[str, str]] = lambda port, folder: {}
    env: Mapping[str, str] = field(default_factory=dict)

    def environment(self, port: int, folder: Path) -> dict[str, str]:
        """What its process sees."""
        return {
            **os.environ,
            "BENCH_PORT": str(port),
            "BENCH_STATIC": str(folder / "static"),
            "PYTHONPATH": str(APPS),
            **self.env,
        }


def roost_yaml(
    port: int, folder: Path, typed: str = "", app: str = "roost_app", processes: int = 1
) -> Mapping[str, str]:
    """Workers with one I/O thread, one of them if not told otherwise, without an access log, as all others are run."""
    return {
        "roost.yaml": f"""\
server:
  listen: 127.0.0.1:{port}
  processes: {processes}
  threads: 1
  limits: {{ connections: 15000 }}
  access_log: {{ format: none }}
  log_level: warning
python: {{ venv: {ROOT}/.venv, path: [{APPS}] }}
plugins:
  bench: {{ library: {BUILD}/plugins/libroost_bench.so }}
routes:
  - {{ path: /json, plugin: bench.json }}
  - {{ path: /users/:id, plugin: bench.user }}
  - {{ path: /echo, methods: [POST], plugin: bench.echo }}
  - {{ path: /ws, plugin: bench.ws }}
  - {{ path: /topic, plugin: bench.topic }}
  - {{ path: /static, directory: {folder}/static }}
{typed}  - {{ path: /, python: "{app}:app" }}
"""
    }


def typed_yaml(port: int, folder: Path) -> Mapping[str, str]:
    """The same, with an application beside it that needs pydantic."""
    return roost_yaml(port, folder, "  - { path: /models, python: roost_typed_app:app }\n")


def four_workers_yaml(port: int, folder: Path) -> Mapping[str, str]:
    """For topics whose subscribers are spread over workers."""
    return roost_yaml(port, folder, processes=4)


def nginx_conf(port: int, folder: Path) -> Mapping[str, str]:
    """One worker; no logs; sendfile and the cache of open files."""
    return {
        "nginx.conf": f"""\
daemon off;
master_process on;
worker_processes 1;
pid {folder}/nginx.pid;
error_log /dev/null crit;
events {{ worker_connections 16000; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s;
  open_file_cache_valid 60s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ application/octet-stream bin; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /json {{ default_type application/json; return 200 '{{"message":"Hello, World!"}}'; }}
    location /static/ {{ root {folder}; }}
  }}
}}
"""
    }


def venv() -> Path:
    """The virtual environment of the peers."""
    return ROOT / ".cache" / "bench-venv"


def _python(*words: str) -> Callable[[int, Path], list[str]]:
    return lambda port, folder: [str(venv() / "bin" / "python"), *(w.format(port=port) for w in words)]


def _granian(interface: str, app: str, *more: str) -> Callable[[int, Path], list[str]]:
    words = ("-m", "granian", "--interface", interface, "--host", "127.0.0.1", "--port", "{port}", "--workers", "1")
    plain = ("--loop", "uvloop", "--no-access-log", "--log-level", "error", "--no-ws", "--backlog", "1024")

    def command(port: int, folder: Path) -> list[str]:
        extra = [word.format(folder=folder) for word in more]
        return [*_python(*words, *plain)(port, folder), *extra, app]

    return command


def _uvicorn(app: str) -> Callable[[int, Path], list[str]]:
    words = ("-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--loop", "uvloop", "--http", "httptools")
    return _python(*words, "--no-access-log", "--log-level", "error", "--backlog", "1024", app)


def _program(path: Path, *words: str) -> Callable[[int, Path], list[str]]:
    return lambda port, folder: [str(path), str(port), *words]


def roost(
    name: str = "roost",
    files: Callable[[int, Path], Mapping[str, str]] = typed_yaml,
    only: Mapping[str, str] | None = None,
) -> Server:
    """This server, for all of its works or only those given."""
    works = {**NATIVE, **STATIC, **PYTHON, "python-const": "/const", "python-chain": "/chain", **POST_JSON,
             "python-typed": "/models/typed", **DATABASE, **ARITHMETIC, "python-sleep": "/sleep",
             **WEBSOCKET, **PYTHON_WEBSOCKET}  # fmt: skip
    binary = BUILD / "bin" / "roost"
    return Server(
        name,
        works if only is None else only,
        lambda port, folder: [str(binary), "serve", str(folder / "roost.yaml")],
        files,
    )


def all_servers() -> list[Server]:
    """This server first, once more under another name last: their ratio is the noise."""
    robyn = {**NATIVE, **STATIC, **PYTHON, "python-const": "/json", **POST_JSON, **DATABASE, **ARITHMETIC,
             **PYTHON_WEBSOCKET}  # fmt: skip
    robyn_words = (str(APPS / "robyn_app.py"), "--log-level", "ERROR")
    fastapi = {**PYTHON, **POST_JSON, "python-typed": "/typed", **DATABASE, **ARITHMETIC}
    servers = [
        roost(),
        roost("roost-4", four_workers_yaml, {"ws-topic-large": "/topic"}),
        Server("epoll", NATIVE, _program(BUILD / "bin" / "epoll_baseline")),
        Server("poco", NATIVE, _program(BUILD / "bin" / "poco_server", "80")),
        Server(
            "nginx",
            {"json": "/json", "json-x16": "/json", **STATIC},
            lambda port, folder: ["nginx", "-p", str(folder), "-e", "/dev/null", "-c", str(folder / "nginx.conf")],
            nginx_conf,
        ),
        Server("robyn", robyn, _python(*robyn_words)),
        Server("robyn-chain", {"python-chain": "/sync"}, _python(*robyn_words), env={"BENCH_CHAIN": "1"}),
        Server(
            "granian-rsgi",
            {"param": "/users/42", "echo": "/echo", "python-sync": "/", "python-async": "/", **STATIC},
            _granian(
                "rsgi", "rsgi_app:app", "--static-path-route", "/static", "--static-path-mount", "{folder}/static"
            ),
        ),
        Server("granian-asgi", {"python-async": "/"}, _granian("asgi", "asgi_app:app")),
        Server("granian-wsgi", {"python-sync": "/"}, _granian("wsgi", "wsgi_app:app", "--blocking-threads", "1")),
        Server("uvicorn", {"python-async": "/", **PYTHON_WEBSOCKET}, _uvicorn("asgi_app:app")),
        Server("fastapi", fastapi, _uvicorn("fastapi_app:app")),
        Server(
            "flask",
            {"python-sync": "/sync", **POST_JSON, **DATABASE, **ARITHMETIC},
            _python("-m", "gunicorn", "-b", "127.0.0.1:{port}", "-w", "1", "-k", "gthread", "--threads", "64",
                    "--keep-alive", "75", "--log-level", "error", "flask_app:app"),
        ),
        Server(
            "socketify", {"python-sync": "/sync", "python-async": "/async"}, _python(str(APPS / "socketify_app.py"))
        ),
    ]  # fmt: skip
    echo = {"ws-echo": "/ws"}
    ready = {"uwebsockets": ("uws", WEBSOCKET), "drogon": ("drogon_peer", echo), "actix": ("actix_peer", echo)}
    for name, (program, websocket) in ready.items():
        if (PEERS / program).exists():
            servers.append(Server(name, {**NATIVE, **websocket}, _program(PEERS / program, "1")))
        else:
            print(f"{name}: not in {PEERS}, left out", file=sys.stderr)
    return [*servers, roost("roost again")]
