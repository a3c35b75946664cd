"""The pages of docs/validation: where they are, their tables, and the option ``--page-only``."""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

Model = TypeVar("Model", bound=BaseModel)

#: The repository.
ROOT = Path(__file__).parents[1]
#: Pages, their numbers and pictures.
FOLDER = ROOT / "docs" / "validation"


class Numbers(BaseModel):
    """Numbers that are kept: not to be changed, and without any that the model does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def texts(script: str) -> dict[str, str]:
    """Return the texts of the Markdown file beside a script, by the comments with their names."""
    file = Path(script).with_suffix(".md").read_text(encoding="utf-8")
    _, *parts = re.split(r"(?:^|\n)<!-- (\w+) -->\n", file)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def page_only(description: str | None) -> bool:
    """Return whether the command says ``--page-only``: nothing is computed."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--page-only", action="store_true", help="use the stored numbers")
    return bool(parser.parse_args().page_only)


def read(model: type[Model], path: Path) -> Model:
    """Read the stored numbers; a model without any where there is no file."""
    return model.model_validate_json(path.read_text(encoding="utf-8") if path.exists() else "{}")


def as_json(numbers: BaseModel) -> str:
    """Return numbers as stored in a file."""
    return numbers.model_dump_json(indent=1) + "\n"


def write(path: Path, numbers: BaseModel) -> None:
    """Store numbers."""
    path.write_text(as_json(numbers), encoding="utf-8")


def csv_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def row(*cells: object) -> str:
    """Return a row of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


def table(head: Sequence[object] | str, rows: Iterable[Sequence[object]] = ()) -> Iterator[str]:
    """Yield the lines of a table; a head may be written with ``|`` between its cells."""
    cells = head.split(" | ") if isinstance(head, str) else head
    yield row(*cells)
    yield f"|{'---|' * len(cells)}"
    for each in rows:
        yield row(*each)
