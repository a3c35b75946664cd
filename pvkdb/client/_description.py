"""What a service can be asked, read from its OpenAPI description. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pvkdb.client._text import columns
from pvkdb.errors import ServiceError


@dataclass(frozen=True, slots=True)
class FilterDescription:
    """A filter of a collection, in the words of the service."""

    name: str
    type: str
    meaning: str
    choices: tuple[str, ...] = ()
    many: bool = False


class Filters(Mapping[str, FilterDescription]):
    """The filters of a collection by name; shows itself as a table."""

    def __init__(self, filters: Mapping[str, FilterDescription]) -> None:
        self._filters = dict(filters)

    def __getitem__(self, name: str) -> FilterDescription:
        return self._filters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._filters)

    def __len__(self) -> int:
        return len(self._filters)

    def __repr__(self) -> str:
        return columns(
            [each.name, each.type + (", one or many" if each.many else ""), each.meaning]
            for each in self.values()
        )


class Description:
    """The OpenAPI description of a service; empty where it gives none."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    @classmethod
    def read(cls, response: httpx.Response) -> Description:
        """The description in an answer.

        Raises:
            ServiceError: it holds none.
        """
        try:
            document = json.loads(response.content)
            document["paths"]
        except (ValueError, TypeError, KeyError) as error:
            raise ServiceError(f"{response.url} did not answer with a description") from error
        return cls(document)

    def parameters(self, path: str) -> dict[str, FilterDescription] | None:
        """What ``GET path`` can be asked, by name; None where the service does not say."""
        operation = self._document.get("paths", {}).get(path, {}).get("get")
        if operation is None:
            return None
        return {
            parameter["name"]: self._parameter(parameter)
            for parameter in operation.get("parameters", ())
            if parameter.get("in") == "query"
        }

    def _parameter(self, parameter: Mapping[str, Any]) -> FilterDescription:
        forms = list(self._forms(parameter.get("schema", {})))
        many = any(form.get("type") == "array" for form in forms)
        single = [
            inner
            for form in forms
            for inner in (
                self._forms(form.get("items", {})) if form.get("type") == "array" else [form]
            )
        ]
        kinds = dict.fromkeys(str(form["type"]) for form in single if "type" in form)
        choices = tuple(str(value) for form in single for value in form.get("enum", ()))
        return FilterDescription(
            name=parameter["name"],
            type=" or ".join(kind for kind in kinds if kind != "null") or "any",
            meaning=parameter.get("description", ""),
            choices=choices,
            many=many,
        )

    def _forms(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The alternatives of a schema, references resolved."""
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
