"""`request.form_data` and `request.files` of Python handlers: uploads of any size, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from server_process import RoostServer

CONFIGURATION = """
server:
  listen: 127.0.0.1:0
  processes: 1
  access_log: { format: none }
  limits: { body_bytes: 1GiB, spill: 16KiB, form: { parts: 20, file_bytes: 200MiB } }
python: { venv: "${ROOST_VENV}" }
routes:
  - { path: /, python: forms_app:app }
  - { path: /small, python: forms_app:app, limits: { form: { file_bytes: 10 } } }
"""

APP = '''
import gc
import os
import threading

from roost import App, Request

app = App(__file__)
kept = []


def describe(request: Request) -> dict:
    return {
        "fields": request.form_data.multi_items(),
        "form": request.form_data,
        "files": [
            [name, file.filename, file.content_type, file.size, sum(file.read(1000))]
            for name, file in request.files.multi_items()
        ],
    }


app.post("/sync")(describe)


@app.post("/async")
async def asynchronous(request: Request) -> dict:
    return describe(request)


@app.post("/streamed", stream=True)
async def streamed(request: Request) -> dict:
    await request.read()
    return describe(request)


@app.post("/streamed_sync", stream=True)
def streamed_sync(request: Request) -> dict:
    return describe(request)


@app.post("/large")
def large(request: Request) -> dict:
    file = request.files["f"]
    total = 0
    while piece := file.read(1 << 16):
        total += sum(piece)
    return {"size": file.size, "sum": total, "path": os.path.getsize(file.path)}


@app.post("/keep")
def keep(request: Request) -> dict:
    kept.extend(request.files.values())
    return {}


@app.post("/keep_request")
def keep_request(request: Request) -> dict:
    kept.append(request)
    return {}


@app.post("/thread")
def thread(request: Request) -> dict:
    """Leaves a thread behind that begins to read while the request ends."""
    began = threading.Event()

    def read() -> None:
        began.set()
        kept.append(request.files["f"])

    threading.Thread(target=read).start()
    began.wait()
    return {}


@app.get("/kept")
def what_was_kept(request: Request) -> dict:
    files = [one.files["f"] if isinstance(one, Request) else one for one in kept]
    found = [[file.size, sum(bytes(file)[:1000])] for file in files]
    kept.clear()
    del files
    gc.collect()
    return {"found": found, "descriptors": len(os.listdir("/proc/self/fd"))}
'''


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer], uploads: Path) -> RoostServer:
    return module_server(CONFIGURATION, files={"forms_app.py": APP}, env={"TMPDIR": str(uploads)})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=None) as client:
        yield client


@pytest.mark.parametrize("path", ["/sync", "/async", "/streamed", "/streamed_sync"])
def test_fields_and_files(client: httpx.Client, path: str) -> None:
    assert client.post(path, data={"a": ["1", "2"], "b": "ü"}).json() == {
        "fields": [["a", "1"], ["a", "2"], ["b", "ü"]],
        "form": {"a": "2", "b": "ü"},
        "files": [],
    }
    files = [
        ("f", ("ü.txt", b"12", "text/plain")),
        ("f", ("empty", b"", "x/y")),
        ("g", ("large", b"\1" * 100_000, "x/y")),
    ]
    assert client.post(path, data={"a": "1"}, files=files).json() == {
        "fields": [["a", "1"]],
        "form": {"a": "1"},
        "files": [
            ["f", "ü.txt", "text/plain", 2, 99],
            ["f", "empty", "x/y", 0, 0],
            ["g", "large", "x/y", 100_000, 1000],
        ],
    }
    assert client.post(path, json={"a": 1}).json() == {"fields": [], "form": {}, "files": []}


@pytest.mark.parametrize("path", ["/sync", "/async", "/streamed", "/streamed_sync"])
def test_bad_forms_are_the_clients_fault(client: httpx.Client, server: RoostServer, path: str) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    cut = client.post(path, content=b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv", headers=kind)
    assert cut.status_code == 400
    assert "final boundary" in cut.text
    assert client.post(path, data={str(i): "" for i in range(21)}).status_code == 413
    assert client.post("/small" + path, files={"f": ("x", b"x" * 11)}).status_code == 413
    assert client.post("/small" + path, files={"f": ("x", b"x" * 10)}).status_code == 200
    assert "Traceback" not in server.log()


def resident_peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


@pytest.mark.unsanitized  # freed memory is kept by ASan
def test_a_large_upload_needs_little_memory(client: httpx.Client, server: RoostServer, uploads: Path) -> None:
    client.post("/large", files={"f": ("x", b"x" * 90_000)})
    worker = server.leaves()[0]
    before = resident_peak(worker)
    piece = os.urandom(1 << 20)

    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="large.bin"\r\n\r\n'
        for _ in range(100):
            yield piece
        yield b"\r\n--b--\r\n"

    answer = client.post("/large", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}).json()
    assert answer == {"size": 100 << 20, "sum": 100 * sum(piece), "path": 100 << 20}
    assert resident_peak(worker) - before < 4 << 20
    server.wait_for(lambda: not list(uploads.iterdir()), "the upload to be removed")


@pytest.mark.parametrize("path", ["/keep", "/keep_request"])
@pytest.mark.parametrize("size", [100, 100_000])
def test_files_outlive_their_request(client: httpx.Client, path: str, size: int) -> None:
    before = client.get("/kept").json()["descriptors"]
    for _ in range(3):
        assert client.post(path, files={"f": ("x", b"\1" * size)}).status_code == 200
    client.post("/sync", files={"f": ("x", b"\2" * size)})
    assert client.get("/kept").json() == {"found": [[size, min(size, 1000)]] * 3, "descriptors": before}


def test_a_request_ends_after_those_who_read_it(client: httpx.Client, server: RoostServer) -> None:
    for _ in range(20):
        assert client.post("/thread", files={"f": ("x", b"\1" * 2_000_000)}).status_code == 200
    found: list[object] = []
    server.wait_for(lambda: found.extend(client.get("/kept").json()["found"]) or len(found) == 20, "20 uploads")
    assert found == [[2_000_000, 1000]] * 20
