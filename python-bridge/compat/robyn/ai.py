"""Robyn's agents are no part of Roost."""

raise ImportError(
    "robyn.ai is not there: Roost serves applications and brings no language models or agents. Call a model's own "
    "client library from a handler; tools for models are offered with app.mcp",
    name=__name__,
)
