"""Settings, sessions, callers, caches and refusals of the service."""
