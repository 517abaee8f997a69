"""`request.form_data` and `request.files` without a server, and the objects they are made of."""

from __future__ import annotations

import csv
import io
import os
import shutil
import zipfile
from pathlib import Path

import httpx
import pytest
from roost import App, Request
from roost._native import request_for_test
from roost.exceptions import HTTPException
from roost.forms import Files, FormData, UploadFile, _make
from roost.testing import TestClient


def sent(**arguments: object) -> object:
    """A request as httpx would send it."""
    request = httpx.Request("POST", "http://testserver/", **arguments)  # type: ignore[arg-type]
    return request_for_test("POST", "/", list(request.headers.items()), request.read())


def spooled(content: bytes) -> UploadFile:
    """A file that lies somewhere in a file of the server's."""
    fd = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"before" + content + b"after")
    return _make([], [("f", "name", "text/plain", None, 6, len(content))], fd)[1]["f"]


def test_urlencoded_fields() -> None:
    request = sent(data={"a": ["1", "2"], "b": "ü &+"})
    assert request.form_data == {"a": "2", "b": "ü &+"}
    assert request.form_data.get_all("a") == ["1", "2"]
    assert request.form_data.get_first("a") == "1"
    assert request.form_data is request.form_data
    assert request.files == {}


def test_multipart_fields_and_files() -> None:
    request = sent(
        data={"a": ["1", "2"]},
        files=[("f", ("x ü.txt", b"one", "text/plain")), ("f", ("y", b"two")), ("empty", ("z", b""))],
    )
    assert request.form_data.to_dict() == {"a": ["1", "2"]}
    first, second = request.files.get_all("f")
    assert (first.name, first.filename, first.content_type, first.size) == ("f", "x ü.txt", "text/plain", 3)
    assert (first.read(), first.read(), second.read()) == (b"one", b"", b"two")
    assert request.files["f"] is second
    assert [name for name, _ in request.files.multi_items()] == ["f", "f", "empty"]
    assert request.files["empty"].size == 0
    assert request.files["empty"].read() == b""


@pytest.mark.parametrize(
    "arguments", [{}, {"json": {"a": 1}}, {"content": b"a=1"}, {"data": {}, "headers": {"Content-Type": "text/plain"}}]
)
def test_other_bodies_have_neither(arguments: dict[str, object]) -> None:
    request = sent(**arguments)
    assert request.form_data == {}
    assert request.files == {}
    assert isinstance(request.form_data, FormData)
    assert isinstance(request.files, Files)


@pytest.mark.parametrize(
    "content, kind, status",
    [
        (b"--b\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data", 400),
        (b"a=1&" * 1001, "application/x-www-form-urlencoded", 413),
        (b"a=" + b"x" * (1 << 20) + b"x", "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_bad_form_is_an_http_exception(content: bytes, kind: str, status: int) -> None:
    request = sent(content=content, headers={"Content-Type": kind})
    for name in ("form_data", "files"):
        with pytest.raises(HTTPException) as raised:
            getattr(request, name)
        assert raised.value.status_code == status
        assert isinstance(raised.value.detail, str)
        assert raised.value.detail


def test_binary_bodies_and_assigned_fields() -> None:
    request = sent(files={"f": ("x", bytes(range(256)))})
    assert request.files["f"].read() == bytes(range(256))
    request.form_data = {"mine": "1"}
    assert request.form_data == {"mine": "1"}


def test_form_data_after_a_change() -> None:
    form = FormData([("a", "1"), ("a", "2"), ("b", "3")])
    form["a"] = "4"
    form["c"] = "5"
    del form["b"]
    assert form.get_all("a") == ["4"]
    assert form.get_all("b") == []
    assert form.get_first("b") is None
    assert form.multi_items() == [("a", "4"), ("c", "5")]
    assert form.to_dict() == {"a": ["4"], "c": ["5"]}


@pytest.mark.parametrize("make", [spooled, lambda content: UploadFile("f", "name", "text/plain", content)])
def test_upload_files_are_files(make: type[UploadFile], tmp_path: Path) -> None:
    content = b"line 1\r\nline 2\nlast" + b"x" * 200_000
    file = make(content)  # type: ignore[call-arg, arg-type]
    assert bytes(file) == content
    assert file.size == len(content)
    assert file.tell() == 0
    assert [file.readline(), file.readline(4), file.readline()] == [b"line 1\r\n", b"line", b" 2\n"]
    assert file.seek(-3, os.SEEK_END) == len(content) - 3
    assert file.read() == b"xxx"
    assert file.read(1) == b""
    assert file.seek(2) == 2
    assert file.seek(3, os.SEEK_CUR) == 5
    assert file.read(3) == b"1\r\n"
    with pytest.raises(ValueError):
        file.seek(-1)
    file.seek(0)
    assert list(file) == content.splitlines(keepends=True)
    file.seek(0)
    copy = io.BytesIO()
    shutil.copyfileobj(file, copy)
    assert copy.getvalue() == content
    file.seek(0)
    buffer = bytearray(6)
    assert file.readinto(buffer) == 6
    assert buffer == b"line 1"
    file.save(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == content
    path = Path(file.path)
    assert path.read_bytes() == content
    assert file.path == str(path)
    file.close()
    file.close()
    assert not path.exists()
    for use in (file.read, file.readline, lambda: file.seek(0), lambda: file.save(tmp_path / "x"), lambda: bytes(file)):
        with pytest.raises(ValueError):
            use()


@pytest.mark.parametrize("make", [spooled, lambda content: UploadFile("f", "name", "", content)])
def test_upload_files_suit_the_standard_library(make: type[UploadFile]) -> None:
    table = make("a,ü\n1,2\n".encode())  # type: ignore[call-arg, arg-type]
    assert list(csv.reader(io.TextIOWrapper(table, "utf-8"))) == [["a", "ü"], ["1", "2"]]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.txt", "content")
    assert zipfile.ZipFile(make(packed.getvalue())).read("inside.txt") == b"content"  # type: ignore[call-arg, arg-type]


def test_a_moved_path_stays_and_descriptors_are_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    file = spooled(b"content")
    os.replace(file.path, tmp_path / "kept")
    path = file.path
    del file
    assert (tmp_path / "kept").read_text() == "content"
    assert not os.path.exists(path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_files_by_annotation() -> None:
    app = App(__file__)

    @app.post("/one")
    def one(photo: UploadFile, fields: FormData, extra: UploadFile | None = None) -> list[object]:
        return [photo.filename, photo.size, fields, extra is None]

    @app.post("/many")
    def many(photo: list[UploadFile], all_of_them: Files) -> list[object]:
        return [[file.read().decode() for file in photo], list(all_of_them)]

    with TestClient(app) as client:
        sent = [("photo", ("a", b"1")), ("photo", ("b", b"22"))]
        assert client.post("/one", data={"x": "y"}, files=sent).json() == ["b", 2, {"x": "y"}, True]
        assert client.post("/many", files=sent).json() == [["1", "22"], ["photo"]]
        assert client.post("/one", data={"x": "y"}).status_code == 400


def test_a_bad_form_is_answered_by_the_test_client() -> None:
    app = App(__file__)

    @app.post("/")
    def fields(request: Request) -> dict[str, list[str]]:
        return request.form_data.to_dict()

    with TestClient(app) as client:
        assert client.post("/", data={"a": ["1", "2"]}).json() == {"a": ["1", "2"]}
        cut = client.post("/", content=b"--b\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert cut.status_code == 400
        assert "final boundary" in cut.text
