"""Rates and times of ions, worked out by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, Operations, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.kinetics import KineticsAnswer

#: A number, a range (low, high), or either as the command line writes it: "90:300".
RangeValue = float | tuple[float, float] | str | None


class KineticsOperations(Operations):
    """What both clients can ask about ions that move."""

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
        """Every ion that may move, with intervals of its rates, times and voltages.

        Give one of a formula, a device and an activation energy. What else is not given is a
        default, named with its source in the answer.

        Args:
            formula: a material of the store, in any spelling.
            device: a device of the store; its SET voltage is the bias unless one is given.
            e_a_ev: an activation energy, or (low, high).
            dfe_ev: the formation energy of the vacancy, beside ``e_a_ev``.
            thickness_nm: of the layer.
            bias_v: across it.
            temperature_k: of it.
            write_time_s: in which the SET voltage shall switch.

        Raises:
            InputError: none or several are given, or a number is out of its range.
            NotFoundError: the store holds no such device, or no activation energy of the halide.

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
    """From activation energies to switching and retention times."""


class AsyncKinetics(KineticsOperations, Awaiting):
    """From activation energies to switching and retention times; see :class:`Kinetics`."""


def range_parameters(**given: RangeValue) -> dict[str, str]:
    """Query parameters of numbers and ranges, as the service reads them.

    Raises:
        InputError: a tuple does not have two ends.

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
            found[name] = value  # the service reads it
            continue
        ends = value if isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) and len(value) != 2:
            raise InputError(f"{name}={value!r} is not a range; write (low, high)")
        found[name] = ":".join(repr(end) for end in ends)
    return found
