"""The pages of docs/validation: where they are, their tables, and the option ``--page-only``."""

from __future__ import annotations

from pathlib import Path

#: The repository.
ROOT = Path(__file__).parents[1]
#: Pages, their numbers and pictures.
FOLDER = ROOT / "docs" / "validation"
