"""One test over many rows: a failure names its row."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def for_each(
    names: str | tuple[str, ...], rows: Iterable[Any], label: Callable[[Any], object] = repr
) -> Any:
    """Call a test with every row in turn, as one test.

    Unlike ``pytest.mark.parametrize`` it stops at the first row that fails; a note on the failure
    names the row. Fixtures are made once for all rows.

    Args:
        names: the argument that takes a row; of rows that are tuples, one for each part.
        rows: the rows.
        label: gives the name of a row.
    """
    rows = list(rows)
    assert rows, "no rows to test"
    taken = (names,) if isinstance(names, str) else names

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def of_all_rows(**fixtures: Any) -> None:
            for row in rows:
                values = (row,) if isinstance(names, str) else row
                parts = dict(zip(taken, values, strict=True))
                try:
                    test(**fixtures, **parts)
                except BaseException as error:
                    error.add_note(f"in the row {label(row)}")
                    raise

        signature = inspect.signature(test)
        kept = [each for key, each in signature.parameters.items() if key not in taken]
        of_all_rows.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        return of_all_rows

    return decorate
