"""The few HTML pages, as text. They load nothing: no script, no font, no picture."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from pvkdb import __version__
from pvkdb.schemas.tables import TABLES
from pvkdb_api.optimade import PATH as OPTIMADE
from pvkdb_api.paths import API

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: light-dark(#1d2430, #e6e8ec);
  --soft: light-dark(#5b6675, #9aa5b4); --line: light-dark(#dfe3e8, #333a45);
  --paper: light-dark(#ffffff, #161a20); --card: light-dark(#f6f7f9, #1e232b);
  --accent: light-dark(#0b62a8, #6cb6f5); }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 56rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .5rem 0; } a { color: var(--accent); } .soft { color: var(--soft); }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
ul.cards { list-style: none; display: grid; gap: .75rem; padding: 0;
  grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
ul.cards a { display: block; padding: .8rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--card); text-decoration: none; }
ul.cards b { display: block; font-size: 1.5rem; color: var(--ink); }
details { border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
  margin: .5rem 0; }
summary { padding: .6rem .9rem; cursor: pointer; }
summary b { display: inline-block; min-width: 3.2rem; color: var(--accent); }
details > div { padding: 0 .9rem .8rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; vertical-align: top;
  border-top: 1px solid var(--line); } th { color: var(--soft); font-weight: 600; }
</style>
</head>
<body>
$body
</body>
</html>
""")


_OPTIMADE = f'<p><a href="{OPTIMADE}/v1/info">OPTIMADE</a>: base URL <code>{OPTIMADE}/v1</code></p>'
_NO_OPTIMADE = (
    '<p class="soft">OPTIMADE is not served here; on the server, run: '
    "<code>pip install 'pvkdb[optimade]'</code></p>"
)


def front_page(dataset_version: str, counts: Mapping[str, int], optimade: bool) -> str:
    """What this is, what it holds, and where to go."""
    cards = "".join(
        f'<li><a href="{API}/{name}"><b>{count:,}</b>{escape(name)}</a></li>'
        for name, count in counts.items()
    )
    files = ", ".join(
        f'<a href="{API}/export/{name}?format=csv">{escape(name)}</a>' for name in TABLES
    )
    body = f"""<h1>pvkdb</h1>
<p>Which halide perovskite, in which stack, for which memristor, and on what evidence: what the
literature reports, what calculations add, and rankings of both together.</p>
<p class="soft">Dataset <code>{escape(dataset_version)}</code>, version {escape(__version__)}</p>
<ul class="cards">{cards}</ul>
<h2>Use it</h2>
<p><a href="/docs">Operations</a> of the service, as <a href="/openapi.json">OpenAPI</a> too;
<a href="{API}/rankings">rankings</a>; <a href="/healthz">health</a>.</p>
<p>From Python: <code>pvkdb.Client(url).devices.search(absorber="MAPbI3").to_dataframe()</code></p>
{_OPTIMADE if optimade else _NO_OPTIMADE}
<h2>Tables as files</h2>
<p>{files}. Add <code>format=json</code> or <code>format=parquet</code> for other kinds.</p>"""
    return _PAGE.substitute(title="pvkdb", body=body)


def operations_page(description: Mapping[str, Any]) -> str:
    """Every operation of an OpenAPI description, by tag."""
    sections: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            sections.setdefault(tag, []).append(_operation(method, path, operation))
    body = "\n".join(
        f"<h2>{escape(tag)}</h2>\n{''.join(entries)}" for tag, entries in sections.items()
    )
    head = f"""<h1>Operations</h1>
<p class="soft">{escape(description["info"]["title"])} {escape(description["info"]["version"])}.
The same as <a href="/openapi.json">OpenAPI</a>, for tools. <a href="/">Front page</a></p>
<p>Every error is <code>application/problem+json</code>; every response names its dataset in
<code>X-Dataset-Version</code>.</p>
"""
    return _PAGE.substitute(title="pvkdb: operations", body=head + body)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{escape(_type(parameter['schema']))}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in operation.get("parameters", ())
    )
    table = (
        f"<table><tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr>{rows}</table>"
        if rows
        else ""
    )
    body = _body(operation)
    return (
        f"<details><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code> "
        f'<span class="soft">{escape(operation["summary"])}</span></summary>'
        f"<div><p>{escape(operation.get('description', ''))}</p>{body}{table}</div></details>\n"
    )


def _body(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return "".join(
        f"<p>Body: <code>{escape(kind)}</code>, "
        f"<code>{escape(str(entry['schema'].get('$ref', '')).rpartition('/')[2])}</code></p>"
        for kind, entry in content.items()
    )


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type(entry) for entry in schema["anyOf"] if entry.get("type") != "null")
    kind = str(schema.get("type", ""))
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**31 - 1:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    return kind
