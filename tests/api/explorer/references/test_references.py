"""References with everything taken from them, how to cite, and the errata."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ..asking import ask, numbers, rows


def test_a_reference_shows_every_row_that_cites_it(visitor, address):
    """A paper of a table, and one of the running text."""
    cited = rows(address, "/references", cited_by="device_claims", limit=1)[0]["key"]
    for key in ("r36", cited):
        tab = visitor.open(f"/references/{key}")
        for region, path in (
            ("Energies", "/energetics"),
            ("Devices", "/devices"),
            ("Device values in text", "/device_claims"),
        ):
            expected = rows(address, path, reference=key)
            shown = tab.get_by_role("region", name=region, exact=True)
            names = shown.locator("tbody td:first-child a")
            expect(names).to_have_count(len(expected))
            assert set(names.all_inner_texts()) == {row["id"] for row in expected}


def test_the_numbers_of_a_reference_are_those_of_the_service(visitor, address):
    tab = visitor.open("/references/r36")
    expected = []
    for row in rows(address, "/energetics", reference="r36"):
        expected += dict.fromkeys((row["value_min_ev"], row["value_max_ev"]))
    assert numbers(tab.get_by_role("region", name="Energies")) == expected


def test_requirements_that_name_a_reference_stand_on_its_page(visitor):
    tab = visitor.open("/references/r381")
    link = tab.get_by_role("link", name="Nociceptor")
    expect(link).to_have_attribute("href", "/applications/nociceptor")


def test_how_to_cite_names_the_paper_and_the_dataset(visitor, address):
    tab = visitor.open("/references/r36")
    version = ask(address, "/healthz").json()["dataset_version"]
    block = tab.locator("pre[aria-label=BibTeX]")
    expect(block).to_contain_text("@article{r36,")
    expect(block).to_contain_text(f"version = {{{version}}}")
    expect(tab.get_by_role("main")).to_contain_text("10.1039/d5cs01222h")
    tab = visitor.open("/references/web-huang2022")  # read on an open page, not in the review
    expect(tab.get_by_role("main")).to_contain_text("How to cite")
    expect(tab.get_by_role("main")).not_to_contain_text("Transcribed from")


def test_a_doi_is_shown_with_the_page_that_shows_it_or_searched_by_title(visitor):
    seen = visitor.open("/references/r54").locator("dl.facts")
    expect(seen.get_by_role("link", name="10.1039/d3ee03772j")).to_have_attribute(
        "href", "https://doi.org/10.1039/d3ee03772j"
    )
    expect(seen).to_contain_text("DOI seen at https://ora.ox.ac.uk/")
    untraced = visitor.open("/references/web-bismuth")
    expect(untraced.locator("dl.facts")).to_contain_text(
        "source not traced (authors, journal, year not known); read at https://discovery"
    )
    expect(untraced.get_by_role("main")).to_contain_text("data storage, source not traced.")
    expect(untraced.locator("table").first).to_contain_text("source not traced")
    unseen = visitor.open("/references/r36").locator("dl.facts")
    address = unseen.get_by_role("link", name="search by title").get_attribute("href")
    assert address.startswith("https://search.crossref.org/search/works?q=")


def test_pages_have_their_references_as_files_for_citing(visitor, address):
    for path, found in (
        ("/references?cited_by=devices", {"cited_by": "devices"}),
        ("/references/r36", {"key": "r36"}),
        ("/devices/d-t4-r14", {"row": "d-t4-r14"}),
    ):
        tab = visitor.open(path)
        link = tab.locator("a[download]", has_text="CSL-JSON").first
        items = ask(address, link.get_attribute("href")).json()
        expected = {row["key"] for row in rows(address, "/references", **found)}
        assert {item["id"] for item in items} == expected
    tab = visitor.open("/applications/synaptic-training")
    link = tab.locator("a[download]", has_text="BibTeX").first
    entries = re.findall(r"^@\w+{", ask(address, link.get_attribute("href")).text, re.MULTILINE)
    assert len(entries) > 5  # of the ten rows shown


def test_the_table_counts_what_cites_each_reference(visitor, address):
    tab = visitor.open("/references?q=Toolsets")
    row = tab.locator("table.rows tbody tr").filter(has_text="Toolsets for assessing")
    assert numbers(row) == [
        len(rows(address, path, reference="r36"))
        for path in ("/energetics", "/devices", "/device_claims")
    ]


def test_every_erratum_is_listed_once(visitor, address):
    tab = visitor.open("/errata")
    for name in ("energetics", "devices", "device_claims"):
        expected = rows(address, f"/{name}", has_erratum="true")
        region = tab.get_by_role("region", name=f"Errata of {name}", exact=True)
        expect(region.locator("tbody tr")).to_have_count(len(expected))
        first = expected[0]
        expect(region.locator("tbody tr").filter(has_text=first["id"]).first).to_contain_text(
            first["erratum"]
        )
    for name in ("applications", "conduction", "benchmark_datasets"):
        kept = ask(address, f"/api/v1/export/{name}", format="json").json()
        region = tab.get_by_role("region", name=f"Errata of {name}", exact=True)
        expect(region.locator("tbody tr")).to_have_count(sum(bool(row["erratum"]) for row in kept))


def test_an_erratum_leads_to_its_row(visitor):
    tab = visitor.open("/errata")
    region = tab.get_by_role("region", name="Errata of conduction", exact=True)
    region.get_by_role("link").first.click()
    expect(tab).to_have_url(re.compile(r"/tables/conduction#row-\d+$"))
    expect(tab.locator("tr:target")).to_be_visible()
