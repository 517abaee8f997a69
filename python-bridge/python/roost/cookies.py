"""Cookies (RFC 6265): those of a request read, those of a response written."""

from __future__ import annotations

from roost._native import Headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from roost._native import Response

# token (RFC 9110 section 5.6.2) and cookie-octet (RFC 6265 section 4.1.1)
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VALUE = frozenset(map(chr, (0x21, *range(0x23, 0x2C), *range(0x2D, 0x3B), *range(0x3C, 0x5C), *range(0x5D, 0x7F))))


def cookies_of(headers: Headers) -> dict[str, str]:
    """The cookies of a request; HTTP/2 may split them over several header fields."""
    return parse_cookies("; ".join(headers.get_all("cookie")))


def parse_cookies(header: str | None) -> dict[str, str]:
    """The cookies of a Cookie header by name; of several of one name the first, the one with the longest path."""
    found: dict[str, str] = {}
    for part in (header or "").split(";"):
        name, equals, value = part.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not equals or not name:
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        found.setdefault(name, value)
    return found


def cookie_text(
    key: str,
    value: str,
    path: str | None = None,
    domain: str | None = None,
    max_age: int | None = None,
    expires: str | float | datetime | None = None,
    secure: bool = False,
    http_only: bool = False,
    same_site: str | None = None,
    partitioned: bool = False,
) -> str:
    """A Set-Cookie header's value.

    Args:
        max_age: in seconds; 0 deletes the cookie.
        expires: a date as HTTP writes it, seconds since 1970, or a datetime.
        same_site: "Strict", "Lax" or "None"; the latter needs `secure`, as does `partitioned`.

    Raises:
        ValueError: a part cannot stand in a cookie, or browsers would refuse it.
    """
    if not key or not TOKEN.issuperset(key):
        raise ValueError(f"{key!r} can be no cookie's name")
    if not _VALUE.issuperset(value):
        raise ValueError(f"the cookie {key!r}: a value has no spaces, quotes, commas, semicolons, backslashes")
    parts = [f"{key}={value}"]
    for name, attribute in (("Path", path), ("Domain", domain)):
        if attribute is not None:
            if any(not " " <= c <= "~" or c == ";" for c in attribute):
                raise ValueError(f"the cookie {key!r}: {attribute!r} can be no {name}")
            parts.append(f"{name}={attribute}")
    if max_age is not None:
        parts.append(f"Max-Age={int(max_age)}")
    if expires is not None:
        if not isinstance(expires, str):
            from email.utils import formatdate

            expires = formatdate(expires if isinstance(expires, int | float) else expires.timestamp(), usegmt=True)
        elif ";" in expires or not expires.isprintable():
            raise ValueError(f"the cookie {key!r}: {expires!r} is no date")
        parts.append(f"Expires={expires}")
    if secure:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    if same_site is not None:
        named = same_site.strip().capitalize()
        if named not in ("Strict", "Lax", "None"):
            raise ValueError(f'the cookie {key!r}: same_site is "Strict", "Lax" or "None", not {same_site!r}')
        if named == "None" and not secure:
            raise ValueError(f'the cookie {key!r}: browsers refuse same_site="None" without secure=True')
        parts.append(f"SameSite={named}")
    if partitioned:
        if not secure:
            raise ValueError(f"the cookie {key!r}: browsers refuse partitioned=True without secure=True")
        parts.append("Partitioned")
    return "; ".join(parts)


def set_cookie(response: Response, key: str, *args: object, **attributes: object) -> None:
    """Sets a cookie in a response, in place of one of the same name, path and domain; see `cookie_text`."""
    _set(response.headers, cookie_text(key, *args, **attributes))  # type: ignore[arg-type]


def _set(headers: Headers, text: str) -> None:
    others = [line for line in headers.get_all("set-cookie") if _identity(line) != _identity(text)]
    headers.remove("set-cookie")
    for line in (*others, text):
        headers.append("Set-Cookie", line)


def delete_cookie(
    response: Response,
    key: str,
    path: str | None = None,
    domain: str | None = None,
    secure: bool = False,
    http_only: bool = False,
    same_site: str | None = None,
    partitioned: bool = False,
) -> None:
    """Has the browser forget a cookie; path, domain and `partitioned` must be as it was set."""
    more = (secure, http_only, same_site, partitioned)
    set_cookie(response, key, "", path, domain, 0, "Thu, 01 Jan 1970 00:00:00 GMT", *more)


