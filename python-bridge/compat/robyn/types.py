"""Annotations for parts of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roost._native import Url
from roost.types import Body, Files, FormData, IPAddress, JsonBody, JSONResponse, Method, PathParams

RequestMethod = Literal["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"]
RequestBody = str | bytes
RequestURL = Url


@dataclass
class Directory:
    """A directory that is served."""

    route: str
    directory_path: str
    show_files_listing: bool
    index_file: str | None

    def as_list(self) -> list[str | bool | None]:
        """Its fields in order."""
        return [self.route, self.directory_path, self.show_files_listing, self.index_file]


__all__ = [
    "Body",
    "Directory",
    "Files",
    "FormData",
    "IPAddress",
    "JSONResponse",
    "JsonBody",
    "Method",
    "PathParams",
    "RequestBody",
    "RequestMethod",
    "RequestURL",
]
