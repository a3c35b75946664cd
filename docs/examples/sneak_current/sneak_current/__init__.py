"""An operation for pvkdb, declared: the list of commands loads this file alone."""

from pvkdb.operations import Operation

OPERATIONS = (
    Operation(
        name="sneak_current",
        summary="Compute the sneak current of an array.",
        description="Equation (1) of the review, for bare cells.",
        path="/crossbar/sneak-current",
        function=f"{__name__}.current:sneak_current",
        request=f"{__name__}.current:SneakRequest",
        result=f"{__name__}.current:SneakCurrent",
        example="--r-lrs-ohm 1e4",
        printed=f"{__name__}.current:print_current",
    ),
)
