"""Settings, sessions, callers and caches of the service."""
