"""Cookies, read and written."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("roost")

from roost import App, Response
from roost.cookies import Cookie, Cookies, cookie_text, parse_cookies
from roost.testing import TestClient


def test_cookies_of_a_request(app: App) -> None:
    app.get("/")(lambda request: request.cookies)
    sent = {"Cookie": 'a=1; b="two"; c=x=y; a=2; broken; =no; d='}
    assert TestClient(app).get("/", headers=sent).json() == {"a": "1", "b": "two", "c": "x=y", "d": ""}
    assert parse_cookies(None) == {}


def test_cookie_is_written_with_every_attribute() -> None:
    text = cookie_text("id", "v1", "/", "example.com", 60, 0, True, True, "none", True)
    assert text == (
        "id=v1; Path=/; Domain=example.com; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly;"
        " SameSite=None; Partitioned"
    )
    response = Response(200, {}, "")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", path="/x")
    response.set_cookie("a", "3", http_only=True)
    response.set_cookie("b", "4", path="/y")
    assert response.headers.get_all("set-cookie") == ["b=2; Path=/x", "a=3; HttpOnly", "b=4; Path=/y"]
    response.delete_cookie("b", path="/x")
    assert response.headers.get_all("set-cookie")[-1].startswith("b=; Path=/x; Max-Age=0; Expires=")


def test_cookies_stand_alone() -> None:
    cookies = Cookies()
    assert cookies.is_empty()
    cookies.set("a", Cookie("1", path="/", secure=True))
    cookies["b"] = Cookie("2")
    cookies["a"] = Cookie("3", path="/", secure=True)
    assert cookies.keys() == ["b", "a"]
    found = cookies.get("a")
    assert found is not None
    assert found.render("a") == "a=3; Path=/; Secure"
    cookies.remove("b")
    assert "b" not in cookies
    assert len(cookies) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"key": "a b", "value": ""},
        {"key": "", "value": ""},
        {"key": "a", "value": "x; Path=/"},
        {"key": "a", "value": "x\r\nSet-Cookie: b=1"},
        {"key": "a", "value": "1", "path": "/;x"},
        {"key": "a", "value": "1", "domain": "a\nb"},
        {"key": "a", "value": "1", "same_site": "some"},
        {"key": "a", "value": "1", "same_site": "None"},
        {"key": "a", "value": "1", "expires": "now; Secure"},
        {"key": "a", "value": "1", "partitioned": True},
    ],
    ids=repr,
)
def test_cookie_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cookie"):
        cookie_text(**arguments)
