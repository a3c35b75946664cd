"""Requests refuse at the door what no database stores and no machine computes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pvkdb.errors import InputError
from pvkdb.schemas.calculations.dft import DftAfterRequest, DftNebRequest, DftScfRequest
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.calculations.relaxations import (
    ElementRequest,
    EstimateRequest,
    RelaxRequest,
    VacancyRequest,
)
from pvkdb.schemas.toml_files import parse_document

from ....each import for_each

HOST = {
    "symbols": ("Cs", "Br"),
    "cell_ang": ((6.0, 0.0, 0.0), (0.0, 6.0, 0.0), (0.0, 0.0, 6.0)),
    "positions_ang": ((0.0, 0.0, 0.0), (3.0, 3.0, 3.0)),
}
PHASE = {"formula": "CsPbBr3", "phase": "Pnma"}
IONS = (("Cs", 1), ("Pb", 2), ("Br", -1))
#: A valid request of each kind, and the first characters of its content key, which must not change.
VALID: dict[type[Any], tuple[dict[str, Any], str]] = {
    NebRequest: (PHASE | {"potential": "sevennet-0", "host": HOST}, "a676cf4036c7"),
    RelaxRequest: (
        PHASE | {"stoichiometry": "ABX3", "ions": IONS, "potential": "chgnet"},
        "1c30b228eded",
    ),
    ElementRequest: ({"symbol": "Pb", "potential": "chgnet"}, "74b068aab045"),
    VacancyRequest: (
        {**PHASE, "halide": "Br", "atoms_per_formula": 5, "host": HOST, "sites": (1,)}
        | {"potential": "chgnet"},
        "83b9942d0d5c",
    ),
    EstimateRequest: (
        PHASE | {"host": HOST, "vacancy_ev": -120.0, "potential": "sevennet-0"},
        "5aaadb393e14",
    ),
    DftScfRequest: (
        {"formula": "CsPbBr3", "structure": HOST, "hop": 1, "parent": "a1"},
        "5d4966013f0d",
    ),
    DftNebRequest: ({"formula": "CsPbBr3", "images": [HOST] * 3}, "9c53e4266e6f"),
    DftAfterRequest: ({"formula": "CsPbBr3", "barrier": "abcd"}, "b64a814b998c"),
}


@for_each(("kind", "given"), VALID.items())
def test_content_keys_stay_as_they_are(kind: type[Any], given: tuple[dict[str, Any], str]) -> None:
    assert kind.model_validate(given[0]).key().startswith(given[1])


def _texts(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every text of a request."""
    if isinstance(value, str):
        return [path]
    if not isinstance(value, dict | list | tuple):
        return []
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, part in parts for found in _texts(part, (*path, key))]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


@for_each(
    ("kind", "path"), [(kind, path) for kind, (given, _) in VALID.items() for path in _texts(given)]
)
def test_no_text_of_a_request_has_control_characters(
    kind: type[Any], path: tuple[Any, ...]
) -> None:
    for text in ("C\0s", "Cs\n", "\x1b[2J", "\x85", "\ud800", "x" * 100_000):
        with pytest.raises(ValidationError):
            kind.model_validate(_with(VALID[kind][0], path, text))


@for_each(
    ("kind", "path", "values"),
    [
        (NebRequest, ("settings",), [{"max_atoms": 10**6}, {"max_atoms": 2**70}]),
        (NebRequest, ("host", "positions_ang", 0, 0), [1e300, -1e300]),
        (RelaxRequest, ("ions", 0, 1), [9, -9, 2**70]),
        (VacancyRequest, ("atoms_per_formula",), [0, 10**9, 2**70]),
        (VacancyRequest, ("sites", 0), [-1, 2**70]),
        (DftScfRequest, ("hop",), [0, 2**70]),
        (DftNebRequest, ("images",), [[HOST] * 1000]),
        (DftAfterRequest, ("hop",), [0, 2**70]),
    ],
)
def test_no_number_is_absurd(kind: type[Any], path: tuple[Any, ...], values: list[Any]) -> None:
    given = {"settings": {}, "hop": 1, **VALID[kind][0]}
    for value in values:
        changed = _with(given, path, value).items()
        known = {key: part for key, part in changed if key in kind.model_fields}
        with pytest.raises(ValidationError):
            kind.model_validate(known)


def test_a_host_has_no_more_atoms_than_any_machine_relaxes() -> None:
    many = {**HOST, "symbols": ["Cs"] * 20_000, "positions_ang": [(0.0, 0.0, 0.0)] * 20_000}
    with pytest.raises(ValidationError):
        NebRequest.model_validate({"formula": "CsPbBr3", "phase": "x", "host": many})


@pytest.mark.parametrize("text", ['title = "a\\u0000b"', 'ions = { "A\\u0007" = ["Cs"] }'])
def test_neither_does_a_plan_hold_one(text: str) -> None:
    with pytest.raises(InputError, match=r"plan\.toml.*character"):
        parse_document(text, "plan.toml")
    assert parse_document('title = """two\nlines"""', "plan.toml")
