"""Base of all models: names of constraints, time stamps in UTC, batches of rows; whole files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar, TypeVar
from uuid import uuid4

from annotated_types import Len
from pydantic import FiniteFloat, TypeAdapter, ValidationError
from sqlalchemy import JSON, DateTime, Double, MetaData, TypeDecorator, literal
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """A time stamp that is UTC on both databases; SQLite stores it without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; refuse times without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the time zone, which SQLite does not store."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DatabaseTime(FunctionElement[datetime]):
    """SQL expression of the time by the database's clock, or of a time so much later.

    SQLite has no clock of its own and reads that of the machine.
    """

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, later: timedelta = timedelta()) -> None:
        super().__init__(literal(later.total_seconds()))


@compiles(DatabaseTime, "postgresql")
def _on_postgresql(time: DatabaseTime, compiler: SQLCompiler, **given: Any) -> str:
    return f"(now() + {compiler.process(time.clauses, **given)} * interval '1 second')"


@compiles(DatabaseTime, "sqlite")
def _on_sqlite(time: DatabaseTime, compiler: SQLCompiler, **given: Any) -> str:
    later = compiler.process(time.clauses, **given)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {later} || ' seconds')"


class StoredObject(TypeDecorator[Any]):
    """A JSON object; what else a person wrote there reads as an object that shows it.

    So one edited row stops no list, page or export.
    """

    impl = JSON
    cache_ok = True

    def __init__(self, none_as_null: bool = False) -> None:
        super().__init__(none_as_null=none_as_null)
        self.none_as_null = none_as_null

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Compare elements of the object as JSON does."""
        return self.impl_instance.coerce_compared_value(op, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the object."""
        if isinstance(value, dict) or (value is None and self.none_as_null):
            return value
        return {"unreadable": repr(value)[:200]}


#: Energies beyond are none, eV: the whole of the heaviest atom is worth 3e11.
LARGEST_EV = 1e12


class StoredEnergy(TypeDecorator[float]):
    """An energy in eV; infinite, absurd or not a number reads as none."""

    impl = Double
    cache_ok = True
    python_type = float

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        """Return the energy."""
        return value if isinstance(value, int | float) and abs(value) < LARGEST_EV else None


class StoredVectors(StoredObject):
    """A JSON list of vectors of three finite numbers; what is none reads as an empty list."""

    cache_ok = True
    shape: ClassVar[Any] = TypeAdapter(list[Annotated[list[FiniteFloat], Len(3, 3)]])

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the list."""
        try:
            self.shape.validate_python(value)
        except ValidationError:
            return []
        return value


class StoredTexts(StoredVectors):
    """A JSON list of texts; what is none reads as an empty list."""

    cache_ok = True
    shape = TypeAdapter(list[str])


class Base(DeclarativeBase):
    """Base of all models. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: StoredObject}  # noqa: RUF012


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of a size; the last one may be shorter."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` at the end of the block, whole and durable.

    Nobody sees it half written, and it is readable as the umask says. After an error ``path`` is as
    before.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)
