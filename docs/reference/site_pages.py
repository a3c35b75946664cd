"""Pages of the site that are made from the code when it is built; git ignores them.

``python/`` has a page for each public module, ``commands.md`` the help of each command, ``rest/`` a
page for each tag of the OpenAPI description.
"""

from __future__ import annotations

import ast
import enum
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON, REST = HERE / "python", HERE / "rest"
PACKAGES = {
    "pvkdb": ROOT / "pvkdb",
    "pvkdb_pipelines": ROOT / "pipelines" / "pvkdb_pipelines",
    "pvkdb_api": ROOT / "api" / "pvkdb_api",
}

#: Modules whose ``__all__`` serves only other modules of pvkdb: why they are not public.
INTERNAL = {
    "pvkdb.store.collections": "queries of the service and of exports",
    "pvkdb.store.models": "tables of the database, which migrations change",
    "pvkdb.store.queue.claims": "steps of workers and of the service",
    "pvkdb_api.rest": "routes of the service",
}


@cache
def public_modules() -> dict[str, list[str]]:
    """The public names of each public module: those of its ``__all__``."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((package, *(part for part in parts if part != "__init__")))
            if name not in INTERNAL and "\n__all__" in path.read_text(encoding="utf-8"):
                found[name] = list(import_module(name).__all__)
    for name in list(found):  # the docstring of a package speaks of its modules
        found.setdefault(".".join(name.split(".")[:2]), [])
    return dict(sorted(found.items()))


@cache
def homes() -> dict[tuple[str, str], str]:
    """The module on whose page each public name of each module is described.

    A class or function that several modules offer is described in the one with the longest name.
    """
    places: dict[tuple[str, object], str] = {}
    for module, names in public_modules().items():
        for name in names:
            key = name, _identity(module, name)
            places[key] = max(places.get(key, ""), module, key=len)
    return {
        (module, name): places[name, _identity(module, name)]
        for module, names in public_modules().items()
        for name in names
    }


def _identity(module: str, name: str) -> object:
    return id(getattr(import_module(module), name))


def write() -> None:
    """Write all pages; a page that did not change keeps its time, so that Sphinx skips it."""
    pages = {HERE / "commands.md": commands()}
    pages |= {REST / f"{name}.md": text for name, text in rest().items()}
    pages |= {PYTHON / f"{name}.rst": module_page(name) for name in public_modules()}
    pages[PYTHON / "index.rst"] = python_index()
    for path in {*PYTHON.glob("*"), *REST.glob("*")} - {*pages}:
        path.unlink()
    for path, text in pages.items():
        path.parent.mkdir(exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# Python


def python_index() -> str:
    """The list of public modules."""
    lines = [
        *_heading("Python"),
        "What ``__all__`` of these modules lists is public. :doc:`/docs/stability` says what that",
        "promises.",
        "",
        *(f"- :mod:`{name}`: {_first_line(name)}" for name in public_modules()),
        "",
        ".. toctree::",
        "   :hidden:",
        "",
        *(f"   {name}" for name in public_modules()),
    ]
    return "\n".join(lines) + "\n"


def _first_line(module: str) -> str:
    document = inspect.getdoc(import_module(module)) or ""
    return " ".join(document.partition("\n\n")[0].split())


def module_page(module: str) -> str:
    """The page of a module: its docstring, then every public name."""
    lines = [*_heading(module), f".. automodule:: {module}", ""]
    elsewhere = []
    for name in public_modules()[module]:
        home = homes()[module, name]
        if home == module:
            lines += _described(module, name)
        else:
            elsewhere.append(f"- :py:obj:`{name} <{home}.{name}>` of :mod:`{home}`")
    if elsewhere:
        lines += ["Also offered here:", "", *elsewhere, ""]
    return "\n".join(lines)


def _heading(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def _described(module: str, name: str) -> list[str]:
    value = getattr(import_module(module), name)
    full = f"{module}.{name}"
    if inspect.isclass(value):
        options = ["   :members:", "   :exclude-members: model_config"]
        if issubclass(value, Exception):
            options += ["   :show-inheritance:"]
        elif issubclass(value, enum.Enum):
            options += ["   :undoc-members:"]
        elif not _is_model(value):
            options += ["   :inherited-members: dict, list, tuple, Mapping, Sequence"]
        return [f".. autoclass:: {full}", *options, ""]
    if inspect.isroutine(value):
        return [f".. autofunction:: {full}", ""]
    comment = _comment(module, name) or f"The {type(value).__name__} of this name."
    head = [f".. py:data:: {name}", f"   :module: {module}", ""]
    return [*head, *(f"   {line}" for line in comment.splitlines()), ""]


def _comment(module: str, name: str) -> str:
    """The comment above the definition of a constant (``#:``), wherever it was imported from."""
    analyzer = ModuleAnalyzer.for_module(module)
    found = analyzer.find_attr_docs().get(("", name))
    if found:
        return "\n".join(found).strip()
    for node in ast.walk(ast.parse(analyzer.code)):
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return _comment(str(node.module), name)
    return ""


def _is_model(value: Any) -> bool:
    return hasattr(value, "model_fields")


def add_fields(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Add the fields of a model to its docstring, with their units and meanings."""
    if what != "class" or not _is_model(value):
        return
    if hasattr(value, "dictionary"):
        lines += ["", "Its fields are columns of :doc:`/docs/reference/tables`."]
        return
    lines += ["", "Attributes:"]
    for field, info in value.model_fields.items():
        kind = _annotation(info.annotation)
        lines.append(f"    {field} ({kind}): {info.description or ''}".rstrip())
    lines.append("")


def _annotation(annotation: Any) -> str:
    """A type as a reader writes it, without the conditions on its values."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotation(inner[0])
    if origin is Literal:
        return " | ".join(map(repr, inner))
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(map(_annotation, inner)))
    if origin is not None:
        return f"{_annotation(origin)}[{', '.join(map(_annotation, inner))}]"
    if annotation in (None, type(None)):
        return "None"
    return "..." if annotation is ... else getattr(annotation, "__name__", str(annotation))


def shorten_signature(
    app: Any, what: str, name: str, value: Any, options: Any, signature: str, returned: str
) -> Any:
    """Leave out the signature of a model, which repeats its fields, and the steps of the client.

    Its operations are generators of steps, which a caller never sees.
    """
    if what == "class" and _is_model(value):
        return "", None
    return signature, re.sub(r"^Steps\[(.*)\]$", r"\1", returned) if returned else returned


def find_by_last_name(app: Any, env: Any, node: Any, contents: Any) -> Any:
    """Resolve a reference to a name without its module, as docstrings and annotations have it."""
    if node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    wanted = node["reftarget"].rpartition(".")[2]
    found = [
        (name, entry)
        for name, entry in domain.objects.items()
        if name.rpartition(".")[2] == wanted and not entry.aliased and entry.objtype != "module"
    ]
    if len(found) != 1 or ("." in node["reftarget"] and not _same(found[0][0], node["reftarget"])):
        return None
    ((name, entry),) = found
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contents, name)


