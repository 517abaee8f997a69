"""The connections of this process's test clients: groups and topics, as the server keeps them for its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roost import _native

if TYPE_CHECKING:
    from roost.testing._connection import Connection

_connections: dict[str, Connection] = {}
_installed = False


def add(connection: Connection) -> None:
    """From now on it takes part in broadcasts and is listed."""
    _install()
    _connections[connection.id] = connection


def remove(connection: Connection) -> None:
    """It takes part no longer."""
    _connections.pop(connection.id, None)


def _install() -> None:
    """Applications reach the server's connections through the native module: here they reach the clients' as well."""
    global _installed
    if _installed:
        return
    _installed = True
    native: Any = _native
    broadcast, publish, send_to, listed = native.broadcast, native.publish, native.send_to, native.list_connections

    def broadcast_here(group: str, data: str | bytes, exclude: str = "") -> None:
        for connection in list(_connections.values()):
            if connection.group == group and connection.id != exclude:
                connection.send(data)
        broadcast(group, data, exclude)

    def publish_here(topic: str, data: str | bytes, exclude: str = "") -> None:
        for connection in list(_connections.values()):
            if topic in connection.topics and connection.id != exclude:
                connection.send(data)
        publish(topic, data, exclude)

    def send_here(id: str, data: str | bytes) -> None:
        if id in _connections:
            _connections[id].send(data)
        else:
            send_to(id, data)

    def list_here(group: str) -> list[str]:
        return [*(c.id for c in list(_connections.values()) if c.group == group), *listed(group)]

    native.broadcast, native.publish = broadcast_here, publish_here
    native.send_to, native.list_connections = send_here, list_here
