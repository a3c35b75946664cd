"""A local database with the methods of the client: the service, in process, without a network.

There is no second implementation of searching that could differ from the service's: a request of
the client goes straight into the application that ``pvkdb serve`` runs.
"""

from __future__ import annotations

from pvkdb.local.opening import LocalClient, open_store

__all__ = ["LocalClient", "open_store"]
