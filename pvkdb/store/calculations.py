"""Calculations: the queue and the record in one table."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.schemas.calculations import CalculationState
from pvkdb.store.base import Base, utc_now

_STATES = tuple(state.value for state in CalculationState)


class Calculation(Base):
    """A calculation. ``key`` is the content key: the same work exists once.

    While it runs, ``owner`` holds a lease until ``lease_until``; a lease that runs out, or whose
    owner is gone, returns the calculation to the queue.
    """

    __tablename__ = "calculations"
    __table_args__ = (
        CheckConstraint(f"state IN {_STATES!r}", name="state"),
        Index("ix_calculations_queue", "state", "priority", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid.uuid4().hex[:12])
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    material_id: Mapped[str | None] = mapped_column(ForeignKey("materials.id"), index=True)
    state: Mapped[str] = mapped_column(default=CalculationState.QUEUED.value)
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    versions: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    failure_kind: Mapped[str | None]
    failure_message: Mapped[str | None]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
