"""Tools, resources and prompts for language models."""

from roost.mcp import MCPApp, MCPError, MCPHandler

__all__ = ["MCPApp", "MCPError", "MCPHandler"]
