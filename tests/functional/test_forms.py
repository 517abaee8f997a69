"""Forms in native handlers: fields and files of every client's making, what is refused, and what an upload costs."""

from __future__ import annotations

import os
import subprocess
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
  limits:
    body_bytes: 1MiB
    spill: 16KiB
    form: { parts: 20, name_bytes: 100, part_header_bytes: 1KiB, field_bytes: 1KiB, file_bytes: 100KiB }
plugins:
  forms: { library: "${ROOST_TEST_PLUGINS}/libroost_forms_test.so" }
routes:
  - { path: /, methods: [GET, POST], plugin: forms.describe }
  - { path: /lookup, methods: [POST], plugin: forms.lookup }
  - { path: /keep, methods: [POST], plugin: forms.keep, limits: { form: { file_bytes: 0 } } }
  - path: /parse
    methods: [POST]
    plugin: forms.parse
    limits: { body_bytes: 1GiB, form: { file_bytes: 200MiB } }
  - { path: /streams, methods: [POST], plugin: forms.streams }
  - { path: /one, methods: [POST], plugin: forms.describe, limits: { form: { parts: 1 } } }
  - path: /large
    methods: [POST]
    plugin: forms.describe
    limits: { body_bytes: 1GiB, form: { file_bytes: 0 } }
