"""``pvkdb rank``: devices in the order in which they serve an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.console import messages, output, print_json, print_table, scientific
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store

if TYPE_CHECKING:
    from pvkdb.schemas.rankings import CriterionResult, Ranking, Requirement

_COLOURS = {"met": "green", "not met": "red", "not shown": "yellow", "unknown": "dim"}


def rank(
    application: Annotated[
        str, typer.Argument(help="For example synaptic-training, synaptic-inference or selector.")
    ],
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Show only the first devices.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Rank the devices of the literature for an application, every criterion shown."""
    from pvkdb.suitability import rank as rank_devices

    with open_store(database).session() as session:
        ranking = rank_devices(session, application)
    if json:
        document = ranking.model_dump(mode="json")
        document["devices"] = document["devices"][:limit]
        print_json(document)
    else:
        print_ranking(ranking, limit)


def print_ranking(ranking: Ranking, limit: int | None = None) -> None:
    """A ranking as a table."""
    shown = ranking.devices[:limit]
    print_table(
        f"Devices for {ranking.title}",
        ["rank", "device", "ref.", *map(_heading, ranking.requirements)],
        [
            [str(entry.rank), entry.structure, entry.references, *map(_cell, entry.criteria)]
            for entry in shown
        ],
        numeric=("rank",),
        caption=f"Requirements: {ranking.source} of the review. not shown: tested only that far; "
        f"−n dec: decades missing. {len(shown)} of {len(ranking.devices)} devices, dataset "
        f"{ranking.dataset_version}.",
    )
    for requirement in ranking.requirements:
        if requirement.erratum:
            messages().print(f"note on {requirement}: {requirement.erratum}")
    if not any(entry.met == len(entry.criteria) for entry in ranking.devices):
        output().print("No device of the store meets every requirement.")


def _heading(requirement: Requirement) -> str:
    name = requirement.metric.removesuffix("_s").removesuffix("_cycles").replace("_", " ")
    if requirement.comparator == "between":
        low, high = scientific(requirement.value), scientific(requirement.value_max or 0)
        return f"{name} {low} to {high} {requirement.unit}"
    return f"{name} {requirement.comparator} {scientific(requirement.value)} {requirement.unit}"


def _cell(result: CriterionResult) -> str:
    verdict = result.verdict.value
    text = verdict
    if result.value is not None:
        sign = {"~": "~", ">": "> "}.get(result.qualifier or "", "")
        missing = result.shortfall_decades
        text += f": {sign}{scientific(result.value)}"
        text += f" (−{missing:.1f} dec)" if missing else ""
    return f"[{_COLOURS[verdict]}]{text}[/]"
