"""References are found by the rows that cite them, and by DOIs that are only seen."""

from __future__ import annotations

from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, REFERENCES
from pvkdb.store.database import Store


def test_references_of_rows_are_those_that_the_rows_name(store: Store) -> None:
    with store.session(read_only=True) as session:
        wanted, keys = [], set()
        for collection in (ENERGETICS, DEVICES, DEVICE_CLAIMS):
            row = next(each for each in collection.iterate(session, {}) if each.references)
            wanted.append(row.id)
            keys |= {*row.references.split()}
        found = REFERENCES.iterate(session, {"row": tuple(wanted)})
        assert {row.key for row in found} == keys
        assert REFERENCES.count(session, {"row": ("nothing",)}) == 0
        devices = {key for row in DEVICES.iterate(session, {}) for key in row.references.split()}
        cited = REFERENCES.iterate(session, {"cited_by": ("devices",)})
        assert {row.key for row in cited} == devices


def test_a_doi_that_a_page_shows_finds_its_reference(store: Store) -> None:
    with store.session(read_only=True) as session:
        (row,) = REFERENCES.iterate(session, {"doi": ("10.1002/aelm.201600100",)})
        assert (row.key, row.doi) == ("r300", None)
        assert row.doi_seen_at == "https://ouci.dntb.gov.ua/works/4kYpy869"
        assert REFERENCES.get(session, "r36").doi_seen is None
