"""The page of a composition: what is reported and computed of all its phases, and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.chemistry import Composition
from pvkdb.chemistry.ions import HALIDES
from pvkdb.chemistry.phases import MEASURED
from pvkdb.compositions.compounds import compound_of
from pvkdb.compositions.gaps import gap_in_words
from pvkdb.display.numbers import computed_ev
from pvkdb.errors import InputError, MissingExtraError, NotFoundError, unknown_name
from pvkdb.kinetics.conditions import Conditions, conditions_of
from pvkdb.operations.fields import Text
from pvkdb.schemas.calculations.migration import HOST_PHASES
from pvkdb.schemas.kinetics import LayerRequest
from pvkdb.schemas.tables import CalculationsRow, CompositionsRow, MaterialsRow
from pvkdb.store.collections import COMPOSITIONS, DEVICES, ELECTRONIC, STRUCTURES
from pvkdb.store.curation.registration import material_id
from pvkdb.store.models.structures import Structure
from pvkdb.store.models.summaries import CompositionSummary
from pvkdb.store.rows.energy_ranges import ORIGINS
from pvkdb.store.runs.report.page import formula_markup
from pvkdb.store.runs.screening_reports import newest_fall
from pvkdb.suitability.evidence.phase_diagrams import phase_diagrams
from pvkdb.suitability.evidence.predictions import answer_material
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.compositions import drawings, energies, identity, migration
from pvkdb_api.explorer.site.datasets import dataset_of
from pvkdb_api.explorer.site.parameters import layer_fields
from pvkdb_api.explorer.site.rendering import client_code, link, page, part, part_json, part_wanted
from pvkdb_api.explorer.tables.cells import energy
from pvkdb_api.explorer.tables.table import quoted
from pvkdb_api.listing.parameters import Layer
from pvkdb_api.operations.rankings import rank

router = APIRouter(include_in_schema=False)

#: Most devices on the page; the table of devices has the others.
_DEVICES = 20

#: Most structures on the page; the table of structures has the others.
_STRUCTURES = 60

#: Prefix of the roles of path images, which are shown with their hops.
_IMAGES = "hop "

#: Role of a cell with a vacancy.
_VACANCY = "vacancy"

#: Value of ``sections`` that includes the slow sections, for browsers without scripts.
_ALL = "all"

_SUITABILITY_FIELDS = (
    *("rank", "score", "score_low", "score_high", "because", "coverage", "met", "unknown"),
    *("failures", "prediction"),
)


@router.get("/compositions/{key:path}")
def get_composition(
    request: Request,
    session: ReadSession,
    layer: Layer,
    key: Annotated[str, Path(max_length=400)],
    phase: Annotated[Text | None, Query()] = None,
    calculation: Annotated[Text | None, Query()] = None,
    hop: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    structure: Annotated[Text | None, Query()] = None,
    application: Annotated[Text | None, Query()] = None,
    sections: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Return the page of a composition, or the part of it that a script requests."""
    known = select(CompositionSummary.formula).where(CompositionSummary.formula == key)
    if "\0" in key or session.scalar(known) is None:
        return _elsewhere(request, session, key)
    composition = COMPOSITIONS.load(session, [key])[0]
    counts: QueryCache = request.app.state.query_cache
    phases = identity.phases_of(session, composition.formula)
    if phase is not None and phase not in {row.phase for row in phases}:
        raise NotFoundError(f"the store has no phase {phase!r} of {composition.formula}")
    match part_wanted(request):
        case "suitability":
            if (title := _titles().get(application or "")) is None:
                raise NotFoundError(unknown_name("application", application or "", _titles()))
            entry = _suitability(request, session, application or "", composition.formula)
            asked = {"application": application, "title": title, "entry": entry}
            return part(request, "_composition_standing.html", **asked)
        case "windows":
            shown = _common(composition, phase) | _predictions(session, composition, layer)
            return part(request, "_composition_windows.html", **shown)
        case "diagrams":
            shown = _diagrams(session, counts, composition)
            return part(request, "_composition_diagrams.html", **shown)
        case "path":
            of = composition.formula
            if calculation not in {row.id for row in migration.calculations(session, of)}:
                raise NotFoundError(f"{calculation!r} is not a calculation of {of}")
            return part_json(migration.path_of(session, calculation, hop or 1))
    slow: dict[str, Any] = {"kinetics": None, "suitability": {}, "diagrams": None}
    if sections == _ALL:
        slow = _predictions(session, composition, layer) | _diagrams(session, counts, composition)
        slow["suitability"] = {
            name: _suitability(request, session, name, composition.formula) for name in _titles()
        }
    first = [
        row.id
        for wanted in (phase, composition.lowest_phase)
        for row in phases
        if row.phase == wanted is not None
    ]
    structures = _structures(session, composition, first)
    views = identity.phase_views(session, phases, composition.lowest_phase)
    elsewhere = {
        (name, origin): [
            view["row"].phase for view in views if (quantity, origin) in view["energies"]
        ]
        for quantity, name in (("E_A", "e_a"), ("DFE", "dfe"))
        for origin in ORIGINS
    }
    listed = [row.id for row in structures["structures"]]
    return page(
        request,
        "composition.html",
        **_sections(session, composition, phases, phase, first, calculation, hop),
        phases=views,
        **structures,
        **slow,
        summary=_summary(composition, elsewhere["e_a", "computed"]),
        elsewhere=elsewhere,
        opened=sections == _ALL,
        chosen_structure=structure if structure in listed else next(iter(listed), None),
        dataset=dataset_of(request, composition, quoted(composition.formula)),
        applications=_titles(),
        layer=layer_fields(request.query_params),
        python=client_code(
            request,
            f"composition = client.compositions.get({composition.formula!r})",
            f"energies = client.energetics.search(material={composition.formula!r}).to_dataframe()",
            f"structures = client.structures.search(material={composition.formula!r})",
        ),
    )


