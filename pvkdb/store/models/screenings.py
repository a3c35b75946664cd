"""Runs of screening plans with their reports, and plans known to a schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from pvkdb.schemas.runs import RunState
from pvkdb.store.base import Base, StoredObject, utc_now

_STATES = tuple(state.value for state in RunState)
_UNDER_WAY = text("scheduled AND state = 'running'")


class ScreeningRun(Base):
    """A run of a plan. These constraints serve as the lock between scheduler processes.

    A plan runs once for each ``fire_time``, and only one of its scheduled runs at a time. While it
    runs, ``owner`` holds it until ``lease_until``. ``report`` is the report as compressed JSON;
    ``recorded_in`` the dataset version of one that came with a release.
    """

    __tablename__ = "screening_runs"
    __table_args__ = (
        UniqueConstraint("plan", "fire_time", name="uq_screening_runs_plan_fire_time"),
        CheckConstraint(f"state IN {_STATES!r}", name="state"),
        Index(
            "ix_screening_runs_under_way",
            "plan",
            unique=True,
            sqlite_where=_UNDER_WAY,
            postgresql_where=_UNDER_WAY,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[str]
    fire_time: Mapped[datetime]
    scheduled: Mapped[bool]
    state: Mapped[str] = mapped_column(default=RunState.RUNNING.value)
    attempts: Mapped[int] = mapped_column(default=1)
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any] | None] = mapped_column(StoredObject(none_as_null=True))
    differences: Mapped[dict[str, Any] | None] = mapped_column(StoredObject(none_as_null=True))
    failure: Mapped[str | None]
    webhook: Mapped[str | None]
    report: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    recorded_in: Mapped[str | None] = mapped_column(
        ForeignKey("dataset_versions.version"), index=True
    )


class ScreeningSchedule(Base):
    """The time since when a schedule has run a plan; fire times before it are not made up for."""

    __tablename__ = "screening_schedules"

    plan: Mapped[str] = mapped_column(primary_key=True)
    expression: Mapped[str]
    since: Mapped[datetime]
