"""The page of a composition, in the browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from pvkdb.chemistry import parse_composition
from pvkdb.schemas.calculations.migration import NebResult
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Electronic
from pvkdb.store.models.structures import Structure
from pvkdb_pipelines.prototypes import build, compound_of

from ....patience import get
from ....statements import energy_row
from ....structures import structure_row
from ..asking import numbers
from ..conftest import Visitor, serving_at
from ..data.load import load_migration

COMPUTED = "/compositions/CsPbBr3?phase=Pm-3m"
CALCULATION = "8f1e5dfc005f"
#: Of which much is known, of two phases, without values of t, and of layers.
FOUR = ("CsPbBr3", "Cs3Sb2I9", "CsPbX3", "(PEA)2Cs3Pb4I13")


@pytest.fixture(scope="module")
def served(loaded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the literature, a real migration calculation, and odd materials."""
    path = tmp_path_factory.mktemp("material") / "material.sqlite"
    shutil.copy(loaded_sqlite, path)
    store = Store(f"sqlite:///{path}")
    with store.session() as session:
        assert load_migration(session) == "CsPbBr3-Pm-3m"
        _keep_vacancy(session)
        only = register_material(session, parse_composition("Rb2NaSbCl6"), "P2_1/n").id
        by_pbe = {"as_computed": 3.25, "unit": "eV", "method": "DFT", "functional": "PBE"}
        named = {"id": "g-pbe", "material_id": only, "quantity": "gap", "source": "calculation x"}
        session.add(Electronic(**named, **by_pbe))
        for phase, energy in (("Pnma", -15.0), ("delta", -15.5)):
            _relax(session, phase, energy)
    store.close()
    with serving_at(f"sqlite:///{path}") as address:
        yield address


def _relax(session: Session, phase: str, energy_ev: float) -> None:
    """CsSnCl3, one formula unit in the cell."""
    name, of = f"relax-{phase}", parse_composition("CsSnCl3")
    material = {"material_id": register_material(session, of, phase).id}
    done = {"kind": "relax", "state": "done", "parameters": {"potential": "chgnet"}, **material}
    session.add(Calculation(id=name, key=name, **done))
    session.flush()
    cubic = build(compound_of(of), "Pm-3m")
    made = {"calculation_id": name, "origin": f"chgnet from the {phase} prototype", **material}
    session.add(structure_row(f"{name}-host", cubic, energy_ev=energy_ev, **made))


def _keep_vacancy(session: Session) -> None:
    """The first end point of a hop once more, as a relaxed vacancy: a structure to choose."""
    image = session.get_one(Structure, f"{CALCULATION}-hop-19-image-0")
    names = ("material_id", "origin", "calculation_id", "atoms", "energy_ev", "cell_ang")
    kept = {name: getattr(image, name) for name in (*names, "symbols", "positions_ang")}
    session.add(Structure(id=f"{CALCULATION}-vacancy", role="vacancy", **kept))


class Reader(Visitor):
    """A person who opens every section of the page."""

    def open(self, path: str, status: int = 200) -> Any:
        tab = super().open(path, status)
        tab.locator("details.fold").evaluate_all(
            "all => all.forEach(each => { each.open = true; })"
        )
        return tab


@pytest.fixture
def guest(chromium, served) -> Iterator[Visitor]:
    visiting = Reader(chromium, served)
    yield visiting
    visiting.close()


def rest(served: str, path: str, **query: str) -> dict:
    answer = get(f"{served}/api/v1/{path}", params=query)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def result(served) -> NebResult:
    return NebResult.model_validate(rest(served, f"calculations/{CALCULATION}")["result"])


# ── The same numbers everywhere ─────────────────────────────────────────────────────────────────

ENERGY = """rows => Object.fromEntries(rows.map(row => [row.dataset.statement,
  [...row.querySelectorAll('td.number data')].map(each => each.value)]))"""


