"""Crossbar arrays, worked out by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, Operations, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._search.queries import asked_for, batches

if TYPE_CHECKING:
    from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray


class CrossbarOperations(Operations):
    """What both clients can ask about arrays."""

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
        """The largest arrays of a device, and the exact solution where a size is asked for.

        Args:
            on_off_ratio: R_HRS over R_LRS; may be infinite. This or a device.
            device: id of a device of the store, whose on/off ratio is taken.
            r_lrs_ohm: resistance in the low-resistance state.
            pull_up_ohm: pull-up resistor; as large as R_LRS unless given.
            selectivity: of a selector or rectifier.
            line_resistance_ohm: of a line between neighbouring cells.
            size: lines of each kind of the array that is solved exactly.
            margin: fraction of the read voltage to keep; 0.1 unless given.
            thickness_nm: of the layer, for the spacing that avoids crosstalk.

        Raises:
            InputError: a number is out of its range, or one is missing that another one needs.
            NotFoundError: there is no such device.

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
        (parameters,) = batches(asked_for(given))
        answer = yield from self._service.read(path_of("crossbar"), parameters)
        return parse(CrossbarDocument, answer)

    @operation
    def devices(self) -> Steps[list[DeviceArray]]:
        """Every device of the store with the largest array that its figures allow."""
        from pvkdb.schemas.crossbar import DeviceArray
        from pvkdb.schemas.responses import Page

        answer = yield from self._service.read(path_of("crossbar", "devices"))
        return parse(Page[DeviceArray], answer).data


class Crossbars(CrossbarOperations, Blocking):
    """How large an array of a device can be."""


class AsyncCrossbars(CrossbarOperations, Awaiting):
    """How large an array of a device can be; see :class:`Crossbars`."""
