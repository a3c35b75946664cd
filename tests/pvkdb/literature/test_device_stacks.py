"""Configuration, mechanism and volatility of the devices are what the named places say."""

from __future__ import annotations

import re

import pytest

from pvkdb.schemas.tables import DevicesRow

from ...curated import Row, read
from ...each import for_each

FACTS = ("configuration", "mechanism", "volatility")
#: Roles of the layers that a vertical device has between its electrodes.
FILMS = {"transport", "buffer", "absorber"}
#: The one definition that turns a stack or a crossbar into a vertical two-terminal device.
DEFINITION = ("section 4.1.1", ("2T devices", "vertical", "sandwiched", "top electrodes"))
#: Row and place of every other source, with the words there that say the fact.
EVIDENCE: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("configuration", "d-t4-r02", "section 4.2"): ("crosspoint", "intersection"),
    ("configuration", "d-t4-r06", "section 5.3.1"): ("crossbar array", "MAPbI₃ nanowires"),
    ("configuration", "d-t4-r15", "section 5.1.2"): ("crossbar array", "DJ 2D"),
    ("configuration", "d-t4-r27", "section 4.2"): ("crossbar array", "pyridinium lead iodide"),
    ("mechanism", "d-t4-r02", "section 4.2"): ("filament memristors",),
    ("mechanism", "d-t4-r03", "section 3.2.1.2"): ("mobile Br anion", "anions or vacancies"),
    ("mechanism", "d-t4-r07", "section 3.1.3"): ("ionic migration of Ag", "MAPbCl₃ nanowire"),
    ("mechanism", "d-t4-r08", "section 4.3.4"): ("filamentary memristor", "single-crystal film"),
    ("mechanism", "d-t4-r11", "section 3.2.1.3"): ("both ECM and VCM", "CsPbBr₃ quantum dot"),
    ("mechanism", "d-t4-r11", "title of r189"): ("Electrochemical Metallization and Valence",),
    ("mechanism", "d-t4-r12", "section 3.3.2.1"): ("Br⁻ ion-related conductive filaments",),
    ("mechanism", "d-t4-r12", "section 3.3.4.3"): ("VCM based (PEA)₂PbBr₄",),
    ("mechanism", "d-t4-r21", "section 2.4"): ("memristor behavior to iodide vacancies",),
    ("mechanism", "d-t4-r22", "section 2.4"): ("attributed", "to the iodide vacancies"),
    ("mechanism", "d-t4-r23", "section 2.4"): ("both the halide vacancy", "and Ag⁺"),
    ("mechanism", "d-t4-r23", "title of r152"): ("metallic and vacancy-oriented filamentary",),
    ("mechanism", "d-t4-r24", "section 2.4"): ("both the halide vacancy", "and Ag⁺"),
    ("mechanism", "d-t4-r24", "title of r152"): ("metallic and vacancy-oriented filamentary",),
    ("mechanism", "d-t4-r25", "section 2.4"): ("ionic migration was implicated",),
    ("mechanism", "d-t4-r28", "section 2.3"): ("migration of Br⁻ vacancies",),
    ("volatility", "d-t4-r02", "section 4.2"): ("Non-volatile",),
}
#: What the evidence must speak of for a word; a word that no device has yet needs no entry.
SPEAKS_OF = {
    "halide-vacancy filament": "anions or vacancies|Br⁻ ion-related conductive filaments|VCM based",
    "mixed filament": "both|metallic and vacancy-oriented|Metallization and Valence",
    "filament": "^filament",
    "metal-ion migration": "migration of Ag",
    "halide-vacancy migration": "vacancies",
    "ion migration": "ionic migration",
}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
DEVICES = read("devices")
TITLES = {row["key"]: row["title"] for row in read("references")}


def row_id(row: Row) -> str:
    return row["id"]


def sources(row: Row) -> dict[str, list[str]]:
    """The places of each fact of a row: `fact: place and place; fact: place`."""
    parts = (part.split(": ") for part in row["text_source"].split("; "))
    return {fact: places.split(" and ") for fact, places in parts}


def plain(text: str) -> str:
    """The text without the marks of LaTeX, charges and indices of formulas in Unicode."""
    text = re.sub(r"[$*\\]|text(?=\{)", "", text)
    text = re.sub(r"_\{?(\d+)\}?", lambda match: match[1].translate(SUBSCRIPTS), text)
    return re.sub(r"\^\{?([+-])\}?", lambda match: {"+": "⁺", "-": "⁻"}[match[1]], text)


def cites(line: str, key: str) -> bool:
    """Whether a line cites the reference, as superscript, in a list or in a caption."""
    number = key.removeprefix("r")
    raised = number.translate(SUPERSCRIPTS)
    pattern = rf"(?<![⁰¹²³⁴⁵⁶⁷⁸⁹]){raised}(?![⁰¹²³⁴⁵⁶⁷⁸⁹])|\bref\. {number}\b"
    return bool(re.search(pattern, line))


