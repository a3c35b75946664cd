"""The client against a real service: what it finds, what it refuses, what it gives on."""

from __future__ import annotations

import subprocess
import sys
import threading

import httpx
import pytest

import pvkdb.client
from pvkdb.client import Client, Results, to_pymatgen
from pvkdb.client._search.queries import query_of
from pvkdb.errors import InputError, MissingExtraError, NotFoundError, ServiceError
from pvkdb.schemas.calculations import CalculationState, PotentialName
from pvkdb.schemas.calculations.migration import NebRequest
from pvkdb.schemas.tables import DevicesRow, ReferencesRow, StructureDocument
from pvkdb.store.collections import ENERGETICS
from pvkdb.store.queue.claims import claim, fail

from ...curated import DEVICES, REFERENCES
from .answers import EMPTY, Told, answering, page


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PVKDB_URL", raising=False)
    with pytest.raises(InputError, match="set PVKDB_URL"):
        Client()
    monkeypatch.setenv("PVKDB_URL", "http://pvkdb.example:8000/")
    monkeypatch.setenv("PVKDB_API_KEY", "pvkdb_own")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404)

    for url in (None, "http://other.example"):
        transport = httpx.MockTransport(answer)
        with Client(url, transport=transport) as client, pytest.raises(ServiceError):
            client.health()
    assert [request.url.host for request in seen] == ["pvkdb.example", "other.example"]
    assert [request.headers.get("Authorization") for request in seen] == ["Bearer pvkdb_own", None]


def test_the_public_names_are_those_listed():
    for name in pvkdb.client.__all__:
        assert getattr(pvkdb.client, name).__doc__ or name == "FilterValue"
    assert pvkdb.Client is Client


