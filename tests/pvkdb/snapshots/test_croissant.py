"""The Croissant description names the files, tables and columns of a dataset."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from pvkdb.schemas.tables import TABLES
from pvkdb.snapshots.croissant import croissant
from pvkdb.snapshots.writing import data_package


def test_a_snapshot_describes_every_file_and_column(made: Path) -> None:
    described = json.loads((made / "croissant.json").read_text(encoding="utf-8"))
    package = json.loads((made / "datapackage.json").read_text(encoding="utf-8"))
    assert described["@type"] == "sc:Dataset"
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+\+[\w.-]+", described["version"])
    assert described["version"].endswith(package["version"])
    assert not described["isLiveDataset"]
    files = {each["@id"]: each for each in described["distribution"]}
    for file in files.values():
        content = (made / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    sets = {each["name"]: each for each in described["recordSet"]}
    assert sets.keys() == TABLES.keys()
    for name, row in TABLES.items():
        fields = sets[name]["field"]
        assert [each["source"]["extract"]["column"] for each in fields] == row.columns()
        assert {each["source"]["fileObject"]["@id"] for each in fields} == {f"file-{name}"}
        assert f"file-{name}" in files
        assert {each["@id"] for each in sets[name].get("key", ())} <= {f["@id"] for f in fields}
    energies = {each["name"]: each for each in sets["energetics"]["field"]}
    assert energies["energetics/value_min_ev"]["dataType"] == "sc:Float"
    assert energies["energetics/value_min_ev"]["description"].endswith("Unit: eV.")


def test_files_of_a_service_have_no_checksum_and_are_live() -> None:
    files = {name: {"path": f"http://a/{name}", "mediatype": "x/y"} for name in TABLES}
    described = croissant(data_package("v1", files), "http://a/")
    assert described["isLiveDataset"]
    assert described["url"] == "http://a/"
    assert not any("sha256" in each for each in described["distribution"])
