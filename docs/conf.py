"""How Sphinx builds the site: ``make docs``, into build/site. Nothing is fetched from a network.

The source folder is the repository, so that the links of a page lead to the same file on the site
and on a code host. Pages made from the code are written by ``reference/site_pages.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(ROOT / "pipelines"), str(ROOT / "api"), str(DOCS / "reference")]

import site_pages  # noqa: E402

from pvkdb import __version__  # noqa: E402

project = "pvkdb"
author = "The pvkdb developers"
copyright = "The pvkdb developers; MIT licence"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
#: Pages outside docs that are part of the site.
PROJECT = ("CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "SECURITY")
include_patterns = [
    "docs/**",
    *(f"{name}.md" for name in PROJECT),
    "pvkdb/computed/README.md",
    "pvkdb/literature/README.md",
]
#: Named one by one: with those that are there, a new folder would make every page again.
exclude_patterns = [
    *(".*", "api", "benchmarks", "build", "curation", "demo-output", "dist", "migrations"),
    *("pipelines", "tests", "validation"),
    "**/__pycache__",
    "**/.ipynb_checkpoints",
]

nb_execution_mode = "off"  # tutorials keep their outputs; a test runs them
myst_heading_anchors = 4
#: A page may begin with a heading of another level, and a notebook may run a command of the shell.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

default_role = "code"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = dict.fromkeys(("Array", "Floats", "Integers", "Bits"), "numpy.ndarray")
napoleon_numpy_docstring = False
napoleon_use_ivar = True
nitpicky = True
#: Types of other libraries, and types of the code that are not public.
nitpick_ignore_regex = [("py:(class|obj|exc)", ".*")]

html_theme = "furo"
html_title = f"pvkdb {version}"
html_copy_source = False
html_show_sphinx = False
html_additional_pages = {"index": "start.html"}
templates_path = ["templates"]


def setup(app: Any) -> None:
    """Write the pages of the code before the sources are read."""
    app.connect("builder-inited", lambda _: site_pages.write())
    app.connect("autodoc-process-docstring", site_pages.add_fields, priority=400)
    app.connect("autodoc-process-signature", site_pages.shorten_signature)
    app.connect("missing-reference", site_pages.find_by_last_name)
    app.connect("html-page-context", site_pages.make_accessible, priority=900)
