"""The page on drafts is what the rules find in the review today, and holds its bars."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from validation.drafting import make as drafting
from validation.drafting import score
from validation.drafting.make import BAR_FOUND, BAR_RIGHT, ENERGIES, HELD_OUT, IN_VIEW, TABLES
from validation.drafting.score import (
    OF_OTHERS,
    gold,
    keep,
    last_measured,
    measure,
    measured,
    print_missing,
    total,
)


@pytest.fixture(scope="module")
def text(review: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("review") / "review.txt"
    path.write_text("\n".join(review), encoding="utf-8")
    return path


def test_the_page_says_what_the_rules_find(text: Path) -> None:
    page = "\n".join(drafting.page(text))
    assert drafting.PAGE.read_text(encoding="utf-8") == page, (
        "run: python -m validation.drafting.make"
    )


def test_the_rules_find_most_and_most_of_what_they_find_is_right(text: Path) -> None:
    printed, proposals = drafting.printed_values(), drafting.proposed_values(text)
    assert sum(value.part in (IN_VIEW, HELD_OUT) for value in printed) >= 259
    assert sum(value.part == ENERGIES for value in printed) >= 46
    for parts in ([IN_VIEW, HELD_OUT, ENERGIES], [HELD_OUT], [ENERGIES], [TABLES]):
        counted = drafting.score(printed, proposals, parts)
        assert counted.found >= BAR_FOUND * counted.printed, parts
        assert counted.right >= BAR_RIGHT * counted.proposed, parts


def test_the_rules_still_read_the_quotations_that_they_were_mended_with() -> None:
    own = [one for part in ("quotations", "readings") for one in measured(part)]
    assert len(own) >= 35
    for what in ("values", "reference"):
        counted = total(getattr(one, what) for one in own)
        assert counted.found >= 0.9 * counted.printed
        assert counted.right >= 0.95 * counted.proposed


def test_the_rules_read_the_figures_of_papers_in_sentences_of_ours() -> None:
    """Papers and figures are those of the gold, and the words are not those of the papers."""
    own = [*filter(None, map(in_own_words, (text for part in OF_OTHERS for text in gold(part))))]
    counted = total(measure(text).values for text in own)
    assert len(own) >= 150
    assert counted.printed >= 330
    assert counted.found >= 0.98 * counted.printed
    assert counted.right >= 0.99 * counted.proposed


def in_own_words(text: dict[str, Any]) -> dict[str, Any] | None:
    """Return gold in sentences of ours, with the lines that they say; None without any."""
    said = {}
    for line in text["gold"]:
        field, value, *materials = (part.strip() for part in line.split("|"))
        material = next(iter(" ".join(materials).replace("unknown", "").split()), "")
        if field in SENTENCES:
            said[line] = SENTENCES[field].format(value=value, of=f"{material} device".strip())
    return {**text, "text": " ".join(said.values()), "gold": [*said]} if said else None


SENTENCES = {
    "structure": "A device of the structure {value} was made.",
    "on_off_ratio": "The {of} has an on/off ratio of {value}.",
    "endurance": "The endurance of the {of} is {value} cycles.",
    "retention": "The {of} keeps its state with a retention time of {value} s.",
    "stability": "The {of} was stable for {value} days in air.",
    "v_set": "The SET voltage of the {of} is {value} V.",
    "v_reset": "The RESET voltage of the {of} is {value} V.",
    "E_A": "The activation energy of ion migration in the {of} is {value} eV.",
    "DFE": "The formation energy of the iodine vacancy in the {of} is {value} eV.",
    "switching_time": "The {of} switches with a switching time of {value} s.",
    "energy_per_event": "The {of} has an energy consumption of {value} J per synaptic event.",
    "rectification_ratio": "The {of} has a rectification ratio of {value}.",
    "states": "The {of} has {value} conductance states.",
}


def test_no_text_of_others_is_in_the_repository() -> None:
    assert {key for part in OF_OTHERS for text in gold(part) for key in text} <= {
        *("id", "doi", "address", "reference", "form", "gold")
    }
    assert sum(len(gold(part)) for part in OF_OTHERS) == 220
    for text in (text for part in OF_OTHERS for text in gold(part)):
        assert text.get("doi") or text["address"], text["id"]


def test_texts_of_a_folder_are_measured_and_the_missing_ones_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the id of a text or the DOI of its paper; the counts of the others stay."""
    by_id, by_doi = gold("development")[0], gold("unseen_1")[0]
    (tmp_path / f"{by_id['id']}.txt").write_text(in_own_words(by_id)["text"])  # type: ignore[index]
    (tmp_path / f"{by_doi['doi'].replace('/', '_')}.txt").write_text("Nothing is said.")
    assert [one.source["id"] for one in measured("development", tmp_path)] == [by_id["id"]]
    kept = tmp_path / "gold"
    shutil.copytree(score.GOLD, kept)
    monkeypatch.setattr(score, "GOLD", kept)
    before = last_measured("development") + last_measured("unseen_1")
    keep({part: measured(part, tmp_path) for part in OF_OTHERS})
    after = last_measured("development") + last_measured("unseen_1")
    changed = [new for old, new in zip(before, after, strict=True) if old.values != new.values]
    assert {one.source["id"] for one in changed} <= {by_id["id"], by_doi["id"]}
    assert changed[-1].values.found == 0
    print_missing(tmp_path, ["unseen_1"])
    said = capsys.readouterr().out
    assert said.startswith("unseen_1: 13 of 14 texts are not in ")
    assert by_doi["id"] not in said.partition(tmp_path.name)[2].split()
