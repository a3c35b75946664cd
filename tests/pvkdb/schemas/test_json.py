"""JSON is what RFC 8259 says, not what Python's parser takes besides."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvkdb.schemas import parse_json, read_json
from pvkdb.schemas.responses import Liveness

NOT_JSON = {
    '{"a": NaN}': "NaN is not a number",
    "[Infinity, -Infinity]": "Infinity is not a number",
    '{"a": 1, "b": {"c": 1, "c": 1}}': "'c' occurs twice",
    '{"a": 1, "\\u0061": 2}': "'a' occurs twice",
    "[1e999]": "1e999 is not a number",
    "[-1e999]": "not a number up to",
    "[" + "9" * 5000 + "]": "not a number up to",
    "[" * 100_000: "nested too deeply",
    '["\\ud800"]': "surrogate",
    '{"\\udc00": 1}': "surrogate",
    "": "Expecting value",
    "[1] [2]": "Extra data",
    "{'a': 1}": "property name",
    '["\t"]': "control character",
}


@pytest.mark.parametrize("text", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_only_python_takes_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=NOT_JSON[text]):
        parse_json(text.encode())


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32"])
def test_bytes_that_are_not_utf_8_are_refused(encoding: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=r"is not UTF-8|Expecting value"):
        parse_json('["Ä"]'.encode(encoding))
    assert parse_json('["Ä"]'.encode("utf-8-sig")) == ["Ä"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"status": "ok", "version": "1", "version": "2"}', "'version' occurs twice"),
        (b'{"status": NaN, "version": "1"}', "NaN is not a number"),
        (b'{"status": "ok"}', "version: Field required"),
        (b"[1]", "Input should be an object"),
    ],
)
def test_a_model_is_read_from_json_or_the_reason_named(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_json(Liveness, content)
    assert read_json(Liveness, b'{"status": "ok", "version": "1"}').version == "1"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@given(_VALUES, st.booleans())
def test_every_json_value_is_read_as_it_was_written(value: object, escaped: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=escaped).encode()) == value
