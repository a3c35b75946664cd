"""The page on drafts is what the rules find in the review today, and holds its bars."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.drafting import make as drafting
from validation.drafting.make import BAR_FOUND, BAR_RIGHT, ENERGIES, HELD_OUT, IN_VIEW, TABLES
from validation.drafting.score import PARTS, measured, total


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
        score = drafting.score(printed, proposals, parts)
        assert score.found >= BAR_FOUND * score.printed, parts
        assert score.right >= BAR_RIGHT * score.proposed, parts


def test_the_rules_still_read_the_texts_that_they_were_mended_with() -> None:
    texts = {part: measured(part) for part in PARTS}
    assert sum(map(len, texts.values())) >= 250
    for part, own in texts.items():
        for what in ("values", "reference"):
            score = total(getattr(one, what) for one in own)
            assert score.found >= 0.9 * score.printed, (part, what)
            assert score.right >= 0.95 * score.proposed, (part, what)
    values = total(one.values for own in texts.values() for one in own)
    assert values.found >= 0.93 * values.printed
    assert values.right >= 0.97 * values.proposed
