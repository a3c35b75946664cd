"""Sizes of crossbar arrays, computed by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._search.queries import batches, query_of

if TYPE_CHECKING:
    from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray


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

        given = {
            "on_off_ratio": on_off_ratio,
            "device": device,
            "r_lrs_ohm": r_lrs_ohm,
            "pull_up_ohm": pull_up_ohm,
            "selectivity": selectivity,
            "line_resistance_ohm": line_resistance_ohm,
            "size": size,
            "margin": margin,
            "thickness_nm": thickness_nm,
        }
        (parameters,) = batches(query_of(given))
        answer = yield from self._service.read(path_of("crossbar"), parameters)
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
