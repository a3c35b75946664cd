"""Rows as a pandas DataFrame, collected column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pvkdb.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd

    from pvkdb.schemas.tables import Row


class Frame:
    """A DataFrame in the making; its columns are the fields, also where no row comes."""

    def __init__(self, names: Sequence[str]) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in names}

    @staticmethod
    def require() -> None:
        """See to it before anything is fetched that a DataFrame can be made.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401 - whether it can be imported is the question
        except ImportError as error:
            raise MissingExtraError("pandas", "store") from error

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in."""
        for row in rows:
            for name, values in self._columns.items():
                values.append(getattr(row, name))

    def finish(self) -> pd.DataFrame:
        """The DataFrame."""
        import pandas as pd

        return pd.DataFrame(self._columns)