def _sections(
    session: Session,
    composition: CompositionsRow,
    phases: list[MaterialsRow],
    phase: str | None,
    first: list[str],
    calculation: str | None,
    hop: int | None,
) -> dict[str, Any]:
    known, measured = identity.identity_of(composition.formula), MEASURED.get(composition.formula)
    rows = energies.statements(session, composition.formula, phase)
    calculations = migration.calculations(session, composition.formula)
    electrons = [*ELECTRONIC.iterate(session, {"material": (composition.formula,)})]
    absorber = {"absorber": (composition.formula,)}
    return {
        **_common(composition, phase),
        "known": known,
        "halides": {*HALIDES, "X"},
        "measured": measured if measured and measured.perovskite else None,
        "fall": None
        if composition.above_hull_source
        else newest_fall(session, composition.formula),
        "layers": next((row.layers for row in phases), None),
        "unreviewed": [row for row in rows if row.review == "unreviewed"],
        "statements": [row for row in rows if row.scope != "hop"],
        "hop_statements": [row for row in rows if row.scope == "hop"],
        "electrons": electrons,
        "gap": gap_in_words(electrons),
        "strips": energies.strips(rows, {each.occupant.ion.symbol for each in known.ions}),
        "formation": energies.formation_lines(rows),
        "octahedra": _octahedra(known.composition),
        "calculations": calculations,
        "migrations": migration.migrations(session, calculations, first, calculation, hop),
        "no_prototype": (unbuilt := _no_prototype(known.composition)),
        "missing_phases": []
        if unbuilt
        else _missing_phases(composition.formula, phases, calculations),
        "devices": DEVICES.find(session, absorber, _DEVICES, DEVICES.sorting("-on_off_ratio")).rows,
    }


def _summary(row: CompositionsRow, where: Sequence[str]) -> str:
    """Return what is known of a composition, in one sentence."""
    bound = (row.e_a_computed_min_ev is None) != (row.e_a_computed_max_ev is None)
    of_phase = f" in {' and '.join(where)}, a bound alone" if bound else ""
    ranges = {
        "by the literature": (row.e_a_literature_min_ev, row.e_a_literature_max_ev),
        f"as computed here{of_phase}": (row.e_a_computed_min_ev, row.e_a_computed_max_ev),
    }
    known = [
        f"{energies.range_text(*map(computed_ev, (low, high)))} {whose}"
        for whose, (low, high) in ranges.items()
        if low is not None or high is not None
    ]
    halide = "How its halide moves is not known"
    if known:
        halide = f"Its halide moves over a barrier of {' and '.join(known)}"
    elif where:
        halide += f" in {row.lowest_phase}: what is computed is of {' and '.join(where)}"
    count = row.devices_count or 0
    devices = "no device" if not count else "one device" if count == 1 else f"{count:,} devices"
    above = row.above_hull_ev_per_atom
    stable = (
        "its stability is not computed"
        if above is None
        else f"it lies {above:.3f} eV an atom above the prototypes it decomposes into"
        if above > 0
        else "it is stable against the prototypes that were compared"
    )
    has = "has" if count < 2 else "have"
    return f"{halide}; {stable}; {devices} with it as the absorber {has} values in the store."


def _common(composition: CompositionsRow, phase: str | None) -> dict[str, Any]:
    """Return the values that every part of the page needs."""
    return {
        "composition": composition,
        "phase": phase,
        "energy": energy,
        "formula": formula_markup(composition.formula),
        "filter": quoted(composition.formula),
        "address": link("/compositions", composition.formula),
        "compute": link("/jobs/new", formula=composition.formula, phase=phase),
        "simulate": link(
            "/jobs/new/simulation",
            material=material_id(composition.formula, phase) if phase else composition.formula,
        ),
    }


