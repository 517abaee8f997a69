"""`App.start`: the server inside the program that made the application."""

from __future__ import annotations

import os
import sys

from roost import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from roost.app import App


def start(app: App, host: str, port: int, server: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """See `App.start`."""
    if not hasattr(sys.modules.get("__main__"), "__file__"):
        raise RuntimeError(
            'start() while the module is imported by a server: put it below `if __name__ == "__main__":`'
        )
    config = app.config
    if not config.was_read:  # the main module is another than the application's
        config.read(sys.argv[1:], os.path.dirname(app.file))
    config.code("start", options)
    settings = config.settings(host, port)
    for key, value in server.items():
        both = isinstance(value, dict) and isinstance(settings.get(key), dict)
        settings[key] = {**settings[key], **value} if both else value
    name = os.path.basename(app.file)
    redis = settings.pop("redis", None) or os.environ.get("ROOST_REDIS")
    configuration = {
        **({"redis": redis} if redis else {}),
        "server": settings,
        "routes": [{"path": "/", "python": f"{name.removesuffix('.py')}:app"}],
    }
    if config.open_browser:
        from roost import _browser

        _browser.open_when_served(settings["listen"])
    status = _native.serve(
        app,
        _native.json_encode(configuration).decode(),
        name,
        os.path.dirname(app.file),
        [sys.executable, *sys.orig_argv[1:]],
    )
    if status != 0:
        raise SystemExit(status)
