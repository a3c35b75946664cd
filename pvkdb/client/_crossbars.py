"""Crossbar arrays, worked out by the service."""

from __future__ import annotations

from pvkdb.client._answers import parse
from pvkdb.client._connection import API, Connection
from pvkdb.client._queries import query_parameters
from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray
from pvkdb.schemas.responses import Page


class Crossbars:
    """How large an array of a device can be."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
    ) -> CrossbarDocument:
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

        Raises:
            InputError: a number is out of its range, or one is missing that another one needs.
            NotFoundError: there is no such device.
        """
        given = {
            "on_off_ratio": on_off_ratio,
            "device": device,
            "r_lrs_ohm": r_lrs_ohm,
            "pull_up_ohm": pull_up_ohm,
            "selectivity": selectivity,
            "line_resistance_ohm": line_resistance_ohm,
            "size": size,
            "margin": margin,
        }
        return parse(
            CrossbarDocument, self._connection.get(f"{API}/crossbar", query_parameters(given))
        )

    def devices(self) -> list[DeviceArray]:
        """Every device of the store with the largest array that its figures allow."""
        return parse(Page[DeviceArray], self._connection.get(f"{API}/crossbar/devices")).data
