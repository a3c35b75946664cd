"""Write the methods of both clients for operations: ``python docs/reference/client_methods.py``.

They are made from the declarations (``pvkdb.operations``) into a plain file, so that editors and
mypy see them. Run it after a change of an operation; a test fails as long as the file is old.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, get_origin

from pvkdb.operations import Operation, declared, fields_of
from pvkdb.operations.fields import RangeText, kind_of, plain_kind

FILE = Path(__file__).parents[2] / "pvkdb" / "client" / "_parts" / "operations.py"

HEAD = '''"""Operations of the service. Made by docs/reference/client_methods.py; do not edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._parts.parameters import RangeValue, call

if TYPE_CHECKING:
    from pydantic import BaseModel

{imports}
'''

DIRECT = '''

class DirectOperations(ClientPart):
    """Operations that are methods of the clients themselves.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
    """
{methods}'''

PART = '''

class {part}Operations(ClientPart):
    """Operations of both clients.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
    """
{methods}

class {part}({part}Operations, Blocking):
    """{summary}"""


class Async{part}({part}Operations, Awaiting):
    """{summary} See :class:`{part}`."""
'''

METHOD = '''
    @operation
    def {name}({parameters}) -> Steps[{returned}]:
        """{summary}

{text}
        """
        return call(self._service, "{operation}", locals())
'''

QUEUED = '''

class QueuedOperations(ClientPart):
    """Operations of both clients that queue a calculation.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
        NotAllowedError: the service requires an API key with the scope `queue`.
    """

    def _written(
        self, parts: Sequence[str], body: BaseModel | None, idempotency_key: str | None
    ) -> Steps[CalculationDocument]:
        from pvkdb.schemas.calculations import CalculationDocument

        content = None if body is None else body.model_dump_json()
        path = path_of("calculations", *parts)
        answer = yield from self._service.write(path, content, idempotency_key)
        return parse(CalculationDocument, answer)
{methods}'''

QUEUED_METHOD = '''
    @operation
    def {name}(
        self, question: {question}, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """{summary}

{text}
        """
        return (yield from self._written([{path}], question, idempotency_key))
'''
#: The model that every operation of the queue returns.
DOCUMENT = "pvkdb.schemas.calculations:CalculationDocument"


def render() -> str:
    """The module as text, as ruff formats it."""
    stated = sorted(
        (each for each in declared().values() if each.method),
        key=lambda each: each.method.rpartition(".")[::2],
    )
    queued = [each for each in stated if each.queued]
    operations = [each for each in stated if not each.queued]
    models = [each.result for each in operations] + [str(each.request) for each in queued]
    results: dict[str, list[str]] = {}
    for module, name in sorted({(*each.split(":"),) for each in [DOCUMENT, *models]}):
        results.setdefault(module, []).append(name)
    imports = []
    for module, names in results.items():
        line = f"from {module} import {', '.join(names)}"
        many = f"from {module} import (\n" + "".join(f"    {each},\n" for each in names) + ")"
        imports.append(line if len(line) <= 96 else many)
    parts = groupby(operations, key=lambda each: each.method.rpartition(".")[0])
    return (
        HEAD.format(imports=textwrap.indent("\n".join(imports), " " * 4))
        + "".join(
            _part(name.title(), sorted(members, key=lambda each: each.many))
            for name, members in parts
        )
        + QUEUED.format(methods="".join(map(_queued_method, queued)))
    )


def _part(part: str, members: Sequence[Operation]) -> str:
    methods = "\n".join(_method(each).removesuffix("\n") for each in members) + "\n"
    form = PART if part else DIRECT
    return form.format(part=part, methods=methods, summary=members[0].summary)


def _queued_method(operation: Operation) -> str:
    return QUEUED_METHOD.format(
        name=operation.method.partition(".")[2],
        question=str(operation.request).partition(":")[2],
        summary=operation.summary,
        text=_text(operation, {}),
        path=f'"{operation.path.removeprefix("/calculations/")}"',
    )


def _method(operation: Operation) -> str:
    model, result = operation.request_model(), operation.result.partition(":")[2]
    fields = {} if model is None else fields_of(model)
    own = () if model is None else model.__annotations__
    parameters = ["self"]
    for name, field in fields.items():
        if name not in own and "*" not in parameters:
            parameters.append("*")
        parameters.append(
            f"{name}: {_kind(field)}{'' if field.is_required() else ' | None = None'}"
        )
    listed = ", ".join(parameters)
    returned = f"list[{result}]" if operation.many else result
    name = operation.method.rpartition(".")[2]
    if len(f"    def {name}({listed}) -> Steps[{returned}]:") > 100:
        listed = "\n" + "".join(f"        {each},\n" for each in parameters) + "    "
    return METHOD.format(
        name=name,
        parameters=listed,
        returned=returned,
        summary=operation.summary,
        text=_text(operation, fields),
        operation=operation.name,
    )


def _text(operation: Operation, fields: dict[str, Any]) -> str:
    """The docstring below its first line."""
    parts = [textwrap.fill(part, 92) for part in operation.description.split("\n\n")]
    if fields:
        parts.append("Args:\n" + "\n".join(_argument(*entry) for entry in fields.items()))
    if operation.python:
        parts.append("Example:\n" + textwrap.indent(operation.python, " " * 4))
    return textwrap.indent("\n\n".join(parts), " " * 8)


def _argument(name: str, field: Any) -> str:
    stated = not field.is_required() and field.default is not None
    default = f" Default: {field.default}." if stated else ""
    text = f"{name}: {field.description}{default}"
    return textwrap.fill(text, 92, initial_indent="    ", subsequent_indent=" " * 8)


def _kind(field: Any) -> str:
    kind = kind_of(field)
    if kind is RangeText:
        return "RangeValue"
    plain = plain_kind(kind)
    return str(plain) if get_origin(plain) else str(plain.__name__)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    FILE.write_text(render(), encoding="utf-8")
