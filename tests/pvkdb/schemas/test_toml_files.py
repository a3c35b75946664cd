"""TOML files: the line of a key path, and errors that name it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field

from pvkdb.errors import InputError
from pvkdb.schemas.toml_files import Key, TomlTable, line_of, one_of, read_text, read_toml, some_of

TEXT = """# title of devices
title = "two"

[[devices]]
name = "first"
[[devices]]
name = "second"
layers = [
  "Ag", # not "Au"
  "Au",
]
[devices.size]
"width um" = 3
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("devices", 0), 4),
        (("devices", 1), 6),
        (("devices", 1, "name"), 7),
        (("devices", 1, "layers"), 8),
        (("devices", 1, "layers", 1), 10),
        (("devices", 1, "size", "width um"), 13),
        (("devices", 0, "size"), 4),  # a missing key: the table that lacks it
        (("nothing",), None),
    ],
)
def test_the_line_of_a_key_path(path: tuple[Key, ...], line: int | None) -> None:
    assert line_of(TEXT.replace(' # not "Au"', ""), path) == line


class Layer(TomlTable):
    material: Annotated[str, BeforeValidator(one_of("material", ("Ag", "Au")))]
    nm: float = Field(default=1.0, gt=0)


class Stack(TomlTable):
    title: str = ""
    uses: Annotated[tuple[str, ...], BeforeValidator(some_of("use", ("memory", "selector")))] = ()
    layers: tuple[Layer, ...]


GOOD = 'title = "x"\nuses = ["memory"]\n[[layers]]\nmaterial = "Ag"\nnm = 2\n'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title", "titel", " line 1: there is no key 'titel'; did you mean 'title'? known: "),
        ('"x"', "3", " line 1: title = 3: input should be a valid string"),
        ('"memory"', '"memry"', " line 2: there is no use 'memry'; did you mean 'memory'"),
        ('["memory"]', "[]", " line 2: [] is not a list of some of memory, selector"),
        ("Ag", "Agg", " line 4: there is no material 'Agg'; did you mean 'Ag'"),
        ("nm = 2", "nm = 0", " line 5: layers.0.nm = 0: input should be greater than 0"),
        ("nm = 2", "mn = 2", " line 5: there is no key 'mn'; did you mean 'nm'"),
        ('material = "Ag"\n', "", " line 3: layers.0.material is missing"),
        ("[[layers]]", "[layers]", " line 3: layers = {'material': 'Ag', 'nm': 2}: write it"),
        (GOOD, "layers = [3]", " line 1: layers.0 = 3: write it as a table"),
        (GOOD, "", ": layers is missing"),
        ("title", "ti tle", " is not TOML: Expected '=' after a key in a key/value pair (at "),
        ("= 2\n", "= ", " is not TOML: Invalid value (line 5, where the file ends)"),
    ],
)
def test_an_error_names_file_line_value_and_remedy(old: str, new: str, message: str) -> None:
    assert read_toml(Stack, GOOD, "stack.toml").layers[0].nm == 2
    with pytest.raises(InputError) as caught:
        read_toml(Stack, GOOD.replace(old, new), "stack.toml")
    assert f"stack.toml{message}" in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"plan cannot be read: No such file.*; see the docs"):
        read_text(tmp_path / "none", "plan", hint="; see the docs")
    (tmp_path / "latin").write_bytes(b"\xe4")
    with pytest.raises(InputError, match="plan is not UTF-8"):
        read_text(tmp_path / "latin", "plan")
