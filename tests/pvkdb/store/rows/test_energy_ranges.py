"""Ranges of energies: the statements that are listed, and what rankings take of them."""

from __future__ import annotations

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.rankings import Grade
from pvkdb.store.collections import COMPOSITIONS, ENERGETICS, MATERIALS
from pvkdb.store.collections.energetics import energy_summaries
from pvkdb.store.curation.registration import register_material
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic
from pvkdb.store.rows.energy_ranges import EnergyRange, energy_ranges
from pvkdb.suitability.evidence.materials import material_candidates, phase_candidates

from ....statements import energy_row


def test_formation_energies_of_charged_vacancies_are_in_no_range(store):
    """They depend on the Fermi level; of CsSnI3, one paper has 256, of 51 defects."""
    with store.session(read_only=True) as session:
        made = energy_ranges(session, ["CsSnI3"])["CsSnI3"]
        listed = ENERGETICS.iterate(session, {"material": ("CsSnI3",), "quantity": ("DFE",)})
        vacancies = [row for row in listed if row.defect == "V_I"]
        assert {row.charge for row in vacancies} == {-1, 0, 1}
        assert made["DFE", "literature"] == EnergyRange(0.894, 1.184, False, False, 2)
        summary = COMPOSITIONS.get(session, "CsSnI3")
        assert (summary.dfe_literature_min_ev, summary.dfe_literature_max_ev) == (0.894, 1.184)
        (tin,) = phase_candidates(session, "CsSnI3")
        assert (tin.evidence["dfe_ev"].minimum, tin.evidence["dfe_ev"].maximum) == (0.894, 1.184)


def test_a_quoted_energy_does_not_replace_what_pvkdb_computed(store):
    with store.session() as session:
        session.add(Calculation(id="c", key="k", kind="dft-hop", parameters={}))
        register_material(session, parse_composition("CsPbI3"), "Pnma")
        session.flush()
        facts = {"defect": "V_I", "species": "I", "method": "DFT", "functional": None}
        quoted = {"source": "secondary: abstract at a page", "calculation_id": None}
        for id, value, grade, further in (
            ("e-quoted", 0.34, Grade.SECONDARY, {"scope": "reported"} | quoted),
            ("e-made", 0.3, Grade.OWN_DFT, {"scope": "hop"}),
        ):
            session.add(energy_row(id, "CsPbI3-Pnma", value, **facts, **further))
            session.flush()
            (found,) = (each for each in phase_candidates(session, "CsPbI3") if "Pnma" in each.id)
            known = found.evidence["e_a_ev"]
            assert (known.minimum, known.grade) == (value, grade)


def test_ranges_of_halides_are_those_that_rankings_show(store):
    """Rankings keep experiments and calculations apart; a range spans both."""
    with store.session(read_only=True) as session:
        found = energy_ranges(session)
        compared = 0
        for candidate in phase_candidates(session):
            for quantity, metric in (("E_A", "e_a_ev"), ("DFE", "dfe_ev")):
                evidence = candidate.evidence.get(metric)
                made = found.get(candidate.id, {}).get((quantity, "literature"))
                assert (made is None) == (evidence is None), (candidate.id, metric)
                if made is not None and evidence is not None:
                    compared += 1
                    kinds = (evidence, *evidence.beside)
                    lows = [kind.minimum for kind in kinds]
                    assert made.high == max(kind.maximum for kind in kinds)
                    assert made.low == min(low for low in lows if low is not None)
                    assert made.open_below == (None in lows)
    assert compared > 20


def test_of_a_computed_material_the_open_path_of_each_potential_counts(store):
    """Two potentials, each with an easy and a hard path and with a hop that is easier."""
    with store.session() as session:
        model = session.get_one(Energetic, "e-t1-r01-ea")
        facts = {name: getattr(model, name) for name in ("defect", "species", "quantity")}
        session.add(Calculation(id="c", key="k", kind="migration", parameters={}))
        session.flush()
        for number, (potential, scope, value) in enumerate(
            [
                ("chgnet", "percolation", 0.31),
                ("chgnet", "percolation", 0.52),
                ("chgnet", "hop", 0.12),
                ("mace", "percolation", 0.44),
                ("mace", "percolation", 0.61),
            ]
        ):
            made = {"scope": scope, "functional": potential, **facts}
            session.add(energy_row(f"e-made-{number}", model.material_id, value, **made))
        session.flush()
        ranges = energy_ranges(session, [model.material_id])[model.material_id]
        assert ranges["E_A", "computed"] == EnergyRange(0.31, 0.44, False, False, 2)
        assert ranges["E_A", "literature"].statements > 0
        assert energy_ranges(session, []) == {}
        row = MATERIALS.get(session, model.material_id)
        assert (row.e_a_computed_min_ev, row.e_a_computed_max_ev) == (0.31, 0.44)
        halides = energy_ranges(session)
        of_formula = COMPOSITIONS.get(session, row.formula)
        assert (row.tau, row.above_hull_ev_per_atom) == (of_formula.tau, None)
        for each in MATERIALS.iterate(session, {"has": "e_a"}):
            shown = (each.e_a_literature_min_ev, each.e_a_literature_max_ev)
            made = halides.get(each.id, {}).get(("E_A", "literature"))
            assert shown == (made.ends if made else (None, None))
        found = energy_summaries(session, {"material": [model.material_id], "quantity": "E_A"}, 99)
        hops, easiest = (
            [each for each in found if each.scope == scope] for scope in ("hop", "percolation")
        )
        assert [(each.statements, each.maximum_ev) for each in hops] == [(1, 0.12)]
        assert {each.functional: each.statements for each in easiest} == {"chgnet": 2, "mace": 2}