@for_each("row", DEVICES, row_id)
def test_facts_are_of_the_vocabulary_and_have_a_source(row: Row) -> None:
    for fact in FACTS:
        assert row[fact] in (*DevicesRow.dictionary()[fact].values, "")
    assert list(sources(row)) == [fact for fact in FACTS if row[fact]]


def test_the_evidence_is_for_the_sources_that_the_file_names() -> None:
    named = {
        (fact, row["id"], place)
        for row in DEVICES
        for fact, places in sources(row).items()
        for place in places
        if place.startswith(("section", "title")) and place != DEFINITION[0]
    }
    assert named == set(EVIDENCE)


@pytest.mark.parametrize(
    ("fact", "row", "place"), EVIDENCE, ids=[" ".join(source) for source in EVIDENCE]
)
def test_the_named_place_says_it_of_this_reference(
    fact: str, row: str, place: str, sections: dict[str, list[str]]
) -> None:
    device = next(device for device in DEVICES if device["id"] == row)
    words = EVIDENCE[fact, row, place]
    kind, _, name = place.rpartition(" ")
    if kind == "title of":
        assert name == device["references"]
        texts = [TITLES[name]]
    else:
        texts = [line for line in sections[name] if cites(line, device["references"])]
    assert any(all(word in plain(text) for word in words) for text in texts)


def test_the_mechanism_is_the_word_for_what_is_said() -> None:
    said: dict[str, str] = {}
    for (fact, row, _), words in EVIDENCE.items():
        if fact == "mechanism":
            word = next(device["mechanism"] for device in DEVICES if device["id"] == row)
            assert re.search(SPEAKS_OF[word], " ".join(words)), (row, word)
            said[row] = word
    assert said == {row["id"]: row["mechanism"] for row in DEVICES if row["mechanism"]}


def test_the_definition_of_a_vertical_device(sections: dict[str, list[str]]) -> None:
    place, words = DEFINITION
    text = " ".join(sections[place.removeprefix("section ")])
    assert all(word in text for word in words)
    assert "crossbar arrays" in text


@for_each("row", DEVICES, row_id)
def test_a_vertical_device_has_its_films_between_two_electrodes(row: Row) -> None:
    assert row["configuration"] == "2T vertical"
    first, definition = sources(row)["configuration"]
    assert definition == DEFINITION[0]
    assert first in {"stack in Table 4", "stack in Fig. 18 caption"} or (
        ("configuration", row["id"], first) in EVIDENCE
    )
    layers = [layer.split("=", 1) for layer in row["layers"].split(" | ")]
    roles = [role for role, _ in layers]
    films = [place for place, role in enumerate(roles) if role in FILMS]
    assert roles.index("bottom_electrode") < min(films)
    assert max(films) < roles.index("top_electrode")
    assert set(roles) <= FILMS | {"substrate", "adhesion", "bottom_electrode", "top_electrode"}


def test_equal_electrodes_are_no_proof_of_a_vertical_device(review: list[str]) -> None:
    """Lateral devices are printed as stacks too, with the same electrode at both ends."""
    alike = []
    for row in DEVICES:
        layers = dict(layer.split("=", 1) for layer in row["layers"].split(" | "))
        if layers["bottom_electrode"] == layers["top_electrode"]:
            alike.append(row["id"])
            assert sources(row)["configuration"][0] != "stack in Table 4"
    assert alike == ["d-t4-r02", "d-t4-r08"]
    caption = next(line for line in review if line.startswith("Fig. 18 "))
    assert "Ag/CsPbBr₃/Ag/Ti/SiO₂/Si" in caption
    assert cites(caption, "r262")


def test_the_caption_of_the_table_calls_its_devices_non_volatile(review: list[str]) -> None:
    caption = next(line for line in review if line.startswith("Table 4 "))
    assert caption.endswith("perovskite non-volatile memristors")
    for row in DEVICES:
        assert row["volatility"] == "non-volatile"
        assert sources(row)["volatility"][0] == "Table 4 caption"


@for_each("row", DEVICES, row_id)
def test_the_layers_join_to_the_printed_stack(row: Row) -> None:
    """In print order, apart from the three ways in which the table prints a form."""
    materials = [layer.split("=", 1)[1] for layer in row["layers"].split(" | ")]
    if row["id"] in {"d-t4-r20", "d-t4-r21"}:  # printed from top to bottom
        materials.reverse()
    stack = row["structure"]
    if row["id"] == "d-t4-r02":  # the coating first prints what it coats: Al@MAPbI3
        stack = stack.replace("@", "/")
    if row["form"].startswith("nanocomposite in "):
        stack = stack.replace("@" + row["form"].removeprefix("nanocomposite in "), "")
    elif row["form"] != "fibre":
        stack = stack.replace(f" {row['form']}" if row["form"] else "", "")
    assert "/".join(materials) == stack
