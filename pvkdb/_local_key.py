"""The local key of a service with ``--allow-local-writes``, which each start makes anew."""

from __future__ import annotations

import os
from pathlib import Path

#: What every local key begins with.
LOCAL_KEY = "pvk_local_"


def local_key_file(port: int) -> Path:
    """Return the file with the local key of the service at a port, which its user alone reads.

    Raises:
        RuntimeError: The user has neither a runtime folder nor a home.
    """
    folder = os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache"
    return Path(folder) / "pvkdb" / f"local-{port}.key"
