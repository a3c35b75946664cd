"""Runs of screening plans: times, results, and differences from the previous run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from pvkdb.display.notebook import NotebookView
from pvkdb.schemas.screening import FallReason, StageCount


class RunState(StrEnum):
    """State of a run. An interrupted run is resumed or replaced by a later one."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class RunCounts(BaseModel):
    """Numbers of candidates and calculations of a run, and its cost."""

    compositions: int = Field(description="Compositions that the plan made.")
    passed: int = Field(description="Candidates that passed every stage.")
    calculations: int = Field(description="Behind the report.")
    computed: int = Field(description="Of these, how many the store lacked when the run asked.")
    failed: int = Field(description="Calculations that failed.")
    core_hours: float = Field(description="Processor time behind the report, whenever it was.")


class PassedCandidate(BaseModel):
    """A candidate that passed this run but not the previous run."""

    formula: str = Field(description="Formula.")
    rank: int | None = Field(description="Rank now; null if it has none.")


class RankChange(BaseModel):
    """A candidate that passed both runs with different ranks."""

    formula: str = Field(description="Formula.")
    before: int | None = Field(description="Rank before; null if it had none.")
    after: int | None = Field(description="Rank now; null if it has none.")


class LostCandidate(BaseModel):
    """A candidate that passed the previous run but not this run."""

    formula: str = Field(description="Formula.")
    before: int | None = Field(description="Its rank then.")
    reason: str = Field(description="Why it fell, or that the plan no longer makes it.")


class Differences(BaseModel):
    """Differences between a run and the previous run of the same plan."""

    since: int = Field(description="Id of the run before.")
    new: list[PassedCandidate] = Field(description="Candidates that pass now and did not before.")
    lost: list[LostCandidate] = Field(description="Candidates that passed before and do not now.")
    moved: list[RankChange] = Field(description="Candidates that pass as before, at another rank.")
    plan_changed: bool = Field(description="Whether the plan has another text now.")
    version_before: str | None = Field(description="Of pvkdb, where it was another one.")

    @property
    def any(self) -> bool:
        """Whether any candidate differs between the two runs."""
        return bool(self.new or self.lost or self.moved)

    @property
    def words(self) -> str:
        """The differences in one line: ``2 new, 1 lost, 3 at another rank``."""
        counts = ((self.new, "new"), (self.lost, "lost"), (self.moved, "at another rank"))
        return ", ".join(f"{len(some)} {name}" for some, name in counts if some) or "no difference"


class RunDocument(BaseModel):
    """A run of a screening, without its report."""

    id: int = Field(description="Number of the run.")
    plan: str = Field(description="Name of the plan, by which runs follow one another.")
    fire_time: datetime = Field(description="For which it was asked; a plan runs once for each.")
    scheduled: bool = Field(description="Whether a schedule began it, not a person.")
    state: RunState = Field(description="State of the run.")
    attempts: int = Field(description="How often it was started.")
    started_at: datetime = Field(description="When it last started (UTC).")
    finished_at: datetime | None = Field(description="When it ended (UTC); null before.")
    duration_s: float | None = Field(
        description="Seconds from its last start to its end; null until it ends."
    )
    counts: RunCounts | None = Field(
        description="Numbers of its results and calculations; null until it ends."
    )
    differences: Differences | None = Field(description="None for the first run of a plan.")
    failure: str | None = Field(description="Why it failed or was interrupted; null otherwise.")
    webhook: str | None = Field(description="What became of the webhook, where one was called.")


class ScreeningDocument(RunDocument, NotebookView):
    """A run of a screening with the counts of its report; candidates are listed separately."""

    title: str | None = Field(description="Title of the plan; null if the run has no report.")
    plan_text: str | None = Field(description="The plan as it was run (TOML).")
    potential: str | None = Field(description="Potential of the relaxations.")
    pvkdb_version: str | None = Field(description="Version of pvkdb that ran it.")
    ranked_by: str | None = Field(
        description="Column that candidates are ranked by; a minus: largest first."
    )
    stages: list[StageCount] = Field(
        description="The funnel: how many entered each stage, passed it, fell in it."
    )
    reasons: list[FallReason] = Field(
        description="Why candidates fell, in the order of the stages, the most frequent first."
    )
    calculations: dict[str, int] = Field(description="Calculations behind it, by kind.")
    failures: dict[str, int] = Field(
        description="Of these, how many failed, by reason; a candidate need not fall for one."
    )
