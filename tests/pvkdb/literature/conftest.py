"""The text of the review by its sections."""

import re

import pytest


@pytest.fixture(scope="session")
def sections(review: list[str]) -> dict[str, list[str]]:
    """The lines under each numbered heading, captions included, in the order of the text."""
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in review[: review.index("Conflicts of interest")]:
        if heading := re.match(r"(\d(?:\.\d+)*)\. (?:[A-Z]|2D)", line):
            current = parts.setdefault(heading[1], [])
        current.append(line)
    return parts
