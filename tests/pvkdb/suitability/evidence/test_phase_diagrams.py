"""Hulls and ternary diagrams of the shipped energies say what the screening found."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.computed import CALCULATIONS, REPORT
from pvkdb.errors import InputError, ParameterError
from pvkdb.schemas.calculations.relaxations import RelaxQuestion
from pvkdb.schemas.responses import Hull, HullRequest
from pvkdb.store.database import Store
from pvkdb.store.files.relaxation_requests import relax_request
from pvkdb.store.models.calculations import Calculation
from pvkdb.suitability.evidence.phase_diagrams import hull, phase_diagrams
from pvkdb_pipelines.prototypes import build
from pvkdb_pipelines.relaxations.compound import compound_in
from pvkdb_pipelines.structures.user_structures import store_start

INSIDE = re.compile(r"((Cs|Pb|Sn|Bi|Ag|Br|Cl)\d*)+")


def add(session: Session, line: dict[str, Any], **changes: Any) -> None:
    given = {name: line[name] for name in ("key", "kind", "state", "parameters", "result")}
    session.add(Calculation(**{"id": line["key"], **given, **changes}))


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """The shipped relaxations of elements, and of compounds of some."""
    with gzip.open(CALCULATIONS) as stream:
        next(stream)
        found = [line for line in map(json.loads, stream) if line["kind"] in ("element", "relax")]
    given = [(line["parameters"].get("formula"), line) for line in found]
    return [line for formula, line in given if formula is None or INSIDE.fullmatch(formula)]


@pytest.fixture(scope="module")
def store(
    lines: list[dict[str, Any]], migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("hulls") / "store.sqlite"
    shutil.copy(migrated_sqlite, path)
    made = Store(f"sqlite:///{path}")
    with made.session() as session:
        for line in lines:
            add(session, line)
    yield made
    made.close()


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    """A session whose changes are undone."""
    with store.session() as opened:
        yield opened
        opened.rollback()


@pytest.fixture(scope="module")
def reported() -> dict[str, float | None]:
    """Energies above the hull in the report of the screening, eV an atom."""
    report = json.loads(gzip.decompress(REPORT.read_bytes()))
    return {
        each["formula"]: (each["stability"] or {}).get("above_hull_ev_per_atom")
        for each in report["candidates"]
    }


@pytest.mark.parametrize(
    ("formula", "corners"),
    [
        ("CsPbBr3", [("CsBr", "PbBr2"), ("CsBr", "Pb", "Br")]),
        ("Cs3Bi2Cl9", [("CsCl", "BiCl3"), ("CsCl", "Bi", "Cl")]),
        ("Cs2AgBiBr6", [("CsBr", "AgBr", "BiBr3")]),
    ],
)
def test_a_compound_is_as_stable_as_its_screening_says(session, reported, formula, corners) -> None:
    diagrams, missing = phase_diagrams(session, formula)
    assert [each.corners for each in diagrams] == corners
    assert {each.potential for each in diagrams} == {"sevennet-0"}
    for each in diagrams:
        assert each.points[formula].above_hull_ev == pytest.approx(reported[formula], abs=2e-4)
        for corner in (name for name, point in each.points.items() if max(point.shares) > 0.999):
            assert each.points[corner].above_hull_ev == pytest.approx(0, abs=1e-9)
        stable = {name for name, point in each.points.items() if point.above_hull_ev <= 0}
        assert {name for tie in each.ties for name in tie} == stable
    if len(corners) == 2:  # nobody relaxed caesium
        assert "Cs–" in missing[0]
        assert "no energy of Cs" in missing[0]


def test_energies_of_another_potential_or_a_flawed_run_do_not_count(session, lines) -> None:
    (before, _), _ = phase_diagrams(session, "CsPbBr3")
    bromide = next(line for line in lines if line["parameters"].get("formula") == "PbBr2")
    low = {**bromide["result"], "energy_ev_per_formula": -30.0}
    other = {**bromide["parameters"], "potential": "chgnet"}
    add(session, bromide, id="a", key="a", parameters=other, result=low)
    flawed = {**low, "findings": ["not converged: 0.3 eV/Å"]}
    add(session, bromide, id="b", key="b", result=flawed)
    session.flush()
    (after, _), _ = phase_diagrams(session, "CsPbBr3")
    assert after == before
    deeper = {**low, "energy_ev_per_formula": bromide["result"]["energy_ev_per_formula"] - 1}
    add(session, bromide, id="c", key="c", result=deeper)
    session.flush()
    (fallen, _), _ = phase_diagrams(session, "CsPbBr3")
    gained = fallen.points["CsPbBr3"].above_hull_ev - before.points["CsPbBr3"].above_hull_ev
    assert gained > 0.1


def test_a_mixture_on_b_is_compared_by_its_own_amounts(session, lines) -> None:
    """Both lie above the tie of CsPbBr3 and CsSnBr3, which are stable, by 50 and 20 meV."""

    def energy(line: dict[str, Any]) -> float:
        return line["result"]["energy_ev_per_formula"]

    own = [each for each in lines if each["parameters"]["potential"] == "sevennet-0"]
    lead, tin = (
        min((each for each in own if each["parameters"].get("formula") == name), key=energy)
        for name in ("CsPbBr3", "CsSnBr3")
    )
    for formula, x, above in (("CsPb0.5Sn0.5Br3", 0.5, 0.05), ("CsPb0.75Sn0.25Br3", 0.75, 0.02)):
        mean = x * energy(lead) + (1 - x) * energy(tin)
        result = {**lead["result"], "formula": formula, "energy_ev_per_formula": mean + above}
        given = {**lead["parameters"], "formula": formula}
        add(session, lead, id=formula, key=formula, parameters=given, result=result)
    session.flush()
    found = hull(HullRequest(formula="CsSn0.5Pb0.5Br3"), lambda: nullcontext(session))
    assert found.above_hull_ev_per_atom == pytest.approx(0.05 / 5)
    amounts = {each.formula: each.amount for each in found.products}
    assert amounts == {"CsPbBr3": 0.5, "CsSnBr3": 0.5}


def test_what_has_no_diagram_says_why(session) -> None:
    with pytest.raises(InputError, match="molecular"):
        phase_diagrams(session, "MAPbI3")
    with pytest.raises(InputError, match="one X ion"):
        phase_diagrams(session, "CsPbI2Br")
    assert phase_diagrams(session, "FrPbI3") == ([], ["no relaxation of FrPbI3 with an energy"])


def test_a_fetched_phase_counts_in_the_hull_once_it_is_relaxed(
    session: Session, lines: list[dict[str, Any]], reported: dict[str, float | None]
) -> None:
    """The screening compares prototypes; the hull has all, and names what lacks an energy."""

    def found() -> Hull:
        ask = HullRequest(formula="PbCsBr3", potential="sevennet-0")
        return hull(ask, lambda: nullcontext(session))

    prototypes = found()
    assert prototypes.above_hull_ev_per_atom == pytest.approx(reported["CsPbBr3"])
    assert {each.formula for each in prototypes.products} == {"Cs4PbBr6", "CsPb2Br5"}
    assert prototypes.missing == ["elements without an energy: Cs"]

    isolated = parse_composition("Cs4PbBr6")
    store_start(session, build(isolated, "R-3c"), isolated, "C2/m", "a provider")
    assert "fetched or given, but not relaxed: Cs4PbBr6 C2/m" in found().missing
    asked = RelaxQuestion(formula="Cs4PbBr6", phase="C2/m", potential="sevennet-0")
    request = relax_request(session, asked)
    assert request.start is not None
    isolated_lines = (each for each in lines if each["parameters"].get("formula") == "Cs4PbBr6")
    (line,) = (each for each in isolated_lines if each["parameters"].get("phase") == "R-3c")
    lower = line["result"]["energy_ev_per_formula"] - 0.1
    result = line["result"] | {"phase": "C2/m", "energy_ev_per_formula": lower}
    given = {"id": "new", "key": "new", "parameters": request.model_dump(mode="json")}
    add(session, line, **given, result=result)
    session.flush()
    lowered = found()
    above = reported["CsPbBr3"] + 0.1 / 7 / 5
    assert lowered.above_hull_ev_per_atom == pytest.approx(above, abs=1e-6)
    assert not any("C2/m" in reason for reason in lowered.missing)
    with pytest.raises(ParameterError, match="no energy of CsPbBr3 with chgnet"):
        hull(HullRequest(formula="CsPbBr3", potential="chgnet"), lambda: nullcontext(session))


def test_a_fetched_stoichiometry_is_relaxed_from_its_structure(session: Session) -> None:
    silver = parse_composition("Cs2AgBr3")
    atoms = Atoms("Cs2AgBr3", cell=[6, 6, 8], positions=np.arange(18).reshape(6, 3) % 7, pbc=True)
    store_start(session, atoms, silver, "Pnma", "a provider")
    request = relax_request(session, RelaxQuestion(formula="Cs2AgBr3"))
    assert (request.stoichiometry, request.phase) == ("A2BX3", "Pnma")
    assert compound_in(request).formula == "Cs2AgBr3"
