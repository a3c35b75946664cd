"""A read-only MCP server for language models."""

from pvkdb_api.agents.serving import mcp_server, serve

__all__ = ["mcp_server", "serve"]
