"""Parsing of filters with the grammar of optimade-python-tools."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lark import Lark, Token, Tree
from lark.exceptions import LarkError, UnexpectedInput

from pvkdb_api.optimade.errors import OptimadeError

#: Longest filter; a request line of an HTTP server is limited to 64 kB.
MAX_LENGTH = 60_000
#: Deepest nesting of parentheses and NOT: databases limit the depth of an expression.
MAX_DEPTH = 50
GRAMMAR = "v1.2.0.lark"

#: This rule drops its only token, so that TRUE and FALSE would look the same.
_BOOL = 'bool: ( "TRUE" | "FALSE" )'


@cache
def _parser() -> Lark:
    import optimade

    grammar = (Path(optimade.__file__).parent / "grammar" / GRAMMAR).read_text(encoding="utf-8")
    assert _BOOL in grammar
    # LALR parses this grammar in linear time; the default, Earley, does not.
    return Lark(grammar.replace(_BOOL, f"!{_BOOL}"), parser="lalr", maybe_placeholders=False)


def parse(text: str) -> Tree[Token]:
    """Return the syntax tree of a filter.

    Raises:
        OptimadeError: the text is not a filter; names the position.
    """
    if len(text) > MAX_LENGTH:
        raise OptimadeError(
            f"the filter has {len(text)} characters; {MAX_LENGTH} are allowed", "filter"
        )
    if "\0" in text:
        raise OptimadeError("the filter holds a NUL character; no text in the store does", "filter")
    _refuse_deep(text)
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
        place = len(text) if place < 0 else place
        shown = ascii(text[max(0, place - 20) : place + 20])
        raise OptimadeError(
            f"the filter cannot be read at character {place + 1}, in {shown}; a filter reads like "
            "'nelements = 3 AND elements HAS \"Cs\"'",
            "filter",
        ) from error
    except LarkError as error:
        raise OptimadeError("the filter cannot be read", "filter") from error


def _refuse_deep(text: str) -> None:
    depth, in_string, escaped = 0, False, False
    for sign in text:
        if in_string:
            escaped, in_string = (
                sign == "\\" and not escaped,
                sign != '"' or escaped,
            )
        elif sign == '"':
            in_string = True
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        if depth > MAX_DEPTH:
            raise OptimadeError(
                f"the filter nests more than {MAX_DEPTH} parentheses; leave out those that are "
                "not needed",
                "filter",
            )