def _structures(session: Session, composition: CompositionsRow, first: list[str]) -> dict[str, Any]:
    """Return the structures of a composition in any phase, first those of the named materials.

    Cells with a vacancy come last. Images of paths are only counted.
    """
    every = STRUCTURES.select({"material": (composition.formula,)})
    relaxed = every.where(Structure.role.not_like(f"{_IMAGES}%"))
    images = every.where(Structure.role.like(f"{_IMAGES}%")).with_only_columns(Structure.id)
    rows = STRUCTURES.find(session, relaxed, _STRUCTURES).rows
    places = {name: place for place, name in enumerate(first)}
    rows.sort(key=lambda row: (row.role == _VACANCY, places.get(row.material, len(first))))
    return {
        "structures": rows,
        "structures_total": STRUCTURES.count(session, relaxed),
        "images": session.scalar(select(func.count()).select_from(images.subquery())) or 0,
    }


def _octahedra(composition: Composition | None) -> dict[str, list[str]]:
    """Return the elements at the centres and corners of the octahedra."""
    centres = composition.on("B") if composition else ()
    corners = composition.on("X") if composition else ()
    return {
        "centres": sorted({each.ion.symbol for each in centres}),
        "corners": sorted({each.ion.symbol for each in corners}),
    }


def _no_prototype(composition: Composition | None) -> str | None:
    """Return why no prototype can hold a composition; None if one can, or for an edited row."""
    try:
        if composition:
            compound_of(composition)
    except InputError as error:
        return str(error).partition("; choose another")[0]  # the page has remedies of its own
    return None


def _missing_phases(
    formula: str, phases: list[MaterialsRow], calculations: list[CalculationsRow]
) -> list[str]:
    """Return the prototypes of its families without a migration calculation."""
    computed = {row.material for row in calculations if row.kind == migration.NEB}
    known = dict.fromkeys(phase for row in phases for phase in HOST_PHASES.get(row.family, ()))
    return [phase for phase in known if material_id(formula, phase) not in computed]


def _predictions(
    session: Session, composition: CompositionsRow, layer: Conditions
) -> dict[str, Any]:
    """Return the predictions of the REST service, or the reason why there are none."""
    try:
        return {"kinetics": answer_material(session, composition.formula, layer)}
    except (NotFoundError, InputError) as error:
        return {"kinetics": str(error)}


def _diagrams(session: Session, counts: QueryCache, row: CompositionsRow) -> dict[str, Any]:
    """Return the phase diagrams of a composition, or the reason why there are none."""
    formula = row.formula
    try:
        name = f"calculations/diagrams/{formula}"
        found, missing = counts.get(session, name, {}, lambda: phase_diagrams(session, formula))
    except (InputError, MissingExtraError) as error:
        return {"diagrams": [], "missing": [], "own": formula, "no_diagram": str(error)}
    drawn = [drawings.drawn_diagram(each, formula) for each in found]
    return {"diagrams": drawn, "missing": missing, "own": formula, "no_diagram": None}


@cache
def _titles() -> dict[str, str]:
    """Return the titles of all applications by name."""
    return {each.name: each.title for each in suitability.applications()}


def _suitability(
    request: Request, session: Session, application: str, formula: str
) -> Mapping[str, Any] | str:
    """Return the row of a composition in the ranking of an application, or why it has none."""
    profile, plain = suitability.shipped_profile(application), conditions_of(LayerRequest())
    cache: QueryCache = request.app.state.ranking_cache
    ranking = rank(cache, session, profile, "materials", suitability.Options(), plain)
    for entry in ranking.candidates:
        if entry.id == formula:
            return {
                **{name: getattr(entry, name) for name in _SUITABILITY_FIELDS},
                "total": len(ranking.candidates),
                "criteria": sum(each.weight > 0 for each in ranking.criteria),
            }
    if formula in ranking.not_rankable:
        return "not rankable: nothing is known on a criterion with weight"
    if ranking.chosen:
        return f"not among them: {ranking.chosen}"
    return "not ranked: a general formula for several compositions"


def _elsewhere(request: Request, session: Session, key: str) -> Response:
    """Redirect a phase or another spelling to its composition, or return suggestions."""
    found = None if "\0" in key else identity.named(session, key)
    if found is not None:
        formula, phase = found
        given = {**request.query_params, **({"phase": phase} if phase else {})}
        return RedirectResponse(link("/compositions", formula, **given), 307)
    canonical = identity.canonical_name(key)
    nearest = [] if "\0" in key else identity.nearest_formulas(session, canonical or key)
    return page(
        request, "composition_missing.html", 404, name=key, formula=canonical, nearest=nearest
    )
