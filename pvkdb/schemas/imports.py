"""Imports: their changes, or why they are refused; drafts of papers at the desk; reviews."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pvkdb.operations.fields import InCommand, Text
from pvkdb.schemas import RequestModel, StrictModel

ImportedTable = Literal["references", "energetics", "devices"]
Action = Literal["add", "supersede", "already there"]
DraftState = Literal["to read", "entered", "confirmed", "rejected"]


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
    current: bool = Field(description="Whether it counts; one version of a row does.")
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


class ChangesRequest(RequestModel):
    """Since when."""

    since: Annotated[Text, InCommand("since", "VERSION")] = Field(
        description="Dataset version of then.", examples=["review2026-0c7d1e58ab"]
    )


class NewRow(BaseModel):
    """A row that came after a dataset version."""

    id: str = Field(description="Id of the row; of a reference its key.", examples=["e-t1-r01-ea"])
    supersedes: str | None = Field(
        description="Id of the row that it corrects, which counts until the correction is "
        "confirmed; null if none.",
        examples=["e-t1-r01-ea~1"],
    )
    version: str | None = Field(
        description="Dataset version that brought it; null if it was computed here.",
        examples=["review2026-d47cae9a20"],
    )


class TableChanges(BaseModel):
    """What came into a table after a dataset version; of references also what was corrected."""

    table: str = Field(description="Name of the table.", examples=["energetics"])
    added: int = Field(description="Number of new rows.", examples=[12])
    superseding: int = Field(description="Number of rows that correct others.", examples=[1])
    rows: list[NewRow] = Field(description="The first 10,000 of both, the oldest first.")


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


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers; give one, such as 3")
    return value


#: For whole numbers, which pydantic alone reads from true and false, too.
_NUMBER = BeforeValidator(_number)
#: Fields of requests that several operations of drafts have.
DraftNumber = Annotated[
    int, Field(description="Number of the draft.", ge=1, lt=2**31, examples=[1]), _NUMBER
]
Revision = Annotated[
    int,
    Field(description="Revision of the draft that was read.", ge=0, lt=2**31, examples=[3]),
    _NUMBER,
]
By = Annotated[
    Text | None,
    InCommand(value="NAME"),
    Field(description="Who does it; a service takes the name of the key.", examples=["A. Reader"]),
]


class DeskCell(BaseModel):
    """A field of a draft: what is proposed, where the paper says so, and what was decided."""

    cell: str = Field(
        description="Its row and the field, as decisions name it.", examples=["devices-1.endurance"]
    )
    field: str = Field(description="Field of an import.", examples=["endurance"])
    value: str = Field("", description="Proposal; empty if there is none.", examples=["10³ cycles"])
    sentence: str = Field("", description="Where it is.", examples=["It lasts for 10³ cycles."])
    start: int | None = Field(None, description="Its first character in the text.", examples=[14])
    end: int | None = Field(None, description="The character behind it.", examples=[24])
    printed: str = Field("", description="A figure as printed.", examples=["103 cycles"])
    doubt: str = Field("", description="Why it may be wrong.", examples=["is it 10^3?"])
    decision: Literal["accept", "correct", "reject"] | None = Field(
        None, description="The decision; null if there is none yet.", examples=["accept"]
    )
    decided: str = Field("", description="What is to be entered.", examples=["10³ cycles"])
    by: str | None = Field(None, description="Who decided.", examples=["A. Reader"])

    @property
    def mark(self) -> str:
        """What another file of the same paper has in common, too."""
        return f"{self.field}|{self.value}|{''.join(self.sentence.split())}"


class DeskRow(BaseModel):
    """A row of a draft: the reference of the paper, a device or an energy."""

    key: str = Field(description="Its name in decisions.", examples=["devices-1"])
    table: ImportedTable = Field(description="Its table.", examples=["devices"])
    place: str = Field("", description="Where in the paper it is.", examples=["section 3, page 4"])
    entered_as: str | None = Field(
        None, description="Its id in the store once it is entered.", examples=["zhang2026-d001"]
    )
    cells: list[DeskCell] = Field(description="Its fields.")


class DeskDraft(BaseModel):
    """A paper at the desk; with text and rows if it was asked for alone."""

    id: int = Field(description="Its number.", examples=[1])
    name: str = Field(description="Name of the file.", examples=["zhang2026.pdf"])
    title: str = Field(description="Title of the paper.", examples=["Ions in CsPbBr3"])
    state: DraftState = Field(
        description="To read, entered by one person, confirmed by another, or all rejected.",
        examples=["to read"],
    )
    revision: int = Field(description="Number of its changes; decisions name it.", examples=[3])
    undecided: int = Field(description="Proposals without a decision.", examples=[12])
    created_by: str = Field(description="Who brought the paper.", examples=["A. Reader"])
    created_at: datetime = Field(description="Since when.", examples=["2026-11-30T09:00:00Z"])
    entered_by: str | None = Field(description="Who entered it.", examples=["A. Reader"])
    confirmed_by: str | None = Field(description="Who confirmed it.", examples=["B. Second"])
    waiting: list[str] = Field(
        description="Dataset versions that wait for a review.", examples=[["review2026-0c7d1e58ab"]]
    )
    text: str | None = Field(
        None, description="Its text; paragraphs end at empty lines.", examples=["Abstract"]
    )
    rows: list[DeskRow] | None = Field(None, description="What is proposed, decided and added.")
    further: list[DeskCell] | None = Field(
        None, description="Values of no certain row, or without a field, which are not proposed."
    )


class Paper(StrictModel):
    """A paper for the desk, as text or as a PDF."""

    name: Text = Field("paper", description="Name of the file.", examples=["zhang2026.pdf"])
    text: Annotated[str | None, InCommand(file=True)] = Field(
        None,
        description="Its text: plain, HTML or XML.",
        examples=["The ITO/CsPbBr3/Ag device has an endurance of 1000 cycles."],
    )
    pdf: Annotated[str | None, InCommand(file=True, base64=True)] = Field(
        None, description="Its PDF; a service takes it as base64.", examples=["JVBERi0xLjQK"]
    )
    by: By = None


class DraftsRequest(RequestModel):
    """Which drafts."""

    draft: Annotated[DraftNumber | None, InCommand("draft")] = Field(
        None, description="Number of one draft, with its text and rows.", examples=[1]
    )


class DecideRequest(RequestModel):
    """A decision on fields of a draft."""

    draft: Annotated[DraftNumber, InCommand("draft")]
    action: Annotated[
        Literal["accept", "correct", "reject", "reopen"],
        InCommand("action", "accept|correct|reject|reopen"),
    ] = Field(description="What is decided.", examples=["accept"])
    cells: Annotated[list[Text], InCommand("cell", "CELL...")] = Field(
        description="Fields of the draft, or new ones with a correction: of a row, or a new row.",
        min_length=1,
        max_length=1000,
        examples=[["devices-1.endurance"]],
    )
    revision: Revision
    value: str | None = Field(None, description="The correction.", examples=["1000 cycles"])
    by: By = None


class EnterRequest(RequestModel):
    """Which draft is entered, and by whom."""

    draft: Annotated[DraftNumber, InCommand("draft")]
    revision: Revision
    by: By = None
