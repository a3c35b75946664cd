"""Kinetics of ions and sizes of crossbar arrays, computed by the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray
    from pvkdb.schemas.kinetics import KineticsAnswer

#: A value, a range (low, high), or either as text like on the command line: "90:300".
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
        the answer lists with their sources. A window of more than three decades is not shown:
        ``missing`` of the quantity says what has to be known more closely.

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
            >>> answer = client.kinetics.estimate(e_a_ev=0.3, thickness_nm=300, bias_v=1)
            >>> answer.ions[0].document.quantity("switching time").maximum < 1e-2  # s
            True
        """
        from pvkdb.schemas.kinetics import KineticsAnswer

        query = parameters_of(
            formula=formula,
            device=device,
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


class CrossbarOperations(ClientPart):
    """Operations of both clients on crossbar arrays."""

    @operation
    def estimate(
        self,
        on_off_ratio: float | None = None,
        device: str | None = None,
        r_lrs_ohm: float | None = None,
        pull_up_ohm: float | None = None,
        selectivity: float | None = None,
        line_resistance_ohm: float | None = None,
        size: int | None = None,
        margin: float | None = None,
        thickness_nm: float | None = None,
    ) -> Steps[CrossbarDocument]:
        """Return the largest readable arrays, and the exact solution for one size.

        Args:
            on_off_ratio: R_HRS over R_LRS; may be infinite. Give this or a device.
            device: id of a device whose on/off ratio is used.
            r_lrs_ohm: resistance in the low-resistance state.
            pull_up_ohm: pull-up resistor; default: R_LRS.
            selectivity: selectivity of a selector or rectifier.
            line_resistance_ohm: resistance of a line between neighbouring cells.
            size: N of the N × N array that is solved exactly.
            margin: fraction of the read voltage to keep; default: 0.1.
            thickness_nm: thickness of the layer, for the spacing that avoids crosstalk.

        Raises:
            InputError: a number is out of its range, or requires another one that is missing.
            NotFoundError: the device does not exist.

        Example:
            >>> client.crossbars.estimate(on_off_ratio=1e3, size=4).exact[0].size
            4
        """
        from pvkdb.schemas.crossbar import CrossbarDocument

        query = parameters_of(
            on_off_ratio=on_off_ratio,
            device=device,
            r_lrs_ohm=r_lrs_ohm,
            pull_up_ohm=pull_up_ohm,
            selectivity=selectivity,
            line_resistance_ohm=line_resistance_ohm,
            size=size,
            margin=margin,
            thickness_nm=thickness_nm,
        )
        answer = yield from self._service.read(path_of("crossbar"), query)
        return parse(CrossbarDocument, answer)

    @operation
    def devices(self) -> Steps[list[DeviceArray]]:
        """Return every device with the largest array that its reported values allow."""
        from pvkdb.schemas.crossbar import DeviceArray
        from pvkdb.schemas.responses import Page

        answer = yield from self._service.read(path_of("crossbar", "devices"))
        return parse(Page[DeviceArray], answer).data


class Crossbars(CrossbarOperations, Blocking):
    """Largest readable arrays of devices."""


class AsyncCrossbars(CrossbarOperations, Awaiting):
    """Largest readable arrays of devices; see :class:`Crossbars`."""


def parameters_of(**given: RangeValue | bool | Mapping[str, float]) -> dict[str, str]:
    """Return the query parameters of values, ranges and weights that are not None.

    Raises:
        InputError: a tuple does not have two values.

    Example:
        >>> parameters_of(thickness_nm=(90, 300), bias_v=1.0, temperature_k=None)
        {'thickness_nm': '90:300', 'bias_v': '1.0'}
        >>> parameters_of(thickness_nm="90:300", lead_free=True)
        {'thickness_nm': '90:300', 'lead_free': 'true'}
    """
    found = {}
    for name, value in given.items():
        if isinstance(value, tuple):
            if len(value) != 2:
                raise InputError(f"{name}={value!r} is not a range; write (low, high)")
            found[name] = ":".join(map(str, value))
        elif isinstance(value, Mapping):
            found[name] = ",".join(f"{key}={number!r}" for key, number in value.items())
        elif isinstance(value, bool):
            found[name] = str(value).lower()
        elif value is not None:
            found[name] = str(value)
    return found
