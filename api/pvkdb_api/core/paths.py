"""Where things stand on the service."""

from __future__ import annotations

#: Prefix of every path whose form is promised to stay.
API = "/api/v1"
