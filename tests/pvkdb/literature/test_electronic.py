"""Measured gaps: every number stands in the words that were read; computed ones stay apart."""

from __future__ import annotations

import re

import pytest

from pvkdb.errors import InputError
from pvkdb.literature import loader
from pvkdb.literature.loader import load_literature, read_curated
from pvkdb.store.collections import ELECTRONIC, REFERENCES
from pvkdb.store.database import Store

EV_NM = 1239.84


def _stands_in(value: float, words: str) -> bool:
    """In eV as it is, or in nm after conversion."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", words)]
    in_nm = [EV_NM / number for number in numbers if number and "nm" in words]
    return any(abs(n - value) < 1e-9 for n in numbers) or any(abs(n - value) < 1e-3 for n in in_nm)


@pytest.mark.parametrize("row", read_curated("electronic"), ids=lambda row: row["id"])
def test_a_measured_gap_stands_in_the_words_that_were_read(row: dict[str, str]) -> None:
    value, low, high = (float(row[name]) for name in ("value", "value_low", "value_high"))
    assert 0 < low <= value <= high < 13
    assert all(_stands_in(each, row["as_printed"]) for each in (value, low, high))
    assert len(row["as_printed"]) <= 200
    assert (row["method"], row["quantity"], row["as_computed"]) == ("experiment", "gap", "")
    assert not {"photoluminescence", "exciton", "nanocrystal"} & {*row["conditions"].split("; ")}


def test_measured_gaps_are_listed_with_their_sources(store: Store) -> None:
    with store.session(read_only=True) as session:
        (bromide,) = ELECTRONIC.iterate(session, {"material": ("Cs2SnBr6",)})
        assert (bromide.value, bromide.phase, bromide.references) == (2.93, "Fm-3m", "gap-yang2020")
        assert [*ELECTRONIC.iterate(session, {"reference": ("gap-yang2020",), "value_min": 2})] == [
            bromide
        ]
        cited = REFERENCES.iterate(session, {"cited_by": ("electronic",)})
        assert {each.key for each in cited} == {
            key for row in read_curated("electronic") for key in row["references"].split()
        }


def test_a_row_that_is_no_gap_is_refused_with_its_line(
    empty_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = loader._file
    monkeypatch.setattr(
        loader,
        "_file",
        lambda name: (
            original(name).replace(",2.93,2.93,2.93,", ",wide,2.93,2.93,")
            if name == "gaps/electronic"
            else original(name)
        ),
    )
    with (
        empty_store.session() as session,
        pytest.raises(InputError, match=r"electronic\.csv line \d+ \(g-036\): (?s:.*)value"),
    ):
        load_literature(session)