"""


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer], uploads: Path) -> RoostServer:
    return module_server(CONFIGURATION, env={"TMPDIR": str(uploads)})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=None) as client:
        yield client


def lines(response: httpx.Response) -> list[list[str]]:
    assert response.status_code == 200, response.text
    return [line.split("\x1f") for line in response.text.splitlines()]


def multipart(*parts: bytes, boundary: bytes = b"b") -> dict[str, object]:
    """The arguments for a request of these parts, each header lines, an empty line and content."""
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=" + boundary.decode()}}


def part(parameters: str, content: bytes = b"v") -> bytes:
    return b"Content-Disposition: form-data; " + parameters.encode() + b"\r\n\r\n" + content


def total(content: bytes) -> str:
    return str(sum(content))


# What clients send ----------------------------------------------------------------------------------------------------


def test_urlencoded_fields(client: httpx.Client) -> None:
    assert lines(client.post("/", data={"a": ["1", "ü & = +"], "b": ""})) == [
        ["field", "a", "1"],
        ["field", "a", "ü & = +"],
        ["field", "b", ""],
    ]
    assert lines(client.post("/lookup", data={"a": ["1", "2"]})) == [
        ["first", "1"],
        ["all", "1"],
        ["all", "2"],
        ["file", "none"],
    ]


def test_fields_and_files_of_httpx(client: httpx.Client) -> None:
    files = [
        ("f", ("naïve \u20ac.txt", b"text", "text/plain")),
        ("f", ('a"b\\c.bin', bytes(range(256)), "application/x-test")),
        ("g", ("empty", b"", "text/plain")),
    ]
    assert lines(client.post("/", data={"a": ["1", "2"]}, files=files)) == [
        ["field", "a", "1"],
        ["field", "a", "2"],
        ["file", "f", "naïve \u20ac.txt", "text/plain", "4", total(b"text"), "memory"],
        ["file", "f", 'a"b\\c.bin', "application/x-test", "256", total(bytes(range(256))), "memory"],
        ["file", "g", "empty", "text/plain", "0", "0", "memory"],
    ]
    assert lines(client.post("/lookup", files=[("f", ("x", b"1")), ("f", ("y", b"2"))])) == [
        ["first", "none"],
        ["file", "x"],
        ["files", "x", "1"],
        ["files", "y", "2"],
    ]


def test_fields_and_files_of_curl(server: RoostServer, tmp_path: Path) -> None:
    path = tmp_path / "a;b, ü.txt"
    path.write_bytes(b"x" * 40_000)
    command = ["curl", "-sS", "-F", "a=1", "-F", "a=<-", "-F", f'f=@"{path}";type=text/x-y', server.url + "/"]
    done = subprocess.run(command, input="from a pipe", capture_output=True, text=True, check=True)
    # Where the content is depends on how the body arrived.
    assert [line.split("\x1f")[:6] for line in done.stdout.splitlines()] == [
        ["field", "a", "1"],
        ["field", "a", "from a pipe"],
        ["file", "f", path.name, "text/x-y", "40000", total(b"x" * 40_000)],
    ]


def test_names_as_browsers_and_dotnet_write_them(client: httpx.Client) -> None:
    sent = multipart(
        part('name="q%22%0D%0A"; filename="100%.txt"'),
        part("name=n; filename=\"=?utf-8?B?4oKs?=\"; filename*=utf-8''%E2%82%AC"),
        b"Content-Type: text/plain; charset=ISO-8859-1\r\n" + part("name=latin", b"\xfc"),
        part('name="nothing"; filename=""', b""),
    )
    text = client.post("/", **sent).text  # type: ignore[arg-type]
    assert text == (
        "field\x1flatin\x1fü\n"
        f'file\x1fq"\r\n\x1f100%.txt\x1f\x1f1\x1f{total(b"v")}\x1fmemory\n'
        f"file\x1fn\x1f\u20ac\x1f\x1f1\x1f{total(b'v')}\x1fmemory\n"
    )


def test_many_files(client: httpx.Client) -> None:
    files = [("f", (f"{i}.bin", bytes([i]) * 5000, "application/octet-stream")) for i in range(20)]
    seen = lines(client.post("/", files=files))
    assert seen == [
        ["file", "f", f"{i}.bin", "application/octet-stream", "5000", str(5000 * i), "disk"] for i in range(20)
    ]


def test_chunked_and_split_bodies(client: httpx.Client, server: RoostServer) -> None:
    sent = multipart(part("name=a", b"\r\n--"), part("name=f; filename=x", b"y" * 500))
    body = sent["content"]
    assert isinstance(body, bytes)
    want = f"field\x1fa\x1f\r\n--\nfile\x1ff\x1fx\x1f\x1f500\x1f{total(b'y' * 500)}\x1fmemory\n"
    sent["content"] = iter([body[i : i + 7] for i in range(0, len(body), 7)])
    assert client.post("/", **sent).text == want  # type: ignore[arg-type]


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent, status, why",
    [
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 415, "no form"),
        ({"content": b"a=1"}, 415, "no form"),
        ({"content": b"--b--", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "final boundary"),
        (
            {"content": b"--b\r\n" + part("name=a"), "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
            400,
            "final boundary",
        ),
        (multipart(b"X: y\r\n\r\nv"), 400, "Content-Disposition"),
        (multipart(part("name=a; name=a")), 400, "two names"),
        (multipart(part("name=a", b"x\n--b--")), 400, "CRLF"),
        (multipart(part("name=a", b"x\r\n--bc")), 400, "other text"),
        (multipart(*[part("name=a")] * 20), 200, ""),
        (multipart(*[part("name=a")] * 21), 413, "too many parts"),
        (multipart(*[part("name=a", b"")] * 20_000), 413, "too many parts"),
        (multipart(part("name=" + "a" * 100)), 200, ""),
        (multipart(part("name=" + "a" * 101)), 413, "name"),
        (multipart(part("name=a; filename=" + "a" * 101)), 413, "name"),
        (multipart(part("name=a; x=" + "a" * 1024)), 413, "header"),
        (multipart(part("name=a", b"x" * 1024)), 200, ""),
        (multipart(part("name=a", b"x" * 1000), part("name=b", b"x" * 25)), 413, "values"),
        (multipart(part("name=a; filename=x", b"x" * 102_400)), 200, ""),
        (multipart(part("name=a; filename=x", b"x" * 102_401)), 413, "file"),
        ({"data": {f"a{i}": "" for i in range(20)}}, 200, ""),
        ({"data": {f"a{i}": "" for i in range(21)}}, 413, "too many fields"),
        ({"data": {"a" * 101: ""}}, 413, "name"),
        ({"data": {"a": "x" * 1025}}, 413, "values"),
    ],
)
def test_refused(client: httpx.Client, sent: dict[str, object], status: int, why: str) -> None:
    response = client.post("/", **sent)  # type: ignore[arg-type]
    assert response.status_code == status, response.text
    if status != 200:
        assert why in response.text


def test_limits_of_a_route(client: httpx.Client) -> None:
    assert client.post("/one", data={"a": "1"}).status_code == 200
    assert client.post("/one", data={"a": "1", "b": "2"}).status_code == 413
    assert client.post("/one", data={"a": "x" * 1025}).status_code == 413  # of the server
    assert client.post("/", content=b"x" * (1 << 20) + b"x").status_code == 413


def test_a_streaming_handler_has_no_form(client: httpx.Client) -> None:
    assert "stream" in client.post("/streams", data={"a": "1"}).text


def test_a_form_is_taken_apart_as_it_streams(client: httpx.Client) -> None:
    files = [("f", ("x ü", b"12", "text/plain")), ("f", ("large", bytes(range(256)) * 1000))]
    assert lines(client.post("/parse", data={"a": "v"}, files=files)) == [
        ["field", "a", "", ""],
        ["end", "1", total(b"v")],
        ["file", "f", "x ü", "text/plain"],
        ["end", "2", total(b"12")],
        ["file", "f", "large", "application/octet-stream"],
        ["end", "256000", str(1000 * sum(range(256)))],
    ]
    assert lines(client.post("/parse", data={"a": ["1", ""]})) == [
        ["field", "a", "", ""],
        ["end", "1", total(b"1")],
        ["field", "a", "", ""],
        ["end", "0", "0"],
    ]


@pytest.mark.parametrize(
    "sent, status, why",
    [
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 415, "no form"),
        (multipart(b"X: y\r\n\r\nv"), 400, "Content-Disposition"),
        (
            {"content": b"--b\r\n" + part("name=a"), "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
            400,
            "final boundary",
        ),
        (multipart(*[part("name=a")] * 21), 413, "too many parts"),
        ({"data": {"a": "x" * 1025}}, 413, "values"),
        (multipart(part("name=refuse")), 422, "not that"),
    ],
)
def test_a_streamed_form_is_refused(client: httpx.Client, sent: dict[str, object], status: int, why: str) -> None:
    response = client.post("/parse", **sent)  # type: ignore[arg-type]
    assert response.status_code == status
    assert why in response.text


# Files on disk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 50_000])
def test_a_path_is_made_when_asked_for_and_removed_afterwards(
    client: httpx.Client, server: RoostServer, uploads: Path, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    path, mode, same = client.post("/keep", files={"f": ("x", content)}).text.strip().split("\x1f")
    assert (mode, same) == (str(0o600), "same")
    assert path.startswith(str(uploads))
    server.wait_for(lambda: not list(uploads.iterdir()), "the upload to be removed")
    kept = uploads / "kept"
    assert client.post("/keep", params={"to": str(kept)}, files={"f": ("x", content)}).status_code == 200
    client.post("/", data={"a": "1"})
    assert kept.read_bytes() == content
    kept.unlink()


def resident_peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


def test_a_large_upload_needs_little_memory(client: httpx.Client, server: RoostServer, uploads: Path) -> None:
    worker = server.leaves()[0]
    client.post("/", files={"f": ("x", b"x" * 90_000)})
    before = resident_peak(worker)
    piece = os.urandom(1 << 20)

    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b\r\n'
        yield b'Content-Disposition: form-data; name="f"; filename="large.bin"\r\n\r\n'
        for _ in range(100):
            yield piece
        yield b"\r\n--b--\r\n"

    response = client.post("/large", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert lines(response) == [
        ["field", "a", "1"],
        ["file", "f", "large.bin", "", str(100 << 20), str(100 * sum(piece)), "disk"],
    ]
    assert resident_peak(worker) - before < 4 << 20
    server.wait_for(lambda: not list(uploads.iterdir()), "the upload to be removed")
