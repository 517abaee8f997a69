"""HTML from Jinja2's templates; needs the extra `roost[templating]`.

from roost.templating import JinjaTemplate

templates = JinjaTemplate("templates")

@app.get("/")
def index():
    return templates.render_template("index.html", name="you")
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from functools import cache
from typing import Any

from roost._native import Response

try:
    from jinja2 import Environment, FileSystemLoader, select_autoescape
except ImportError as error:
    raise ImportError("roost.templating needs Jinja2: pip install 'roost[templating]'", name="jinja2") from error

__all__ = ["JinjaTemplate", "TemplateInterface", "render"]


class TemplateInterface(ABC):
    """What other template engines implement."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    @abstractmethod
    def render_template(self, *args: Any, **kwargs: Any) -> Response:
        """The page as a response."""


class JinjaTemplate(TemplateInterface):
    """The templates of a folder, compiled once; what they insert is escaped but in `.txt` files.

    `env` is Jinja2's environment: filters and globals are added there.

    Args:
        directory: absolute, or relative to the file that creates this; several are looked through in order.
        encoding: of the files.
        followlinks: follow symbolic links to folders.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | list[str],
        encoding: str = "utf-8",
        followlinks: bool = False,
    ) -> None:
        folders = [directory] if isinstance(directory, str | os.PathLike) else directory
        beside = _folder_of_caller(2)
        self.env = Environment(
            loader=FileSystemLoader([_found(os.fspath(folder), beside) for folder in folders], encoding, followlinks),
            autoescape=select_autoescape(disabled_extensions=("txt",), default=True, default_for_string=True),
        )

    def render_template(self, template_name: str, *, status_code: int = 200, **kwargs: Any) -> Response:
        """The page as a response.

        Args:
            template_name: the file, below the folder.
            status_code: of the response.
            kwargs: what the template sees.

        Raises:
            jinja2.TemplateNotFound: there is no such file.
        """
        text = self.env.get_template(template_name).render(**kwargs)
        return Response(status_code, {"Content-Type": "text/html; charset=utf-8"}, text)


def render(
    template_name: str,
    *,
    templates_dir: str = "templates",
    template_engine: type[TemplateInterface] = JinjaTemplate,
    **kwargs: Any,
) -> Response:
    """A page from the folder `templates` beside the file that calls this.

    Args:
        template_name: the file, below the folder.
        templates_dir: another folder, absolute or relative to the caller's file.
        template_engine: another engine than Jinja2; made with the folder.
        kwargs: what the template sees.
    """
    return _engine(template_engine, os.path.join(_folder_of_caller(2), templates_dir)).render_template(
        template_name, **kwargs
    )


@cache
def _engine(engine: type[TemplateInterface], directory: str) -> TemplateInterface:
    return engine(directory)


def _folder_of_caller(depth: int) -> str:
    file = sys._getframe(depth).f_globals.get("__file__")
    return os.path.dirname(os.path.abspath(file)) if file else os.getcwd()


def _found(folder: str, beside: str) -> str:
    """Relative to the working directory where there is such a folder, as Robyn has it; else to the caller's file."""
    return folder if os.path.isabs(folder) or os.path.isdir(folder) else os.path.join(beside, folder)
