"""Calculations, queued and finished, with their dependencies, log and files."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.schemas.calculations import CalculationState, ProgressNow
from pvkdb.store.base import Base, StoredObject, utc_now
from pvkdb.store.models.columns import CalculationsColumns

_STATES = tuple(state.value for state in CalculationState)


class StoredProgress(StoredObject):
    """Progress at the last heartbeat; None if a person edited it to something else."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the progress."""
        try:
            return None if value is None else ProgressNow.model_validate(value).model_dump()
        except ValidationError:
            return None


class Calculation(CalculationsColumns, Base):
    """A calculation. Its content key ``key`` is unique, so that no work is stored twice.

    While it runs, ``owner`` holds a lease until ``lease_until``; when the lease expires or the
    owner is gone, the calculation returns to the queue. ``progress`` is that of the last heartbeat;
    ``cancel_requested_at`` requests the owner to stop. ``recorded_in`` is the dataset version that
    a result of a release came with; what was computed here has none.
    """

    __tablename__ = "calculations"
    __table_args__ = (
        CheckConstraint(f"state IN {_STATES!r}", name="state"),
        # In the order of claims, so that a claim reads one entry.
        Index("ix_calculations_claim", "state", text("priority DESC"), "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid.uuid4().hex[:12])
    key: Mapped[str] = mapped_column(unique=True)
    material_id: Mapped[str | None] = mapped_column(ForeignKey("materials.id"), index=True)
    state: Mapped[str] = mapped_column(default=CalculationState.QUEUED.value)
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    parameters: Mapped[dict[str, Any]] = mapped_column(StoredObject)
    result: Mapped[dict[str, Any] | None] = mapped_column(StoredObject(none_as_null=True))
    versions: Mapped[dict[str, str] | None] = mapped_column(StoredObject(none_as_null=True))
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    progress: Mapped[dict[str, Any] | None] = mapped_column(StoredProgress(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    recorded_in: Mapped[str | None] = mapped_column(
        ForeignKey("dataset_versions.version"), index=True
    )


class CalculationDependency(Base):
    """A dependency: a calculation waits until another one is done; set when it is queued."""

    __tablename__ = "calculation_dependencies"

    calculation_id: Mapped[str] = mapped_column(ForeignKey("calculations.id"), primary_key=True)
    depends_on_id: Mapped[str] = mapped_column(
        ForeignKey("calculations.id"), primary_key=True, index=True
    )


class CalculationEvent(Base):
    """A line in the log of a calculation: a change of state, or progress."""

    __tablename__ = "calculation_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    calculation_id: Mapped[str] = mapped_column(ForeignKey("calculations.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    event: Mapped[str]
    message: Mapped[str | None]


class CalculationFile(Base):
    """A file of a calculation: its name and the hash of its content."""

    __tablename__ = "calculation_files"

    calculation_id: Mapped[str] = mapped_column(ForeignKey("calculations.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int] = mapped_column(BigInteger)
