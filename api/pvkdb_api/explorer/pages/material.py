"""The page of a material: reported and computed data, and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb import suitability
from pvkdb.chemistry import Composition
from pvkdb.errors import InputError, NotFoundError, unknown_name
from pvkdb.kinetics.conditions import Conditions
from pvkdb.schemas.calculations.migration import HOST_PHASES
from pvkdb.schemas.kinetics import KineticsAnswer
from pvkdb.schemas.tables import CalculationsRow, EnergeticsRow, MaterialsRow
from pvkdb.store.collections import DEVICES, MATERIALS, STRUCTURES
from pvkdb.store.curation.registration import material_id
from pvkdb.store.models.materials import Material
from pvkdb.store.models.structures import Structure
from pvkdb.suitability.evidence.predictions import answer_material
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.materials import energies, identity, migration
from pvkdb_api.explorer.site.parameters import layer_fields
from pvkdb_api.explorer.site.rendering import client_code, link, page, part, part_json, part_wanted
from pvkdb_api.explorer.tables.cells import calculation_of
from pvkdb_api.explorer.tables.table import quoted
from pvkdb_api.listing.parameters import Layer, Text

router = APIRouter(include_in_schema=False)

#: Most devices on the page; the table of devices has the others.
_DEVICES = 12

#: Most structures on the page; the table of structures has the others.
_STRUCTURES = 60

#: Prefix of the roles of path images, which are shown with their hops.
_IMAGES = "hop "

#: Value of ``sections`` that includes the slow sections, for browsers without scripts.
_ALL = "all"

_HALIDES = frozenset({"F", "Cl", "Br", "I"})

#: Random weights and values behind the mean rank: enough for one digit, and fast.
SAMPLES = 200

_SUITABILITY_FIELDS = (
    *("rank", "shown", "expected", "possible", "coverage", "met", "unknown", "failures"),
    *("prediction", "mean_rank"),
)


@router.get("/materials/{key:path}")
def get_material(
    request: Request,
    session: ReadSession,
    layer: Layer,
    key: Annotated[str, Path(max_length=400)],
    calculation: Annotated[Text | None, Query()] = None,
    hop: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    structure: Annotated[Text | None, Query()] = None,
    application: Annotated[Text | None, Query()] = None,
    sections: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Return the page of a material, or the part of it that a script requests."""
    if "\0" in key or session.get(Material, key) is None:
        return _missing(request, session, key)
    material = MATERIALS.get(session, key)
    counts: QueryCache = request.app.state.query_cache
    match part_wanted(request):
        case "suitability":
            return _suitability_row(request, session, counts, material, application or "")
        case "windows":
            predicted = _predictions(session, material, layer)
            return part(request, "_material_windows.html", **predicted, **_common(material))
        case "path":
            return _path(session, material, calculation or "", hop or 1)
    titles = _titles()
    slow: dict[str, Any] = {"kinetics": None, "suitability": {}}
    if sections == _ALL:
        slow = _predictions(session, material, layer)
        slow["suitability"] = {
            name: _suitability(session, counts, name, material.formula) for name in titles
        }
    structures = _structures(session, material)
    listed = [row.id for row in structures["structures"]]
    return page(
        request,
        "material.html",
        **_sections(session, material, calculation, hop),
        **structures,
        **slow,
        chosen_structure=structure if structure in listed else next(iter(listed), None),
        applications=titles,
        samples=SAMPLES,
        layer=layer_fields(request.query_params),
        python=client_code(
            request,
            f"material = client.materials.get({material.id!r})",
            f"energies = client.energetics.search(material={material.formula!r}).to_dataframe()",
            f"structures = client.structures.search(material={material.formula!r}).to_dataframe()",
        ),
    )


def _sections(
    session: Session, material: MaterialsRow, calculation: str | None, hop: int | None
) -> dict[str, Any]:
    known = identity.identity_of(material.formula)
    rows = energies.statements(session, material)
    calculations = migration.calculations(session, material)
    return {
        **_common(material),
        "known": known,
        "phases": identity.phases_of(session, material),
        "statements": [row for row in rows if row.scope != "hop"],
        "hop_statements": [row for row in rows if row.scope == "hop"],
        "strips": energies.strips(rows, {each.occupant.ion.symbol for each in known.ions}),
        "summary": _halide_summary(rows),
        "octahedra": _octahedra(known.composition),
        "calculations": calculations,
        "migrations": migration.migrations(session, calculations, material, calculation, hop),
        "missing_phases": _missing_phases(material, calculations),
        **_devices(session, material),
    }


