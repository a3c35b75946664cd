"""Queueing, following and getting calculations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pvkdb.client._io.answers import parse_lines
from pvkdb.client._io.carriers import operation
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Sleep, Steps
from pvkdb.client._parts.operations import QueuedOperations
from pvkdb.client._search.collections import AsyncCollection, Collection, EntryOperations
from pvkdb.client._search.tables import TableModels
from pvkdb.errors import InputError, ServiceError

if TYPE_CHECKING:
    from pvkdb.client.structures import AnyStructure
    from pvkdb.schemas.calculations import CalculationDocument, LogLine, PotentialName
    from pvkdb.schemas.calculations.migration import NebRequest, NebSettings
    from pvkdb.schemas.tables import CalculationsRow  # noqa: F401 - named in quotes below


class CalculationOperations(
    EntryOperations["CalculationsRow", "CalculationDocument"], QueuedOperations
):
    """Operations of both clients on calculations."""

    def __init__(self, service: Service, http: Any) -> None:
        document = "pvkdb.schemas.calculations:CalculationDocument"
        super().__init__(service, http, TableModels("calculations", document))

    @operation
    def queue(
        self,
        request: NebRequest | str = "",
        potential: PotentialName | str | None = None,
        *,
        structure: AnyStructure | None = None,
        phase: str | None = None,
        defect: str | None = None,
        settings: NebSettings | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[CalculationDocument]:
        """Queue a migration barrier, or return the existing calculation of the same barrier.

        The request is retried while the service is busy, always with the same ``Idempotency-Key``.

        Args:
            request: a formula (default: that of the structure), or a complete request alone.
            potential: name of an installed potential.
            structure: path of a CIF or POSCAR, or a structure of pymatgen, ASE or this service.
            phase: default: the likeliest prototype, or the space group of the structure.
            defect: default: the vacancy of the halide.
            settings: numerical settings.
            idempotency_key: your own key, if the program itself may be run twice.

        Raises:
            InputError: the structure cannot be read, or a value cannot be used.
            NotAllowedError: the service requires an API key with the scope ``queue``.
            ServiceError: the service cannot be reached or does not accept the request.

        Example:
            >>> client.calculations.queue("CsPbBr3", "chgnet").state.value
            'queued'
        """
        from pvkdb.client.structures import host_of
        from pvkdb.schemas import validated
        from pvkdb.schemas.calculations.migration import NebRequest

        host = None if structure is None else host_of(structure)
        names = ("potential", "phase", "defect", "host", "settings")
        values = (potential, phase, defect, host, settings)
        given = {name: each for name, each in zip(names, values, strict=True) if each is not None}
        if isinstance(request, str):
            request = validated(NebRequest, {"formula": request, **given})
        elif given:
            raise InputError(f"the request is complete; omit {', '.join(given)}")
        return (yield from self._written([], request, idempotency_key))

    submit = queue

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
        return (yield from self._written([_key(calculation), action], None, idempotency_key))

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
