"""Rates and times of ion migration, computed by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.kinetics import KineticsAnswer

#: A number, a range (low, high), or either as text like on the command line: "90:300".
RangeValue = float | tuple[float, float] | str | None


class KineticsOperations(ClientPart):
    """Operations of both clients on the kinetics of ions."""

    @operation
    def estimate(
        self,
        formula: str | None = None,
        device: str | None = None,
        e_a_ev: RangeValue = None,
        dfe_ev: RangeValue = None,
        *,
        thickness_nm: RangeValue = None,
        bias_v: RangeValue = None,
        temperature_k: RangeValue = None,
        write_time_s: RangeValue = None,
    ) -> Steps[KineticsAnswer]:
        """Return the mobile ions with intervals of their rates, times and voltages.

        Give a formula, a device or an activation energy. Omitted conditions have defaults, which
        the answer lists with their sources.

        Args:
            formula: a material of the store, in any spelling.
            device: id of a device; default of the bias is its SET voltage.
            e_a_ev: activation energy, or (low, high).
            dfe_ev: formation energy of the vacancy, with ``e_a_ev``.
            thickness_nm: thickness of the layer.
            bias_v: bias across the layer.
            temperature_k: temperature of the layer.
            write_time_s: duration of the pulse that the SET voltage is computed for.

        Raises:
            InputError: none or several are given, or a number is out of its range.
            NotFoundError: the device does not exist, or the store holds no activation energy.

        Example:
            >>> answer = client.kinetics.estimate(e_a_ev=(0.08, 0.58), thickness_nm=300, bias_v=1)
            >>> answer.ions[0].document.quantity("switching time").minimum < 1e-7  # s
            True
        """
        from pvkdb.schemas.kinetics import KineticsAnswer

        given = {"formula": formula, "device": device}
        query = {name: text for name, text in given.items() if text is not None}
        query |= range_parameters(
            e_a_ev=e_a_ev,
            dfe_ev=dfe_ev,
            thickness_nm=thickness_nm,
            bias_v=bias_v,
            temperature_k=temperature_k,
            write_time_s=write_time_s,
        )
        answer = yield from self._service.read(path_of("kinetics"), query)
        return parse(KineticsAnswer, answer)


class Kinetics(KineticsOperations, Blocking):
    """Switching and retention times from activation energies."""


class AsyncKinetics(KineticsOperations, Awaiting):
    """Switching and retention times from activation energies; see :class:`Kinetics`."""


def range_parameters(**given: RangeValue) -> dict[str, str]:
    """Return the query parameters of numbers and ranges.

    Raises:
        InputError: a tuple does not have two values.

    Example:
        >>> range_parameters(thickness_nm=(90, 300), bias_v=1.0, temperature_k=None)
        {'thickness_nm': '90:300', 'bias_v': '1.0'}
        >>> range_parameters(thickness_nm="90:300")
        {'thickness_nm': '90:300'}
    """
    found = {}
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, str):
            found[name] = value  # parsed by the service
            continue
        ends = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and len(value) != 2:
            raise InputError(f"{name}={value!r} is not a range; write (low, high)")
        found[name] = ":".join(repr(end) for end in ends)
    return found