def test_making_a_client_imports_httpx_and_nothing_else_of_weight():
    """Its bar: 1.3 times the import of httpx and pydantic. Models are built by the first answer."""
    heavy = "sqlalchemy pandas numpy pymatgen fastapi pydantic pvkdb.store pvkdb.chemistry"
    code = (
        "import sys, pvkdb; before = set(sys.modules); "
        "pvkdb.Client('http://127.0.0.1:8000'); pvkdb.AsyncClient('http://127.0.0.1:8000'); "
        f"print([m for m in {heavy.split()} if m in sys.modules], 'httpx' in before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] False"


def test_results_page_through_everything_when_it_is_needed(client, monkeypatch):
    monkeypatch.setattr("pvkdb.client._search.pages.PAGE", 7)
    references = client.references.search()
    assert isinstance(references, Results)
    assert len(references) == REFERENCES
    assert len(references._rows) == 7
    assert references[20].key == "r21"
    assert len(references._rows) == 21
    assert [row.number for row in references] == [*range(1, 403), *[None] * (REFERENCES - 402)]
    assert references[401].key == "r402"
    assert [row.key for row in references[5:8]] == ["r6", "r7", "r8"]
    assert [row.key for row in references[400:402]] == ["r401", "r402"]
    assert list(references) == list(references)
    assert references[0] in references
    for outside in (REFERENCES, -REFERENCES - 1):
        with pytest.raises(IndexError, match=str(REFERENCES)):
            references[outside]
    assert references.dataset_version.startswith("review2026-")
    assert repr(references) == f"<Results: {REFERENCES} references>"


def test_fields_can_be_sliced_and_printed(client):
    fields = client.references.fields()
    assert list(fields[:2]) == ["key", "number"]
    assert fields[1] is fields["number"]
    assert [line.split()[0] for line in repr(fields[:2]).splitlines()] == ["key", "number"]
    assert client.devices.filters()[0].meaning in repr(client.devices.filters())


def test_counting_names_fields_and_fits_into_one_request(client):
    assert client.devices.facets("family", family=[]) == {"family": {}}
    with pytest.raises(InputError, match="known: family, group"):
        client.devices.facets()
    with pytest.raises(InputError, match="too long"):
        client.references.facets("year", key=[f"r{number}" for number in range(1, 300)])


def test_a_search_has_all_rows_where_a_page_does_not_count_them(client, monkeypatch):
    """The fault: ``len`` was the 5,000 rows that a page counts, and a slice ended there."""
    every = [row.id for row in client.energetics.iterate(quantity="E_A")]
    monkeypatch.setattr("pvkdb.client._search.pages.PAGE", 7)
    monkeypatch.setitem(ENERGETICS.__dict__, "most_counted", 9)
    found = client.energetics.search(quantity="E_A")
    assert len(found) == client.energetics.count(quantity="E_A") == len(every) > 16
    assert len(found._rows) == 7
    assert (found[-1].id, found[9:][0].id) == (every[-1], every[9])
    assert [row.id for row in found[:]] == every


@pytest.mark.parametrize(
    "value", [(1,), (1, 2, 3), ("a", "b"), (True, None), (2, 1), [["CsPbBr3"]], [None], {"min": 1}]
)
def test_a_value_that_is_no_filter_is_refused_before_anything_is_sent(value):
    with pytest.raises(InputError, match="retention_s="):
        query_of({"retention_s": value})


def test_a_data_frame_has_the_columns_of_the_table_also_without_rows(client):
    pandas = pytest.importorskip("pandas")
    frame = client.devices.search().to_dataframe()
    assert list(frame.columns) == DevicesRow.columns() == list(client.devices.fields())
    assert len(frame) == DEVICES
    assert pandas.api.types.is_float_dtype(frame["retention_s"])
    empty = client.devices.search(group="none such").to_dataframe()
    assert list(empty.columns) == DevicesRow.columns()
    assert len(empty) == 0


def test_without_pandas_or_pymatgen_the_extra_is_named(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "pymatgen.core.lattice", None)
    monkeypatch.setitem(sys.modules, "ase", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pvkdb\[store\]'"):
        client.references.search().to_dataframe()
    with pytest.raises(MissingExtraError, match=r"pip install 'pvkdb\[screening\]'"):
        client.structures.get("s1").to_pymatgen()
    with pytest.raises(MissingExtraError, match=r"'ase'.*pip install 'pvkdb\[screening\]'"):
        client.structures.get("s1").to_ase()
    with pytest.raises(MissingExtraError, match=r"pip install 'pvkdb\[store\]'"):
        client.references.iterate().to_dataframe()


def test_a_structure_becomes_one_of_pymatgen(client):
    pytest.importorskip("pymatgen.core.structure")
    document = client.structures.get("s1")
    assert isinstance(document, StructureDocument)
    structure = document.to_pymatgen()
    assert structure == to_pymatgen(document)
    assert structure.reduced_formula == "CsPbBr3"
    # Half the cubic lattice constant separates lead from its halides.
    assert structure.get_distance(1, 2) == pytest.approx(5.87 / 2)
    assert len(client.structures.search(material="CsPbBr3")) == 1
    atoms = document.to_ase()
    assert atoms.get_chemical_formula() == "Br3CsPb"
    assert atoms.get_distance(1, 2, mic=True) == pytest.approx(5.87 / 2)
    assert (atoms.pbc.all(), atoms.info["pvkdb_id"]) == (True, "s1")


def test_a_range_has_two_ends_and_an_operation_a_name(client):
    with pytest.raises(InputError, match=r"write \(low, high\)"):
        client.kinetics.estimate(e_a_ev=(1, 2, 3))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="did you mean 'crossbar'"):
        client.call("crosbar")


def test_a_strange_key_leads_to_no_other_path(client):
    for strange in ("../healthz", "a/b", "", "\0", "?x=1", "%2e%2e"):
        with pytest.raises((NotFoundError, InputError, ServiceError)):
            client.materials.get(strange)


def test_a_calculation_is_queued_once_and_waited_for(served, client):
    store, _ = served
    calculation = client.calculations.submit("CsSnI3", potential="chgnet")
    assert calculation.state is CalculationState.QUEUED
    same = NebRequest(formula="SnCsI3", potential=PotentialName.CHGNET)
    assert client.calculations.submit(same) == calculation
    assert calculation.id in [row.id for row in client.calculations.search(state="queued")]
    with pytest.raises(ServiceError, match="is still queued after"):
        client.calculations.wait(calculation.id, timeout_s=0.05, poll_s=0.02)

    def work() -> None:
        with store.session() as session:
            assert claim(session, "worker", calculation.id)
            fail(session, calculation.id, "worker", "no hop", "no edge found")

    worker = threading.Timer(0.1, work)
    worker.start()
    ended = client.calculations.wait(calculation.id, timeout_s=20, poll_s=0.02)
    worker.join()
    assert (ended.state, ended.failure_kind) == (CalculationState.FAILED, "no hop")


def test_a_structure_is_sent_from_a_file_and_as_an_object(client, tmp_path):
    structure = client.structures.get("s1")  # cubic CsPbBr3
    structure.to_pymatgen().to(str(tmp_path / "host.cif"))
    settings = pvkdb.NebSettings(images=5)
    first = client.calculations.queue(structure=tmp_path / "host.cif", settings=settings)
    assert (first.parameters["formula"], first.parameters["phase"]) == ("CsPbBr3", "Pm-3m")
    assert first.parameters["settings"]["images"] == 5
    assert len(first.parameters["host"]["symbols"]) == 5
    for same in (structure, structure.to_pymatgen(), structure.to_ase()):
        asked = client.calculations.queue(
            "CsPbBr3", "chgnet", structure=same, phase="mine", defect="V_Br"
        )
        names = ("phase", "potential", "defect")
        assert [asked.parameters[name] for name in names] == ["mine", "chgnet", "V_Br"]
        assert asked.parameters["host"]["cell_ang"][0] == [5.87, 0.0, 0.0]


def test_a_request_that_cannot_be_calculated_is_refused(client):
    with pytest.raises(InputError, match="the request is complete; omit potential"):
        client.calculations.submit(NebRequest(formula="CsPbBr3"), potential="chgnet")
    with pytest.raises(InputError, match="no structure with one element on each site"):
        client.calculations.queue(structure="no.cif")


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "http://", "http://host:port"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InputError, match="address"):
        Client(url)


