"""Papers go in checked, once, all or nothing; corrections keep what they correct."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from pvkdb.literature.importing import MAX_PROBLEMS, ImportRefusedError, import_files
from pvkdb.schemas.imports import ImportReport, ReviewRequest
from pvkdb.store.collections import DEVICE_CLAIMS, DEVICES, ENERGETICS, MATERIALS, REFERENCES
from pvkdb.store.curation.dataset import current_version, review
from pvkdb.store.curation.history import history
from pvkdb.store.database import Store
from pvkdb.store.models.devices import DeviceClaim
from pvkdb.suitability.evidence.devices import device_candidates

from ...each import for_each

Import = Callable[..., ImportReport]

PAPER = """\
reference:
  doi: https://doi.org/10.1000/Example
  authors: [Ä. Zhång, B. Li]
  title: Ions in CsPbBr3
  journal: J. Ex.
  year: 2026
energetics:
  - material: CsPbBr3
    phase: Pnma
    defect: V_Br
    charge: 1+
    quantity: E_A
    value: ~25 kJ/mol
    method: experiment
    conditions: single crystal
    source: Fig. 3b
devices:
  - structure: glass/ITO/SnO2/CsPbBr3/Ag
    absorber: CsPbBr3
    on_off_ratio: ~1e4
    v_set: 300 mV
    v_reset: -0.5 to -0.4 V
    endurance: 1000 cycles
    retention: "> 3 months"
    stability: 2 months
    source: Fig. 4
"""


@pytest.fixture
def do_import(store: Store, tmp_path: Path) -> Import:
    """Import texts, each a file, into the store with the literature."""

    def run(text: str, name: str = "paper.yaml", dry_run: bool = False, **others: str) -> Any:
        paths = [tmp_path / name]
        paths[0].write_text(text, encoding="utf-8")
        for other, content in others.items():
            paths.append(tmp_path / f"{other}.csv")
            paths[-1].write_text(content, encoding="utf-8")
        with store.session() as session:
            report = import_files(session, paths, dry_run=dry_run)
            if dry_run:
                session.rollback()
            return report

    return run


def row(store: Store, collection: Any, key: str) -> Any:
    with store.session(read_only=True) as session:
        return collection.get(session, key)


def count(store: Store, table: str) -> int:
    with store.session(read_only=True) as session:
        return session.scalar(text(f"SELECT count(*) FROM {table}")) or 0


def everything(store: Store) -> dict[str, int]:
    tables = ("bibliography", "compositions", "dataset_versions", "devices", "device_layers")
    more = ("energetics", "energetic_references", "materials")
    return {table: count(store, table) for table in (*tables, *more)}


def test_a_paper_goes_in_with_source_and_original_values(store: Store, do_import: Import) -> None:
    report = do_import(PAPER)
    assert {name: counts.added for name, counts in report.counts.items()} == {
        "references": 1,
        "energetics": 1,
        "devices": 1,
    }
    paper = row(store, REFERENCES, "zhang2026")
    assert (paper.authors, paper.doi) == ("Ä. Zhång; B. Li", "10.1000/example")
    energy = row(store, ENERGETICS, "zhang2026-e001")
    assert energy.value_min_ev == energy.value_max_ev == 0.26
    assert (energy.as_printed, energy.approximate, energy.charge) == ("~25 kJ/mol", True, 1)
    assert (energy.species, energy.family, energy.scope) == ("Br", "3D", "reported")
    assert (energy.references, energy.source) == ("zhang2026", "Fig. 3b")
    device = row(store, DEVICES, "zhang2026-d001")
    assert (device.v_set_min_v, device.v_reset_min_v, device.v_reset_max_v) == (0.3, -0.5, -0.4)
    assert (device.retention_s, device.retention_qualifier) == (90 * 86400, ">")
    assert (device.on_off_ratio, device.on_off_qualifier) == (1e4, "~")
    assert (device.stability_days, device.endurance_cycles) == (60, 1000)
    assert "v_set 300 mV" in device.as_printed
    assert "retention > 3 months" in device.as_printed
    # What the layer between is for, the structure does not say.
    assert device.layers == (
        "substrate=glass | bottom_electrode=ITO | interlayer=SnO2 | absorber=CsPbBr3 | "
        "top_electrode=Ag"
    )
    assert (device.bottom_electrode, device.other_layers) == ("ITO", "glass; SnO2")
    material = row(store, MATERIALS, "CsPbBr3-Pnma")
    assert material.energetics_count == 1


def test_an_import_makes_a_dataset_version_of_its_own(store: Store, do_import: Import) -> None:
    with store.session(read_only=True) as session:
        before = current_version(session)
    report = do_import(PAPER)
    assert report.dataset_version.startswith(f"{before}+")
    with store.session(read_only=True) as session:
        assert current_version(session) == report.dataset_version
        versions = history(session, "zhang2026-e001").versions
        assert versions[0].recorded_in == report.dataset_version
        assert versions[0].recorded_by == "import of paper.yaml"


def test_the_same_paper_again_changes_nothing(store: Store, do_import: Import) -> None:
    first = do_import(PAPER)
    before = everything(store)
    again = do_import(PAPER)
    assert again.changed == 0
    assert {counts.already_there for counts in again.counts.values()} == {1}
    assert again.dataset_version == first.dataset_version
    assert everything(store) == before


def test_a_dry_run_says_what_an_import_would_do(store: Store, do_import: Import) -> None:
    before = everything(store)
    dry = do_import(PAPER, dry_run=True)
    assert everything(store) == before
    wet = do_import(PAPER)
    assert dry.dry_run
    assert not wet.dry_run
    assert dry.model_dump(exclude={"dry_run"}) == wet.model_dump(exclude={"dry_run"})


CORRECTION = """\
energetics:
  - supersedes: e-t1-r01-ea
    material: MAPbI3
    defect: V_I
    quantity: E_A
    value: 0.08–0.60 eV
    method: unknown
    references: r41 r42
    source: Table 1 row 1
    erratum: corrected after the authors' correction
