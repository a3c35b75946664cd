"""The operations of this room."""

from __future__ import annotations

from pvkdb.operations import Operation

OPERATIONS = (
    Operation(
        name="crossbar",
        summary="Compute the largest readable crossbar array.",
        description="Equations (1) and (2) of the review for every kind of cell, with all "
        "assumptions. With a size, the circuit of such an array is solved too; line resistance "
        "needs R_LRS.",
        path="/crossbar",
        method="crossbars.estimate",
        function="pvkdb.crossbar.estimates:answer",
        request="pvkdb.schemas.crossbar:CrossbarRequest",
        result="pvkdb.schemas.crossbar:CrossbarDocument",
        one_of=("on_off_ratio", "device"),
        example="--on-off 1000 --selectivity 514",
        python=">>> client.crossbars.estimate(on_off_ratio=1e3, size=4).exact[0].size\n4",
        printed="pvkdb.cli.output.device_tables:print_estimate",
        plot=("pvkdb.crossbar.plot:plot_margins", "Plot margin over size (png, svg)."),
    ),
    Operation(
        name="device_arrays",
        summary="Array sizes of all devices.",
        description="Every device with the largest array that its numbers allow, on one page.",
        path="/crossbar/devices",
        method="crossbars.devices",
        function="pvkdb.crossbar.devices:all_arrays",
        result="pvkdb.schemas.crossbar:DeviceArray",
        many=True,
        command="crossbar --devices",
        printed="pvkdb.cli.output.device_tables:print_devices",
    ),
)