@pytest.mark.parametrize("key", ["schlüssel", "se\ncret", " secret"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key):
    with pytest.raises(InputError) as refused:
        Client("http://service", api_key=key)
    assert key not in str(refused.value)


def test_the_key_travels_as_a_bearer_token_and_the_address_may_have_a_path():
    told = Told(httpx.Response(200, json=EMPTY))
    with Client("http://host/pvk/", api_key="k1", transport=told) as client:
        client.devices.search(retention_s=(1e4, None))
        assert "k1" not in repr(client)
    seen = told.requests
    assert seen[0].headers["Authorization"] == "Bearer k1"
    assert [each.url.path for each in seen] == ["/pvk/api/v1/devices/fields", "/pvk/api/v1/devices"]
    assert dict(seen[-1].url.params) == {"retention_s_min": "10000.0", "limit": "500"}


def test_rows_added_while_one_pages_do_not_disturb():
    def told(keys: list[str], total: int, cursor: str | None) -> httpx.Response:
        return page([ReferencesRow(key=key).model_dump() for key in keys], total, cursor)

    with answering(told(["r1", "r2"], 3, "c"), told(["r3", "r4"], 4, None)) as client:
        results = client.references.search()
        assert len(results) == 3
        assert [row.key for row in results] == ["r1", "r2", "r3", "r4"]
        assert len(results) == 4


def test_who_has_imported_something_asks_for_rankings_that_do_not_lag() -> None:
    empty = httpx.Response(200, json=EMPTY)
    refused = httpx.Response(422, json={})
    told = Told(empty, refused, empty)
    with Client("http://service", transport=told) as client:
        client.devices.count()
        with pytest.raises(ServiceError):
            client.import_papers({"devices": []})
        client.devices.count()
    sent = [request.headers.get("Cache-Control") for request in told.requests]
    assert sent == [None, None, "no-cache"]


def test_a_paper_is_imported_from_a_file_or_a_mapping(client, tmp_path):
    paper = tmp_path / "paper of öne.yaml"
    paper.write_text(
        "reference: {key: one2026, title: T, authors: A. One, journal: J., year: 2026}\n",
        encoding="utf-8",
    )
    tried = client.import_papers(paper, dry_run=True)
    assert (tried.dry_run, tried.counts["references"].added) == (True, 1)
    assert tried.changes[0].file == "paper-of--ne.yaml"
    with pytest.raises(NotFoundError):
        client.references.get("one2026")
    with pytest.raises(pvkdb.client.RefusedError, match="nothing was imported") as refused:
        client.import_papers({"devices": [{"structure": "ITO/X"}]})
    assert refused.value.problem.problems[0].line is not None
    with pytest.raises(InputError, match=r"\.yaml"):
        client.import_papers(tmp_path / "paper.txt")
    with pytest.raises(InputError, match="cannot be read"):
        client.import_papers(tmp_path / "none.yaml")
