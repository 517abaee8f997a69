"""Responses that are more than a status, headers and a body."""

from roost import Headers, Response
from roost.responses import FileResponse, SSEMessage, SSEResponse, StreamingResponse, html, serve_file, serve_html

__all__ = [
    "FileResponse",
    "Headers",
    "Response",
    "SSEMessage",
    "SSEResponse",
    "StreamingResponse",
    "html",
    "serve_file",
    "serve_html",
]
