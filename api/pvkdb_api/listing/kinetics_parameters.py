"""Query parameters that describe the layer of a prediction: what is not given is a default."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from pvkdb.kinetics.conditions import Conditions, layer, parse_range
from pvkdb_api.core.refusals import naming

#: A number or a range as text: ``300`` or ``90:300``.
Range = Annotated[str | None, Query(min_length=1, max_length=60)]


def read_layer(
    thickness_nm: Annotated[
        Range, Query(description="Layer of predictions in nm: `300` or `90:300`.")
    ] = None,
    bias_v: Annotated[Range, Query(description="Bias across it in V, the same way.")] = None,
    temperature_k: Annotated[Range, Query(description="In K, the same way.")] = None,
    write_time_s: Annotated[
        Range, Query(description="Pulse of the SET voltage in s, the same way.")
    ] = None,
) -> Conditions:
    """The layer of a prediction.

    Raises:
        ParameterError: a parameter is no number or range, or out of its range.
    """
    found = {}
    for name, argument, text, scale in (
        ("thickness_nm", "thickness_m", thickness_nm, 1e-9),
        ("bias_v", "bias_v", bias_v, 1.0),
        ("temperature_k", "temperature_k", temperature_k, 1.0),
        ("write_time_s", "write_time_s", write_time_s, 1.0),
    ):
        if text is None:
            continue
        with naming(name):
            found[argument] = parse_range(text, name, name.rpartition("_")[2], scale)
            layer(**found)
    return layer(**found)


Layer = Annotated[Conditions, Depends(read_layer)]
