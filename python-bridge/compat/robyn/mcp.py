"""Tools, resources and prompts for language models."""

from roost.mcp import MCPApp

__all__ = ["MCPApp"]
