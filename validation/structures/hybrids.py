"""Write docs/validation/hybrids.md: relaxed cells of hybrids beside measured ones.

    python -m validation.structures.hybrids [--page-only]

relaxes every cell of ``hybrid_cells.csv`` freely from its prototype, with the settings of a
screening, keeps each result in ``docs/validation/hybrids.json`` as soon as it is there (a second
run computes what is missing), and writes the page.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from pydantic import BaseModel, TypeAdapter

from pvkdb.chemistry import parse_composition
from pvkdb.errors import CalculationFailedError
from pvkdb.schemas.calculations import PotentialName
from pvkdb_pipelines.potentials.loading import load_potential
from pvkdb_pipelines.prototypes import compound_of, prototype
from pvkdb_pipelines.relaxations.compound import compute_relaxation, relax_request
from validation.pages import FOLDER, page_only, row, texts
from validation.structures import hybrid_barriers
from validation.structures.measured_cells import (
    AXIS_PERCENT,
    LENGTH_PERCENT,
    UnitCell,
    percent,
    read_cells,
)

TEXTS = texts(__file__)
CELLS = Path(__file__).with_name("hybrid_cells.csv")
PAGE, NUMBERS = FOLDER / "hybrids.md", FOLDER / "hybrids.json"
#: Potentials by kind of compound, in the order of the page.
PEROVSKITES = (PotentialName.SEVENNET_0, PotentialName.SEVENNET_0_D3)
LAYERS = (PotentialName.SEVENNET_0_D3, PotentialName.SEVENNET_0)


class Cell(UnitCell, frozen=True):
    """A measured cell, and what its phase is called there."""

    measured: str

    @property
    def layered(self) -> bool:
        """Whether molecules hold its layers apart."""
        return compound_of(parse_composition(self.compound)).stoichiometry == "A2BX4"

    @property
    def potentials(self) -> tuple[PotentialName, ...]:
        """Those that relax it."""
        return LAYERS if self.layered else PEROVSKITES


class Relaxed(BaseModel):
    """A relaxed cell, or why there is none."""

    compound: str
    phase: str
    potential: PotentialName
    lengths_ang: tuple[float, float, float] | None = None
    volume_ang3: float | None = None
    energy_ev: float | None = None
    space_group: str | None = None
    findings: list[str] = []
    steps: int = 0
    failure: str | None = None


def relaxed(cell: Cell, potential: PotentialName) -> Relaxed:
    """Relax a cell freely from its prototype; a failure is a result too."""
    compound = compound_of(parse_composition(cell.compound))
    request = relax_request(compound, prototype(compound.stoichiometry, cell.phase), potential)
    known = {"compound": cell.compound, "phase": cell.phase, "potential": potential}
    try:
        found = compute_relaxation(request, potential=load_potential(potential)).result
    except CalculationFailedError as failure:
        return Relaxed(**known, failure=str(failure))
    a, b, c = (round(length, 3) for length in found.lattice_parameters[:3])
    return Relaxed(
        **known,
        lengths_ang=(a, b, c),
        volume_ang3=round(found.volume_ang3_per_formula, 2),
        energy_ev=round(found.energy_ev_per_formula, 4),
        space_group=found.space_group,
        findings=[str(finding) for finding in found.findings],
        steps=found.steps,
    )


def cells() -> list[Cell]:
    """Return the measured cells."""
    return read_cells(Cell, CELLS)


def stored() -> list[Relaxed]:
    """Return the results of earlier runs."""
    if not NUMBERS.exists():
        return []
    return TypeAdapter(list[Relaxed]).validate_json(NUMBERS.read_bytes())


def compute() -> None:
    """Relax what has no result yet, perovskites first."""
    found = stored()
    known = {(each.compound, each.phase, each.potential) for each in found}
    wanted = [(cell, potential) for cell in cells() for potential in cell.potentials]
    for cell, potential in sorted(wanted, key=lambda pair: LAYERS.index(pair[1]) * pair[0].layered):
        if (cell.compound, cell.phase, potential) not in known:
            found.append(relaxed(cell, potential))
            text = TypeAdapter(list[Relaxed]).dump_json(found, indent=1)
            NUMBERS.write_bytes(text + b"\n")
            print(found[-1], flush=True)


COLUMNS = (
    *("compound", "prototype", "measured phase", "T, K", "potential"),
    *("V^(1/3), Å: measured → relaxed", "axes of layers, %", "in bounds", "became", "source"),
)


def line(cell: Cell, found: Relaxed) -> tuple[str, bool]:
    """Return a line of the table, and whether the cell is within its bounds."""
    source = f"doi:{cell.doi}"
    first = [cell.compound, cell.phase, cell.measured, cell.temperature, str(found.potential)]
    if found.volume_ang3 is None or found.lengths_ang is None:
        return row(*first, found.failure, "", "**no**", "", source), False
    wanted, now = cell.volume_ang3_per_formula ** (1 / 3), found.volume_ang3 ** (1 / 3)
    off = percent(now, wanted)
    axes = [percent(*pair) for pair in zip(found.lengths_ang, cell.axes_ang, strict=True)]
    axes = axes if cell.layered else []
    passed = abs(off) <= LENGTH_PERCENT and all(abs(axis) <= AXIS_PERCENT for axis in axes)
    shown = ", ".join(f"{name} {axis:+.1f}" for name, axis in zip("abc", axes, strict=False))
    turned = "; ".join(each for each in found.findings if "turned" in each)
    became = ", ".join(filter(None, [found.space_group, turned]))
    lengths = f"{wanted:.3f} → {now:.3f} ({off:+.1f})"
    verdict = "yes" if passed else "**no**"
    return row(*first, lengths, shown, verdict, became, source), passed


def render() -> str:
    """Return the page from the stored numbers."""
    by_key = {(each.compound, each.phase, each.potential): each for each in stored()}
    rows, verdicts = [], []
    for name in dict.fromkeys([*PEROVSKITES, *LAYERS]):
        for layered in (False, True):
            chosen = [
                (cell, by_key[cell.compound, cell.phase, name])
                for cell in cells()
                if cell.layered == layered and (cell.compound, cell.phase, name) in by_key
            ]
            if not chosen:
                continue
            lines = [line(*pair) for pair in chosen]
            rows += [text for text, _ in lines]
            passed = sum(ok for _, ok in lines)
            lengths = [
                percent((found.volume_ang3 / cell.volume_ang3_per_formula) ** (1 / 3), 1)
                for cell, found in chosen
                if found.volume_ang3 is not None
            ]
            what = "layers" if layered else "perovskites"
            verdict = "passed" if passed == len(lines) else "**not passed**"
            verdicts.append(
                f"- {name}, {what}: {passed} of {len(lines)} within bounds, test {verdict}; mean "
                f"deviation of V^(1/3) {mean(lengths):+.1f} %."
            )
    rows = [row(*COLUMNS), row(*["---"] * len(COLUMNS)), *rows]
    tables = [*rows, "", *verdicts, *hybrid_barriers.section()]
    head = TEXTS["head"].format(length=LENGTH_PERCENT, axis=AXIS_PERCENT)
    return head + "\n".join(tables) + "\n"


def main() -> None:
    """Compute, unless ``--page-only`` is given, and write the page."""
    if not page_only(__doc__):
        compute()
    PAGE.write_text(render(), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
