"""Robyn's registries: here an application and its routers hold their routes themselves."""

from roost.route import Route
from roost.router import Router

from robyn.robyn import MiddlewareType

__all__ = ["MiddlewareType", "Route", "Router"]
