"""URL paths that several parts of the service need."""

from __future__ import annotations

#: Prefix of the REST service, whose interface is kept stable.
API = "/api/v1"
#: Prefix of OPTIMADE.
OPTIMADE = "/optimade"
#: Prefix of the static files of the pages.
ASSETS = "/assets"
#: The sign-in form of the pages.
SIGN_IN = "/key"
