"""What a form holds: `request.form_data` and `request.files`.

@app.post("/upload")
def upload(request: Request) -> dict[str, int]:
    for photo in request.files.get_all("photo"):
        photo.save(f"/srv/photos/{uuid4()}")
    return {"bytes": sum(photo.size for photo in request.files.get_all("photo"))}
"""

from __future__ import annotations

import io
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar

    _Value = TypeVar("_Value")
    _Buffer = bytearray | memoryview

_PIECE = 64 * 1024


class _Pairs(dict[str, "_Value"]):
    """A dict of the last value of each name, which knows the others, too, in order of arrival."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, _Value]] = ()) -> None:
        self._pairs = tuple(pairs)
        super().__init__(self._pairs)

    def get_first(self, name: str) -> _Value | None:
        """The first value of that name, else None."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[_Value]:
        """Every value of that name, in order; empty when there is none."""
        if name not in self:
            return []
        values = [value for key, value in self._pairs if key == name]
        # What was assigned since takes the place of all that came.
        return values if values and values[-1] is self[name] else [self[name]]

    def multi_items(self) -> list[tuple[str, _Value]]:
        """Every name and value: in order of arrival, unless names were assigned or removed since."""
        if dict(self._pairs) == dict(self):
            return list(self._pairs)
        return [(name, value) for name in self for value in self.get_all(name)]

    def to_dict(self) -> dict[str, list[_Value]]:
        """A dict of names to lists of values."""
        return {name: self.get_all(name) for name in self}


class FormData(_Pairs[str]):
    """The fields of a form: `form["name"]` is the last value of a name, `form.get_all("name")` are all of them."""

    __slots__ = ()


class Files(_Pairs["UploadFile"]):
    """The files of a form by field name: `files["name"]` is the last of it, `files.get_all("name")` are all of them."""

    __slots__ = ()


class _Spool:
    """The server's file that an upload was spilled to, as long as one of its files is in use."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


class UploadFile(io.RawIOBase):
    """A file of a form, open for reading; large ones are on disk, and nothing of them in memory.

    It may be kept beyond its request. `close()`, or the end of its last reference, gives up what it holds.

    Attributes:
        name: of the form's field.
        filename: as the client says: never a path to write to.
        content_type: as the client says; empty when it does not.
        size: in bytes.
    """

    def __init__(
        self,
        name: str,
        filename: str,
        content_type: str = "",
        content: bytes | None = b"",
        _spool: _Spool | None = None,
        _offset: int = 0,
        _size: int = 0,
    ) -> None:
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.size = _size if content is None else len(content)
        self._content = content
        self._spool = _spool
        self._offset = _offset
        self._position = 0
        self._path: str | None = None

    def __repr__(self) -> str:
        return f"UploadFile({self.name!r}, {self.filename!r}, {self.content_type!r}, {self.size} bytes)"

    def __bytes__(self) -> bytes:
        """The whole content, wherever reading is."""
        return self._read_at(0, self.size)

    def _read_at(self, at: int, size: int) -> bytes:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        size = max(0, min(size, self.size - at))
        if self._content is not None:
            return self._content[at : at + size]
        assert self._spool is not None
        pieces = []
        while size > 0:
            piece = os.pread(self._spool.fd, size, self._offset + at)
            if not piece:
                raise OSError("the file of an upload is shorter than it was")
            pieces.append(piece)
            at += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, all that are left by default; empty at the end."""
        found = self._read_at(self._position, self.size if size is None or size < 0 else size)
        self._position += len(found)
        return found

    read1 = read

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer`; how many bytes that took."""
        view = memoryview(buffer).cast("B")
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)

    def readline(self, size: int | None = -1) -> bytes:
        """Up to and with the next line feed, at most `size` bytes."""
        left = self.size if size is None or size < 0 else size
        pieces = []
        while left > 0:
            piece = self._read_at(self._position, min(left, _PIECE))
            end = piece.find(b"\n") + 1
            if end:
                piece = piece[:end]
            pieces.append(piece)
            self._position += len(piece)
            left -= len(piece)
            if end or not piece:
                break
        return b"".join(pieces)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Reads on from there; the new position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}.get(whence)
        if self.closed or start is None or start + offset < 0:
            raise ValueError("I/O operation on closed file" if self.closed else "no such position")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """Where reading is, in bytes from the start."""
        return self._position

    @property
    def path(self) -> str:
        """The path of a file with this content, for what wants one.

        It is made when first asked for, and removed when this is closed: move it, or use `save()`, to keep it.
        """
        if self._path is None:
            import tempfile

            fd, path = tempfile.mkstemp(prefix="roost-upload-")
            try:
                self._copy_to(fd)
            except BaseException:
                os.unlink(path)
                raise
            finally:
                os.close(fd)
            self._path = path
        return self._path

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the whole content to `path`, in place of what is there."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            self._copy_to(fd)
        finally:
            os.close(fd)

    def _copy_to(self, fd: int) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        at = 0
        while at < self.size:
            if self._spool is not None:
                # The kernel copies, from file to file.
                count = os.sendfile(fd, self._spool.fd, self._offset + at, self.size - at)
                if count == 0:
                    raise OSError("the file of an upload is shorter than it was")
                at += count
            else:
                at += os.write(fd, memoryview(self._content or b"")[at:])

    def close(self) -> None:
        """Gives up the content, and removes what `path` made. Again is nothing."""
        path, self._path = getattr(self, "_path", None), None
        if path is not None:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass  # it was moved to where it is to stay
        self._spool = self._content = None
        super().close()


def _make(
    fields: list[tuple[str, str]], files: list[tuple[str, str, str, bytes | None, int, int]], fd: int
) -> tuple[FormData, Files]:
    """For the bridge: files are name, file name, type, content or None, offset in fd, size. Takes fd over."""
    spool = _Spool(fd) if fd >= 0 else None
    return FormData(fields), Files(
        (
            name,
            UploadFile(name, filename, kind, content, None if content is not None else spool, offset, size),
        )
        for name, filename, kind, content, offset, size in files
    )