def test_numbers_of_a_composition_are_those_of_the_service(guest, served):
    for name in FOUR:
        formula = rest(served, f"compositions/{name}")["formula"]
        tab = guest.open(f"/compositions/{name}")
        shown = tab.locator("tr[data-statement]").evaluate_all(ENERGY)
        rows = rest(served, "energetics", material=formula, limit="500")["data"]
        assert set(shown) == {row["id"] for row in rows}, name
        for row in rows:
            ends = (end for end in (row["value_min_ev"], row["value_max_ev"]) if end is not None)
            if row["source"].startswith("calculation"):  # shown with two decimals
                ends = (round(end, 2) for end in ends)
            assert [float(each) for each in shown[row["id"]]] == list(dict.fromkeys(ends))
        factors = get(f"{served}/api/v1/tolerance/{formula}")
        if factors.status_code == 200:
            told = factors.json()
            expected = [told[key] for key in ("t", "mu", "tau", "p_perovskite")]
            assert numbers(tab.locator("dl.factors"))[:4] == expected, name
        else:
            expect(tab.get_by_text("t, μ and τ are not defined")).to_be_visible()
            why = factors.json()["detail"]
            expect(tab.locator("#composition .note").last).to_contain_text(why)


def test_ions_stand_with_their_radii_and_sources(guest):
    tab = guest.open("/compositions/MAPbI3")
    row = tab.get_by_role("row", name="A MA methylammonium")
    assert numbers(row)[:2] == [1.0, 1.0]
    expect(row.get_by_role("link", name="kieslich2014")).to_have_attribute(
        "href", "https://doi.org/10.1039/C4SC02211D"
    )
    expect(tab.locator("h1")).to_have_text("MAPbI3")
    assert tab.locator("h1 sub").inner_text() == "3"
    expect(tab.locator("header.material")).to_contain_text("CH3NH3PbI3")


def test_literature_and_computed_stand_apart(guest, served):
    tab = guest.open("/compositions/CsPbBr3")
    migration = tab.locator(".strip").first
    counts = {
        kind: migration.locator(f"a.mark.{kind}").count() for kind in ("literature", "computed")
    }
    rows = rest(served, "energetics", material="CsPbBr3", quantity="E_A", limit="500")["data"]
    computed = [row for row in rows if row["source"].startswith("calculation")]
    # One mark for each calculation, with its hops and its paths in other directions folded.
    sources = {row["source"] for row in computed}
    assert counts == {"literature": len(rows) - len(computed), "computed": len(sources)}
    mark = migration.locator("a.mark.literature[href='/references/r49']").first
    mark.focus()
    expect(tab.locator("#tip")).to_contain_text("E_A of V_Br: 0.35 eV")
    expect(mark).to_have_attribute("href", "/references/r49")
    expect(tab.get_by_text("section 2.1.2.1.2 says that")).to_be_visible()


def test_suitability_is_that_of_the_rankings(guest, served):
    tab = guest.open(COMPUTED)
    tab.locator("#standings").scroll_into_view_if_needed()
    expect(tab.locator("#standings tr")).to_have_count(11)
    expect(tab.locator("#standings [data-wanted]")).to_have_count(0)
    for name in ("selector", "photonic-synapse"):
        ranking = rest(served, f"rankings/{name}", subject="materials")
        mine = next(each for each in ranking["candidates"] if each["id"] == "CsPbBr3")
        shown = numbers(tab.locator(f"#standings [data-application={name}]"))
        keys = ("rank", "score", "score_low", "score_high", "coverage")
        assert shown == pytest.approx([mine[key] for key in keys], abs=0)


def test_predictions_follow_the_layer_in_the_address(guest, served):
    tab = guest.open(COMPUTED)
    tab.get_by_label("Thickness").fill("100")
    tab.get_by_role("button", name="Predict").click()
    expect(tab).to_have_url(re.compile(r"thickness_nm=100"))
    told = rest(served, "kinetics", formula="CsPbBr3", thickness_nm="100")["ions"]
    row = tab.get_by_role("row", name="relaxation time")
    expect(row).to_have_count(len(told))
    for place, ion in enumerate(told):
        quantity = next(q for q in ion["document"]["quantities"] if q["name"] == "relaxation time")
        if quantity["missing"]:
            expect(row.nth(place)).to_contain_text(f"not predicted: {quantity['missing']}")
            continue
        expect(row.nth(place).locator("data").first).to_have_attribute(
            "value", repr(quantity["minimum"])
        )
        assert numbers(row.nth(place)) == [quantity["minimum"], quantity["maximum"]]
    tab.reload()
    expect(tab.get_by_label("Thickness")).to_have_value("100")
    expect(row.first.locator("data").first).to_be_visible()
    tab.get_by_text("Assumptions, with").first.click()
    expect(tab.get_by_role("row", name="bias_v 0.17–4.8 V default").first).to_be_visible()
    guest.expected.add(422)
    tab.get_by_label("Bias").fill("much")
    tab.get_by_role("button", name="Predict").click()
    expect(tab.locator("#windows").get_by_role("alert")).to_contain_text("bias_v")


