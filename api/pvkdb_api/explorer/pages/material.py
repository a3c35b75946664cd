"""One material with everything known of it: what is reported, what was computed, what follows."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.orm import Session

from pvkdb.errors import InputError, NotFoundError
from pvkdb.kinetics.conditions import LAYER_DEFAULTS, ROOM_TEMPERATURE_K, Conditions
from pvkdb.schemas.calculations.migration import HOST_PHASES
from pvkdb.schemas.kinetics import KineticsAnswer
from pvkdb.schemas.tables import DevicesRow, EnergeticsRow, MaterialsRow
from pvkdb.store.collections import DEVICES, MATERIALS
from pvkdb.store.curation.registration import material_id
from pvkdb.store.models.materials import Material
from pvkdb.suitability.evidence.kinetics import answer_material
from pvkdb_api.core.paths import API
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.materials import energies, identity, migration, structures, suits
from pvkdb_api.explorer.site.rendering import link, page, part, part_wanted
from pvkdb_api.explorer.tables.cells import device_link, material_link, reference_links
from pvkdb_api.explorer.tables.table import quoted
from pvkdb_api.listing.parameters import Layer, Text

router = APIRouter(include_in_schema=False)

#: Devices that are listed; the table of devices has the others.
_DEVICES = 12

#: Parameters that describe the layer of the predictions.
_LAYER = ("thickness_nm", "bias_v", "temperature_k", "write_time_s")

#: What a link asks for to have the slow sections in the page where no script fetches them.
_ALL = "all"

_HALIDES = frozenset({"F", "Cl", "Br", "I"})


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
    """The page of a material, or a part of it that its script asks for."""
    if "\0" in key or session.get(Material, key) is None:
        return _missing(request, session, key)
    material = MATERIALS.get(session, key)
    match part_wanted(request):
        case "suitability":
            return _suitability(request, session, material, application or "")
        case "windows":
            shown = _windows(session, material, layer)
            return part(request, "_material_windows.html", **shown, **_words(material))
        case "path":
            return _path(session, material, calculation or "", hop or 1)
    shown = _shown(session, material, calculation, hop)
    listed = [row.id for row in shown["structures"].rows]
    return page(
        request,
        "material.html",
        **shown,
        chosen_structure=structure if structure in listed else next(iter(listed), None),
        **(_windows(session, material, layer) if sections == _ALL else {"kinetics": None}),
        standings=_standings(request, session, material) if sections == _ALL else {},
        layer_given={name: request.query_params.get(name, "") for name in _LAYER},
        layer_defaults=_layer_defaults(),
        python=_python(str(request.base_url).rstrip("/"), material),
    )


def _shown(
    session: Session, material: MaterialsRow, calculation: str | None, hop: int | None
) -> dict[str, Any]:
    known = identity.identity_of(material.formula)
    rows = energies.statements(session, material)
    calculations = migration.calculations(session, material)
    found = migration.migrations(session, calculations, material, calculation, hop)
    return {
        **_words(material),
        "known": known,
        "phases": identity.phases_of(session, material),
        "statements": [row for row in rows if row.scope != "hop"],
        "hop_statements": [row for row in rows if row.scope == "hop"],
        "strips": energies.strips(rows, {ion.symbol for ion in known.ions}),
        "glance": _glance(rows),
        "structures": structures.structures_of(session, material),
        "octahedra": structures.octahedra(known.composition),
        "calculations": calculations,
        "migrations": found,
        "hosts": _hosts(material, calculations),
        **_devices(session, material),
        "applications": suits.applications(),
        "samples": suits.SAMPLES,
    }


def _words(material: MaterialsRow) -> dict[str, Any]:
    """What every part of the page needs."""
    return {
        "material": material,
        "formula": identity.formula_markup(material.formula),
        "mine": quoted(material.formula),
        "address": link("/materials", material.id),
        "formula_markup": identity.formula_markup,
        "defect_markup": identity.defect_markup,
        "material_link": material_link,
        "reference_links": reference_links,
        "device_link": device_link,
        "calculation_address": energies.calculation_address,
        "calculation_of": energies.calculation_of,
        "compute": link("/jobs/new", formula=material.formula, phase=material.phase),
    }


def _glance(rows: list[EnergeticsRow]) -> dict[str, energies.Span | None]:
    """The halide in short: what is reported and what was computed, never together."""
    halide = [row for row in rows if row.species in _HALIDES | {"X"} and row.scope != "hop"]

    def of(quantity: str, computed: bool) -> energies.Span | None:
        return energies.span(
            row for row in halide if row.quantity == quantity and energies.computed(row) is computed
        )

    return {
        "reported_e_a": of("E_A", False),
        "computed_e_a": of("E_A", True),
        "reported_dfe": of("DFE", False),
        "computed_dfe": of("DFE", True),
    }


def _hosts(material: MaterialsRow, calculations: list[Any]) -> list[str]:
    """Prototypes of the family in which no migration has been computed yet."""
    asked = {row.material for row in calculations if row.kind == migration.NEB}
    known = HOST_PHASES.get(material.family, ())
    return [phase for phase in known if material_id(material.formula, phase) not in asked]


def _devices(session: Session, material: MaterialsRow) -> dict[str, Any]:
    filters = {"absorber": (material.formula,)}
    found = DEVICES.find(session, filters, _DEVICES, DEVICES.sorting("-on_off_ratio"))
    devices: list[DevicesRow] = found.rows
    total = DEVICES.count(session, filters) if found.place else len(devices)
    return {"devices": devices, "devices_total": total}


def _windows(session: Session, material: MaterialsRow, layer: Conditions) -> dict[str, Any]:
    """What the barriers predict, as the REST service answers; or why nothing is predicted."""
    answer: KineticsAnswer | None = None
    reason = None
    try:
        answer = answer_material(session, material.formula, layer)
    except (NotFoundError, InputError) as error:
        reason = str(error)
    return {"kinetics": answer or reason, "answer": answer, "reason": reason}


def _layer_defaults() -> dict[str, str]:
    """What the layer is where a field is left empty, as one writes it."""

    def written(name: str, scale: float = 1.0) -> str:
        value = LAYER_DEFAULTS[name].value
        return ":".join(f"{end * scale:g}" for end in (value.minimum or 0, value.maximum or 0))

    return {
        "thickness_nm": written("thickness_m", 1e9),
        "bias_v": written("bias_v"),
        "temperature_k": f"{ROOM_TEMPERATURE_K:g}",
        "write_time_s": written("write_time_s"),
    }


def _standings(request: Request, session: Session, material: MaterialsRow) -> dict[str, Any]:
    counts = request.app.state.query_cache
    return {
        name: suits.standing(session, counts, name, material.id) for name, _ in suits.applications()
    }


def _suitability(
    request: Request, session: Session, material: MaterialsRow, application: str
) -> Response:
    titles = dict(suits.applications())
    if application not in titles:
        raise NotFoundError(f"there is no application {application!r}")
    found = suits.standing(session, request.app.state.query_cache, application, material.id)
    return part(
        request,
        "_material_standing.html",
        application=application,
        title=titles[application],
        standing=found or "not ranked",
    )


def _path(session: Session, material: MaterialsRow, calculation: str, hop: int) -> Response:
    of = {row.id for row in migration.calculations(session, material)}
    if calculation not in of:
        raise NotFoundError(f"{calculation!r} is no calculation of {material.formula}")
    found = migration.path_of(session, calculation, hop)
    return JSONResponse(found, headers={"Cache-Control": "no-store", "Vary": "X-Part"})


def _python(root: str, material: MaterialsRow) -> str:
    """The rows of this page as lines of Python."""
    return (
        f"import pvkdb\n\nwith pvkdb.Client({root!r}) as client:\n"
        f"    material = client.materials.get({material.id!r})\n"
        f"    energies = client.energetics.search(material={material.formula!r}).to_dataframe()\n"
        f"    structures = client.structures.search(material={material.formula!r}).to_dataframe()"
    )


def _missing(request: Request, session: Session, key: str) -> Response:
    """The page of what there is not; another spelling of what there is leads there."""
    formula = identity.canonical_name(key)
    if formula is not None and formula != key and session.get(Material, formula) is not None:
        return RedirectResponse(link("/materials", formula), 307)
    return page(
        request,
        "material_missing.html",
        404,
        missing=identity.missing(session, key),
        material_link=material_link,
        rest=f"{API}/materials",
    )
