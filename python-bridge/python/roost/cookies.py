"""Cookies (RFC 6265): those of a request read, those of a response written."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost._native import Headers, Response

# token (RFC 9110 section 5.6.2) and cookie-octet (RFC 6265 section 4.1.1)
_NAME = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
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
    expires: str | float | None = None,
    secure: bool = False,
    http_only: bool = False,
    same_site: str | None = None,
    partitioned: bool = False,
) -> str:
    """A Set-Cookie header's value.

    Args:
        max_age: in seconds; 0 deletes the cookie.
        expires: a date as HTTP writes it, or seconds since 1970.
        same_site: "Strict", "Lax" or "None"; the latter needs `secure`, as does `partitioned`.

    Raises:
        ValueError: a part cannot stand in a cookie, or browsers would refuse it.
    """
    if not key or not _NAME.issuperset(key):
        raise ValueError(f"{key!r} can be no cookie's name")
    if not _VALUE.issuperset(value):
        raise ValueError(f"the cookie {key!r}: a value has no spaces, quotes, commas, semicolons, backslashes")
    parts = [f"{key}={value}"]
    for name, attribute in (("Path", path), ("Domain", domain)):
        if attribute is not None:
            if any(c == ";" or ord(c) < 0x20 or ord(c) == 0x7F for c in attribute):
                raise ValueError(f"the cookie {key!r}: {attribute!r} can be no {name}")
            parts.append(f"{name}={attribute}")
    if max_age is not None:
        parts.append(f"Max-Age={int(max_age)}")
    if expires is not None:
        if not isinstance(expires, str):
            from email.utils import formatdate

            expires = formatdate(expires, usegmt=True)
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
    text = cookie_text(key, *args, **attributes)  # type: ignore[arg-type]
    headers = response.headers
    others = [line for line in headers.get_all("set-cookie") if _identity(line) != _identity(text)]
    if len(others) != len(headers.get_all("set-cookie")):
        headers.remove("set-cookie")
        for line in others:
            headers.append("Set-Cookie", line)
    headers.append("Set-Cookie", text)


def delete_cookie(response: Response, key: str, path: str | None = None, domain: str | None = None) -> None:
    """Has the browser forget a cookie; path and domain must be those that it was set with."""
    set_cookie(response, key, "", path=path, domain=domain, max_age=0, expires="Thu, 01 Jan 1970 00:00:00 GMT")


def _identity(line: str) -> tuple[str, str, str]:
    """What browsers tell cookies apart by (RFC 6265 section 5.3)."""
    parts = [part.strip() for part in line.split(";")]
    attributes = {}
    for part in parts[1:]:
        name, _, value = part.partition("=")
        attributes[name.lower()] = value
    return parts[0].partition("=")[0], attributes.get("path", ""), attributes.get("domain", "").lower().lstrip(".")
