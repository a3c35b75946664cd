"""How long a test waits for a service or a page: a busy machine is no fault of either."""

from __future__ import annotations

from functools import partial

import httpx

PATIENCE_S = 120

#: ``httpx.get``, which itself gives up after five seconds.
get = partial(httpx.get, timeout=PATIENCE_S)
