"""Parameters of requests as text, and the requests of operations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pvkdb.client._io.answers import parse
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Steps
from pvkdb.errors import InputError
from pvkdb.operations import find
from pvkdb.operations.other_packages import load

#: A value, a range (low, high), or either as text like on the command line: "90:300".
RangeValue = float | tuple[float, float] | str


def parameters_of(
    **given: RangeValue | bool | list[str] | Mapping[str, float] | None,
) -> dict[str, str]:
    """Return the query parameters of values, ranges, lists and weights that are not None.

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
        elif isinstance(value, list):
            found[name] = ",".join(value)
        elif isinstance(value, bool):
            found[name] = str(value).lower()
        elif value is not None:
            found[name] = str(value)
    return found


def call(service: Service, name: str, given: Mapping[str, Any]) -> Steps[Any]:
    """Ask for the result of an operation (:mod:`pvkdb.operations`).

    Args:
        service: service that has the operation.
        name: name of the operation.
        given: fields of its request, without those that are None; ``self`` is left out.

    Raises:
        InputError: there is no such operation; names the nearest one.
    """
    operation = find(name)
    fields = {name: each for name, each in given.items() if name != "self" and each is not None}
    parts = operation.path.strip("/").split("/")
    path = path_of(*(str(fields.pop(part[1:-1])) if part[0] == "{" else part for part in parts))
    if operation.verb == "POST":
        answer = yield from service.compute(path, json.dumps(fields))
    else:
        answer = yield from service.read(path, parameters_of(**fields))
    model = load(operation.result)
    if not operation.many:
        return parse(model, answer)
    from pvkdb.schemas.responses import Answers

    return parse(Answers[model], answer).data  # type: ignore[valid-type]  # made at run time
