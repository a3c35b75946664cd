"""Formation energies of the halide vacancy: computed by pvkdb beside those of a DFT data set.

Like is compared with like: neutral vacancies in perovskites ABX3, at the same limit of the halide's
chemical potential. The figures of the data set are cited in ``docs/validation/formation_dft.csv``;
its columns ``v_x_*`` are neutral vacancies, since in all but 3 of its 138 rows and conditions
v_x + E_F − ct_v_x is the printed crossing energy of V_A⁻ and V_X⁺ to 1e-9 eV (in those 3 it is
1 eV off).
"""

from __future__ import annotations

from pvkdb.chemistry import material_family, parse_composition
from pvkdb.schemas.calculations.calibration import CalibrationPair
from pvkdb.schemas.screening import ScreenedCandidate
from validation.pages import FOLDER, csv_rows
from validation.release import report

CITED = FOLDER / "formation_dft.csv"
SOURCE = "mannodiarun/perovs_ml, bin/Defect_data.csv"
#: Chemical potentials of the halide closer than this are the same limit, eV.
SAME_LIMIT_EV = 0.01


def formation_pairs() -> dict[str, list[CalibrationPair]]:
    """Return the pairs of the release of computed results by potential."""
    screened = report()
    cited = {row["formula"]: row for row in csv_rows(CITED)}
    known = [each for each in screened.candidates if each.vacancy is not None]
    pairs = []
    for candidate in known:
        if (row := cited.get(candidate.formula)) is not None:
            limits = {"x_poor": float(row["v_x_b_rich_ev"]), "x_rich": float(row["v_x_x_rich_ev"])}
            if not _up_to_the_halogen(candidate, known):
                del limits["x_rich"]
            pairs += [_pair(candidate, limit, value) for limit, value in limits.items()]
    return {str(screened.potential): pairs}


def _up_to_the_halogen(candidate: ScreenedCandidate, known: list[ScreenedCandidate]) -> bool:
    """Return whether the halide-rich limit is that of the solid halogen, as in the data set."""
    highest = max(
        each.vacancy.mu_x_rich_ev
        for each in known
        if each.vacancy and _halide(each) == _halide(candidate)
    )
    return bool(candidate.vacancy and candidate.vacancy.mu_x_rich_ev > highest - SAME_LIMIT_EV)


def _halide(candidate: ScreenedCandidate) -> str:
    return parse_composition(candidate.formula).on("X")[0].ion.symbol


def _pair(candidate: ScreenedCandidate, limit: str, reported_ev: float) -> CalibrationPair:
    vacancy = candidate.vacancy
    assert vacancy is not None
    return CalibrationPair(
        material=candidate.formula,
        family=material_family(parse_composition(candidate.formula), vacancy.phase)[0],
        defect=f"V_{_halide(candidate)}",
        charge="neutral",
        computed_ev=round(getattr(vacancy, f"{limit}_ev"), 4),
        reported_ev=round(reported_ev, 4),
        source=f"{SOURCE}, {limit.replace('_', '-')}",
    )
