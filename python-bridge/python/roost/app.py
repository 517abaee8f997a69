"""The application: routes, middleware, hooks, and the two ways to serve it."""

from __future__ import annotations

import os

from roost._chain import Step
from roost._mounting import Mount, mount, placed_routes
from roost.config import Config, is_program, of_program
from roost.router import Router

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from roost.route import Route
    from roost.sessions import SessionManager


class State:
    """Whatever the application keeps here: `app.state.database = ...` in a startup handler."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


class App(Router):
    """A web application.

    Args:
        file_object: `__file__` of the module; relative directories are relative to it.
        config: options of the server (`roost.config.Config`), in place of the defaults.
        openapi: what its documentation says of it.
        dependencies: what all handlers are given, as `inject_global` does it.
    """

    def __init__(
        self,
        file_object: str,
        config: Config | None = None,
        openapi_file_path: str | None = None,
        openapi: Any = None,
        dependencies: Any = None,
    ) -> None:
        super().__init__(file_object)
        self.state = State()
        self.dependency_overrides: dict[Any, Any] = {}
        """What is called in place of a dependency: for tests."""
        self.openapi = openapi
        self.openapi_file_path = openapi_file_path
        self._given_config = config
        self._config: Config | None = None
        self._around: list[tuple[Step, Step]] = []
        self._sessions: tuple[Step, ...] = ()
        if dependencies is not None:
            # Robyn's DependencyMap, or a dict.
            read = getattr(dependencies, "get_global_dependencies", None)
            self.inject_global(**(read() if read else dependencies))
        if is_program(self.file):  # before the module's further code looks into the environment
            Config().load_files(os.path.dirname(self.file))

    # Routes -----------------------------------------------------------------------------------------------------

    def all_routes(self) -> list[Route]:
        """Every route, those of included routers with what is put before them."""
        return [route for _, route in placed_routes(self)]

    # Middleware -------------------------------------------------------------------------------------------------

    def surround(self, before: Callable[..., Any], after: Callable[..., Any]) -> None:
        """A pair of a before and an after handler outside of all others, those of an earlier call outermost."""
        self._around.append((Step(before, None, after=False), Step(after, None, after=True)))

    def _first_steps(self) -> list[Step]:
        """What comes before all others, so that nobody meets a request without its session."""
        return list(self._sessions[:1])

    def _last_steps(self) -> list[Step]:
        """What comes behind the after handlers."""
        return list(self._sessions[1:])

    def configure_sessions(
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
    ) -> SessionManager:
        """Gives each request a `session`: a mapping that a client's requests share, kept in a signed cookie.

        The cookie can be read by who has it, but not changed; it is written when the session changed.

        Args:
            secret_key: what it is signed with; of several the first one signs, and all are believed: put a new one
                before the old one, and take that away when `max_age` has passed.
            max_age: in seconds; None: until the browser is closed.

        Raises:
            RuntimeError: it was called before.
            ValueError: there is no key, or browsers would refuse the cookie.
        """
        from roost.sessions import SessionManager

        if self._sessions:
            raise RuntimeError("sessions are configured already")
        manager = SessionManager(
            secret_key,
            cookie_name=cookie_name,
            max_age=max_age,
            path=path,
            domain=domain,
            secure=secure,
            http_only=http_only,
            same_site=same_site,
        )
        self._sessions = (Step(manager.before, None, after=False), Step(manager.after, None, after=True))
        return manager

    # Serving ----------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The options of `python app.py`; the defaults when the application is mounted from a YAML file."""
        if self._config is None:
            self._config = of_program(self._given_config or Config(), self.file)
        return self._config

    def __roost_mount__(self) -> Mount:
        """What the bridge mounts: every route with its middleware composed into it."""
        return mount(self)

    def start(
        self, host: str = "127.0.0.1", port: int = 8080, server: dict[str, Any] | None = None, **options: Any
    ) -> None:
        """Serves until stopped; then the program ends with the server's exit status.

        The master and workers are those of `roost serve`: a worker that dies is replaced, SIGHUP reloads the program's
        code, SIGINT and SIGTERM drain and stop. Where the program runs threads besides this one, which workers would be
        without, and one process is asked for, it is served by this very process: not replaced, not reloaded.

        Args:
            host: address to listen on, unless the command line or the environment names one.
            port: port to listen on, unless the command line or the environment names one; 0 for any that is free.
            server: further keys of the configuration file's `server:`, e.g. {"timeouts": {"handler": "5s"}}; "redis",
                or ROOST_REDIS in the environment, is that file's `redis:`, by which machines share topics.
            options: of `roost.config.Config`, e.g. processes=4; the environment and the command line come before them.

        Raises:
            SystemExit: the server ended with a status other than 0.
            TypeError, ValueError: there is no such option, or it cannot have this value.
            RuntimeError: a server is importing this module to mount it.
        """
        from roost import _serve

        _serve.start(self, host, port, server or {}, options)