def _same(name: str, other: str) -> bool:
    """Whether two names are of one object: that of the package, and that of the module in it."""
    return name.split(".")[:2] == other.split(".")[:2]


# Commands


def commands() -> str:
    """The help of every command."""
    import click
    from typer.main import get_command

    from pvkdb.cli.app import app

    group = get_command(app)
    lines = [
        "# Commands",
        "",
        "What `pvkdb COMMAND --help` prints. The order is that of typical use.",
        "",
    ]

    def add(command: Any, words: tuple[str, ...], level: int) -> None:
        context = click.Context(command, info_name=" ".join(words), max_content_width=96)
        context.terminal_width = 96
        text = command.get_help(context)
        lines.extend([f"{'#' * level} `{' '.join(words)}`", "", "```text", text, "```", ""])
        for name, inner in getattr(command, "commands", {}).items():
            add(inner, (*words, name), min(level + 1, 4))

    add(group, ("pvkdb",), 2)
    return "\n".join(lines)


# REST


def rest() -> dict[str, str]:
    """A page for each tag of the REST service: its routes, and the documents of no other tag."""
    from pvkdb_api.app import create_app

    app = create_app("sqlite:///described.sqlite")
    document = app.openapi()
    app.state.served.store.close()
    meanings = {each["name"]: each["description"] for each in document["tags"]}
    routes = {name: [f"# `{name}`", "", meanings[name], ""] for name in meanings}
    schemas, users = document["components"]["schemas"], defaultdict(set)
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            tag = route["tags"][0]
            routes[tag] += _route(f"{method.upper()} {path}", route)
            for name in _named(route, schemas):
                users[name].add(tag)
    shared = ["## Documents of several", ""]
    for name, schema in sorted(schemas.items()):
        of = users[name]
        lines = routes[of.pop()] if len(of) == 1 else shared
        lines += _schema(name, schema)
    index = [
        "# REST",
        "",
        f"Version 1 of the interface: {document['info']['summary']}. A running service has",
        "the same description at `/openapi.json`. [The REST service](../../rest.md) shows",
        "how to use it, by task.",
        "",
        *(f"- [{name}]({name}.md): {meaning}" for name, meaning in meanings.items()),
        "",
        *shared,
        *("```{toctree}", ":hidden:", "", *meanings, "```"),
    ]
    pages = {"index": index, **routes}
    return {name: "\n".join(lines) + "\n" for name, lines in pages.items()}