def _common(material: MaterialsRow) -> dict[str, Any]:
    """Return the values that every part of the page needs."""
    return {
        "material": material,
        "formula": identity.formula_markup(material.formula),
        "filter": quoted(material.formula),
        "address": link("/materials", material.id),
        "compute": link("/jobs/new", formula=material.formula, phase=material.phase),
    }


def _halide_summary(rows: list[EnergeticsRow]) -> dict[str, energies.EnergySpan | None]:
    """Return the ranges of the energies of halides, reported and computed values apart."""
    halide = [row for row in rows if row.species in _HALIDES | {"X"} and row.scope != "hop"]

    def span(quantity: str, computed: bool) -> energies.EnergySpan | None:
        return energies.span(
            row
            for row in halide
            if row.quantity == quantity and (calculation_of(row) is not None) is computed
        )

    return {
        "reported_e_a": span("E_A", False),
        "computed_e_a": span("E_A", True),
        "reported_dfe": span("DFE", False),
    }


def _structures(session: Session, material: MaterialsRow) -> dict[str, Any]:
    """Return the structures of a composition in any phase, first those in the material's phase.

    Images of paths are only counted.
    """
    every = STRUCTURES.select({"material": (material.formula,)})
    relaxed = every.where(Structure.role.not_like(f"{_IMAGES}%"))
    images = every.where(Structure.role.like(f"{_IMAGES}%")).with_only_columns(Structure.id)
    rows = STRUCTURES.find(session, relaxed, _STRUCTURES).rows
    rows.sort(key=lambda row: row.material != material.id)
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


def _missing_phases(material: MaterialsRow, calculations: list[CalculationsRow]) -> list[str]:
    """Return the prototypes of the family without a migration calculation."""
    computed = {row.material for row in calculations if row.kind == migration.NEB}
    known = HOST_PHASES.get(material.family, ())
    return [phase for phase in known if material_id(material.formula, phase) not in computed]


def _devices(session: Session, material: MaterialsRow) -> dict[str, Any]:
    filters = {"absorber": (material.formula,)}
    found = DEVICES.find(session, filters, _DEVICES, DEVICES.sorting("-on_off_ratio"))
    total = DEVICES.count(session, filters) if found.place else len(found.rows)
    return {"devices": found.rows, "devices_total": total}


def _predictions(session: Session, material: MaterialsRow, layer: Conditions) -> dict[str, Any]:
    """Return the predictions of the REST service, or the reason why there are none."""
    answer: KineticsAnswer | None = None
    reason = None
    try:
        answer = answer_material(session, material.formula, layer)
    except (NotFoundError, InputError) as error:
        reason = str(error)
    return {"kinetics": answer or reason, "answer": answer, "reason": reason}


def _titles() -> dict[str, str]:
    """Return the titles of all applications by name."""
    return {
        name: suitability.shipped_profile(name).title for name in suitability.shipped_profiles()
    }


def _suitability(
    session: Session, counts: QueryCache, application: str, formula: str
) -> Mapping[str, Any] | None:
    """Return the row of a composition in the ranking of an application; None if it is not ranked.

    The ranking is cached while the data are unchanged.
    """

    def ranked() -> dict[str, dict[str, Any]]:
        options = suitability.Options(samples=SAMPLES, cross_checked=False)
        ranking = suitability.rank(session, application, "materials", options)
        sizes = {
            "total": len(ranking.candidates),
            "criteria": sum(each.weight > 0 for each in ranking.criteria),
        }
        return {
            entry.id: {**{name: getattr(entry, name) for name in _SUITABILITY_FIELDS}, **sizes}
            for entry in ranking.candidates
        }

    return counts.get(session, f"suitability/{application}", {}, ranked).get(formula)


def _suitability_row(
    request: Request, session: Session, counts: QueryCache, material: MaterialsRow, application: str
) -> Response:
    titles = _titles()
    if application not in titles:
        raise NotFoundError(unknown_name("application", application, titles))
    return part(
        request,
        "_material_standing.html",
        application=application,
        title=titles[application],
        entry=_suitability(session, counts, application, material.formula) or "not ranked",
    )


def _path(session: Session, material: MaterialsRow, calculation: str, hop: int) -> Response:
    known = {row.id for row in migration.calculations(session, material)}
    if calculation not in known:
        raise NotFoundError(f"{calculation!r} is not a calculation of {material.formula}")
    return part_json(migration.path_of(session, calculation, hop))


def _missing(request: Request, session: Session, key: str) -> Response:
    """Redirect another spelling to its material, or return a page with suggestions."""
    found = identity.material_named(session, key)
    if found is not None:
        return RedirectResponse(link("/materials", found), 307)
    formula = identity.canonical_name(key)
    nearest = identity.nearest_materials(session, key, formula)
    return page(request, "material_missing.html", 404, name=key, formula=formula, nearest=nearest)