#: Paths of two crystals by SevenNet-0, eV: a framework (CsPbBr3 by l3i5) and layers (Cs3Bi2I9).
FRAMEWORK = {"1D": 0.2406, "2D": 0.2494, "3D": 0.25, "a": 0.25, "b": 0.2494, "c": 0.2406}
LAYERS = {"1D": 0.1616, "2D": 0.2042, "3D": 0.6609, "a": 0.2042, "b": 0.1616, "c": 0.6609}


def _with_paths(store, formula, phase, paths, bound=False):
    """Store the paths of one calculation; upper bounds, if a hop has failed."""
    with store.session() as session:
        name = register_material(session, parse_composition(formula), phase).id
        session.add(Calculation(id=f"c-{name}", key=name, kind="neb", parameters={}))
        session.flush()
        ion = {"defect": "V_I", "species": "I"} if "I" in formula else {}
        for direction, value in paths.items():
            made = {"direction": direction, "calculation_id": f"c-{name}", **ion}
            if bound:
                made |= {"value_min_ev": None, "bound": "upper"}
            session.add(energy_row(f"e-{name}-{direction}", name, value, **made))
    return name


def test_a_framework_counts_in_three_dimensions_and_layers_within_them(store):
    for formula, phase, paths, value in (
        ("CsPbBr3", "Pnma", FRAMEWORK, 0.25),
        ("Cs3Bi2Br9", "P-3m1", LAYERS, 0.2042),
    ):
        name = _with_paths(store, formula, phase, paths)
        with store.session(read_only=True) as session:
            assert energy_ranges(session, [name])[name]["E_A", "computed"].low == value
            row = COMPOSITIONS.get(session, formula)
            assert (row.e_a_computed_min_ev, row.e_a_computed_max_ev) == (value, value)
            (known,) = material_candidates(session, formulas=[formula])
            assert f"chgnet {value:.2f} eV" in known.evidence["e_a_model_ev"].note


def test_an_upper_bound_is_no_value(store):
    name = _with_paths(store, "Cs3Bi2Br9", "P-3m1", LAYERS, bound=True)
    with store.session(read_only=True) as session:
        found = energy_ranges(session, [name])[name]["E_A", "computed"]
        assert (found.low, found.open_below, found.ends) == (0.2042, True, (None, 0.2042))
        row = COMPOSITIONS.get(session, "Cs3Bi2Br9")
        assert (row.e_a_computed_min_ev, row.e_a_computed_max_ev) == (None, 0.2042)
        row = MATERIALS.get(session, name)
        assert (row.e_a_computed_min_ev, row.e_a_computed_max_ev) == (None, 0.2042)


def test_a_barrier_of_other_octahedra_is_not_that_of_the_measured_phase(store):
    """Cs3Bi2I9 was measured as dimers, CsPbI3 as chains; MAPbI3 differs from Pnma by its tilts."""
    for formula, phase in (("Cs3Bi2I9", "P-3m1"), ("CsPbI3", "Pnma"), ("MAPbI3", "Pnma")):
        name = _with_paths(store, formula, phase, LAYERS)
        with store.session(read_only=True) as session:
            row = COMPOSITIONS.get(session, formula)
            (known,) = material_candidates(session, formulas=[formula])
            counts = formula == "MAPbI3"
            assert (row.e_a_computed_min_ev is not None) == counts
            assert ("e_a_model_ev" in known.evidence) == counts
            (of_phase,) = (each for each in phase_candidates(session, formula) if each.id == name)
            assert "e_a_model_ev" in of_phase.evidence
