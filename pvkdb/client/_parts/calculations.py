"""Queueing, following and getting calculations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pvkdb.client._io.answers import parse, parse_lines
from pvkdb.client._io.carriers import operation
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Sleep, Steps
from pvkdb.client._search.collections import AsyncCollection, Collection, EntryOperations
from pvkdb.client._search.tables import TableModels
from pvkdb.errors import InputError, ServiceError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument, LogLine, PotentialName
    from pvkdb.schemas.calculations.migration import NebRequest
    from pvkdb.schemas.tables import CalculationsRow  # noqa: F401 - named in quotes below


class CalculationOperations(EntryOperations["CalculationsRow", "CalculationDocument"]):
    """Operations of both clients on calculations."""

    def __init__(self, service: Service, http: Any) -> None:
        super().__init__(service, http, TableModels("calculations"))

    @operation
    def submit(
        self,
        request: NebRequest | str,
        potential: PotentialName | str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Steps[CalculationDocument]:
        """Queue a migration barrier, or return the existing calculation of the same barrier.

        The request is retried while the service is busy, always with the same ``Idempotency-Key``.

        Args:
            request: a formula, or a complete request.
            potential: potential for a formula; a complete request already has one.
            idempotency_key: your own key, if the program itself may be run twice.

        Raises:
            InputError: the formula or the potential cannot be used.
            NotAllowedError: the service requires an API key with the scope ``queue``.
            ServiceError: the service cannot be reached or does not accept the request.

        Example:
            >>> client.calculations.submit("CsPbBr3", potential="chgnet").state.value
            'queued'
        """
        if isinstance(request, str):
            request = _request(request, potential)
        elif potential is not None:
            raise InputError("the request already has a potential; omit potential=")
        answer = yield from self._service.write(
            path_of("calculations"), request.model_dump_json(), idempotency_key
        )
        return parse(self._table.document, answer)

    @operation
    def cancel(
        self, calculation: CalculationDocument | str, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Cancel a calculation; if it is running, request its worker to stop.

        In that case the returned ``state`` is ``running``, and :meth:`wait` waits for the end.

        Raises:
            UnknownKeyError: the calculation does not exist.
            ConflictError: the calculation is done or has failed.
            NotAllowedError: the service requires an API key with the scope ``queue``.

        Example:
            >>> queued = client.calculations.submit("CsGeBr3", potential="chgnet")
            >>> client.calculations.cancel(queued).state.value
            'cancelled'
            >>> client.calculations.retry(queued).state.value
            'queued'
        """
        return (yield from self._post(calculation, "cancel", idempotency_key))

    @operation
    def retry(
        self, calculation: CalculationDocument | str, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue a failed or cancelled calculation again, and the failed ones that it depends on.

        Raises:
            UnknownKeyError: the calculation does not exist.
            ConflictError: the calculation is done.
            NotAllowedError: the service requires an API key with the scope ``queue``.

        Example:
            >>> client.calculations.retry("c0ffee")  # doctest: +IGNORE_EXCEPTION_DETAIL
            Traceback (most recent call last):
            pvkdb.client.errors.UnknownKeyError: calculations holds no 'c0ffee'
        """
        return (yield from self._post(calculation, "retry", idempotency_key))

    @operation
    def log(
        self, calculation: CalculationDocument | str, *, after: int = 0, tail: int | None = None
    ) -> Steps[list[LogLine]]:
        """Return the log of a calculation: its changes of state and its newest progress.

        Args:
            calculation: a document, or an id.
            after: only lines with a larger number; to follow a log, pass ``line`` of the last line
                that you have.
            tail: only this number of lines from the end.

        Raises:
            UnknownKeyError: the calculation does not exist.

        Example:
            >>> queued = client.calculations.submit("CsPbBr3", potential="chgnet")
            >>> lines = client.calculations.log(queued)
            >>> lines[0].event.value
            'queued'
            >>> client.calculations.log(queued, after=lines[-1].line)
            []
        """
        from pvkdb.schemas.calculations import LogLine

        query = {"format": "jsonl", "after": str(after)}
        if tail is not None:
            query["tail"] = str(tail)
        path = path_of("calculations", _key(calculation), "log")
        answer = yield from self._service.read(path, query, middle=after > 0)
        return parse_lines(LogLine, answer)

    def _post(
        self, calculation: CalculationDocument | str, action: str, idempotency_key: str | None
    ) -> Steps[CalculationDocument]:
        path = path_of("calculations", _key(calculation), action)
        answer = yield from self._service.write(path, None, idempotency_key)
        return parse(self._table.document, answer)

    @operation
    def wait(
        self, calculation: CalculationDocument | str, timeout_s: float = 3600.0, poll_s: float = 5.0
    ) -> Steps[CalculationDocument]:
        """Wait until a calculation is done, failed or cancelled, and return it.

        If the service restarts meanwhile, the client waits for it, too.

        Args:
            calculation: a document, or an id.
            timeout_s: longest total wait in seconds.
            poll_s: seconds between two requests.

        Raises:
            UnknownKeyError: the calculation does not exist.
            ServiceError: the calculation did not end in time, or the service cannot be reached.

        Example:
            >>> queued = client.calculations.submit("CsPbBr3", potential="chgnet")
            >>> done = client.calculations.wait(queued, timeout_s=600)  # doctest: +SKIP
        """
        from pvkdb.schemas.calculations import CalculationState as State

        key = _key(calculation)
        end, looked = time.monotonic() + timeout_s, False
        while True:
            found = yield from self._get(key, middle=looked)
            looked = True
            if found.state in (State.DONE, State.FAILED, State.CANCELLED):
                return found
            left = end - time.monotonic()
            if left <= 0:
                raise ServiceError(
                    f"calculation {key} is still {found.state} after {timeout_s:g} s; wait longer "
                    "with timeout_s, and check that a worker is running: pvkdb work"
                )
            yield Sleep(min(poll_s, left))


class Calculations(CalculationOperations, Collection["CalculationsRow", "CalculationDocument"]):
    """Queued and finished calculations."""


class AsyncCalculations(
    CalculationOperations, AsyncCollection["CalculationsRow", "CalculationDocument"]
):
    """Queued and finished calculations; see :class:`Calculations`."""


def _key(calculation: CalculationDocument | str) -> str:
    return calculation if isinstance(calculation, str) else calculation.id


def _request(formula: str, potential: PotentialName | str | None) -> NebRequest:
    from pydantic import ValidationError

    from pvkdb.schemas.calculations import PotentialName
    from pvkdb.schemas.calculations.migration import NebRequest

    name = PotentialName.SEVENNET_0 if potential is None else potential
    known = [entry.value for entry in PotentialName]
    if name not in known:
        raise InputError(f"{name!r} is not a potential; known: {', '.join(known)}")
    try:
        return NebRequest(formula=formula, potential=PotentialName(name))
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise InputError(f"formula {formula[:60]!r}: {reason}") from error
