"""What `inject` and `inject_global` have given."""

from __future__ import annotations

from typing import Any


class DependencyMap:
    """Dependencies of all handlers and of a router's, to hand to `Robyn(dependencies=...)`."""

    def __init__(self) -> None:
        self._dependencies: dict[Any, dict[str, Any]] = {"all": {}}

    def add_router_dependency(self, router: Any, **dependencies: Any) -> None:
        """For the handlers of one router."""
        self._dependencies.setdefault(router, {}).update(dependencies)

    def add_global_dependency(self, **dependencies: Any) -> None:
        """For all handlers."""
        self._dependencies["all"].update(dependencies)

    def merge_dependencies(self, target_router: Any) -> None:
        """Adds what was injected for all handlers elsewhere, where this one has nothing of that name."""
        dependencies = target_router.dependencies.get_global_dependencies()
        self._dependencies["all"] = {**dependencies, **self._dependencies["all"]}

    def get_router_dependencies(self, router: Any) -> dict[str, Any]:
        """Those of one router."""
        return self._dependencies.get(router, {})

    def get_global_dependencies(self) -> dict[str, Any]:
        """Those of all handlers."""
        return self._dependencies["all"]

    def get_dependency_map(self, router: Any) -> dict[str, Any]:
        """Both, by the names of the parameters that take them."""
        return {
            "global_dependencies": self.get_global_dependencies(),
            "router_dependencies": self.get_router_dependencies(router),
        }
