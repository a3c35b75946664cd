"""The HTTP service of pvkdb: ``create_app`` in :mod:`pvkdb_api.app`, ``serve`` in ``server``."""
