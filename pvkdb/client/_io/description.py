"""What a service can be asked, read from its OpenAPI description. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pvkdb.client._io.text import columns
from pvkdb.errors import ServiceError

#: How the service's description says that a parameter takes several values.
SEVERAL = "Several by commas."


@dataclass(frozen=True, slots=True)
class FilterDescription:
    """A filter of a collection, in the words of the service; ``many``: it takes a list."""

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
        forms = [*self._forms(parameter.get("schema", {}))]
        kinds = dict.fromkeys(str(form["type"]) for form in forms if "type" in form)
        meaning = str(parameter.get("description", ""))
        return FilterDescription(
            name=parameter["name"],
            type=" or ".join(kind for kind in kinds if kind != "null") or "any",
            meaning=meaning.removesuffix(SEVERAL).rstrip(),
            choices=tuple(str(value) for form in forms for value in form.get("enum", ())),
            many=meaning.endswith(SEVERAL),
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
