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
    alone = _is_alone(settings)
    if alone:
        _end_with_the_program()
    status = _native.serve(
        app,
        _native.json_encode(configuration).decode(),
        name,
        os.path.dirname(app.file),
        [sys.executable, *sys.orig_argv[1:]],
        alone,
    )
    if status != 0:
        raise SystemExit(status)


def _end_with_the_program() -> None:
    """Has a server on another thread than the main one stop in order when that one is through."""
    import atexit
    import threading

    here = threading.current_thread()
    if here is threading.main_thread():
        return

    def end() -> None:
        _native.stop_serving()
        here.join()

    atexit.register(end)


def _is_alone(settings: Mapping[str, Any]) -> bool:
    """Whether this process is to serve by itself: a forked worker would be without the threads that run here."""
    threading = sys.modules.get("threading")
    if threading is None or "ROOST_PROTOTYPE_CHANNEL" in os.environ:
        return False
    names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.current_thread())
    if not names:
        return False
    alone = settings["processes"] == 1 and settings["mode"] != "development" and not settings.get("control")
    if alone:
        what = "this process serves alone, so that handlers share its memory: it is neither replaced nor reloaded"
    else:
        what = "they stay in this process, and the workers, where handlers run, do not have them"
    hint = "start threads in a startup handler"
    print(f"threads run besides the one that serves ({names}): {what}; {hint}", file=sys.stderr, flush=True)
    return alone