# ── Migration ───────────────────────────────────────────────────────────────────────────────────


def test_barriers_hops_and_profile_are_those_of_the_result(guest, result):
    tab = guest.open(COMPUTED)
    section = tab.locator("article.migration")
    for way in ("1D", "2D", "3D"):
        card = section.locator(".thresholds li").filter(has_text=f"in {way[0]} dimension")
        assert numbers(card) == [round(result.threshold_ev(way), 2)]  # beside its error
    tab.get_by_text("All 26 hops").click()
    for number, barrier in enumerate(result.hops, start=1):
        energies = (barrier.barrier_forward_ev, barrier.barrier_reverse_ev, barrier.saddle_ev)
        shown = (round(energy, 2) for energy in energies)
        row = [barrier.hop.length_ang, *shown, barrier.hop.multiplicity]
        assert numbers(section.locator(f"tr[data-number='{number}']")) == row
    shown = section.locator("tr[data-image]")
    limiting = result.limiting
    energies = (round(energy, 2) for energy in limiting.image_energies_ev)
    images = zip(limiting.reaction_coordinate_ang, energies, strict=True)
    assert [numbers(row) for row in shown.all()] == [list(image) for image in images]
    expect(section.locator(".note")).to_contain_text("Host changed: Pm-3m became Cm")
    assert section.locator(".graph .edge").count() == len(result.hops)
    assert section.locator(".graph .node").count() == len(result.sites)
    on_path = sum(hop.saddle_ev <= result.e_a_ev for hop in result.hops)
    assert section.locator(".graph .edge.path").count() == on_path
    assert section.locator(".graph .edge.limiting").count() == 1


def test_a_hop_is_chosen_by_its_address_and_back_leads_back(guest, result):
    tab = guest.open(COMPUTED)
    caption = tab.locator(".player figcaption")
    expect(caption).to_contain_text("Hop 19 limits the path in 3D")
    tab.get_by_role("link", name="limited by hop 7").click()
    expect(caption).to_contain_text(re.compile(r"Hop 7: octahedron edge, Br2 to Br6"))
    assert numbers(tab.locator(".profile figcaption")) == [
        round(result.hops[6].barrier_forward_ev, 2),
        round(result.hops[6].barrier_reverse_ev, 2),
    ]
    tab.go_back()
    expect(caption).to_contain_text("Hop 19")
    guest.open(f"{COMPUTED}&calculation={CALCULATION}&hop=27", status=404)
    expect(tab.get_by_role("alert")).to_contain_text("has no hop 27")


def test_the_path_moves_with_the_marker_of_the_profile(guest):
    tab = guest.open(COMPUTED)
    player, marker = tab.locator(".player"), tab.locator(".profile .now")
    stage, slider = player.locator(".stage"), player.get_by_role("slider")
    stage.scroll_into_view_if_needed()
    expect(stage).to_have_attribute("data-image", "4")
    expect(player.locator("[data-said]")).to_contain_text("Br moves")
    expect(player.get_by_role("button", name="Play")).to_be_visible()  # motion is not wanted
    slider.focus()
    slider.press("Home")
    expect(stage).to_have_attribute("data-image", "0")
    dots = tab.locator(".profile .image")
    expect(marker).to_have_attribute("cx", dots.first.get_attribute("cx"))
    player.get_by_role("button", name="Play").click()
    expect(stage).not_to_have_attribute("data-image", "0")
    player.get_by_role("button", name="Pause").click()
    image = int(slider.input_value())
    expect(stage).to_have_attribute("data-image", str(image))
    expect(marker).to_have_attribute("cx", dots.nth(image).get_attribute("cx"))


