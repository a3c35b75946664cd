"""Clients that others have written read the service: pymatgen's and optimade's own."""

from __future__ import annotations

import json
import warnings

import pytest

from pvkdb.literature import read_curated
from pvkdb.snapshots.structures import documents

from .conftest import PROTOTYPES, VACANCY


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A client that asks anything but loopback fails instead of waiting."""
    import socket

    resolve = socket.getaddrinfo

    def loopback_only(host, *rest, **options):
        assert host in ("127.0.0.1", "localhost"), f"{host} was asked for"
        return resolve(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", loopback_only)


def test_pymatgen_reads_structures(address):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymatgen.ext.optimade import OptimadeRester

        # pymatgen joins "v1/structures" to an address; without a slash its last part is lost.
        with OptimadeRester(f"{address}/optimade", timeout=60) as rester:
            assert rester.get_structures_with_filter('id="cs2sni6"')
        with OptimadeRester(f"{address}/optimade/", timeout=60) as rester:
            cell = rester.get_structures_with_filter('id="cs2sni6"')
            told = rester.get_snls_with_filter('id="cspbi3-gamma"', ["_pvkdb_tau"])
    (antifluorite,) = cell.values()
    crystal = antifluorite["cs2sni6"]
    (tin,) = (site for site in crystal if site.species_string == "Sn")
    assert [neighbour.species_string for neighbour in crystal.get_neighbors(tin, 3.3)] == ["I"] * 6
    ((snl,),) = ([*each.values()] for each in told.values())
    assert snl.data["_optimade"]["_pvkdb_tau"] == pytest.approx(4.303, abs=5e-4)


def test_optimades_client_reads_every_page(address):
    from optimade.client import OptimadeClient

    base_url = f"{address}/optimade"
    client = OptimadeClient(
        base_urls=[base_url], max_results_per_provider=1000, silent=True, use_async=False
    )
    got = client.get('elements HAS "Cs"', response_fields=["nsites", "_pvkdb_family"])
    entries = got["structures"]['elements HAS "Cs"'][base_url]["data"]
    assert {entry["id"] for entry in entries} == {
        key for formula, _, key in PROTOTYPES if formula.startswith("Cs")
    } | {VACANCY}
    assert client.count("nelements=3", endpoint="structures")["structures"]["nelements=3"] == {
        base_url: len(PROTOTYPES)
    }
    references = client.references.get('year="2024"')["references"]['year="2024"'][base_url]
    assert len(references["data"]) == sum(
        row["year"] == "2024" for row in read_curated("references")
    )
    assert not references["errors"]
    (listed,) = client.list_properties("structures").values()
    assert {"nsites", "_pvkdb_tau"} <= {*listed}


def test_the_lines_of_a_file_are_entries_as_the_specification_has_them(filled):
    from optimade.models import ReferenceResource, StructureResource

    from pvkdb_api.optimade.app import json_lines

    with filled.session(read_only=True) as session:
        ids = [each.id for each in documents(session, {})]
        head, *lines = map(json.loads, json_lines(session, ids))
    assert head == {"x-optimade": {"meta": {"api_version": "1.2.0"}}}
    described = {each["id"]: each["properties"] for each in lines if each["type"] == "info"}
    assert described.keys() == {"structures", "references"}
    structures = [each for each in lines if each["type"] == "structures"]
    references = {each["id"]: each for each in lines if each["type"] == "references"}
    assert {each["id"] for each in structures} == {key for *_, key in PROTOTYPES} | {VACANCY}
    cited = set()
    for each in structures:
        StructureResource.model_validate(each)
        assert each["attributes"]["_pvkdb_origin"] == "prototype"
        related = each.get("relationships", {}).get("references", {"data": []})["data"]
        cited |= {reference["id"] for reference in related}
    assert cited == references.keys() != set()
    for each in references.values():
        ReferenceResource.model_validate(each)
