"""Write the OpenAPI description of the service: ``python docs/reference/openapi.py``.

It sends requests to a service on the curated literature, keeps an example of each field from the
answers (``api/pvkdb_api/rest/examples.json``), and writes ``openapi.json`` here, which git ignores.
Run it after adding a field to an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from pvkdb.literature import load_literature
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.store.collections import LISTED
from pvkdb.store.database import Store
from pvkdb.store.migrate import upgrade
from pvkdb.store.models.structures import Structure
from pvkdb.store.queue.claims import submit
from pvkdb_api.app import create_app
from pvkdb_api.core.settings import ServiceSettings
from pvkdb_api.rest import openapi as description
from pvkdb_pipelines.screening.funnel import Funnel
from pvkdb_pipelines.screening.plan.plan import parse_plan
from pvkdb_pipelines.screening.recorded import begin_run

HERE = Path(__file__).parent
DOCUMENT = HERE / "openapi.json"
VALIDATION = HERE.parent / "validation" / "migration.json"
EXAMPLES = Path(description.__file__).with_name(description.EXAMPLES)

#: Parts of a calculation's result that the examples show.
SHOWN = (
    *("formula", "phase", "e_a_ev", "barrier_forward_ev", "barrier_reverse_ev"),
    "residual_force_ev_per_ang",
)

_TIMES = {
    "created_at": "2026-11-25T09:00:00Z",
    "started_at": "2026-11-25T09:00:02Z",
    "finished_at": "2026-11-25T09:20:00Z",
}
_FAILURE = {"failure_kind": "no hop", "failure_message": "no hop is shorter than the cutoff"}
#: Relaxed by pvkdb; a cubic cell holds one formula.
_CUBIC = next(
    each
    for each in json.loads((HERE.parent / "validation" / "structures.json").read_text())["relaxed"]
    if (each["compound"], each["phase"]) == ("CsPbBr3", "Pm-3m")
)
_STRUCTURE = {
    "energy_ev": _CUBIC["energy_ev_per_formula"],
    "phase": "Pm-3m",
    "parent": "ce58c02b234d-host",
    "calculation": "ce58c02b234d",
}
#: Of CsPbI3 and other halides, as in ``CandidateSummary`` below.
_COMPUTED = {
    "lowest_phase": "Pnma",
    "lowest_phase_potential": "sevennet-0",
    "above_hull_ev_per_atom": -0.1336,
    "above_hull_source": "screening 3, chgnet",
    "e_a_computed_min_ev": 0.296,
    "e_a_computed_max_ev": 0.296,
    "dfe_computed_min_ev": 0.08,
    "dfe_computed_max_ev": 1.1,
}
_OF_MATERIAL = {name: _COMPUTED[name] for name in _COMPUTED if name.startswith(("above", "e_a"))}
_CURSOR = {"next_cursor": "WyJmZjI5MGM0ZjBkYjYiLCAiW1wiZC10NC1yMDVcIl0iXQ"}

_RUN = {
    "fire_time": "2026-11-25T03:00:00Z",
    "started_at": "2026-11-25T03:00:04Z",
    "finished_at": "2026-11-25T03:12:19Z",
    "duration_s": 735.0,
    "failure": "its process was lost (1 of 3 times)",
    "webhook": "delivered: 204",
}
#: The example of `pvkdb import --template paper.yaml`, correcting a row.
_PAPER = {
    "reference": {
        "doi": "10.1000/example-paper",
        "authors": ["A. Example", "B. Sample"],
        "title": "An example of a paper that reports ion migration and a memristor",
        "journal": "J. Ex. Mater.",
        "year": 2026,
    },
    "energetics": [
        {
            "material": "MAPbI3",
            "defect": "V_I",
            "quantity": "E_A",
            "value": "~25 kJ/mol",
            "method": "experiment",
            "source": "Fig. 3b",
            "supersedes": "e-t1-r02-ea",
        }
    ],
}
#: Run to its tolerance stage: nothing is computed.
_PLAN = """\
title = "Caesium halides"
types = ["ABX3"]
potential = "chgnet"
stop_after = "tolerance"
rank_by = "tau"
[ions]
A = ["Cs"]
B = [{b}]
X = ["I", "Br", "Cl"]
[filters]
tolerance = ["tau < {most}"]
"""

#: Examples of fields that no answer about the literature has: words of the vocabularies, names in
#: their usual form, times. Only the settings are physical values.
BY_HAND: dict[str, dict[str, Any]] = {
    "CalculationDocument": {**_TIMES, **_FAILURE, "cancel_requested_at": "2026-11-25T09:10:00Z"},
    "CalculationsPart": _TIMES,
    "CalculationsRow": {**_TIMES, **_FAILURE},
    "CompositionsPart": _COMPUTED,
    "CompositionsRow": _COMPUTED,
    "ComparedValue": {"phase": "Pnma"},
    "DecisionSheet": {
        "answer": "CsPbI3, with the score 0.49 (0.088 to 0.76): E_A 0 eV to 0.635 eV: 0.68; …",
        "cite": "Decision sheet “Selector”, compositions. The pvkdb developers, pvkdb",
    },
    "DevicesRow": {
        "raw_files": "e430676dd2ac72c38a5c7e99eae101f1b4313cdd314578aaf91f65b93c6daab0 sweep.csv",
        "quality": "no: Several devices?; yes: Read voltage known?",
    },
    "ElectronicPart": (_GAP := {"as_computed": 1.328, "functional": "PBE", "soc": False}),
    "ElectronicRow": _GAP,
    "EnergeticsRow": {"functional": "PBE", "soc": True},
    "MaterialsPart": _OF_MATERIAL,
    "MaterialsRow": _OF_MATERIAL,
    "FileProblem": {
        "file": "zhang2026.yaml",
        "line": 17,
        "column": "value",
        "value": "0.35 m",
        "reason": "'m' is not a unit of energy; write eV, meV, kJ/mol or kcal/mol",
    },
    "Known": {"phase": "δ"},
    "PostedRequest": {"formula": "CsPbBr3", "phase": "Pnma", "defect": "V_Br"},
    "PostedSettings": {"images": 5, "cutoff_ang": 5.6},
    "Page_str_": {"total": 9, "dataset_version": "review2026-1eaa49ea2c"},
    "Problem": {
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "there is no parameter 'absorbr'; did you mean 'absorber'?",
        "parameter": "absorbr",
    },
    **{key: {"reading": "years"} for key in ("Ranking", "RankingPage")},
    "Reading": {"note": "read as one year of 365 days"},
    "ReferencesRow": {"doi": "10.1039/d5cs01222h"},
    # Energies: docs/validation/screening.md (CHGNet) and migration.md, which are other runs than
    # the one whose tolerance factors stand beside them.
    "CandidateSummary": {
        "ground_state": "P-3m1",
        "perovskite_above_ground_state_ev_per_atom": 0.0065,
        "above_hull_ev_per_atom": -0.1336,
        "e_a_ev": 0.296,
        "e_a_spread_ev": 0.15,
        "vacancy_x_poor_ev": 0.08,  # CsPbI3 Pnma, 40 atoms, SevenNet-0
        "vacancy_x_rich_ev": 1.1,
    },
    "Differences": {"version_before": "0.0.9"},
    "RunDocument": _RUN,
    "ScreeningDocument": {
        **_RUN,
        "failures": {"relaxation not converged": 1},
        "plan_text": 'types = ["ABX3"]',
    },
    "StructureDocument": _STRUCTURE,
    "StructuresRow": _STRUCTURE,
}

#: Longest example, as JSON.
LONGEST = 200

API = "/api/v1"


def questions(calculation: str) -> list[tuple[str, str, Any]]:
    """Requests whose answers hold every schema: method, path, body."""
    lists = [
        ("GET", f"{API}/{name}?limit=500&facets={next(iter(entry.facets))}", None)
        for name, entry in LISTED.items()
    ]
    return [
        *lists,
        ("GET", f"{API}/devices/fields", None),
        ("GET", f"{API}/energetics/summary?material=CsPbBr3", None),
        ("GET", f"{API}/devices?family=none", None),
        (
            "GET",
            f"{API}/crossbar?device=d-t4-r05&size=8&r_lrs_ohm=1000&line_resistance_ohm=1"
            "&thickness_nm=60",
            None,
        ),
        ("GET", f"{API}/crossbar/devices", None),
        ("GET", f"{API}/rankings/synaptic-training", None),
        ("GET", f"{API}/rankings/synaptic-training?subject=materials", None),
        ("GET", f"{API}/rankings/selector?subject=materials&lead_free=true&sheet=json", None),
        ("GET", f"{API}/rankings/synaptic-training/profile", None),
        ("GET", f"{API}/compare?materials=CsPbBr3,MAPbI3", None),
        ("GET", f"{API}/series", None),
        ("GET", f"{API}/tolerance/CsPbBr3", None),
        ("POST", f"{API}/tolerance", {"formulas": ["CsPbI3", "CsPbO3"]}),
        ("POST", f"{API}/import?dry_run=true&name=zhang2026", _PAPER),
        ("GET", f"{API}/calculations/{calculation}", None),
        ("GET", f"{API}/screenings", None),
        ("GET", f"{API}/screenings/2", None),
        ("GET", f"{API}/screenings/2/candidates", None),
        ("GET", f"{API}/structures/cspbbr3", None),
        ("GET", f"{API}/kinetics?formula=MAPbI3", None),
        ("GET", "/healthz", None),
        ("GET", "/readyz", None),
        ("GET", "/livez", None),
    ]


def service(folder: Path) -> tuple[FastAPI, str]:
    """Return a service on the literature with one structure, and the id of a calculation in it."""
    store = Store(f"sqlite:///{folder / 'store.sqlite'}")
    upgrade(store)
    with store.session() as session:
        load_literature(session)
        calculation, _ = submit(session, NebRequest(formula="CsPbI3", phase="Pnma"))
        computed = json.loads(VALIDATION.read_text())["computed"][0]
        calculation.result = {name: computed["result"][name] for name in SHOWN}
        calculation.versions = {"sevenn": "0.13.0"}
        session.flush()
        # The experimental cubic cell, 5.87 Å, as the tests have it.
        session.add(
            Structure(
                id="cspbbr3",
                material_id="CsPbBr3",
                space_group="Pm-3m",
                role="host",
                origin="prototype",
                atoms=5,
                cell_ang=[[5.87, 0, 0], [0, 5.87, 0], [0, 0, 5.87]],
                symbols=["Cs", "Pb", "Br", "Br", "Br"],
                positions_ang=[
                    [0, 0, 0],
                    [2.935, 2.935, 2.935],
                    [0, 2.935, 2.935],
                    [2.935, 0, 2.935],
                    [2.935, 2.935, 0],
                ],
            )
        )
        key = calculation.id
    for b, most in (('"Pb2+", "Ge2+"', 6), ('"Pb2+", "Sn2+"', 4.1), ('"Pb2+"', 6)):
        run = begin_run(store, "caesium")
        assert run is not None
        run.screen(Funnel(parse_plan(_PLAN.format(b=b, most=most)), store))
    store.close()
    return create_app(str(store.url), ServiceSettings(allow_local_writes=True)), key


async def answers(app: FastAPI, requests: list[tuple[str, str, Any]]) -> list[Any]:
    """Return the answers of the service to requests."""
    transport = httpx.ASGITransport(app=app)
    address, key = "http://127.0.0.1", {"X-API-Key": app.state.local_key}
    async with httpx.AsyncClient(transport=transport, base_url=address, headers=key) as client:
        found = []
        for method, path, body in requests:
            found.append((await client.request(method, path, json=body)).json())
        return found


def collect(schemas: dict[str, Any], schema: Any, value: Any, into: dict[str, Any]) -> None:
    """Keep the first value of each field of each schema in an answer."""
    if not isinstance(schema, dict) or value is None:
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        declared = schemas[name].get("properties", {})
        if isinstance(value, dict):
            for field, inner in declared.items():
                if value.get(field) is not None:
                    short = _short(value[field])
                    if short is not None:
                        into.setdefault(name, {}).setdefault(field, short)
                    collect(schemas, inner, value[field], into)
        return
    for option in schema.get("anyOf", ()):
        collect(schemas, option, value, into)
    if isinstance(value, list):
        for item in value:
            collect(schemas, schema.get("items"), item, into)
    if isinstance(value, dict):
        for item in value.values():
            collect(schemas, schema.get("additionalProperties"), item, into)


def _short(value: Any) -> Any:
    """Return the value, of a list only the first item; None if it is too long to read."""
    if isinstance(value, list):
        value = value[:1] if value and isinstance(value[0], str | int | float) else None
    return None if value is None or len(json.dumps(value)) > LONGEST else value


def main() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as folder:
        app, calculation = service(Path(folder))
        schemas = app.openapi()["components"]["schemas"]
        asked = questions(calculation)
        found: dict[str, Any] = {}
        for (method, path, _), value in zip(asked, asyncio.run(answers(app, asked)), strict=True):
            route = next(
                route
                for pattern, route in app.openapi()["paths"].items()
                if _fits(pattern, path.partition("?")[0])
            )
            for content in route[method.lower()]["responses"]["200"]["content"].values():
                collect(schemas, content.get("schema"), value, found)
        app.state.served.close()
    for name in schemas:
        hand = BY_HAND.get(name, {}) | (_CURSOR if "Page" in name else {})
        if hand:
            found[name] = found.get(name, {}) | hand
    EXAMPLES.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    description.examples.cache_clear()
    document = create_app("sqlite:///described.sqlite").openapi()
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    DOCUMENT.write_text(text + "\n")


def _fits(pattern: str, path: str) -> bool:
    theirs, ours = pattern.split("/"), path.split("/")
    return len(theirs) == len(ours) and all(
        a == b or a.startswith("{") for a, b in zip(theirs, ours, strict=True)
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
