"""What an import says: the changes that it makes, or the problems for which it is refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ImportedTable = Literal["references", "energetics", "devices"]
Action = Literal["add", "supersede", "already there"]


class FileProblem(BaseModel):
    """What is wrong, or doubtful, in a file: the place, the value, the reason with the remedy."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int | None = None
    column: str | None = None
    value: str | None = None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        if self.column is None:
            return f"{place}: {self.reason}"
        value = "" if self.value is None else f" {self.value!r}"
        return f"{place}, column {self.column}{value}: {self.reason}"


class Difference(BaseModel):
    """A column in which a row differs from the one that it supersedes; None is an empty cell."""

    model_config = ConfigDict(frozen=True)

    column: str
    before: str | None
    after: str | None


class Change(BaseModel):
    """One row of a file and what becomes of it."""

    model_config = ConfigDict(frozen=True)

    action: Action
    table: ImportedTable
    id: str = Field(description="Id that the row has in the store; for references its key.")
    file: str
    line: int
    summary: str
    supersedes: str | None = None
    differences: tuple[Difference, ...] = ()


class Counts(BaseModel):
    """Rows of one table, by what becomes of them."""

    added: int = 0
    superseding: int = 0
    already_there: int = 0


class ImportReport(BaseModel):
    """The outcome of an import. ``changes`` holds the first of them, ``counts`` all."""

    dry_run: bool
    dataset_version: str
    counts: dict[ImportedTable, Counts]
    changes: list[Change]
    warnings: list[FileProblem]

    @property
    def changed(self) -> int:
        """Rows that the store gains."""
        return sum(counts.added + counts.superseding for counts in self.counts.values())


class RowVersion(BaseModel):
    """One version of a row, with what it changed in the version before it."""

    id: str
    table: str
    current: bool
    recorded_in: str | None = Field(description="Dataset version that brought the row.")
    recorded_by: str | None = Field(description="What made that version, e.g. a file's name.")
    supersedes: str | None
    row: dict[str, str | float | int | bool | None]
    differences: tuple[Difference, ...]


class History(BaseModel):
    """Every version of a row, oldest first."""

    id: str
    versions: list[RowVersion]
    dataset_version: str
