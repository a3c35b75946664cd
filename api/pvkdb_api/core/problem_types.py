"""Types of refusals: a path, which identifies the type, and a page that says what to do.

RFC 9457, section 3.1.1: a type is a URI, best one that leads to a description for people.
"""

from __future__ import annotations

from typing import NamedTuple

#: Where the pages of the types are.
PATH = "/problems"


class ProblemType(NamedTuple):
    """What a status means in this service, and what a caller can do."""

    status: int
    name: str
    meaning: str
    remedy: str

    @property
    def uri(self) -> str:
        """The path of its page, in the member ``type`` of a problem document."""
        return f"{PATH}/{self.name}"


_TABLE = """
400 | bad-request | The service does not answer to the host name of the request. | Use an address \
that the service knows; its owner adds others with PVKDB_TRUSTED_HOSTS.
401 | key-needed | The request needs an API key, or its key is unknown, expired or revoked. | Send \
a key as X-API-Key; the owner of the service makes one with: pvkdb keys create NAME.
403 | not-allowed | The key lacks the scope of the request, or the database may only be read. | \
Use a key with the scope that "detail" names, or another service.
404 | not-found | The path does not exist, or the store does not hold what it names. | See \
"detail" for the nearest name, and /docs for all paths.
405 | wrong-method | The path exists, but not for this method. | Use a method of the header Allow.
409 | wrong-state | What the request names is in a state that does not allow it. | Read its state \
again; "detail" says which one it has.
413 | too-large | The body is larger than the service takes. | Send less at a time; the owner of \
the service sets the limit with PVKDB_MAX_BODY_BYTES.
415 | wrong-media-type | The path does not take the Content-Type of the body. | Send one of the \
types that "detail" names.
422 | invalid-value | A parameter or a field of the body cannot be used. | Change the value that \
"parameter" names, as "detail" says; of a file to import, "problems" names each place.
429 | too-many-requests | The caller has sent more requests than it may within a minute. | Wait \
for the seconds in Retry-After. Pages of 500 rows and /api/v1/export need fewer requests.
500 | service-failed | The service is at fault; its log has the reason. | Tell the owner of the \
service the value of the header X-Request-ID.
501 | not-installed | A package that this needs is not installed on the server. | The owner of the \
service installs what "detail" names.
503 | unavailable | The database cannot be reached, is busy, or has not been upgraded, or too many \
requests wait. | Send the \
same again after the seconds in Retry-After; without this header, "detail" says what to do.
504 | too-slow | The answer would have taken longer than a request may. | Narrow the search; the \
owner of the service sets the limit with PVKDB_REQUEST_TIMEOUT_S."""

#: The types of problems by status.
PROBLEM_TYPES = {
    int(status): ProblemType(int(status), *texts)
    for status, *texts in (line.split(" | ") for line in _TABLE.strip().splitlines())
}
