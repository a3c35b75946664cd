"""A table is the same as CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from pvkdb.literature import read_curated
from pvkdb.schemas.tables import TABLES

#: What the curated files hold.
COUNTS = {name: len(read_curated(name)) for name in ("energetics", "devices", "references")}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_same_rows_in_every_format(reading_api, name):
    answers = {
        kind: reading_api.get(f"/api/v1/export/{name}", format=kind, raw=True)
        for kind in ("csv", "json", "jsonl", "parquet")
    }
    for kind, answer in answers.items():
        assert answer.status_code == 200, answer.text
        file = f'attachment; filename="pvkdb-{name}.{kind}"'
        assert answer.headers["content-disposition"] == file
    table = pq.read_table(io.BytesIO(answers["parquet"].content))
    records = answers["json"].json()
    assert [json.loads(line) for line in answers["jsonl"].content.splitlines()] == records
    cells = list(csv.DictReader(io.StringIO(answers["csv"].content.decode())))
    columns = answers["csv"].text.splitlines()[0].split(",")

    assert columns == table.column_names == TABLES[name].columns()
    assert table.to_pylist() == records
    assert len(cells) == len(records) == COUNTS.get(name, len(records))
    for cell, record in zip(cells, records, strict=True):
        for column, value in record.items():
            assert _value(cell[column], value) == value
    assert records or name in ("structures", "calculations")


def _value(cell: str, like: object) -> object:
    if like is None:
        return cell or None
    return cell if isinstance(like, str) else json.loads(cell)


def test_texts_that_a_spreadsheet_would_run_are_escaped_in_csv(reading_api):
    printed = reading_api.get("/api/v1/export/device_claims", fields="as_printed").text
    assert "'+10 V\n" in printed
    assert "\n+10 V\n" not in printed
    raw = reading_api.get("/api/v1/export/device_claims", fields="as_printed", raw=True).text
    assert "\n+10 V\n" in raw
    assert "'+10 V" not in raw
    energies = reading_api.get("/api/v1/export/energetics", fields="value_min_ev")
    assert "\n-0.65\n" in energies.text


@pytest.mark.parametrize("fields", ["", " , "])
def test_a_list_without_a_field_is_all_of_them(reading_api, fields):
    every = reading_api.get("/api/v1/export/conduction")
    assert every.headers["content-type"] == "text/csv; charset=utf-8"
    assert reading_api.get("/api/v1/export/conduction", fields=fields).content == every.content


def test_unknown_tables_and_formats_are_refused(reading_api):
    problem = reading_api.problem("/api/v1/export/device", 404)
    assert "did you mean 'devices'?" in problem["detail"]
    problem = reading_api.problem("/api/v1/export/devices", 422, format="xlsx")
    assert problem["parameter"] == "format"
    assert "'csv', 'json', 'jsonl' or 'parquet'" in problem["detail"]


def test_references_are_files_for_citing(reading_api):
    answer = reading_api.get("/api/v1/export/references", format="bibtex", row="d-t4-r14")
    assert answer.headers["content-type"] == "application/x-bibtex; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="pvkdb-references.bib"'
    assert answer.text.startswith("@article{r")
    items = reading_api.get("/api/v1/export/references", format="csl", cited_by="devices").json()
    rows = reading_api.get("/api/v1/references", cited_by="devices", limit=500).json()["data"]
    assert [item["id"] for item in items] == [row["key"] for row in rows]
    refused = reading_api.problem("/api/v1/export/devices", 422, format="ris")
    assert "'jsonl' or 'parquet'" in refused["detail"]
