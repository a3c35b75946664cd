"""Results of an import: the changes that it makes, or the problems for which it is refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pvkdb.operations.fields import InCommand, Text
from pvkdb.schemas import RequestModel

ImportedTable = Literal["references", "energetics", "devices"]
Action = Literal["add", "supersede", "already there"]


class FileProblem(BaseModel):
    """A problem or doubt in a file: the place, the value, and the reason with the remedy."""

    model_config = ConfigDict(frozen=True)

    file: str = Field(description="Name of the import.")
    line: int | None = Field(
        default=None, description="Line; null if the problem concerns the whole file."
    )
    column: str | None = Field(
        default=None, description="Field; null if the problem concerns the whole row."
    )
    value: str | None = Field(default=None, description="Value of the field; null if it has none.")
    reason: str = Field(description="What is wrong, and what to write instead.")

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        if self.column is None:
            return f"{place}: {self.reason}"
        value = "" if self.value is None else f" {self.value!r}"
        return f"{place}, column {self.column}{value}: {self.reason}"


class Difference(BaseModel):
    """A column in which a row differs from the row it supersedes; None is an empty cell."""

    model_config = ConfigDict(frozen=True)

    column: str = Field(description="Name of the column.")
    before: str | None = Field(description="Value before; null if empty.")
    after: str | None = Field(description="Value now; null if empty.")


class Change(BaseModel):
    """The change that an import makes for one row of a file."""

    model_config = ConfigDict(frozen=True)

    action: Action = Field(
        description="Whether the row is added, supersedes another row, or is in the store already."
    )
    table: ImportedTable = Field(description="Table of the row.")
    id: str = Field(description="Id that the row has in the store; for references its key.")
    file: str = Field(description="Name of the import.")
    line: int = Field(description="Line of the row.")
    summary: str = Field(description="Short form of the row.")
    supersedes: str | None = Field(
        default=None, description="Id of the row that it corrects; null if none."
    )
    differences: tuple[Difference, ...] = Field(
        default=(), description="Columns in which it differs from that row."
    )


class Counts(BaseModel):
    """Numbers of rows of one table that an import adds, supersedes or leaves as they are."""

    added: int = Field(default=0, description="Rows added.")
    superseding: int = Field(default=0, description="Rows added that correct others.")
    already_there: int = Field(default=0, description="Rows that the store holds already.")


class ImportReport(BaseModel):
    """The result of an import. ``changes`` lists the first changes, ``counts`` counts all."""

    dry_run: bool = Field(
        description="Whether the import was only checked and nothing was changed."
    )
    dataset_version: str = Field(description="Version of the data, for a citation.")
    counts: dict[ImportedTable, Counts] = Field(description="Numbers of rows by table and action.")
    changes: list[Change] = Field(description="The first hundred rows with their actions.")
    warnings: list[FileProblem] = Field(description="Doubts that did not stop the import.")

    @property
    def changed(self) -> int:
        """Number of rows that the import adds to the store."""
        return sum(counts.added + counts.superseding for counts in self.counts.values())


class RowVersion(BaseModel):
    """One version of a row, with its differences from the version before."""

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


class ReviewRequest(RequestModel):
    """Who confirms which import."""

    version: Annotated[Text | None, InCommand("version")] = Field(
        None,
        description="Dataset version of an import; omit to list those that wait.",
        examples=["review2026-0c7d1e58ab"],
    )
    by: Annotated[Text | None, InCommand(value="NAME")] = Field(
        None,
        description="Who confirms it; a service takes the name of the key.",
        examples=["A. Curator"],
    )


class UnreviewedImport(BaseModel):
    """An import that nobody has confirmed."""

    version: str = Field(
        description="Dataset version that it made.", examples=["review2026-0c7d1e58ab"]
    )
    origin: str = Field(description="What was imported.", examples=["paper.yaml"])
    at: date = Field(description="Day of the import.", examples=["2026-11-30"])
