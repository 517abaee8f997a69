"""Jinja2's templates as responses."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from roost import App, Response
from roost.templating import JinjaTemplate, TemplateInterface, render
from roost.testing import TestClient


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.html").write_text("<h1>{% block title %}{% endblock %}</h1>")
    (tmp_path / "index.html").write_text("{% extends 'base.html' %}{% block title %}Hello {{ name }}{% endblock %}")
    (tmp_path / "plain.txt").write_text("Hello {{ name }}")
    return tmp_path


def test_page_is_rendered_and_escaped(folder: Path) -> None:
    response = JinjaTemplate(folder).render_template("index.html", name="<me>")
    assert isinstance(response, Response)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.body == "<h1>Hello &lt;me&gt;</h1>"
    assert JinjaTemplate(str(folder)).render_template("plain.txt", name="<me>", status_code=404).body == "Hello <me>"


def test_handler_answers_with_a_page(folder: Path) -> None:
    app = App(__file__)
    templates = JinjaTemplate(str(folder))
    templates.env.filters["shout"] = str.upper

    @app.get("/:name")
    async def index(name: str) -> Response:
        return templates.render_template("index.html", name=name)

    with TestClient(app) as client:
        assert client.get("/you").text == "<h1>Hello you</h1>"


def test_folder_is_beside_the_caller(folder: Path) -> None:
    space = {"__file__": str(folder.parent / "app.py"), "JinjaTemplate": JinjaTemplate, "render": render}
    exec(f"made = JinjaTemplate({folder.name!r})", space)
    made: JinjaTemplate = space["made"]  # type: ignore[assignment]
    assert made.render_template("plain.txt", name="a").body == "Hello a"
    exec(f"page = render('plain.txt', templates_dir={folder.name!r}, name='b')", space)
    assert space["page"].body == "Hello b"  # type: ignore[attr-defined]


def test_other_engines_can_be_used(folder: Path) -> None:
    class Engine(TemplateInterface):
        def __init__(self, directory: str) -> None:
            super().__init__()
            self.directory = directory

        def render_template(self, template_name: str, **kwargs: object) -> Response:
            return Response(200, {}, f"{template_name} {kwargs}")

    assert render("x", template_engine=Engine, templates_dir=str(folder), a=1).body == "x {'a': 1}"


def test_missing_jinja_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "roost.templating")
    with pytest.raises(ImportError, match=r"pip install 'roost\[templating\]'"):
        importlib.import_module("roost.templating")
