"""Asking the service for calculations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pvkdb.client._io.answers import parse, parse_lines
from pvkdb.client._io.carriers import operation
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Sleep, Steps
from pvkdb.client._search.collections import AsyncCollection, Collection, EntryOperations
from pvkdb.client._search.tables import Table
from pvkdb.errors import InputError, ServiceError

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument, LogLine, PotentialName
    from pvkdb.schemas.calculations.migration import NebRequest
    from pvkdb.schemas.tables import CalculationsRow  # noqa: F401 - named in quotes below


class CalculationOperations(EntryOperations["CalculationsRow", "CalculationDocument"]):
    """What both clients can do with the queue and the record of calculations."""

    def __init__(self, service: Service, http: Any) -> None:
        super().__init__(service, http, Table("calculations"))

    @operation
    def submit(
        self,
        request: NebRequest | str,
        potential: PotentialName | str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Steps[CalculationDocument]:
        """Queue a migration barrier, or get the calculation that already answers the request.

        Sent again where the service says "not now", always under the same ``Idempotency-Key``.

        Args:
            request: a formula, or a whole request.
            potential: of a formula; a whole request names its own.
            idempotency_key: one of your own, where the program itself may be repeated.

        Raises:
            InputError: formula or potential cannot be used.
            NotAllowedError: the service wants an API key that may do this.
            ServiceError: the service cannot be reached or does not accept the request.

        Example:
            >>> client.calculations.submit("CsPbBr3", potential="chgnet").state.value
            'queued'
        """
        if isinstance(request, str):
            request = _request(request, potential)
        elif potential is not None:
            raise InputError("the request names its own potential; leave potential= out")
        answer = yield from self._service.write(
            path_of("calculations"), request.model_dump_json(), idempotency_key
        )
        return parse(self._table.document, answer)

    @operation
    def cancel(
        self, calculation: CalculationDocument | str, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Cancel a calculation: at once, or, where it runs, by asking its worker to stop.

        Its ``state`` tells which: ``running`` where the worker was asked; :meth:`wait` then waits
        for the end.

        Raises:
            UnknownKeyError: there is no such calculation.
            ConflictError: it is done, or has failed.
            NotAllowedError: the service wants an API key that may do this.

        Example:
            >>> queued = client.calculations.submit("CsGeBr3", potential="chgnet")
            >>> client.calculations.cancel(queued).state.value
            'cancelled'
            >>> client.calculations.retry(queued).state.value
            'queued'
        """
        document = yield from self._steer(calculation, "cancel", idempotency_key)
        return document

    @operation
    def retry(
        self, calculation: CalculationDocument | str, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue a failed or cancelled calculation again, with what it waits for in vain.

        Raises:
            UnknownKeyError: there is no such calculation.
            ConflictError: it is done.
            NotAllowedError: the service wants an API key that may do this.

        Example:
            >>> client.calculations.retry("c0ffee")  # doctest: +IGNORE_EXCEPTION_DETAIL
            Traceback (most recent call last):
            pvkdb.client.errors.UnknownKeyError: calculations holds no 'c0ffee'
        """
        document = yield from self._steer(calculation, "retry", idempotency_key)
        return document

    @operation
    def log(
        self, calculation: CalculationDocument | str, *, after: int = 0, tail: int | None = None
    ) -> Steps[list[LogLine]]:
        """What happened to a calculation: the states that it entered, and its newest progress.

        Args:
            calculation: a document, or an id.
            after: only lines behind the one of this number; with the ``line`` of the last line
                that you have, a log is followed.
            tail: only the last lines, so many.

        Raises:
            UnknownKeyError: there is no such calculation.

        Example:
            >>> queued = client.calculations.submit("CsPbBr3", potential="chgnet")
            >>> lines = client.calculations.log(queued)
            >>> lines[0].event.value
            'queued'
            >>> client.calculations.log(queued, after=lines[-1].line)
            []
        """
        from pvkdb.schemas.calculations import LogLine

        asked = {"format": "jsonl", "after": str(after)}
        if tail is not None:
            asked["tail"] = str(tail)
        path = path_of("calculations", _key(calculation), "log")
        answer = yield from self._service.read(path, asked, middle=after > 0)
        return parse_lines(LogLine, answer)

    def _steer(
        self, calculation: CalculationDocument | str, where: str, idempotency_key: str | None
    ) -> Steps[CalculationDocument]:
        path = path_of("calculations", _key(calculation), where)
        answer = yield from self._service.write(path, None, idempotency_key)
        return parse(self._table.document, answer)

    @operation
    def wait(
        self,
        calculation: CalculationDocument | str,
        timeout_s: float = 3600.0,
        poll_s: float = 5.0,
    ) -> Steps[CalculationDocument]:
        """Wait until a calculation is done, failed or cancelled; ``state`` says which.

        A service that is restarted meanwhile is waited for.

        Args:
            calculation: what :meth:`submit` gave, or its id.
            timeout_s: seconds to wait in all.
            poll_s: seconds between two looks.

        Raises:
            UnknownKeyError: there is no such calculation.
            ServiceError: it was not finished in time, or the service cannot be reached.

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
                    "with timeout_s, and see that a worker runs: pvkdb work"
                )
            yield Sleep(min(poll_s, left))


class Calculations(CalculationOperations, Collection["CalculationsRow", "CalculationDocument"]):
    """The queue and the record of calculations."""


class AsyncCalculations(
    CalculationOperations, AsyncCollection["CalculationsRow", "CalculationDocument"]
):
    """The queue and the record of calculations; see :class:`Calculations`."""


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
