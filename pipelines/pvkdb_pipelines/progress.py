"""How far a calculation is, told step by step to whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log


@dataclass(frozen=True)
class Progress:
    """State of a running calculation.

    Attributes:
        stage: What is being done, in words.
        step: Optimizer steps of this stage.
        force: Largest force or residual at the last step, eV/Å; None before the first.
        fraction: Estimate of the finished share of the whole, 0 to 1, never falling.
    """

    stage: str
    step: int
    force: float | None
    fraction: float


Report = Callable[[Progress], None]
OnStep = Callable[[int, float], None]


class ProgressReporter:
    """Turns optimizer steps into :class:`Progress`.

    A relaxation's force falls about exponentially, so the share of a stage is the share of
    the decades between its first force and its target.
    """

    def __init__(self, stages: Mapping[str, float], report: Report | None) -> None:
        """``stages`` maps each stage, in order, to the share of the whole at which it ends."""
        self._stages = dict(stages)
        self._report = report
        self._fraction = 0.0

    def begin(
        self, stage: str, target: float | None = None, part: tuple[int, int] = (0, 1)
    ) -> OnStep:
        """Enter a stage, or the next of its equal parts (number from 0, how many).

        Returns what its optimizer calls with step and force (eV/Å).
        """
        ends = list(self._stages.values())
        position = list(self._stages).index(stage)
        first_part, parts = part
        width = (ends[position] - [0.0, *ends][position]) / parts
        start = [0.0, *ends][position] + first_part * width
        end = start + width
        if parts > 1:
            stage = f"{stage} ({first_part + 1} of {parts})"
        first: float | None = None

        def on_step(step: int, force: float) -> None:
            nonlocal first
            first = max(force, first or 0.0)
            done = 0.0
            if target is not None and first > target:
                done = min(1.0, max(0.0, log(first / max(force, 1e-12)) / log(first / target)))
            self._tell(stage, step, force, start + done * (end - start))

        self._tell(stage, 0, None, start)
        return on_step

    def finish(self, stage: str) -> None:
        """Tell that the whole is done."""
        self._tell(stage, 0, None, 1.0)

    def _tell(self, stage: str, step: int, force: float | None, fraction: float) -> None:
        self._fraction = max(self._fraction, fraction)
        if self._report is not None:
            self._report(Progress(stage, step, force, self._fraction))
