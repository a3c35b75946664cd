"""The curated files of open pages follow from two readings of every page, which agree."""

from __future__ import annotations

import base64
import csv
import importlib.util
import re
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy.orm import Session

from pvkdb.literature import read_curated
from pvkdb.literature.entries import MAX_PRINTED
from pvkdb.literature.loader import FILES
from pvkdb.literature.publications import words_of
from pvkdb.schemas.rankings import Grade
from pvkdb.schemas.tables.devices import CONDITIONS
from pvkdb.suitability.evidence.devices import device_candidates
from pvkdb.suitability.evidence.evidence import Candidate

from ...curated import OPEN_PAGES
from ...each import for_each
from ...programs import module_at

ROOT = Path(__file__).parents[3]
READINGS = ROOT / "curation" / "open_pages"
Row = dict[str, str]
Devices = dict[str, Candidate]


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def rows_of(name: str) -> list[Row]:
    return rows(READINGS / f"{name}.csv")


def read_csv(name: str) -> list[Row]:
    return rows(OPEN_PAGES.parent / f"{name}.csv")


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(READINGS)
    return importlib.import_module("compare")


@pytest.fixture
def tables(compare: ModuleType) -> ModuleType:
    return importlib.import_module("tables")


@pytest.fixture(scope="module")
def found(literature: Session) -> Devices:
    return {each.id: each for each in device_candidates(literature)}


def test_the_files_are_what_the_readings_give(tables: ModuleType, tmp_path: Path) -> None:
    made = tmp_path / "open_pages"
    made.mkdir()
    tables.build(made)
    for path in (*OPEN_PAGES.glob("*.csv"), OPEN_PAGES / ".." / "dois_seen.csv"):
        stale = "run: python curation/open_pages/tables.py"
        assert (made / path.relative_to(OPEN_PAGES)).read_bytes() == path.read_bytes(), stale


def test_every_difference_is_settled_with_a_reason(compare: ModuleType) -> None:
    found = compare.Differences()
    assert found.unsettled() == found.needless() == []
    assert all(len(row["why"].split()) > 2 for row in found.settled.values())
    assert {row["choice"] for row in found.settled.values()} == {"first", "second", "none", "omit"}
    numbers = [key for key in found.both if compare.is_number(found.first[key])]
    assert len(numbers) > 150
    # The readers differ in the kind of some numbers, and in no number.
    assert all(compare.ends(found.first[key]) == compare.ends(found.second[key]) for key in numbers)


