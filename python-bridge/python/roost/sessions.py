"""Sessions: a mapping that a client's requests share, kept in a signed cookie.

The cookie is `PAYLOAD.SIGNATURE`: JSON in base64url, and its HMAC-SHA256. Whoever has the cookie can read it, but not
change it.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping

from roost import _native
from roost._headers import add_vary
from roost._native import Request, Response
from roost.cookies import set_cookie

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

# What browsers keep of a cookie, its name and attributes included (RFC 6265 section 6.1).
_MAX_COOKIE_BYTES = 4096


class Session(MutableMapping[str, "Any"]):
    """What is kept for a client: str keys, values of JSON. Read when it is first looked at, written when it changed."""

    __slots__ = ("_data", "_loaded", "_manager", "_raw", "modified")

    def __init__(self, manager: SessionManager | None = None, raw: str | None = None) -> None:
        self.modified = False
        """Set to True, it is written although nothing changed: for a new expiry."""
        self._manager = manager
        self._raw = raw
        self._data: dict[str, Any] | None = None
        self._loaded = b""

    def _read(self) -> dict[str, Any]:
        if self._data is None:
            manager, raw = self._manager, self._raw
            self._data = (manager.loads(raw) if manager is not None and raw else None) or {}
            # Nested values change without a word to this object.
            self._loaded = _native.json_encode(self._data)
        return self._data

    @property
    def accessed(self) -> bool:
        """Whether anybody looked at it."""
        return self._data is not None

    @property
    def is_new(self) -> bool:
        """Whether the request brought none that is valid."""
        self._read()
        return self._loaded == b"{}"

    def is_modified(self) -> bool:
        """Whether it is another one than the request brought."""
        return self.modified or (self._data is not None and _native.json_encode(self._data) != self._loaded)

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"a session's keys are str, not {key!r}")
        self._read()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"Session({self._read()!r})"


class SessionManager:
    """Reads and writes the cookie, see `App.configure_sessions`."""

    def __init__(
        self,
        secret_key: str | Sequence[str],
        *,
        cookie_name: str = "session",
        max_age: int | None = 14 * 24 * 60 * 60,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        http_only: bool = True,
        same_site: str | None = "Lax",
    ) -> None:
        import hashlib

        secrets = [secret_key] if isinstance(secret_key, str) else list(secret_key)
        if not secrets or not all(secrets):
            raise ValueError("configure_sessions() needs a secret key that is not empty")
        # Another name is another purpose: one session cannot be passed off as the other.
        salt = b"roost.session:" + cookie_name.encode() + b"\0"
        self._keys = [hashlib.sha256(salt + secret.encode()).digest() for secret in secrets]
        self.cookie_name = cookie_name
        self.max_age = max_age
        self._attributes = {
            "path": path,
            "domain": domain,
            "secure": secure,
            "http_only": http_only,
            "same_site": same_site,
        }
        # Refuses now what cannot be written.
        set_cookie(Response(), cookie_name, "", **self._attributes)

    def dumps(self, data: MutableMapping[str, Any] | dict[str, Any]) -> str:
        """The cookie's value, signed with the first key.

        Raises:
            TypeError: the session holds what JSON has nothing for.
        """
        envelope: dict[str, Any] = {"d": dict(data)}
        if self.max_age is not None:
            envelope["exp"] = int(time.time()) + self.max_age
        payload = _base64(_native.json_encode(envelope))
        return f"{payload}.{_signature(self._keys[0], payload)}"

    def loads(self, raw: str) -> dict[str, Any] | None:
        """What is in a cookie's value; None when it is expired, or no key has signed it."""
        import hmac

        payload, _, signature = raw.rpartition(".")
        if not payload or not raw.isascii():
            return None
        # All keys are tried, each in constant time.
        if not sum([hmac.compare_digest(_signature(key, payload), signature) for key in self._keys]):
            return None
        envelope = _native.json_decode(_unbase64(payload))
        expires = envelope.get("exp")
        if expires is not None and expires < time.time():
            return None
        data = envelope["d"]
        return data if isinstance(data, dict) else None

    def load(self, request: Request) -> Session:
        """The session of a request."""
        return Session(self, request.cookies.get(self.cookie_name))

    def save(self, session: Session, response: Response) -> None:
        """Writes a session that changed; an empty one is deleted.

        Raises:
            ValueError: it is larger than what browsers keep.
        """
        if session.accessed:
            add_vary(response, "Cookie")
        if not session.is_modified():
            return
        if not session:
            set_cookie(response, self.cookie_name, "", max_age=0, **self._attributes)
            return
        value = self.dumps(session)
        if len(self.cookie_name) + len(value) > _MAX_COOKIE_BYTES - 160:
            raise ValueError(f"the session takes {len(value)} bytes of a cookie: browsers keep {_MAX_COOKIE_BYTES}")
        set_cookie(response, self.cookie_name, value, max_age=self.max_age, **self._attributes)

    # Its two middlewares -----------------------------------------------------------------------------------------

    def before(self, request: Request) -> None:
        """Gives the request its session."""
        request.session = self.load(request)

    def after(self, request: Request, response: Response) -> None:
        """Writes it into the response."""
        session = request.session
        if isinstance(session, Session):
            self.save(session, response)


def _signature(key: bytes, payload: str) -> str:
    import hmac

    return _base64(hmac.digest(key, payload.encode(), "sha256"))


def _base64(data: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
