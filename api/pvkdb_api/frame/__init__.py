"""Middleware: access, limits, headers, request log, metrics, problems."""
