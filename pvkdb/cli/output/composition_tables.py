"""Tables of compositions: tolerance factors, gaps, prototypes and fetched structures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pvkdb.cli.output.console import output, print_field, print_table
from pvkdb.display.numbers import UNKNOWN

if TYPE_CHECKING:
    from pvkdb.schemas.responses import FormulaTolerance, Hull, SimilarStructures
    from pvkdb.schemas.tables import ElectronicRow
    from pvkdb_pipelines.prototypes import PrototypeInfo
    from pvkdb_pipelines.structures.providers import FetchReport


def print_tolerances(answers: Sequence[FormulaTolerance]) -> None:
    """Print a table of tolerance factors, then the reasons why others are not defined."""
    if not any(each.factors for each in answers):
        return
    from pvkdb.chemistry.factors.platt import SOURCE
    from pvkdb.chemistry.factors.tolerance import TAU_LIMIT

    numbers = ("r_A/Å", "r_B/Å", "r_X/Å", "t", "mu", "tau", "p")
    print_table(
        "Tolerance factors",
        ["formula", *numbers, f"tau<{TAU_LIMIT}", "radii"],
        [
            [
                entry.formula,
                *(f"{radius:.2f}" for radius in (entry.r_a_ang, entry.r_b_ang, entry.r_x_ang)),
                f"{entry.t:.3f}",
                f"{entry.mu:.3f}",
                UNKNOWN if entry.tau is None else f"{entry.tau:.2f}",
                UNKNOWN if entry.p_perovskite is None else f"{entry.p_perovskite:.2f}",
                "undefined" if entry.tau is None else ("yes" if entry.tau < TAU_LIMIT else "no"),
                entry.radii_source,
            ]
            for entry in (each.factors for each in answers)
            if entry is not None
        ],
        numeric=numbers,
        caption=f"tau<{TAU_LIMIT}: perovskite by Bartel's rule. t: Goldschmidt 1926; mu: Li 2008; "
        f"tau: Bartel 2019. p, the probability of a perovskite: {SOURCE}. A sites 12-coordinate, "
        "B and X 6-coordinate; molecules: effective radii; shared sites: weighted means.",
    )
    for each in answers:
        reason = each.not_defined or each.problem
        if reason and not each.unreadable:
            subject = "" if reason.startswith(each.formula) else f"{each.formula}: "
            output().print(subject + reason, markup=False)


def print_gaps(formula: str, rows: Sequence[ElectronicRow]) -> None:
    """Print what is known of a gap in one sentence, then each value with its source."""
    from pvkdb.compositions.gaps import gap_in_words

    output().print(f"Band gap of {formula}: {gap_in_words(rows)}.", markup=False)
    if not rows:
        output().print(f"Compute it by PBE: pvkdb gap '{formula}' --compute", markup=False)
        return
    numbers = ("eV", "K")
    print_table(
        "Band gaps",
        ["eV", "phase", "method", "K", "conditions", "source"],
        [
            [
                f"{row.as_computed:.2f}" if row.value is None else f"{row.value:g}",
                row.phase or "",
                f"{row.method} {row.functional or ''}".strip(),
                "" if row.temperature_k is None else f"{row.temperature_k:g}",
                row.conditions or "",
                f"{row.references} {row.source}".strip(),
            ]
            for row in rows
            if row.quantity == "gap"
        ],
        numeric=numbers,
        caption="PBE without spin–orbit coupling is mostly below what is measured, and above it in "
        "some lead and bismuth halides.",
    )


def print_similar(found: SimilarStructures) -> None:
    """Print what a structure is for the store, and the structures that match it."""
    print_field("verdict", found.verdict)
    print_field("structure", f"{found.formula}, {found.space_group}, {found.atoms} atoms")
    print_field("compared", f"with {found.compared} structures of the store")
    for match in found.matches:
        ions = ", ".join(f"{theirs} for {ours}" for ours, theirs in match.exchanged.items())
        words = f"{match.material}, {match.space_group}, ions exchanged: {ions or 'none'}"
        print_field(match.structure, words)


def print_hull(found: Hull) -> None:
    """Print the energy above the hull, the lowest mixture, and what is missing."""
    above = found.above_hull_ev_per_atom
    words = "not known: the others do not balance it"
    if above is not None:
        words = f"{1000 * above:+.1f} meV an atom ({'not stable' if above > 0 else 'stable'})"
    print_field("above hull", f"{words}, {found.phase}, {found.potential}")
    mixture = " + ".join(f"{x.amount:.4g} {x.formula} ({x.phase})" for x in found.products)
    print_field("products", mixture or "none")
    print_field("compared", ", ".join(found.compared))
    for reason in found.missing or ["nothing that pvkdb knows of"]:
        print_field("missing", reason)


def print_prototypes(
    formula: str, prototypes: Sequence[PrototypeInfo], searched: Collection[str]
) -> None:
    """Print the prototypes of a stoichiometry, and which phases are searched."""
    print_table(
        f"{formula}: prototypes of {prototypes[0].stoichiometry}",
        ["phase", "structure", "space group", "octahedra share", ""],
        [
            [
                prototype.phase,
                prototype.name,
                f"{prototype.space_group} ({prototype.number})",
                prototype.linkage,
                "searched" if prototype.phase in searched else "",
            ]
            for prototype in prototypes
        ],
        whole=("phase", "space group"),
        caption="searched: relaxed in the search for the ground state. --json adds the sources.",
    )


def print_fetched(reports: Sequence[FetchReport]) -> None:
    """Print what came from each source: counts, licence, and refusals with an example of each."""
    for report in reports:
        print_field("source", f"{report.provider} {report.source}".strip())
        if report.finished:
            print_field("finished", f"{report.finished}, not requested again")
            continue
        print_field(
            "structures",
            f"{report.received:,} received, {report.stored:,} stored, {report.known:,} already "
            f"there, {sum(report.refused.values()):,} refused",
        )
        for reason, number in report.refused.items():
            print_field("refused", f"{number:,} {reason}, e.g. {report.examples[reason]}")
        print_field("licence", report.licence or "not stated")
        if report.stopped:
            print_field("stopped", f"{report.stopped}; the same command resumes")