def test_the_answer_and_the_structure_stand_on_the_first_screen(chromium, served):
    for width, most in ((1280, 5000), (390, 9000)):
        guest = Visitor(chromium, served, viewport={"width": width, "height": 860})
        tab = guest.open(COMPUTED)
        expect(tab.locator(".answer")).to_contain_text(
            "0.25 to 0.35 eV by the literature and 0.14 eV"
        )
        expect(tab.locator("[data-viewer=structure] canvas")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollHeight") <= most
        tab.evaluate("location.hash = 'suitability'")
        expect(tab.locator("#standings .score").first).to_be_visible()
        expect(tab.locator("#phases table")).to_be_hidden()
        guest.close()


def test_the_structure_that_is_chosen_is_drawn(guest):
    tab = guest.open(COMPUTED)
    expect(tab.locator("[data-viewer=structure] .stage")).to_have_attribute(
        "data-shown", f"{CALCULATION}-host"
    )
    tab.get_by_label("vacancy").check()
    stage = tab.locator("[data-viewer=structure] .stage")
    expect(stage).to_have_attribute("data-shown", f"{CALCULATION}-vacancy")
    expect(tab).to_have_url(re.compile(f"structure={CALCULATION}-vacancy"))
    guest.open(tab.url.removeprefix(guest.address))
    expect(tab.get_by_label("vacancy")).to_be_checked()
    for kind in ("CIF", "POSCAR", "extXYZ"):
        file = tab.locator("#structures").get_by_role("link", name=kind, exact=True).first
        assert guest.context.request.get(f"{guest.address}{file.get_attribute('href')}").ok


def test_every_link_to_data_and_every_anchor_leads_somewhere(guest, served):
    tab = guest.open(COMPUTED)
    found = tab.locator("main a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    for href in sorted({href for href in found if href.startswith("/api")}):
        assert guest.context.request.get(f"{served}{href}").ok, href
    for anchor in sorted({href for href in found if href.startswith("#")}):
        expect(tab.locator(anchor)).to_have_count(1)


# ── What there is not ───────────────────────────────────────────────────────────────────────────


def test_a_composition_of_which_nothing_is_known_has_a_good_page(guest):
    tab = guest.open("/compositions/Rb2NaSbCl6-P21n")
    expect(tab.locator("h1")).to_contain_text("Rb2NaSbCl6")
    for section in ("energies", "structures", "migration", "devices"):
        expect(tab.locator(f"#{section} .nothing")).to_be_visible()
    expect(tab.locator("#structures .nothing")).to_contain_text("--phase P2_1/n")
    link = tab.locator("#data").get_by_role("link", name="Compute a migration barrier")
    expect(link).to_have_attribute("href", "/jobs/new?formula=Rb2NaSbCl6&phase=P2_1%2Fn")
    tab.locator("#windows").scroll_into_view_if_needed()
    expect(tab.locator("#windows")).to_contain_text("holds no activation energy")


def test_a_shared_site_leads_to_a_structure_file_and_not_to_prototypes(served):
    page = get(f"{served}/compositions/Cs15Li2Bi8I41").text
    assert "site B is shared by Li+ and Bi3+" in page
    assert "Add one: <code>pvkdb structure Cs15Li2Bi8I41 --from FILE</code>" in page
    assert "choose another composition" not in page
    assert "pvkdb neb Cs15Li2Bi8I41 --from FILE" in page
    assert "Compute missing phases" not in page
    assert "builds one from a prototype" not in page


def test_phases_stand_beside_the_literature_without_a_phase(guest, served):
    tab = guest.open("/compositions/CsPbBr3")
    phases = tab.locator("#phases tbody tr")
    rows = rest(served, "materials", formula="CsPbBr3")["data"]
    shown = phases.evaluate_all("rows => rows.map(row => row.dataset.phase)")
    assert shown == sorted(row["phase"] or "" for row in rows)
    assert {"", "Pm-3m"} <= {*shown}
    cells = phases.first.locator("td.number")  # E_A, E_A computed, DFE, DFE computed, …
    summary = rest(served, "compositions/CsPbBr3")
    ends = [summary[f"dfe_literature_{end}_ev"] for end in ("min", "max")]
    assert [numbers(cells.nth(place)) != [] for place in range(4)] == [True, False, True, False]
    assert numbers(cells.nth(2)) == list(dict.fromkeys(ends))
    cubic = tab.locator("#phases tr[data-phase='Pm-3m'] td.number")
    assert numbers(cubic.nth(0)) == []
    assert numbers(cubic.nth(1)) != []
    expect(tab.locator(".statements tr.other")).to_have_count(0)
    phases.get_by_role("link", name="Pm-3m").click()
    expect(tab).to_have_url(re.compile(r"/compositions/CsPbBr3\?phase=Pm-3m#phases$"))
    expect(tab.locator("h1")).to_contain_text("Pm-3m")
    expect(tab.locator(".statements tr.other")).not_to_have_count(0)
    guest.open("/compositions/CsPbBr3?phase=Pnma", status=404)


def test_the_lowest_phase_is_named_by_its_potential(guest, served):
    tab = guest.open("/compositions/CsSnCl3")
    summary = rest(served, "compositions/CsSnCl3")
    assert (summary["lowest_phase"], summary["phases_compared"]) == ("delta", 2)
    expect(tab.locator("header .tags")).to_contain_text("lowest phase by chgnet: delta")
    first, second = tab.locator("#phases tbody tr").all()
    expect(first).to_contain_text("delta lowest")
    assert numbers(first.locator("td").nth(1)) == [0.0]
    assert numbers(second.locator("td").nth(1)) == pytest.approx([100.0])


def test_an_unknown_name_leads_to_near_ones(guest):
    tab = guest.open("/compositions/CsPbBr4", status=404)
    expect(tab.get_by_role("alert")).to_contain_text("CsPbBr4")
    tab.get_by_role("link", name="CsPbBr3", exact=True).click()
    expect(tab).to_have_url(re.compile("/compositions/CsPbBr3$"))
    tab = guest.open("/compositions/RbSnCl3", status=404)
    expect(tab.get_by_role("link", name="Compute it")).to_have_attribute(
        "href", "/jobs/new?formula=RbSnCl3"
    )


# ── For everybody ───────────────────────────────────────────────────────────────────────────────


def test_without_scripts_everything_can_be_read(chromium, served):
    guest = Visitor(chromium, served, java_script_enabled=False)
    tab = guest.open(COMPUTED)
    tab.locator("#suitability summary").click()
    tab.get_by_role("link", name="Compute the rankings").click()
    expect(tab.locator("#standings [data-wanted]")).to_have_count(0)
    expect(tab.locator("#windows tr.chief").first).to_be_visible()
    guest.close()


def test_the_answer_names_the_phase_and_says_what_the_store_has(served: str) -> None:
    """CsPbI3 is yellow chains near 300 K; MAPbI3 is cubic above 330 K; r134 has no values."""
    chains = get(f"{served}/compositions/CsPbI3").text
    assert "measured near 300 K: delta" in chains
    assert "measured as P4/mbm at 510 K, but delta near 300 K" in chains
    assert "measured as I4/mcm from 160 to 330 K" in get(f"{served}/compositions/MAPbI3").text
    tin = get(f"{served}/compositions/CsSnI3").text
    assert "no device with it as the absorber has values in the store" in tin
    # A barrier of a lower bound is no value: Cs2SnX6 moves over more than 0.77 eV.
    assert "a barrier of at least 0.77 eV" in get(f"{served}/compositions/Cs2SnX6").text


def test_a_barrier_of_other_octahedra_is_named_as_such(tmp_path: Path, loaded_sqlite: Path) -> None:
    path = tmp_path / "bound.sqlite"
    shutil.copy(loaded_sqlite, path)
    store = Store(f"sqlite:///{path}")
    with store.session() as session:
        name = register_material(session, parse_composition("Cs3Bi2I9"), "P-3m1").id
        session.add(Calculation(id="c", key="c", kind="neb", state="done", parameters={}))
        session.flush()
        bound = {"defect": "V_I", "species": "I", "value_min_ev": None, "bound": "upper"}
        session.add(energy_row("e-1", name, 0.2042, direction="2D", **bound))
    store.close()
    with serving_at(f"sqlite:///{path}") as address:
        text = get(f"{address}/compositions/Cs3Bi2I9").text
    assert "is not known in P6_3/mmc: what is computed is of P-3m1" in text
    assert "a barrier of" not in text


def test_a_gap_that_is_only_computed_is_no_answer(served: str) -> None:
    def card(formula: str) -> str:
        text = re.sub("<[^>]+>", "", get(f"{served}/compositions/{formula}").text)
        return " ".join(text.partition("Band gap")[2].partition("each value")[0].split())

    assert card("CsPbBr3") == "2.18 to 2.29 eV as measured in 4 places,"
    assert (
        card("Rb2NaSbCl6") == "– 3.25 eV as P2_1/n by PBE, which is mostly below what is measured,"
    )