def test_a_difference_that_is_not_settled_fails(
    compare: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = compare.rows

    def spoiled(name: str, folder: Path = READINGS) -> list[Row]:
        listed: list[Row] = original(name, folder)
        if name == "second":
            row = next(row for row in listed if row["quantity"] == "retention_s")
            row["value"] = "7"
        return listed

    monkeypatch.setattr(compare, "rows", spoiled)
    assert compare.compare([]) == 1
    assert re.search(r"not settled: \w+ d1 retention_s", capsys.readouterr().out)


def test_only_a_value_of_both_readings_can_be_omitted(
    compare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compare.Differences()
    omitted = {key for key, row in found.settled.items() if row["choice"] == "omit"}
    assert omitted
    assert omitted <= found.agree
    assert not omitted & found.values().keys()
    differing = found.differ[0]
    monkeypatch.setitem(found.settled, differing, {"choice": "omit", "why": "it is in doubt"})
    assert found.needless() == [differing]


@pytest.mark.parametrize(("retention", "fails"), [("1e4", 0), ("2e4", 1)])
def test_another_collection_is_compared_by_page_or_doi(
    compare: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    retention: str,
    fails: int,
) -> None:
    header = ",".join(("id", "stack", "absorber", "doi", "source_url", *compare.DEVICES))
    line = f"D1,,Cs2NaBiI6,10.1016/J.JALLCOM.2022.164613,,1e2,,,,,{retention},"
    (tmp_path / "devices.csv").write_text(f"{header}\n{line}\n")
    (tmp_path / "energetics.csv").write_text(
        "id,material,doi,source_url,value_min_ev,value_max_ev\n"
        "E1,Cs2NaBiI6,10.1016/j.jallcom.2022.164613,,0.11,0.11\n"
    )
    assert compare.compare([tmp_path]) == fails
    assert f"4 values of the same item, equal {4 - fails}" in capsys.readouterr().out


def test_papers_are_not_those_of_the_review() -> None:
    known = {words_of(row["title"]) for row in rows(OPEN_PAGES.parent / "references.csv")}
    titles = [row["title"] for row in rows(OPEN_PAGES / "references.csv")]
    further = [words_of(title) for title in titles if title]
    assert len(titles) - len(further) == 11  # on no page that was seen
    assert not known & set(further)
    assert len(set(further)) == len(further)


def test_there_is_as_much_as_wanted() -> None:
    devices, energies = rows(OPEN_PAGES / "devices.csv"), rows(OPEN_PAGES / "energetics.csv")
    assert len(devices) >= 35
    assert len({row["references"] for row in devices}) >= 30
    assert len(energies) >= 15
    assert len({row["references"] for row in energies}) >= 10


@for_each("name", ["energetics", "devices", "device_claims"])
def test_every_row_has_its_place_address_and_print(name: str) -> None:
    for row in rows(OPEN_PAGES / f"{name}.csv"):
        place = r"(secondary: )?[^;]+( at https?://\S+|, read on a copy)"
        assert re.match(place, row["source"]), row["id"]
        assert row["as_printed"], row["id"]


@for_each("name", ["references", "energetics", "devices", "device_claims"])
def test_no_row_has_the_address_of_a_copy_and_one_not_traced_says_so(
    tables: ModuleType, name: str
) -> None:
    """Where a paper behind a copy was read is in ``dois_seen.csv``, and in the readings."""
    read_at = {row["key"]: row["doi_seen_at"] for row in rows(OPEN_PAGES.parent / "dois_seen.csv")}
    papers = {row["in_review_ref"] or f"web-{row['key']}": row for row in rows_of("papers")}
    for row in rows(OPEN_PAGES / f"{name}.csv"):
        addresses = re.findall(r"https?://[^\s;”)]+", " ".join(row.values()))
        assert not any(map(tables.is_mirror, addresses)), row
        if "read on a copy" in row.get("source", ""):
            paper = papers[row["references"]]
            assert row["references"] in read_at
            assert ("source not traced" in row["source"]) == (paper["key"] not in tables.TRACED)


def test_a_paper_is_traced_if_authors_title_journal_and_year_were_read(tables: ModuleType) -> None:
    known = {row["key"]: row for row in read_curated("references")}
    for row in rows_of("papers"):
        if row["key"] in tables.TRACED:
            reference = known[row["in_review_ref"] or f"web-{row['key']}"]
            assert all(reference[name] for name in ("authors", "title", "journal", "year"))
    confirmed = {row["paper"]: row for row in rows_of("traced")}
    assert confirmed.keys() == tables.TRACED
    for row in confirmed.values():
        assert row["confirmed_at"].startswith("http")
        said = row["what it prints"]
        assert all(word in said for word in ("authors", "title", "journal", "year")), row


def test_a_printed_text_is_as_long_as_its_number_needs() -> None:
    for name in FILES:
        for row in read_csv(name):
            assert len(row.get("as_printed", "")) <= MAX_PRINTED, row
    for name in ("first", "second"):
        assert max(len(row["as_printed"]) for row in rows_of(name)) <= MAX_PRINTED


def test_every_condition_has_its_sentence(request: pytest.FixtureRequest) -> None:
    filled = 0
    for row in read_curated("devices"):
        given = [column.name for column in CONDITIONS.values() if row[column.name]]
        sources = [
            part.partition(": “") for part in filter(None, row["conditions_source"].split(" | "))
        ]
        assert [name for name, *_ in sources] == given, row["id"]
        assert all(re.fullmatch(r".+” \(.+\)", text) for *_, text in sources), row["id"]
        filled += bool(given)
        if row["id"].startswith("d-t4-") and given:
            review = "\n".join(request.getfixturevalue("review"))
            assert all(text.rpartition("” (")[0] in review for *_, text in sources), row["id"]
    assert filled >= 10


def test_compressed_addresses_are_whole_and_hold_what_the_reference_says() -> None:
    # A library catalogue: DOI and title in deflated form, in letters of base64.
    of = {row["key"]: row for row in rows(OPEN_PAGES / "references.csv")}
    checked = 0
    for row in rows(OPEN_PAGES.parent / "dois_seen.csv"):
        for token in re.findall(r"/discovery/(eN[\w-]+)", row["doi_seen_at"]):
            packed = zlib.decompress(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            reference = of[row["key"]]
            assert reference["doi"].encode() in packed
            assert reference["title"].encode() in packed
            checked += 1
    assert checked == 1


def test_conditions_of_values_and_words_behind_inferences_are_kept(found: Devices) -> None:
    for name in ("d-o-lv2021-1", "d-o-zhong-1"):
        assert (found[name].evidence["retention_s"].erratum or "").startswith("condition: under ")
    hybrid = found["d-o-achieving2026-1"]
    assert hybrid.form == "hybrid with liquid-exfoliated MoS2 nanosheets"
    word = found["d-o-huang2022-1"].evidence["volatility"]
    assert word.grade is Grade.INFERRED
    assert "(inferred from “threshold switching devices (TSDs)”)" in (word.source or "")
    # A caption speaks of all rows of its table; the doubts about a row are of this word, too.
    captioned = found["d-t4-r24"].evidence["volatility"]
    assert (captioned.grade, captioned.source) == (Grade.REPORTED, "Table 4 caption")
    assert "ref. 152 is inferred" in (captioned.erratum or "")


def test_the_coat_of_the_glass_is_the_bottom_electrode() -> None:
    """However the stack is printed; what lies between keeps its order."""
    found = {row["id"]: row for row in read_curated("devices")}
    ends = {
        name: (roles.get("bottom_electrode"), roles.get("top_electrode"))
        for name, row in found.items()
        for roles in [dict(layer.split("=", 1) for layer in row["layers"].split(" | "))]
    }
    assert [name for name, (_, top) in ends.items() if top in ("ITO", "FTO")] == ["d-t4-r06"]
    assert ends["d-t4-r06"] == ("Au", "ITO")  # its wires stand on Au; section 5.3.1
    assert ends["d-o-yoo2015-1"] == ("FTO", "Au")
    layers = found["d-o-pmma-1"]["layers"].split(" | ")
    assert layers[1:3] == ["absorber=Cs3Cu2I5", "interlayer=PMMA"]


def test_what_is_no_figure_of_a_column_is_not_in_it(found: Devices) -> None:
    """Pulses are no cycles, and a ratio of photocurrents is no on/off ratio."""
    assert {*found["d-o-self2026-1"].evidence} == {"rectification_ratio"}
    assert {*found["d-o-vdw-1"].evidence} == {"states"}
    claims = {row["id"]: row for row in rows(OPEN_PAGES / "device_claims.csv")}
    pulses = claims["c-o-self2026-002"]
    assert (pulses["metric"], pulses["value"]) == ("pulses", "4e4")
    assert claims["c-o-vdw-002"]["metric"] == "photocurrent_ratio"
    maximum, least = (found[f"d-o-{name}-1"].evidence for name in ("wang2016", "kumar2024"))
    assert (maximum["on_off_ratio"].minimum, maximum["on_off_ratio"].qualifier) == (1e3, ">")
    assert (least["on_off_ratio"].maximum, least["on_off_ratio"].qualifier) == (None, ">=")


def test_figures_belong_to_the_devices_that_they_name(found: Devices) -> None:
    bismuth = found["d-o-bismuth-1"].evidence
    assert bismuth["switching_time_s"].minimum == 1e-7
    assert bismuth["states"].minimum == 4
    assert bismuth["retention_s"].qualifier == "~"
    gated = found["d-o-high2019-1"]  # its nanocrystals are no layer between two electrodes
    assert (gated.absorber, gated.material) == ("CH3NH3PbBr3", None)
    names = {row["id"] for row in rows(OPEN_PAGES / "devices.csv")}
    for row in rows(OPEN_PAGES / "device_claims.csv"):
        named = re.search(r" \((d-o-[^)]+)\)$", row["device"])
        assert named is None or named[1] in names


def test_a_reader_who_did_not_know_the_values_found_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = module_at(ROOT / "curation" / "independent" / "compare.py", "independent")
    module.main()
    assert re.search(r"\d+ values of 38 papers .* equal \(9[5-9]", capsys.readouterr().out)
    kept = module.rows
    more = {"row": "d-t4-r06", "words": "words of no erratum"}
    lacking = [{**row, **more} for row in kept("explained")]
    monkeypatch.setattr(module, "rows", lambda name: lacking if name == "explained" else kept(name))
    with pytest.raises(SystemExit, match="d-t4-r06 lacks the words"):
        module.main()
    monkeypatch.setattr(module, "rows", kept)
    known = list(module.curated())
    other = [(key, metric, 7 * value) for key, metric, value in known]
    monkeypatch.setattr(module, "curated", lambda: iter(other))
    with pytest.raises(SystemExit, match="without a reason"):
        module.main()
