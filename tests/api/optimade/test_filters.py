"""What a filter becomes in SQL, and which rows it finds, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from pvkdb.literature import read_curated
from pvkdb.store.models.structures import Structure
from pvkdb_api.optimade import filters
from pvkdb_api.optimade.entries.references import REFERENCES
from pvkdb_api.optimade.entries.structures import STRUCTURES
from pvkdb_api.optimade.errors import OptimadeError, UnsupportedError

from .conftest import PROTOTYPES, VACANCY

ALL = {*(key for _, _, key in PROTOTYPES), VACANCY}
LEAD = {"cspbi3-gamma", "cspbi3-delta", "cspbbr3", VACANCY}
IODIDES = {key for key in ALL if "i3" in key or "i6" in key or "i9" in key}
ROWS = "SELECT structure_elements.structure_id FROM structure_elements WHERE"

#: Filter, its condition in the SQL of SQLite, and the structures that it finds. None where the
#: SQL is too long to say anything.
TABLE: list[tuple[str, str | None, set[str]]] = [
    ("", "1 = 1", ALL),
    # Comparisons, both ways round.
    ("nelements = 4", "structures.nelements = ?", {"cs2agbibr6"}),
    ("4 = nelements", "structures.nelements = ?", {"cs2agbibr6"}),
    ("nelements != 3", "structures.nelements != ?", {"cs2agbibr6"}),
    ("nsites < 10", "structures.atoms < ?", {"cssni3", "rbgecl3", "cs2sni6"}),
    ("10 > nsites", "structures.atoms < ?", {"cssni3", "rbgecl3", "cs2sni6"}),
    ("nsites <= 9.5", "structures.atoms <= ?", {"cssni3", "rbgecl3", "cs2sni6"}),
    ("nsites >= 28", "structures.atoms >= ?", {"cs3sb2i9-dimer"}),
    ("nsites = 20.5", "structures.atoms = ?", set()),
    ("nsites < 123456789012345678901234567890", "structures.atoms < ?", ALL),
    ("nsites > -1e999", "structures.atoms > ?", ALL),
    (f"nsites < {'9' * 5000}", "structures.atoms < ?", ALL),
    (f"elements LENGTH -{'9' * 5000}", None, set()),
    ("nelements = nsites", "structures.nelements = structures.atoms", set()),
    ("nperiodic_dimensions = 3", "? = ?", ALL),
    # Texts: upper and lower case apart, by code point.
    ('id = "cs2sni6"', "structures.id = ?", {"cs2sni6"}),
    ('id = "Cs2SnI6"', "structures.id = ?", set()),
    ('id < "cs3"', "structures.id < ?", {"cs2agbibr6", "cs2sni6"}),
    ('chemical_formula_reduced = "CsI3Pb"', "structures.formula_reduced = ?",
     {"cspbi3-gamma", "cspbi3-delta"}),
    ('chemical_formula_anonymous = "A9B3C2"', "structures.formula_anonymous = ?",
     {"cs3sb2i9-dimer", "cs3sb2i9-layer"}),
    ('chemical_formula_hill = "Cs4I11Pb4"', "structures.formula_hill = ?", {VACANCY}),
    ('id CONTAINS "-2H"', "instr(structures.id, ?) > ?", {"rbgecl3-2H"}),
    ('id CONTAINS "-2h"', "instr(structures.id, ?) > ?", set()),
    ('id CONTAINS "%"', "instr(structures.id, ?) > ?", set()),
    ('id STARTS WITH "rb"', "substr(structures.id, ?, ?) = ?", {"rbgecl3", "rbgecl3-2H"}),
    ('id STARTS "RB"', "substr(structures.id, ?, ?) = ?", set()),
    ('id ENDS WITH "i6"',
     "length(structures.id) >= ? AND "
     "substr(structures.id, (length(structures.id) - ?) + ?) = ?", {"cs2sni6"}),
    ('id ENDS "a very much longer text than any id"', None, set()),
    ('id = "x\' OR 1=1 --"', "structures.id = ?", set()),
    (r'id = "a\"b\\c"', "structures.id = ?", set()),
    # Lists.
    ('elements HAS "Pb"', f"structures.id IN ({ROWS} structure_elements.element = ?)", LEAD),
    ('elements HAS ALL "Cs","Pb","I"', None, LEAD - {"cspbbr3"}),
    ('elements HAS ANY "Ag", "Ge"', None, {"cs2agbibr6", "rbgecl3", "rbgecl3-2H"}),
    ('elements HAS ONLY "Cs","Sn","I","Pb"',
     f"structures.nelements > ? AND NOT (EXISTS ({ROWS} NOT (structure_elements.element = ? OR "
     "structure_elements.element = ? OR structure_elements.element = ? OR "
     "structure_elements.element = ?) AND structure_elements.structure_id = structures.id))",
     {"cspbi3-gamma", "cspbi3-delta", VACANCY, "cssni3", "cs2sni6"}),
    ('elements HAS < "Br"', None, {"cs2agbibr6"}),
    ("elements LENGTH 4", "structures.nelements = ?", {"cs2agbibr6"}),
    ("elements LENGTH > 3", "structures.nelements > ?", {"cs2agbibr6"}),
    ("elements_ratios HAS > 0.65", None, {"cs2sni6"}),
    ("elements_ratios HAS 0.6", None,
     ALL - {VACANCY, "cs2sni6", "cs3sb2i9-dimer", "cs3sb2i9-layer"}),
    ('elements:elements_ratios HAS "Cs":>0.211', None,
     {"cs2sni6", "cs3sb2i9-dimer", "cs3sb2i9-layer"}),
    ('elements:elements_ratios HAS ALL "Cs":0.2, "Pb":0.2', None,
     {"cspbi3-gamma", "cspbi3-delta", "cspbbr3"}),
    ('elements:elements_ratios HAS ONLY "Cs":>0.1, "I":>0.6, "Sn":>0.1', None, {"cs2sni6"}),
    ('species_at_sites HAS "Ag"', None, {"cs2agbibr6"}),
    ("species_at_sites LENGTH 28", "structures.atoms = ?", {"cs3sb2i9-dimer"}),
    ("cartesian_site_positions LENGTH 28", "structures.atoms = ?", {"cs3sb2i9-dimer"}),
    ("lattice_vectors LENGTH 3", "? = ?", ALL),
    ("dimension_types HAS ALL 1", "1 = 1", ALL),
    ("dimension_types LENGTH 2", "0 = 1", set()),
    ('structure_features HAS "disorder"', "0 = 1", set()),
    ('structure_features HAS ONLY "disorder"', "0 = 1", set()),
    ("structure_features LENGTH 0", "1 = 1", ALL),
    # What joins them.
    ('elements HAS "Pb" AND nsites=20', None, LEAD - {VACANCY}),
    ('nsites=5 OR nsites=9 AND elements HAS "Sn"', None, {"cssni3", "rbgecl3", "cs2sni6"}),
    ('(nsites=5 OR nsites=9) AND elements HAS "Sn"', None, {"cssni3", "cs2sni6"}),
    ('NOT elements HAS "I"', None, ALL - IODIDES),
    ('NOT (elements HAS "I" OR nsites >= 10)', None, {"rbgecl3"}),
    ('id="cssni3" OR id="cs2sni6" OR id="none"', "structures.id IN (?, ?, ?)",
     {"cssni3", "cs2sni6"}),
    # What is not known is neither true nor false.
    ("_pvkdb_tau IS KNOWN", "tolerance_factors.tau IS NOT NULL",
     ALL - {"cs2sni6", "cs3sb2i9-dimer", "cs3sb2i9-layer"}),
    ("_pvkdb_tau IS UNKNOWN", "tolerance_factors.tau IS NULL",
     {"cs2sni6", "cs3sb2i9-dimer", "cs3sb2i9-layer"}),
    ("_pvkdb_tau < 4", "tolerance_factors.tau < ?", {"cs2agbibr6"}),
    ("NOT _pvkdb_tau >= 4", "tolerance_factors.tau < ?", {"cs2agbibr6"}),
    ("NOT (_pvkdb_tau >= 4 OR nsites = 1)", None, {"cs2agbibr6"}),
    ("_exmpl_gap > 1", "CAST(NULL AS BOOLEAN) = 1", set()),
    ("NOT _exmpl_gap > 1", "CAST(NULL AS BOOLEAN) = 0", set()),
    ("_exmpl_gap IS UNKNOWN", "1 = 1", ALL),
    ('_exmpl_gap HAS "x" OR nsites=28', None, {"cs3sb2i9-dimer"}),
    ("assemblies LENGTH 2", "CAST(NULL AS BOOLEAN) = 1", set()),
    ("space_group_it_number IS KNOWN", "0 = 1", set()),
    ("elements IS KNOWN", "1 = 1", ALL),
    # Times, as responses show them: without fractions of a second.
    ('last_modified = "2026-05-01T12:00:00Z"', None, {"cspbi3-gamma"}),
    ('last_modified <= "2026-05-01T12:00:00Z"', None, {"cspbi3-gamma"}),
    ('last_modified < "2026-05-01T12:00:00Z"', None, set()),
    ('last_modified > "2026-05-01T12:09:00Z"', None, {VACANCY}),
    ('last_modified >= "2026-05-01T14:09:00+02:00"', None, {VACANCY, "cs3sb2i9-layer"}),
    ('last_modified != "2026-05-01T12:00:00Z"', None, ALL - {"cspbi3-gamma"}),
    ('last_modified = "2026-05-01T12:00:00.5Z"', None, set()),
    # What pvkdb defines.
    ("_pvkdb_lead_free = TRUE", "compositions.lead_free = ?", ALL - LEAD),
    ("_pvkdb_lead_free != TRUE", "compositions.lead_free != ?", LEAD),
    ('_pvkdb_family = "double"', "materials.family = ?", {"cs2agbibr6"}),
    ('_pvkdb_role = "vacancy"', "structures.role = ?", {VACANCY}),
    ('_pvkdb_formula = "CsPbI3" AND _pvkdb_role = "host"', None, {"cspbi3-gamma", "cspbi3-delta"}),
    ("_pvkdb_energy_ev < -60", "structures.energy_ev < ?", {"cspbi3-gamma"}),
    ("_pvkdb_e_a_reported_min_ev = 0.33", None, {"cs2agbibr6"}),
    ("NOT _pvkdb_e_a_reported_min_ev != 0.33", None, {"cs2agbibr6"}),
    ("NOT nsites > _pvkdb_e_a_reported_min_ev", None, set()),
    ('references.id HAS "r41"', None, {"cspbi3-gamma", "cspbi3-delta", VACANCY}),
]  # fmt: skip


def condition(text: str, kind=STRUCTURES):
    return filters.condition(text, kind.searchable, lambda warning: None)


@pytest.mark.parametrize(("text", "sql"), [(text, sql) for text, sql, _ in TABLE if sql])
def test_a_filter_becomes_this_condition(text, sql):
    statement = str(select(Structure.id).where(condition(text)).compile(dialect=sqlite.dialect()))
    _, _, where = " ".join(statement.split()).partition(" WHERE ")
    assert (where or "1 = 1") == sql


@pytest.mark.parametrize(("text", "found"), [(text, found) for text, _, found in TABLE])
def test_a_filter_finds_these_structures(filled, text, found):
    statement = STRUCTURES.source.add_columns(STRUCTURES.key).where(condition(text))
    with filled.session(read_only=True) as session:
        rows = session.scalars(statement).all()
    assert len(rows) == len(set(rows))
    assert set(rows) == found


def test_the_table_tells_filters_apart():
    """Half of the filters find some structures and not others."""
    assert sum(0 < len(found) < len(ALL) for _, _, found in TABLE) > len(TABLE) / 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('year = "2024"', lambda row: row["year"] == "2024"),
        ('year > "2019" AND title CONTAINS "perovskite"',
         lambda row: row["year"] > "2019" and "perovskite" in row["title"]),
        ('journal = "Joule"', lambda row: row["journal"] == "Joule"),
        ('id = "r36"', lambda row: row["key"] == "r36"),
        ('title STARTS WITH "A"', lambda row: row["title"].startswith("A")),
        ("doi IS UNKNOWN", lambda row: not row["doi"]),
        ("url IS KNOWN", lambda row: row["doi"]),
        ("authors IS KNOWN", lambda row: row["authors"]),
        ("editors IS KNOWN", lambda row: False),
        ('bib_type = "article"', lambda row: row["journal"]),
    ],
)  # fmt: skip
def test_references_are_searched_too(filled, text, found):
    """Beside what Python finds in the curated file."""
    statement = REFERENCES.source.add_columns(REFERENCES.key).where(condition(text, REFERENCES))
    with filled.session(read_only=True) as session:
        rows = set(session.scalars(statement))
    assert rows == {row["key"] for row in read_curated("references") if found(row)}


def test_postgresql_compares_by_code_point_and_case():
    def sql(text: str) -> str:
        return str(condition(text).compile(dialect=postgresql.dialect()))

    assert 'COLLATE "C" < ' in sql('id < "b"')
    assert sql('id CONTAINS "b"').startswith("strpos(structures.id, ")
    assert sql("nsites < 20.5") == "structures.atoms < %(param_1)s"  # no cast to INTEGER rounds it


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("crazyfield = 2", "no property 'crazyfield'"),
        ("nelement = 2", "did you mean 'nelements'?"),
        ("_pvkdb_tua < 4", "did you mean '_pvkdb_tau'?"),
        ('nelements = "4"', 'of type integer and cannot be compared with "4"'),
        ("nelements = TRUE", "cannot be compared with TRUE"),
        ("id = 4", "cannot be compared with 4"),
        ("_pvkdb_lead_free = 1", "cannot be compared with 1"),
        ("_pvkdb_lead_free < TRUE", "cannot order them"),
        ("id CONTAINS 4", "cannot be compared with 4"),
        ('nsites CONTAINS "4"', "CONTAINS is for strings"),
        ('last_modified > "yesterday"', "RFC 3339"),
        ('last_modified > "2026-05-01T12:00:00"', "RFC 3339"),
        ('last_modified > "0001-01-01T00:00:00+14:00"', "RFC 3339"),
        ('elements = "Cs"', "HAS ALL"),
        ('nelements HAS "Cs"', "HAS is for lists"),
        ("nelements LENGTH 3", "LENGTH is for lists"),
        ("elements HAS 4", "cannot be compared with 4"),
        ('dimension_types HAS < "1"', "cannot be compared"),
        ("id = nsites", "cannot be compared"),
        ('elements:elements_ratios HAS "Cs"', "character"),
        ('elements:elements_ratios HAS "Cs":0.2:0.3', "give 2 values"),
        ("nelements =", "at character 11"),
        ("nelements = 3 nsites = 4", "by AND or OR"),
        ("nelements = 3; DROP TABLE structures", "character"),
        ('id = "a', "character"),
        ("(" * 60 + "nsites=3" + ")" * 60, "nests more than 50"),
        (" OR ".join(f"nsites={n}" for n in range(600)), "500 are allowed"),
        ('id = "a\0"', "NUL"),
        ("x" * 70_000, "60000 are allowed"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(text, said):
    with pytest.raises(OptimadeError) as refused:
        condition(text)
    assert refused.value.status == 400
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        'species HAS "Cs"',
        'species.name HAS "Cs"',
        "lattice_vectors HAS 3",
        "elements:dimension_types HAS \"Cs\":1",
        "references.id LENGTH 3",
        '"a" = "b"',
    ],
)  # fmt: skip
def test_optional_parts_that_are_not_supported_are_told_apart(text):
    with pytest.raises(UnsupportedError) as refused:
        condition(text)
    assert refused.value.status == 501


def test_a_list_of_thousands_of_ids_is_one_condition(filled):
    text = " OR ".join(f'id="s{number}"' for number in range(4000)) + ' OR id="cssni3"'
    statement = STRUCTURES.source.add_columns(STRUCTURES.key).where(condition(text))
    with filled.session(read_only=True) as session:
        assert session.scalars(statement).all() == ["cssni3"]