"""


def test_a_correction_supersedes_and_both_stay_there(store: Store, do_import: Import) -> None:
    with store.session(read_only=True) as session:
        before = ENERGETICS.count(session, {})
    report = do_import(CORRECTION)
    (change,) = report.changes
    assert (change.action, change.supersedes) == ("supersede", "e-t1-r01-ea")
    changed = {difference.column: difference for difference in change.differences}
    assert (changed["value_max_ev"].before, changed["value_max_ev"].after) == ("0.58", "0.6")
    with store.session(read_only=True) as session:
        pending = [entry.id for entry in ENERGETICS.iterate(session, {"material": "MAPbI3"})]
        assert {"e-t1-r01-ea", change.id} <= {*pending}  # the old row counts until it is confirmed
    review(ReviewRequest(version=report.dataset_version, by="Ben"), store.session)
    with store.session(read_only=True) as session:
        assert ENERGETICS.count(session, {}) == before
        ids = [entry.id for entry in ENERGETICS.iterate(session, {"material": "MAPbI3"})]
        assert change.id in ids
        assert "e-t1-r01-ea" not in ids
        for key in ("e-t1-r01-ea", change.id):
            old, new = history(session, key).versions
            assert (old.id, new.id) == ("e-t1-r01-ea", change.id)
            assert (old.current, new.current) == (False, True)
            assert old.row["value_max_ev"] == 0.58
            assert new.differences == change.differences


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"e-t1-r01-ea": "e-t9-r99-ea"}, "no row with this id"),
        ({"0.08–0.60": "0.08–0.61"}, "supersede r41-e001"),
    ],
)
def test_a_correction_names_the_current_row(
    do_import: Import, change: dict[str, str], said: str
) -> None:
    do_import(CORRECTION)
    again = CORRECTION
    for old, new in change.items():
        again = again.replace(old, new)
    with pytest.raises(ImportRefusedError, match=said):
        do_import(again)
    assert do_import(CORRECTION).changed == 0


#: What is refused before anything is written.
ON_SQLITE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
ENERGY = "material,defect,quantity,value,method,references,source\n"
DEVICE = "structure,absorber,on_off_ratio,v_set,v_reset,retention,references,source\n"
CONDITIONS = DEVICE.replace("\n", ",temperature,thickness,thickness_nm,atmosphere\n")
MADE = "ITO/MAPbI3/Ag,MAPbI3"


@ON_SQLITE
@for_each(
    ("header", "cells", "column", "said"),
    [
        (ENERGY, "CsPbBr4,V_Br,E_A,0.3 eV,DFT,r36,Fig. 1", "material", "balance"),
        (ENERGY, "XyPbI3,V_I,E_A,0.3 eV,DFT,r36,Fig. 1", "material", "character 1"),
        (ENERGY, "CsPbBr3,vacancy,E_A,0.3 eV,DFT,r36,Fig. 1", "defect", "write V_I"),
        (ENERGY, "CsPbBr3,V_Cs+V_I,DFE,0.9 eV,DFT,r36,Fig. 1", "defect", "contains no I"),
        (ENERGY, "CsPbBr3,V_Zz+V_Br,DFE,0.9 eV,DFT,r36,Fig. 1", "defect", "'Zz' is not a known"),
        (ENERGY, "CsPbBr3,V_Pb+2V_Br,DFE,35 eV,DFT,r36,Fig. 1", "value", "-10 to 15 eV"),
        (ENERGY, "CsPbBr3,V_Br,barrier,0.3 eV,DFT,r36,Fig. 1", "quantity", "known: DFE, E_A"),
        (ENERGY, "CsPbBr3,V_Br,E_A,35 eV,DFT,r36,Fig. 1", "value", "0 to 5 eV"),
        (ENERGY, "CsPbBr3,V_Br,E_A,-0.3 eV,DFT,r36,Fig. 1", "value", "check the sign"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3 J,DFT,r36,Fig. 1", "value", "kJ/mol"),
        (ENERGY, "CsPbBr3,V_Br,E_A,,DFT,r36,Fig. 1", "value", "0.35 eV"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3,DFT,r36,Fig. 1", "value", "has no unit"),
        (ENERGY, "CsPbBr3,V_Br,E_A,up to 0.3 eV,DFT,r36,Fig. 1", "value", "is not a value"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3 eV,guess,r36,Fig. 1", "method", "known: DFT"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3 eV,DFT,r999,Fig. 1", "references", "no 'r999'"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3 eV,DFT,10.1/x,Fig. 1", "references", "is not a DOI"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3 eV,DFT,,Fig. 1", "references", "no source"),
        (ENERGY, "CsPbBr3,V_Br,E_A,0.3 eV,DFT,r36,", "source", "Fig. 3b"),
        (DEVICE, "ITO/MAPbI3/Ag,CsPbBr3,10,,,,r36,F", "absorber", "not an inner layer"),
        (DEVICE, f"{MADE},1e-9,,,,r36,F", "on_off_ratio", "write on over off"),
        (DEVICE, f"{MADE},10-100,,,,r36,F", "on_off_ratio", "is a range"),
        (DEVICE, f"{MADE},,300 V,,,r36,F", "v_set", "outside -100 to 100"),
        (DEVICE, f"{MADE},,0.3,,,r36,F", "v_set", "has no unit"),
        (DEVICE, f"{MADE},,up to 3 V,,,r36,F", "v_qualifier", "known: >, >=, ~"),
        (DEVICE, f"{MADE},,,,< 3 h,r36,F", "retention", "upper bound"),
        (DEVICE, f"{MADE},,,,,r36,F", "structure", "reports no figure"),
        (DEVICE, "ITO/PEO/Ag,PEO,10,,,,r36,F", "absorber", "formula 'PEO'"),
        (CONDITIONS, f"{MADE},10,,,,r36,F,30 to 80 °C,,,", "temperature", "is a range or a bound"),
        (
            CONDITIONS,
            f"{MADE},10,,,,r36,F,300,,,",
            "temperature",
            "has no unit; write for example 300 K",
        ),
        (CONDITIONS, f"{MADE},10,,,,r36,F,,< 90 nm,,", "thickness", "is a range or a bound"),
        (CONDITIONS, f"{MADE},10,,,,r36,F,,1e12 nm,,", "thickness", r"outside 0.1 to 1e\+08"),
        (CONDITIONS, f"{MADE},10,,,,r36,F,,90 nm,90,", "thickness_nm", "fill in one of the two"),
        (CONDITIONS, f"{MADE},10,,,,r36,F,,,-5,", "thickness_nm", r"outside 0.1 to 1e\+08"),
        (CONDITIONS, f"{MADE},10,,,,r36,F,,,,argon-ish", "atmosphere", "argon"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused_with_place_and_remedy(
    store: Store, do_import: Import, header: str, cells: str, column: str, said: str
) -> None:
    before = everything(store)
    good = "CsPbBr3,V_Br,E_A,0.31 eV,DFT,r36,Fig. 1" if header == ENERGY else f"{MADE},9,,,,r36,F"
    good += "," * (header.count(",") - good.count(","))
    with pytest.raises(ImportRefusedError, match=said) as caught:
        do_import(f"{header}{good}\n{cells}\n", name="e.csv")
    problems = {problem.column: problem for problem in caught.value.problems}
    assert problems[column].line == 3
    assert str(problems[column]).startswith(f"e.csv line 3, column {column}")
    assert everything(store) == before


@ON_SQLITE
@for_each(
    ("material", "defect", "charge", "possible"),
    [
        ("CsPbI3", "V_I", "+2", r"-1 to \+1"),
        ("CsPbI3", "V_Pb", "+2", r"-2 to \+1"),
        ("CsPbI3", "Pb_i", "-2", r"-1 to \+2"),
        ("CsSnI3", "Cs_Sn", "-3", r"-2 to \+2"),
        ("MAPbI3", "Pb_I", "-3", r"-2 to \+4"),
    ],
)
def test_a_charge_that_the_defect_cannot_have_is_refused(
    do_import: Import, material: str, defect: str, charge: str, possible: str
) -> None:
    header = "material,defect,charge,quantity,value,method,references,source\n"
    line = f"{material},{defect},{{}},DFE,0.3 eV,DFT,r36,Fig. 1\n"
    with pytest.raises(ImportRefusedError, match=possible) as refused:
        do_import(header + line.format(charge), "e.csv")
    problem = refused.value.problems[0]
    assert (problem.line, problem.column) == (2, "charge")
    other = charge.translate(str.maketrans("+-", "-+")).replace("2", "1").replace("3", "2")
    assert do_import(header + line.format(other), "e.csv").counts["energetics"].added == 1


@ON_SQLITE
def test_a_phase_without_an_address_is_refused(do_import: Import) -> None:
    header = "material,phase,defect,quantity,value,method,references,source\n"
    row = "CsPbBr3,{},V_Br,E_A,0.3 eV,DFT,r36,Fig. 1\n"
    assert do_import(header + row.format("/" * 40), "e.csv").counts["energetics"].added == 1
    with pytest.raises(ImportRefusedError, match="more than 40 characters") as refused:
        do_import(header + row.format("/" * 41), "e.csv")
    assert refused.value.problems[0].column == "phase"


def test_a_best_value_is_marked_as_one(store: Store, do_import: Import) -> None:
    do_import(DEVICE + "ITO/MAPbI3/Ag,MAPbI3,up to 10^7,,,up to 3 h,r36,F\n", name="d.csv")
    best = row(store, DEVICES, "r36-d001")
    assert (best.on_off_ratio, best.on_off_qualifier) == (1e7, "up to")
    assert (best.retention_s, best.retention_qualifier) == (10800, "up to")
    do_import(DEVICE + "ITO/MAPbI3/Ag,MAPbI3,≥ 10,,,>= 3 h,r37,F\n", name="d.csv")
    least = row(store, DEVICES, "r37-d001")
    assert (least.on_off_qualifier, least.retention_qualifier) == (">=", ">=")


def test_figures_without_a_column_go_in_with_their_device(store: Store, do_import: Import) -> None:
    """And count in rankings; a corrected one takes the place of the first."""
    given = "    stability: 2 months\n    states: '{}'\n    variability_c2c: 3 %\n"
    paper = PAPER.replace("    stability: 2 months\n", given)
    do_import(paper.format("> 16"))
    assert do_import(paper.format("> 16")).counts["devices"].already_there == 1
    corrected = paper.format("32") + "    supersedes: zhang2026-d001\n"
    assert do_import(corrected).counts["devices"].superseding == 1
    with store.session() as session:
        (found,) = (
            each for each in device_candidates(session, True) if each.id.startswith("zhang2026-d")
        )
    states, spread = (found.evidence[name] for name in ("states", "variability_c2c_percent"))
    assert (states.minimum, states.maximum, states.references) == (32, 32, ("zhang2026",))
    assert (spread.minimum, spread.source) == (3, "Fig. 4")
    with pytest.raises(ImportRefusedError, match=r"0\.5 is impossible"):
        do_import(paper.format("0.5"), "other.yaml")


def test_a_corrected_device_withdraws_what_it_leaves_out(store: Store, do_import: Import) -> None:
    paper = PAPER.replace("    stability: 2 months\n", "    states: 16\n    variability_c2c: 3 %\n")
    do_import(paper)
    corrected = paper.replace("    states: 16\n", "    supersedes: zhang2026-d001\n")
    other = "  - structure: ITO/CsPbI3/Ag\n    absorber: CsPbI3\n    states: 8\n    source: F. 5\n"
    do_import(corrected + other)
    with store.session(read_only=True) as session:
        listed = DEVICE_CLAIMS.count(session, {"q": "zhang2026"})
        figures = DEVICE_CLAIMS.iterate(session, {"q": "zhang2026"})
        assert [each.id for each in figures] == [
            "zhang2026-d002-variability_c2c_percent",
            "zhang2026-d003-states",
        ]
        assert not history(session, "zhang2026-d001-states").versions[-1].current
        places = [*session.scalars(select(DeviceClaim.position))]
    assert (listed, len(places)) == (2, len({*places}))


def test_a_device_without_a_figure_needs_an_erratum(store: Store, do_import: Import) -> None:
    header = DEVICE.replace("\n", ",erratum\n")
    do_import(header + "ITO/MAPbI3/Ag,MAPbI3,,,,,r36,F,prints pulses\n", name="d.csv")
    assert row(store, DEVICES, "r36-d001").endurance_cycles is None


@ON_SQLITE
def test_set_and_reset_of_one_sign_are_remarked(do_import: Import) -> None:
    report = do_import(DEVICE + "ITO/MAPbI3/Ag,MAPbI3,,1 V,0.5 V,,r36,F\n", name="d.csv")
    assert "unipolar" in str(report.warnings[0])


@ON_SQLITE
def test_a_printed_text_longer_than_its_number_needs_is_remarked(do_import: Import) -> None:
    def warned(length: int, paper: str) -> list[tuple[str | None, str]]:
        printed = f"source: Fig. 3b\n    as_printed: {'~25 kJ/mol'.ljust(length, '.')}"
        text = PAPER.replace("source: Fig. 3b", printed).replace("Ions", paper)
        report = do_import(text.replace("10.1000/Example", f"10.1000/{paper}"))
        return [(each.column, each.reason) for each in report.warnings if each.column]

    said = "has over 200 characters; keep the number's words"
    assert ("as_printed", said) not in warned(200, "Cations")
    assert ("as_printed", said) in warned(201, "Anions")


@ON_SQLITE
@for_each(
    ("retention", "stability", "said"),
    [
        ("3 h", "90 s", "is 0.001 days in storage, less than one; if a state was held so long"),
        ("", "> 10^6 s", "is printed in seconds, as a retention is (10 days in storage)"),
        ("3 months", "90 days", "is as long as the retention; if a state was held so long, move"),
        ("10^6 s", "3 months", ""),
    ],
)
def test_a_time_in_storage_that_may_be_another_time_is_questioned(
    do_import: Import, retention: str, stability: str, said: str
) -> None:
    header = "structure,absorber,retention,stability,references,source\n"
    line = f"ITO/MAPbI3/Ag,MAPbI3,{retention},{stability},r36,F\n"
    report = do_import(header + line, name="d.csv", dry_run=True)
    found = [(doubt.column, doubt.value, doubt.reason) for doubt in report.warnings]
    assert [each[:2] for each in found] == [("stability", stability)] * bool(said)
    assert all(each[2].startswith(said) for each in found)


@ON_SQLITE
def test_many_problems_are_told_at_once_but_not_without_end(do_import: Import) -> None:
    lines = "CsPbBr3,V_Br,E_A,35 eV,guess,r36,Fig. 1\n" * 30
    with pytest.raises(ImportRefusedError) as caught:
        do_import(ENERGY + lines, name="e.csv")
    assert len(caught.value.problems) == MAX_PROBLEMS
    assert caught.value.problems[1].line == 2
    assert caught.value.problems[2].line == 3


def test_a_row_twice_in_a_file_is_refused_and_with_ids_both_stay(do_import: Import) -> None:
    line = "CsPbBr3,V_Br,E_A,0.31 eV,DFT,r36,Fig. 1\n"
    with pytest.raises(ImportRefusedError, match="repeats the row that becomes r36-e001") as caught:
        do_import(ENERGY + line + line, name="e.csv")
    assert caught.value.problems[0].line == 3
    header, cells = "id," + ENERGY, line
    report = do_import(header + "a1," + cells + "a2," + cells, name="e.csv")
    assert report.counts["energetics"].added == 2
    assert "states the same as a1" in str(report.warnings[0])


def test_the_same_statement_from_another_place_is_remarked(do_import: Import) -> None:
    line = "MAPbI3,V_MA,E_A,0.46–1.14 eV,unknown,r41 r42 r43 r45 r46,Abstract\n"
    report = do_import(ENERGY + line, name="e.csv")
    assert report.counts["energetics"].added == 1
    assert "states the same as e-t1-r02-ea (Table 1 row 2)" in str(report.warnings[0])


def test_an_id_is_not_overwritten(store: Store, do_import: Import) -> None:
    line = "e-t1-r01-ea,MAPbI3,V_I,E_A,0.4 eV,DFT,r41,Fig. 1\n"
    with pytest.raises(ImportRefusedError, match="'supersedes'"):
        do_import("id," + ENERGY + line, name="e.csv")
    assert row(store, ENERGETICS, "e-t1-r01-ea").value_max_ev == 0.58


def test_a_publication_is_found_by_doi_by_title_and_by_key(store: Store, do_import: Import) -> None:
    before = count(store, "bibliography")
    do_import(PAPER)
    known = row(store, REFERENCES, "r36")
    for reference, key in (
        ("doi: 10.1000/EXAMPLE, title: Other words, year: 2026, authors: X", "zhang2026"),
        (f"title: '{known.title.upper()}', year: {known.year}, authors: X", "r36"),
    ):
        text = f"reference: {{{reference}}}\n" + CORRECTION.replace("    references: r41 r42\n", "")
        report = do_import(text.replace("e-t1-r01-ea", "e-t1-r02-ea"), dry_run=True)
        assert report.counts["references"].already_there == 1
        assert report.changes[0].id == key
        assert report.changes[1].id == f"{key}-e00{2 if key == 'zhang2026' else 1}"
    other = "{doi: 10.1000/example, title: Ions in CsPbBr3, year: 2026, authors: C. Wu}"
    with pytest.raises(
        ImportRefusedError, match=r"paper.yaml line 1, column doi .*Ä. Zhång et al."
    ):
        do_import(f"reference: {other}\n")
    with pytest.raises(ImportRefusedError, match="belongs to another publication"):
        do_import("reference: {key: r36, title: Quite another, year: 2020}\n")
    assert count(store, "bibliography") == before + 1


def test_a_reference_gains_its_doi_from_the_same_paper_alone(
    store: Store, do_import: Import
) -> None:
    known = row(store, REFERENCES, "r36")
    text = "reference: {{title: '{}', year: {}, doi: 10.1000/gained, authors: '{}'}}\n"
    report = do_import(text.format(known.title, known.year, "X. Other"))
    assert report.counts["references"].already_there == 1
    report = do_import(text.format(known.title, known.year, known.authors))
    assert report.counts["references"].superseding == 1
    assert row(store, REFERENCES, "r36").doi == "10.1000/gained"


def test_two_papers_of_one_author_and_year_get_two_keys(do_import: Import) -> None:
    do_import(PAPER)
    other = PAPER.replace("Example", "other").replace("Ions in", "More ions in")
    report = do_import(other)
    assert report.changes[0].id == "zhang2026b"
    assert report.changes[1].id == "zhang2026b-e001"


def test_files_of_references_come_first(do_import: Import) -> None:
    devices = DEVICE + "ITO/MAPbI3/Ag,MAPbI3,10,,,,li2020,F\n"
    report = do_import(devices, name="d.csv", references="key,title,year\nli2020,A title,2020\n")
    assert [change.id for change in report.changes] == ["li2020", "li2020-d001"]


def test_an_export_goes_in_again_without_a_change(store: Store, do_import: Import) -> None:
    """Curators may edit an exported table in a spreadsheet."""
    from pvkdb.store.collections.export import table_rows
    from pvkdb.store.files.table_files import write_table

    for name in ("references", "energetics", "devices"):
        with store.session(read_only=True) as session:
            content = write_table(name, table_rows(session, name), "csv").decode()
        report = do_import(content, name=f"{name}.csv")
        assert report.changed == 0, name
        assert report.counts[name].already_there == content.count("\n") - 1  # type: ignore[index]


def test_texts_that_look_like_formulas_stay_themselves(store: Store, do_import: Import) -> None:
    from pvkdb.store.collections.export import table_rows
    from pvkdb.store.files.table_files import write_table

    formula = """=HYPERLINK("http://evil.example","look")"""
    paper = PAPER.replace("source: Fig. 4", f"source: '{formula}'\n    as_printed: -1+2")
    (device,) = [change for change in do_import(paper).changes if change.table == "devices"]
    for raw in (False, True):
        with store.session(read_only=True) as session:
            content = write_table("devices", table_rows(session, "devices"), "csv", raw=raw)
        text = content.decode()
        assert ("'=HYPERLINK" in text, ",'-1+2," in text) == (not raw, not raw)
        assert do_import(text, name="devices.csv").changed == 0
    found = row(store, DEVICES, device.id)
    assert (found.source, found.as_printed) == (formula, "-1+2")


@pytest.mark.long
def test_ten_thousand_devices(sqlite_store: Store, tmp_path: Path) -> None:
    """Under 20 s, in constant memory; an error at the end leaves nothing."""
    header = "structure,absorber,on_off_ratio,v_set,v_reset,endurance,retention,references,source\n"
    absorbers = ("CsPbBr3", "MAPbI3", "(PEA)2PbI4", "Cs2AgBiBr6")

    def line(number: int, v_set: str = "300 mV") -> str:
        absorber = absorbers[number % len(absorbers)]
        figures = f"1e{1 + number % 6},{v_set},-0.4 V,{10 + number},{1 + number % 900} min"
        return f"ITO/{absorber}/Ag,{absorber},{figures},r36,Fig. {number}\n"

    lines = [line(number) for number in range(10_000)]
    path = tmp_path / "devices.csv"
    path.write_text(header + "".join(lines[:9997]) + line(9997, "12 apples") + lines[-1])
    before = everything(sqlite_store)
    with pytest.raises(ImportRefusedError, match="line 9999, column v_set"):  # noqa: SIM117
        with sqlite_store.session() as session:
            import_files(session, [path])
    assert everything(sqlite_store) == before

    path.write_text(header + "".join(lines[:1000]))
    with sqlite_store.session() as session:
        import_files(session, [path])
        session.rollback()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path.write_text(header + "".join(lines))
    with sqlite_store.session() as session:
        report = import_files(session, [path])
    assert report.counts["devices"].added == 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 40_000  # kB
    assert count(sqlite_store, "devices") == before["devices"] + 10_000
