"""Tables that other packages add, with their rows, by the entry points ``pvkdb.tables``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pvkdb.errors import AddedError
from pvkdb.operations.other_packages import additions, load
from pvkdb.schemas.tables.columns import Row

#: Entry points with which other packages add tables, each a sequence of :class:`AddedTable`.
GROUP = "pvkdb.tables"


@dataclass(frozen=True, kw_only=True)
class AddedTable:
    """A table of another package. Its rows come with the package and are in no database."""

    #: In exports, addresses and the client.
    name: str
    #: ``module:name`` of the class of a row: its columns are declared as those of pvkdb are.
    row: str
    #: ``module:name`` of a function without arguments that returns the rows, in order.
    rows: str
    #: Columns with text in which ``q`` looks, and an example of such a search.
    words: tuple[str, ...]
    example: str
    #: The package that adds it.
    package: str = ""

    def read(self) -> tuple[type[Row], Sequence[Row]]:
        """Return the class of a row, and the rows."""
        row: type[Row] = load(self.row)
        if unknown := {*self.words, *row.primary_key} - {*row.columns()}:
            raise ValueError(f"it has no column {min(unknown)!r}")
        if "position" in row.columns():
            raise ValueError("the name 'position' is taken by the order of the rows")
        rows = [row.model_validate(each) for each in load(self.rows)()]
        if not rows:
            raise ValueError("it has no rows")
        return row, rows


class Tables(Mapping[str, type[Row]]):
    """Classes of rows by the names of tables. Other packages are asked when it is first used."""

    def __init__(self, own: Mapping[str, type[Row]]) -> None:
        self._own = own

    @cached_property
    def _every(self) -> Mapping[str, type[Row]]:
        return {**self._own, **{name: each.read()[0] for name, each in self.added[0].items()}}

    @cached_property
    def added(self) -> tuple[Mapping[str, AddedTable], Sequence[AddedError]]:
        """The tables of other packages by their names, and which of them are broken."""
        return additions(GROUP, self._own, AddedTable.read)

    def __getitem__(self, name: str) -> type[Row]:
        return self._own[name] if name in self._own else self._every[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._every)

    def __len__(self) -> int:
        return len(self._every)