def _named(what: Any, schemas: dict[str, Any]) -> set[str]:
    """The documents that a description names, and those that they name."""
    found: set[str] = set()
    left = [what]
    while left:
        names = set(re.findall(r"#/components/schemas/(\w+)'", repr(left.pop()))) - found
        found |= names
        left += [schemas[name] for name in names]
    return found


def _route(title: str, route: dict[str, Any]) -> list[str]:
    lines = [f"### `{title}`", "", _plain(route.get("description") or route["summary"]), ""]
    parameters = route.get("parameters", ())
    if parameters:
        lines += ["| parameter | in | type | meaning |", "|---|---|---|---|"]
        for each in parameters:
            required = ", required" if each.get("required") and each["in"] != "path" else ""
            lines.append(
                f"| `{each['name']}` | {each['in']}{required} | {_type(each.get('schema', {}))} "
                f"| {_cell(each.get('description', ''))} |"
            )
        lines.append("")
    body = route.get("requestBody", {}).get("content", {})
    if body:
        lines += [f"Body: {_media(body)}", ""]
    for status, answer in route["responses"].items():
        if status != "default":
            media = _media(answer.get("content", {}))
            lines.append(
                f"- {status}: {_plain(answer['description'])}{f' {media}' if media else ''}"
            )
    return [*lines, ""]


def _media(content: dict[str, Any]) -> str:
    return "; ".join(
        f"{_type(each.get('schema', {}))} (`{media}`)".replace("any (", "(")
        for media, each in content.items()
    )


def _schema(name: str, schema: dict[str, Any]) -> list[str]:
    lines = [f"({_target(name)})=", f"### {name}", "", _plain(schema.get("description", "")), ""]
    if "enum" in schema:
        lines += [", ".join(f"`{value}`" for value in schema["enum"]), ""]
    fields = schema.get("properties", {})
    if fields:
        lines += ["| field | type | meaning |", "|---|---|---|"]
        for field, each in fields.items():
            meaning = _cell(each.get("description", ""))
            lines.append(f"| `{field}` | {_type(each)} | {meaning} |")
        lines.append("")
    return lines


def _target(name: str) -> str:
    return f"rest-{name.lower().replace('_', '-')}"


def _type(schema: dict[str, Any]) -> str:
    """The type of a value in words, with links to documents."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{_target(name)})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            words = [_type(each) for each in schema[several]]
            return " or ".join(dict.fromkeys(word for word in words if word != "null")) or "null"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(schema.get("type", "any"))


def _plain(text: str) -> str:
    """A description without the roles and sections of a docstring."""
    text = re.split(r"\n\s*(?:Raises|Args|Example|Returns):", text)[0]
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?([\w]+)`", r"`\1`", text).replace("``", "`")
    return text.strip()


def _cell(text: str) -> str:
    return " ".join(_plain(text).split()).replace("|", r"\|").replace("<", r"\<")


def documented() -> Iterator[tuple[str, str, str]]:
    """Each public name: its module, itself, and the module on whose page it is described."""
    for (module, name), home in homes().items():
        yield module, name, home


def make_accessible(app: Any, page: str, template: str, context: dict[str, Any], _: Any) -> None:
    """Give headings of the sidebar a level, and let the keyboard scroll long lines of code."""
    tree = str(context.get("furo_navigation_tree", ""))
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    context["body"] = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
