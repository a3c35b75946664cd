"""Fields and filters of a collection, described by name. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    from typing import Self

    from pvkdb.schemas.responses import FilterInfo
    from pvkdb.schemas.tables.columns import Column


T = TypeVar("T")


class _Descriptions(dict[str, T], Generic[T]):
    """Descriptions by name, in order, which can also be indexed by position or slice."""

    @overload
    def __getitem__(self, key: str | int) -> T: ...

    @overload
    def __getitem__(self, key: slice) -> Self: ...

    def __getitem__(self, key: str | int | slice) -> T | Self:
        if isinstance(key, slice):
            return type(self)([*self.items()][key])
        return [*self.values()][key] if isinstance(key, int) else super().__getitem__(key)


class Fields(_Descriptions["Column"]):
    """The fields of a collection by name, in the order of the exported table.

    A field has a ``type``, ``unit``, ``meaning``, ``values`` (a closed vocabulary), ``source`` and
    ``empty`` (what an empty value means). Prints as a table: name, unit, meaning.

    Example:
        >>> list(client.devices.fields()[:3])
        ['id', 'group', 'structure']
    """

    def __repr__(self) -> str:
        def cells(field: Column) -> list[str]:
            return [field.name, field.unit or "", field.meaning]

        return text_table(map(cells, self.values()))


class Filters(_Descriptions["FilterInfo"]):
    """The filters of a collection by name, as the service describes them.

    Prints as a table: name, type, meaning.
    """

    def __repr__(self) -> str:
        def cells(each: FilterInfo) -> list[str]:
            return [each.name, each.type + (", one or many" if each.several else ""), each.meaning]

        return text_table(map(cells, self.values()))


def text_table(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as lines with aligned columns.

    Example:
        >>> print(text_table([["tau", "1", "tolerance factor"], ["r_a_ang", "Å", "radius of A"]]))
        tau      1  tolerance factor
        r_a_ang  Å  radius of A
    """
    listed = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in listed
    )
