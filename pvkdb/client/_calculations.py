"""Asking the service for calculations."""

from __future__ import annotations

import time

from pydantic import ValidationError

from pvkdb.client._answers import parse
from pvkdb.client._collections import Collection
from pvkdb.client._connection import API
from pvkdb.errors import InputError, ServiceError
from pvkdb.schemas.calculations import CalculationDocument, CalculationState, PotentialName
from pvkdb.schemas.migration import NebRequest
from pvkdb.schemas.tables import CalculationsRow

#: States that nothing leaves by itself.
FINAL = frozenset({CalculationState.DONE, CalculationState.FAILED, CalculationState.CANCELLED})


class Calculations(Collection[CalculationsRow, CalculationDocument]):
    """The queue and the record of calculations."""

    def submit(
        self, request: NebRequest | str, potential: PotentialName | str | None = None
    ) -> CalculationDocument:
        """Queue a migration barrier, or get the calculation that already answers the request.

        Args:
            request: a formula, or a whole request.
            potential: of a formula; a whole request names its own.

        Raises:
            InputError: formula or potential cannot be used.
            ServiceError: the service cannot be reached or does not accept the request.
        """
        if isinstance(request, str):
            request = _request(request, potential)
        elif potential is not None:
            raise InputError("the request names its own potential; leave potential= out")
        response = self._connection.post(f"{API}/calculations", request.model_dump_json())
        return parse(CalculationDocument, response)

    def wait(
        self, calculation_id: str, timeout_s: float = 3600.0, poll_s: float = 5.0
    ) -> CalculationDocument:
        """Wait until a calculation is done, failed or cancelled; ``state`` says which.

        Raises:
            NotFoundError: there is no such calculation.
            ServiceError: it was not finished in time, or the service cannot be reached.
        """
        end = time.monotonic() + timeout_s
        while True:
            calculation = self.get(calculation_id)
            if calculation.state in FINAL:
                return calculation
            left = end - time.monotonic()
            if left <= 0:
                raise ServiceError(
                    f"calculation {calculation_id} is still {calculation.state} after "
                    f"{timeout_s:g} s; wait longer with timeout_s, and see that a worker runs: "
                    "pvkdb work"
                )
            time.sleep(min(poll_s, left))


def _request(formula: str, potential: PotentialName | str | None) -> NebRequest:
    name = PotentialName.SEVENNET_0 if potential is None else potential
    known = [entry.value for entry in PotentialName]
    if name not in known:
        raise InputError(f"{name!r} is not a potential; known: {', '.join(known)}")
    try:
        return NebRequest(formula=formula, potential=PotentialName(name))
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise InputError(f"formula {formula[:60]!r}: {reason}") from error
