"""The dataset version is that of what was loaded last."""

from __future__ import annotations

from pvkdb.store.curation.dataset import begin_import, begin_release, current_version, parts_of
from pvkdb.store.database import Store


def test_an_import_changes_the_version_and_an_earlier_release_comes_back(sqlite_store, tmp_path):
    paper = tmp_path / "paper.yaml"
    paper.write_text("reference: {}\n", encoding="utf-8")
    with sqlite_store.session() as session:
        first = current_version(session)
        imported = begin_import(session, [paper]).version
        assert imported.startswith(f"{first}+")
        assert current_version(session) == imported
        begin_release(session, "review2027-ffffffffff")
        assert current_version(session) == imported.replace(first, "review2027-ffffffffff")


def test_literature_and_computed_results_have_parts_of_their_own(sqlite_store: Store) -> None:
    with sqlite_store.session() as session:
        literature = current_version(session)
        begin_release(session, "computed-0000000000")
        assert current_version(session) == f"{literature}.computed-0000000000"
        begin_release(session, "review2027-ffffffffff")
        begin_release(session, "computed-1111111111")
        assert current_version(session) == "review2027-ffffffffff.computed-1111111111"
        assert parts_of(current_version(session)) == [
            "review2027-ffffffffff",
            "computed-1111111111",
        ]
