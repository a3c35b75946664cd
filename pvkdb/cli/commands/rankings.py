"""``pvkdb rank``: devices or materials in the order in which they suit an application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pvkdb.cli.commands.kinetics import (
    BiasOption,
    TemperatureOption,
    ThicknessOption,
    WriteTimeOption,
    conditions_of,
)
from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.cli.output.ranking_tables import print_applications, print_explanation, print_ranking
from pvkdb.errors import InputError, unknown_name

if TYPE_CHECKING:
    from pvkdb.schemas.profiles import Profile
    from pvkdb.schemas.screening import ScreeningReport


def rank(
    application: Annotated[
        str | None,
        typer.Argument(help="For example synaptic-training or selector; none: list them."),
    ] = None,
    materials: Annotated[
        bool, typer.Option("--materials/--devices", help="What is ranked; devices unless told.")
    ] = False,
    weights: Annotated[
        str, typer.Option("--weights", metavar="M=W,…", help="Other weights, by metric.")
    ] = "",
    reading: Annotated[
        str | None, typer.Option("--reading", help="Another reading of doubtful requirements.")
    ] = None,
    order: Annotated[
        str, typer.Option("--order", help="Score that decides: shown, expected or possible.")
    ] = "shown",
    profile: Annotated[
        Path | None, typer.Option("--profile", metavar="FILE", help="A profile of your own.")
    ] = None,
    screening: Annotated[
        Path | None,
        typer.Option(
            "--screening",
            metavar="FILE",
            help="report.json of a screening: its materials and energies come in.",
        ),
    ] = None,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="ID", help="All that is behind one of them.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FOLDER", help="Write pictures there (PNG).")
    ] = None,
    thickness: ThicknessOption = None,
    bias: BiasOption = None,
    temperature: TemperatureOption = None,
    write_time: WriteTimeOption = None,
    samples: Annotated[
        int, typer.Option("--samples", min=1, max=1_000_000, help="Random weights and values.")
    ] = 10_000,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Show only the first ones.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Rank devices or materials for an application, with every number behind the order."""
    from pvkdb.schemas.rankings import ORDERS
    from pvkdb.suitability import Options, applications, parse_weights, shipped_profiles
    from pvkdb.suitability import rank as rank_store

    if application is None and profile is None:
        listed = applications()
        if json:
            print_json([each.model_dump(mode="json") for each in listed])
        else:
            print_applications(listed)
        return
    if order not in ORDERS:
        raise InputError(f"--order: {unknown_name('order', order, ORDERS)}")
    chosen = _profile(application, profile)
    if screening is not None and not materials:
        raise InputError("--screening holds materials; add --materials")
    report = None if screening is None else _report(screening)
    options = Options(
        order=order,
        weights=parse_weights(weights),
        reading=reading,
        samples=samples,
    )
    with open_store(database).session() as session:
        ranking = rank_store(
            session,
            chosen,
            "materials" if materials else "devices",
            options,
            report,
            conditions=conditions_of(thickness, bias, temperature, write_time),
        )
    if plot is not None:
        from pvkdb.suitability import shipped_profile
        from pvkdb.suitability.plots.plots import plot_ranking

        others = [shipped_profile(name) for name in shipped_profiles() if name != chosen.name]
        for path in plot_ranking(ranking, plot, [chosen, *others]):
            messages().print(f"wrote {path}")
    if json:
        document = ranking.model_dump(mode="json")
        document["candidates"] = [
            entry
            for entry in document["candidates"][:limit]
            if explain is None or explain in (entry["id"], entry["label"])
        ]
        print_json(document)
    elif explain is not None:
        print_explanation(ranking, explain)
    else:
        print_ranking(ranking, limit)


def _profile(application: str | None, file: Path | None) -> Profile:
    from pvkdb.suitability import read_profile, shipped_profile

    if file is not None:
        if application is not None:
            raise InputError(
                f"give either an application or --profile, not both: {application!r} and {file}"
            )
        return read_profile(file)
    return shipped_profile(application or "")


def _report(path: Path) -> ScreeningReport:
    from pydantic import ValidationError

    from pvkdb.schemas.screening import ScreeningReport

    try:
        return ScreeningReport.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path} is no report of a screening ({where}: {first['msg']}); give the report.json "
            "that pvkdb screen wrote"
        ) from error