def of_response(response: Response) -> Cookies:
    """`Response.cookies`."""
    return Cookies(response.headers)


def _identity(line: str) -> tuple[str, str, str]:
    """What browsers tell cookies apart by (RFC 6265 section 5.3)."""
    attributes = _attributes(line)
    return line.partition("=")[0], attributes.get("path", ""), attributes.get("domain", "").lower().lstrip(".")


class Cookie:
    """A cookie with its attributes; checked when it is made, so that none can forge another or a header.

    Args:
        value: visible ASCII without double quotes, commas, semicolons, backslashes and spaces.
        path: where it is sent; browsers take the folder of the request's path when there is none.
        domain: sent to this host and those below it; to this host alone when there is none.
        max_age: seconds; 0 deletes it.
        expires: as HTTP writes it ("Wed, 21 Oct 2026 07:28:00 GMT"), seconds since 1970, or a datetime.
        secure: sent over https alone.
        http_only: hidden from JavaScript.
        same_site: "Strict", "Lax" or "None"; the last needs `secure`.
        partitioned: kept apart for each site that embeds the page; needs `secure`.

    Raises:
        ValueError: an argument holds what it may not, or "None" or `partitioned` comes without `secure`.
    """

    __slots__ = (
        "domain",
        "expires",
        "http_only",
        "max_age",
        "partitioned",
        "path",
        "same_site",
        "secure",
        "value",
    )

    def __init__(
        self,
        value: str,
        path: str | None = None,
        domain: str | None = None,
        max_age: int | None = None,
        expires: str | float | datetime | None = None,
        secure: bool = False,
        http_only: bool = False,
        same_site: str | None = None,
        partitioned: bool = False,
    ) -> None:
        self.value = value
        self.path = path
        self.domain = domain
        self.max_age = max_age
        self.expires = expires
        self.secure = secure
        self.http_only = http_only
        self.same_site = same_site
        self.partitioned = partitioned
        self.render("x")

    @staticmethod
    def deleted() -> Cookie:
        """One that the browser deletes; path and domain must be those that it was set with."""
        return Cookie("", max_age=0)

    def render(self, name: str) -> str:
        """The value of Set-Cookie.

        Raises:
            ValueError: the name is no token, or an attribute was changed to what it may not be.
        """
        return cookie_text(
            name,
            self.value,
            self.path,
            self.domain,
            self.max_age,
            self.expires,
            self.secure,
            self.http_only,
            self.same_site,
            self.partitioned,
        )


class Cookies:
    """The cookies that a response sets, by name; `response.cookies`."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Headers | None = None) -> None:
        self._headers = Headers() if headers is None else headers

    def _all(self) -> list[tuple[str, str]]:
        """Names, and what is set."""
        return [(text.partition("=")[0], text) for text in self._headers.get_all("set-cookie")]

    def set(self, name: str, cookie: Cookie) -> None:
        """Sets it, in place of one of that name, path and domain."""
        _set(self._headers, cookie.render(name))

    def get(self, name: str) -> Cookie | None:
        """The last one of that name."""
        found = [text for other, text in self._all() if other == name]
        return _parse(found[-1]) if found else None

    def remove(self, name: str) -> None:
        """Sets it no more; what the browser has, it keeps."""
        kept = [text for other, text in self._all() if other != name]
        self._headers.remove("set-cookie")
        for text in kept:
            self._headers.append("Set-Cookie", text)

    def delete(self, name: str, path: str | None = None, domain: str | None = None) -> None:
        """Has the browser delete it; path and domain must be those that it was set with."""
        self.set(name, Cookie("", path, domain, max_age=0, expires="Thu, 01 Jan 1970 00:00:00 GMT"))

    def is_empty(self) -> bool:
        """Whether none is set."""
        return not self._all()

    def keys(self) -> list[str]:
        """The names, once each."""
        return list(dict.fromkeys(name for name, _ in self._all()))

    __setitem__ = set

    def __getitem__(self, name: str) -> Cookie | None:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __repr__(self) -> str:
        return f"<Cookies {', '.join(self.keys())}>"


def _attributes(rendered: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in rendered.split(";")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _parse(rendered: str) -> Cookie:
    told = _attributes(rendered)
    age = told.get("max-age")
    return Cookie(
        rendered.partition(";")[0].partition("=")[2],
        told.get("path"),
        told.get("domain"),
        None if age is None else int(age),
        told.get("expires"),
        "secure" in told,
        "httponly" in told,
        told.get("samesite"),
        "partitioned" in told,
    )
