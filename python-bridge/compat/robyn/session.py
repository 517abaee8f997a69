"""Sessions in signed cookies."""

from roost.sessions import Session, SessionManager

__all__ = ["Session", "SessionManager"]
