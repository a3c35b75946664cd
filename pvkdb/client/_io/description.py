"""Fields and filters of a collection, described by name; the service's OpenAPI. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import httpx

from pvkdb.errors import ServiceError

if TYPE_CHECKING:
    from typing import Self

    from pvkdb.schemas.tables.columns import Column


T = TypeVar("T")

#: Member of a parameter's schema that names the separator of several values.
SEPARATOR = "x-separator"


@dataclass(frozen=True, slots=True)
class FilterDescription:
    """A filter of a collection, as the service describes it; ``many``: it accepts a list."""

    name: str
    type: str
    meaning: str
    choices: tuple[str, ...] = ()
    many: bool = False


class _Descriptions(Mapping[str, T], Generic[T]):
    """Ordered mapping of descriptions by name, which can also be indexed by position or slice."""

    def __init__(self, descriptions: Mapping[str, T]) -> None:
        self._descriptions = dict(descriptions)

    @overload
    def __getitem__(self, key: str | int) -> T: ...

    @overload
    def __getitem__(self, key: slice) -> Self: ...

    def __getitem__(self, key: str | int | slice) -> T | Self:
        if isinstance(key, slice):
            return type(self)(dict(list(self._descriptions.items())[key]))
        if isinstance(key, int):
            return list(self._descriptions.values())[key]
        return self._descriptions[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._descriptions)

    def __len__(self) -> int:
        return len(self._descriptions)


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


class Filters(_Descriptions[FilterDescription]):
    """The filters of a collection by name. Prints as a table: name, type, meaning."""

    def __repr__(self) -> str:
        return text_table(
            [each.name, each.type + (", one or many" if each.many else ""), each.meaning]
            for each in self.values()
        )


class Description:
    """The OpenAPI description of a service; empty if the service provides none."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    @classmethod
    def read(cls, response: httpx.Response) -> Description:
        """Return the description in a response.

        Raises:
            ServiceError: the response is not an OpenAPI document.
        """
        from pvkdb.schemas import parse_json

        try:
            document = parse_json(response.content)
            document["paths"]
        except (ValueError, TypeError, KeyError) as error:
            raise ServiceError(f"{response.url} did not answer with a description") from error
        return cls(document)

    def parameters(self, path: str) -> dict[str, FilterDescription] | None:
        """Return the query parameters of ``GET path`` by name; None if it is not described."""
        operation = self._document.get("paths", {}).get(path, {}).get("get")
        if operation is None:
            return None
        return {
            parameter["name"]: self._parameter(parameter)
            for parameter in operation.get("parameters", ())
            if parameter.get("in") == "query"
        }

    def _parameter(self, parameter: Mapping[str, Any]) -> FilterDescription:
        forms = [*self._forms(parameter.get("schema", {}))]
        kinds = dict.fromkeys(str(form["type"]) for form in forms if "type" in form)
        return FilterDescription(
            name=parameter["name"],
            type=" or ".join(kind for kind in kinds if kind != "null") or "any",
            meaning=str(parameter.get("description", "")),
            choices=tuple(str(value) for form in forms for value in form.get("enum", ())),
            many=SEPARATOR in parameter.get("schema", {}),
        )

    def _forms(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the alternatives of a schema, with references resolved."""
        if "$ref" in schema:
            found: Any = self._document
            for name in str(schema["$ref"]).removeprefix("#/").split("/"):
                found = found.get(name, {})
            yield from self._forms(found)
        elif "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self._forms(each)
        else:
            yield schema


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
