"""Pages describe themselves in schema.org's terms, and the service all its tables in Croissant."""

from __future__ import annotations

import json
import re
from typing import Any

from pvkdb.schemas.tables import TABLES

from ....patience import get


def json_ld(address: str, path: str) -> dict[str, Any]:
    page = get(f"{address}{path}", headers={"Accept": "text/html"})
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page.text)
    return json.loads(text)


def test_the_start_page_is_a_dataset_with_its_downloads(address):
    found = json_ld(address, "/")
    assert (found["@context"], found["@type"]) == ("https://schema.org/", "Dataset")
    assert found["url"] == f"{address}/"
    assert found["license"].startswith("https://")
    assert 50 <= len(found["description"]) <= 5000  # as search engines ask
    assert found["isBasedOn"] == ["https://doi.org/10.1039/d5cs01222h"]
    files = {each["contentUrl"]: each["encodingFormat"] for each in found["distribution"]}
    assert files[f"{address}/api/v1/snapshot?format=zip"] == "application/zip"


def test_a_composition_is_a_part_of_it_with_its_energies(address):
    found = json_ld(address, "/compositions/CsPbBr3")
    row = get(f"{address}/api/v1/compositions/CsPbBr3").json()
    assert found["about"]["name"] == "CsPbBr3"
    assert found["isPartOf"]["url"] == f"{address}/"
    assert 50 <= len(found["description"]) <= 5000
    measured = {each["name"]: each for each in found["variableMeasured"]}
    energy = measured["activation energy of halide migration, literature"]
    assert (energy["minValue"], energy["maxValue"], energy["unitText"]) == (
        row["e_a_literature_min_ev"],
        row["e_a_literature_max_ev"],
        "eV",
    )
    for each in found["distribution"]:
        answer = get(each["contentUrl"])
        assert answer.headers["content-type"].partition(";")[0] == each["encodingFormat"]
        assert "CsPbBr3" in answer.text


def test_the_files_that_croissant_names_are_there(address):
    answer = get(f"{address}/croissant.json")
    assert answer.headers["content-type"] == "application/ld+json"
    described = answer.json()
    assert {each["name"] for each in described["recordSet"]} == TABLES.keys()
    assert described["isLiveDataset"]
    files = {each["name"]: each["contentUrl"] for each in described["distribution"]}
    assert get(files["file-conduction"]).content[:4] == b"PAR1"
