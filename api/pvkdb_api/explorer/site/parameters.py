"""Parameters in the address of a page: checks, and the layer of predictions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from pvkdb.errors import ParameterError, unknown_name
from pvkdb.kinetics.conditions import LAYER_DEFAULTS, ROOM_TEMPERATURE_K
from pvkdb.schemas import Model, refusal


def _default_range(name: str, scale: float = 1.0) -> str:
    value = LAYER_DEFAULTS[name].value
    return ":".join(f"{end * scale:g}" for end in (value.minimum or 0, value.maximum or 0))


def known_choice(parameter: str, value: str, known: Iterable[str], noun: str | None = None) -> str:
    """Return the value of a parameter, or raise an error if it is not one of the known values.

    ``noun`` says what the values are; by default it is the name of the parameter.

    Raises:
        ParameterError: The value is unknown; the message suggests the nearest one.
    """
    names = [*known]
    if value not in names:
        raise ParameterError(parameter, unknown_name(noun or parameter, value[:60], names))
    return value


def given_parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the parameters of a page that are not empty, stripped; repeated ones as a list.

    Raises:
        ParameterError: A parameter is unknown.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        known_choice(name[:60], name, known, "parameter")
        if text := value.strip():
            given[name] = f"{given[name]},{text}" if name in given else text
    return given


def page_request(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Return a request from the parameters of a page.

    Raises:
        ParameterError: A value is refused; names the first.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise ParameterError(str(error.errors()[0]["loc"][0]), refusal(error)) from error


#: The layer of predictions: label, unit, and default of each parameter.
LAYER = {
    "thickness_nm": ("Thickness", "nm", _default_range("thickness_m", 1e9)),
    "bias_v": ("Bias", "V", _default_range("bias_v")),
    "temperature_k": ("Temperature", "K", f"{ROOM_TEMPERATURE_K:g}"),
    "write_time_s": ("Write pulse", "s", _default_range("write_time_s")),
}


def layer_fields(given: Mapping[str, str]) -> list[tuple[str, str, str, str, str]]:
    """Return the form fields of the perovskite layer: name, label, unit, default and text."""
    return [(name, *entry, given.get(name, "")) for name, entry in LAYER.items()]
