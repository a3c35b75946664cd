"""Middleware: access control, limits, headers, request log, metrics, error handlers."""
