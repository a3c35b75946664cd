"""Tables, pictures and path files of migration barriers, and reported barriers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import print_lines, print_message, print_table, write_file
from pvkdb.display.numbers import decimals
from pvkdb.errors import InputError, writing

if TYPE_CHECKING:
    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.migration import NebResult
    from pvkdb.schemas.tables import EnergeticsRow
    from pvkdb.store.database import Store
    from pvkdb_pipelines.dft.benchmark import PotentialScore
    from pvkdb_pipelines.potentials.installed import InstalledPotential

#: Axes whose barriers are shown next to the lowest barrier of all directions.
_AXES = ("a", "b", "c")
_PICTURES = (".png", ".svg")


def results_of(documents: list[CalculationDocument]) -> list[tuple[CalculationDocument, NebResult]]:
    """Return the finished migration barriers among some calculations, with their results."""
    found = ((document, document.barrier) for document in documents)
    return [(document, barrier) for document, barrier in found if barrier is not None]


def print_barriers(title: str, documents: list[CalculationDocument]) -> None:
    """Print a table of activation energies: the bottleneck, its limiting hop, and each axis."""
    from pvkdb.schemas.calculations.reliability import barrier_error

    numbers = ("E_A/eV", *_AXES)
    rows = []
    for document, result in results_of(documents):
        along = [decimals(result.threshold_ev(axis), 3) for axis in _AXES]
        sign, potential = "≤ " if result.upper_bound else "", str(document.parameters["potential"])
        error = barrier_error(potential).removesuffix(" eV").replace(" ", "")
        rows.append(
            [
                f"{document.material}{result.host.removeprefix(result.phase)}",
                result.defect,
                potential,
                f"{sign}{result.e_a_ev:.2f}{error}",
                f"{result.dimensionality}D: {result.limiting.hop.hop_class}",
                *along,
                document.id,
            ]
        )
    print_table(
        title,
        [*("material", "defect", "potential", "E_A/eV", "limited by"), *(*_AXES, "calculation")],
        rows,
        numeric=numbers,
        whole=("defect", "potential", "calculation"),
        caption="Model values of neutral cells; → what the host became. E_A: highest saddle of the "
        "easiest path through the crystal, above the lowest site, ± the mean absolute error of the "
        "potential against reported values; limited by: dimensions of the path, and its highest "
        "hop; a, b, c: E_A along the axes.",
    )
    for document, result in results_of(documents):
        for doubt in result.doubts:
            print_message(f"check {document.parameters['potential']}: {doubt}")
    energies: dict[tuple[str, str], list[float]] = defaultdict(list)
    means: dict[str, list[float]] = defaultdict(list)
    for document, result in results_of(documents):
        key = str(document.material), str(document.parameters["potential"])
        energies[key].append(result.e_a_ev)
    for (material, potential), of in energies.items():
        means[material].append(mean(of))
        if len(of) > 1:
            print_message(
                f"{material}, {potential}: E_A {mean(of):.2f} ± {stdev(of):.2f} eV, mean and "
                f"standard deviation of {len(of)} arrangements ({min(of):.2f} to {max(of):.2f})"
            )
    for material, each in means.items():
        if len(each) > 1:
            spread = f"spread: {max(each) - min(each):.3f} eV over {len(each)} potentials"
            print_message(f"{material}, {spread}")


def print_hops(document: CalculationDocument) -> None:
    """Print a table of the hops of one calculation, under the easiest paths that they belong to."""
    ((_, result),) = results_of([document])
    numbers = ("hop", "Å", "×", "forward", "reverse", "saddle", "again", "force")
    rows = []
    paths = [way for way in result.paths() if way.direction[:1] in "123"[: result.dimensionality]]
    shown = {number: way for way in paths if way.direction for number in way.hops}
    failed = sum(barrier.outcome == "failed" for barrier in result.hops)
    for number, way in shown.items():
        if number == way.hops[0]:
            rows.append(["", f"{way.direction} path, E_A {way.e_a_ev:.3f}", *[""] * 8])
        barrier = result.hops[number - 1]
        hop = barrier.hop
        energies = [
            decimals(barrier.barrier_forward_ev, 3),
            decimals(barrier.barrier_reverse_ev, 3),
            decimals(barrier.saddle_ev, 3),
            "none" if barrier.recheck_failure else decimals(barrier.recheck_saddle_ev, 3),
            decimals(barrier.residual_force_ev_per_ang, 3),
        ]
        between = f"{hop.start}–{hop.end}"
        cells = [str(number), hop.hop_class, between, f"{hop.length_ang:.2f}"]
        rows.append([*cells, str(hop.multiplicity), *energies])
    sites = ", ".join(f"{site.name} {1000 * site.energy_ev:.0f}" for site in result.sites)
    print_table(
        f"Hops with {document.parameters['potential']}",
        ["hop", "class", "sites", *numbers[1:]],
        rows,
        numeric=tuple(name for name in numbers if name != "forward"),
        whole=("sites",),
        caption="Energies in eV. ×: equivalent hops per cell; saddle: above the lowest site; "
        "again: saddle from a rattled path; force: residual force, eV/Å. Sites, meV: "
        f"{sites}. {len(result.hops) - len(shown)} more hops: --json; {failed} failed. "
        f"{result.force_calls:,} energy-and-force evaluations, {result.wall_seconds:.0f} s.",
    )


def print_potentials(potentials: Iterable[InstalledPotential]) -> None:
    """Print a table of the installed potentials."""
    rows = []
    for each in potentials:
        numbers = ["not measured"] * 2
        if each.measured:
            error, statements = each.measured["mean_absolute_error_ev"], each.measured["statements"]
            cost = each.measured["cpu_s_per_force_call"]
            numbers = [f"{error:.2f} eV ({statements:.0f} values)", f"{cost:.3f} s"]
        package = f"{each.package} {each.version or '(not installed)'}"
        rows.append([each.name, package, each.licence, each.use, *numbers])
    print_table(
        "Potentials",
        ["potential", "package", "licence", "use", "E_A error", "force call"],
        rows,
        whole=("potential", "E_A error", "force call"),
        caption="E_A error: mean absolute error to literature and DFT. Force call: median, one "
        "core. See docs/validation/migration.md.",
    )


def print_scores(scores: list[PotentialScore]) -> None:
    """Print which potential is nearest to DFT at each charge, then a table."""
    from pvkdb_pipelines.dft.benchmark import METRICS, nearest

    print_lines(nearest(scores))
    print_table(
        "Barriers against DFT",
        ["potential", "charge", "hops", *METRICS, "CPU-s"],
        [[score.potential, *group.cells()] for score in scores for group in score.groups],
        whole=("potential", "charge", *METRICS),
        caption="MAE and signed: of barriers between the potential's own ends and saddle points, "
        "eV; at DFT's: between the structures of DFT; forces: mean absolute error of components, "
        "eV/Å; in brackets 95 % over compositions; CPU-s: of a force call. –: a hop failed, and a "
        "mean of the others would say too little. Each hop: --json.",
    )


def literature_barriers(
    store: Store, formula: str, defect: str | None = None
) -> list[EnergeticsRow]:
    """Return the reported activation energies of a defect of a composition."""
    from pvkdb.chemistry import Defect, parse_composition
    from pvkdb.store.collections import ENERGETICS

    halide = parse_composition(formula).on("X")[0].ion.symbol
    filters = {
        "material": formula,
        "defect": defect or Defect.vacancy(halide).label,
        "quantity": "E_A",
        "scope": "reported",
    }
    with store.session() as session:
        return list(ENERGETICS.iterate(session, filters))


def print_literature(store: Store, formula: str, defect: str | None = None) -> None:
    """Print one line for each reported activation energy."""
    from pvkdb.chemistry import Interval

    for row in literature_barriers(store, formula, defect):
        interval = Interval(row.value_min_ev, row.value_max_ev, row.bound, row.approximate)
        phase = f" ({row.phase})" if row.phase else ""
        print_message(
            f"literature: E_A of {row.defect} in {row.material}{phase} {interval} eV "
            f"({row.references}; {row.source}; method {row.method})"
        )


def literature_range(
    store: Store, formula: str, defect: str | None = None
) -> tuple[float, float, str] | None:
    """Return the smallest and largest reported activation energy, with references."""
    rows = [row for row in literature_barriers(store, formula, defect) if row.phase != "δ"]
    low = [row.value_min_ev for row in rows if row.value_min_ev is not None]
    high = [row.value_max_ev for row in rows if row.value_max_ev is not None]
    if not low or not high:
        return None
    references = dict.fromkeys(key for row in rows for key in row.references.split())
    return min(low), max(high), " ".join(references)


def checked_path(option: str, text: str, endings: tuple[str, ...] = _PICTURES) -> Path | None:
    """Return the path of a file, checked to be writable before hours of computing; None for "".

    Raises:
        InputError: the ending is wrong, the folder does not exist, or the file is not writable.
    """
    if not text:
        return None
    path = Path(text)
    if path.suffix not in endings:
        raise InputError(f"{option} {text!r} must end in {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(f"{option} {text!r}: the folder {path.parent} does not exist")
    existed = path.exists()
    with writing(f"{option} {path}"):
        path.open("ab").close()
        if not existed:
            path.unlink()
    return path


def plot_documents(path: Path, store: Store, documents: list[CalculationDocument]) -> None:
    """Draw the energy profiles of one material by all potentials, and the literature values."""
    from pvkdb_pipelines.migration.plots.energy_profile import plot_profiles

    profiles = {
        str(document.parameters["potential"]): result for document, result in results_of(documents)
    }
    first = documents[0].parameters
    reported = literature_range(store, first["formula"], first["defect"])
    print_message(f"wrote {plot_profiles(profiles, path, reported)}")


def write_hops(
    store: Store,
    document: CalculationDocument,
    hop: int | None,
    *,
    graph: Path | None,
    picture: Path | None,
    path: Path | None,
) -> None:
    """Draw the migration graph and the structures along a hop, and write paths as extended XYZ.

    Without a ``hop``, the limiting one is drawn, and every one is written.
    """
    from pvkdb_pipelines.migration.plots.pictures import plot_graph, plot_path
    from pvkdb_pipelines.migration.result.stored import path_text, stored_host, stored_path

    ((_, result),) = results_of([document])
    with store.session(read_only=True) as session:
        if graph is not None:
            host, potential = stored_host(session, document.id), document.parameters["potential"]
            print_message(f"wrote {plot_graph(result, host, graph, str(potential))}")
        if picture is not None:
            number = hop or result.limiting_number
            images = stored_path(session, document.id, number)
            drawn = plot_path(result, result.hops[number - 1], images, picture)
            print_message(f"wrote {drawn}")
        if path is not None:
            write_file(path, path_text(session, document, result, hop))
