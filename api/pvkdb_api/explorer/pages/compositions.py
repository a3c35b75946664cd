"""The page with the table of compositions, and the one that compares a structure."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pvkdb.chemistry.ions import HALIDES
from pvkdb.chemistry.phases import BY_MEASUREMENT
from pvkdb.errors import InputError, MissingExtraError
from pvkdb.schemas.tables import CompositionsRow
from pvkdb.store.collections import COMPOSITIONS
from pvkdb.store.files.similar_structures import similar_structures
from pvkdb.store.files.structure_reading import read_cif
from pvkdb.store.models.materials import SiteOccupancy
from pvkdb_api.core.cache import QueryCache
from pvkdb_api.core.sessions import ReadSession
from pvkdb_api.explorer.site.forms import Form, posted
from pvkdb_api.explorer.site.markup import UNKNOWN, interval
from pvkdb_api.explorer.site.rendering import page
from pvkdb_api.explorer.tables.browse import browse
from pvkdb_api.explorer.tables.cells import TableColumn, composition_link, field_columns
from pvkdb_api.explorer.tables.table import ORIGIN, ChoiceFilter, RangeFilter, TablePage

router = APIRouter(include_in_schema=False)

_HEADINGS = {
    "families": "Family",
    "phases": "Phases",
    "lowest_phase": "Lowest phase",
    "above_hull_ev_per_atom": "Above hull",
    "lead_free": "Lead-free",
    "a_site": "A site",
    "b_site": "B site",
    "x_site": "X site",
    "p_perovskite": "p(perovskite)",
    "t": "t",
    "mu": "µ",
    "tau": "τ",
    "devices_count": "Devices",
    "energetics_reported_count": "Reported energies",
    "energetics_computed_count": "Computed energies",
    "structures_count": "Structures",
    "known": "Known",
}

_DIMENSIONS = tuple((number, number) for number in "0123")

_E_A = Markup("E<sub>A</sub>")

#: Columns of energies of the halide vacancy: prefix of the fields, heading, meaning.
_ENERGIES = {
    "e_a": ("e_a_literature", _E_A, "Activation energies in the literature"),
    "e_a_computed": (
        *("e_a_computed", _E_A + " computed"),
        "Computed activation energies of the path in most dimensions less than 0.1 eV above the "
        "easiest one, in the lowest phase; ≤: an upper bound",
    ),
    "dfe": ("dfe_literature", "DFE", "Formation energies in the literature"),
    "dfe_computed": (
        *("dfe_computed", "DFE computed"),
        "Computed formation energies, halide-poor to halide-rich",
    ),
}


def _energy_column(stem: str, heading: str, meaning: str) -> TableColumn:
    def render(row: Any) -> Markup:
        low, high = (getattr(row, f"{stem}_{end}_ev") for end in ("min", "max"))
        return interval(low, high, computed=stem.endswith("_computed"))

    return TableColumn(
        heading, render, f"{stem}_min_ev", "eV", True, f"{meaning}, of the halide vacancy."
    )


def _lowest_phase(row: Any) -> Markup:
    if row.lowest_phase is None:
        return UNKNOWN
    why = f"lowest of {row.phases_compared} phases by {row.lowest_phase_potential}"
    why = "measured" if row.lowest_phase_potential == BY_MEASUREMENT else why
    return Markup('<span class="nowrap" title="{}">{}</span>').format(why, row.lowest_phase)


_FIELDS = field_columns(CompositionsRow, _HEADINGS, COMPOSITIONS.sortable, **_HEADINGS)

TABLE = TablePage(
    collection=COMPOSITIONS,
    path="/compositions",
    title="Compositions",
    lead="Each composition once, those of which most is known first. Energies are those of the "
    "halide vacancy, in any phase; values from the literature and computed values are in columns "
    "of their own.",
    columns={
        "formula": TableColumn("Composition", lambda row: composition_link(row.formula), "formula"),
        **_FIELDS,
        "lowest_phase": replace(_FIELDS["lowest_phase"], render=_lowest_phase),
        **{name: _energy_column(*entry) for name, entry in _ENERGIES.items()},
    },
    default_columns="formula,lowest_phase,above_hull_ev_per_atom,e_a,e_a_computed,dfe,"
    "dfe_computed,devices_count",
    choices=(
        ChoiceFilter("family", "Family"),
        ChoiceFilter(
            "halide",
            "Halide",
            (*((ion, ion) for ion in HALIDES), ("X", "not specified (X)")),
            counted=True,
        ),
        ChoiceFilter("dimensionality", "Dimensionality", _DIMENSIONS, counted=True),
        ChoiceFilter(
            "has",
            "Available data",
            (
                ("e_a", "activation energy"),
                ("e_a_computed", "computed activation energy"),
                ("dfe", "formation energy"),
                ("devices", "devices"),
                ("reported", "reported energies"),
                ("computed", "computed energies"),
                ("structures", "structures"),
                ("stability", "energy above the hull"),
            ),
            counted=True,
            every=True,
        ),
        ORIGIN,
        ChoiceFilter("lowest_phase", "Lowest phase"),
    ),
    ranges=(
        RangeFilter("e_a", "Activation energy E_A", "eV"),
        RangeFilter("dfe", "Defect formation energy", "eV"),
        RangeFilter("above_hull", "Energy above the hull", "eV/atom"),
        RangeFilter("t", "Tolerance factor t"),
        RangeFilter("mu", "Octahedral factor µ"),
        RangeFilter("tau", "Tolerance factor τ"),
    ),
    switches=(("lead_free", "Lead-free"),),
    texts=(("ion", "Contains the ion"), ("a_site", "Ion on A"), ("b_site", "Ion on B")),
    placeholder="formula or name",
    template="compositions.html",
)


@router.get(TABLE.path)
def get_compositions(request: Request, session: ReadSession) -> Response:
    """Return the table of compositions."""
    counts: QueryCache = request.app.state.query_cache
    ions = counts.get(session, "compositions/ions", {}, lambda: _ions(session))
    return browse(request, session, TABLE, ions=ions)


def _ions(session: Session) -> dict[str, dict[str, int]]:
    """Return the number of compositions with each ion on each site: ion, site, number."""
    site, ion = SiteOccupancy.site, SiteOccupancy.ion
    number = func.count(SiteOccupancy.composition_id.distinct())
    found: dict[str, dict[str, int]] = {}
    for name, place, count in session.execute(
        select(ion, site, number).group_by(ion, site).order_by(site, number.desc(), ion)
    ):
        found.setdefault(name, {})[place] = count
    return found


#: A form that changes nothing, for everyone who may read.
_ReadForm = Annotated[Form, Depends(posted(None))]


@router.get("/structures")
def get_structure_form(request: Request) -> Response:
    """Return the form that compares a structure with those of the store."""
    return page(request, "similar.html", cif="", found=None, problem="")


@router.post("/structures")
def compare_structure(request: Request, form: _ReadForm, session: ReadSession) -> Response:
    """Return what a structure is for the store; nothing is kept."""
    cif, found, problem = {**form.texts, **form.files}.get("cif", ""), None, ""
    try:
        found = similar_structures(session, read_cif(cif))
    except (InputError, MissingExtraError) as error:
        problem = str(error)
    status = 422 if problem else 200
    return page(request, "similar.html", status, cif=cif, found=found, problem=problem)
