"""``pvkdb rank``: devices or materials ranked for an application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pvkdb.cli.operations import with_fields
from pvkdb.cli.options import (
    DEFAULT_DATABASE,
    DatabaseOption,
    JsonOption,
    filters_given,
    open_store,
)
from pvkdb.cli.output.console import messages, print_json, show, write_file
from pvkdb.cli.output.ranking_tables import print_applications, print_explanation, print_ranking
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pvkdb.schemas.profiles import Profile
    from pvkdb.schemas.screening import ScreeningReport


#: Candidates of the table by default.
_LISTED = 20


@with_fields("pvkdb.schemas.rankings:RankingQuestion", without=("subject",))
def rank(
    application: Annotated[
        str | None, Argument(help="E.g. synaptic-training or selector; omit to list all.")
    ] = None,
    materials: Annotated[
        bool,
        Option("--materials/--devices", help="What to rank; materials are ranked by composition."),
    ] = False,
    profile: Annotated[Path | None, Option(metavar="FILE", help="Your own profile (TOML).")] = None,
    screening: Annotated[
        Path | None, Option(metavar="FILE", help="Add materials: screening-report.json of a run.")
    ] = None,
    explain: Annotated[str | None, Option(metavar="ID", help="Evidence for one candidate.")] = None,
    plot: Annotated[Path | None, Option(metavar="FOLDER", help="Write plots (PNG) there.")] = None,
    sheet: Annotated[
        list[Path] | None, Option(metavar="FILE", help="Write a decision sheet; may be repeated.")
    ] = None,
    where: Annotated[
        list[str] | None,
        Option(
            metavar="FILTER=VALUE",
            help="Rank only these: lead_free=true, family=double, halide=I,Br, has_device=true, "
            "has_stack=true, ions_known=true, compositions=CsPbBr3,CsSnI3.",
        ),
    ] = None,
    only_screening: Annotated[
        bool, Option("--only-screening", help="Rank only what a screening computed.")
    ] = False,
    limit: Annotated[
        int | None, Option(min=1, help="Candidates to show; default: 20, in JSON all.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
    **asked: Any,
) -> None:
    """Rank devices or materials for an application. Shows every criterion and its evidence."""
    from pvkdb.kinetics.conditions import conditions_of
    from pvkdb.schemas import validated
    from pvkdb.schemas.rankings import RankingFilters, RankingQuestion
    from pvkdb.suitability import applications, options_of, parse_filters, shipped_profiles
    from pvkdb.suitability import rank as rank_store
    from pvkdb.suitability.sheets.sheet import decision_sheet, papers_of, sheet_file

    if application is None and profile is None:
        show(applications(), json, print_applications)
        return
    chosen = _profile(application, profile)
    if screening is not None and not materials:
        raise InputError(
            "--screening requires --materials: screening-report.json contains materials"
        )
    report = None if screening is None else _report(screening)
    given: dict[str, Any] = {**filters_given("filter", where or (), RankingFilters.model_fields)}
    filters = parse_filters(given | ({"only_screening": True} if only_screening else {}))
    question = validated(
        RankingQuestion, {"subject": "materials" if materials else "devices", **asked}
    )
    with open_store(database, create=True).session() as session:
        ranking = rank_store(
            session,
            chosen,
            question.subject,
            options_of(question, filters),
            report,
            conditions=conditions_of(question),
        )
        named = [
            each
            for each in (*ranking.candidates, *ranking.unreviewed)
            if explain in (each.id, each.label)
        ]
        papers = papers_of(session, named or ranking.candidates[: limit or _LISTED])
        if sheet:
            made = decision_sheet(session, ranking)
            for path in sheet:
                ending = path.suffix.lower().removeprefix(".")
                write_file(path, sheet_file(made, ending))
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
        print_explanation(ranking, explain, papers)
    else:
        print_ranking(ranking, limit or _LISTED, papers)


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
    from pvkdb.schemas import read_json
    from pvkdb.schemas.screening import ScreeningReport

    try:
        return read_json(ScreeningReport, path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(
            f"{path} is not the report of a screening ({error}); give the screening-report.json "
            "that pvkdb screen wrote"
        ) from error
