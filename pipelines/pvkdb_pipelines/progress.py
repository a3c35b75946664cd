"""Progress of a running calculation, reported step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log


@dataclass(frozen=True)
class CalculationProgress:
    """The progress of a running calculation.

    Attributes:
        stage: Name of the current stage.
        step: Optimizer step of this stage.
        force: Largest force or residual at this step, eV/Å; None before the first.
        fraction: Estimated share of the whole that is finished, 0 to 1; it never decreases.
    """

    stage: str
    step: int
    force: float | None
    fraction: float


Report = Callable[[CalculationProgress], None]
OnStep = Callable[[int, float], None]


class ProgressReporter:
    """Converts optimizer steps into progress.

    The force of a relaxation decreases about exponentially, so the finished share of a stage is the
    share of the decades between its first force and its target.
    """

    def __init__(self, stages: Mapping[str, float], report: Report | None) -> None:
        """``stages`` maps each stage, in order, to the fraction of the whole at its end."""
        self._spans = dict(zip(stages, pairwise([0.0, *stages.values()]), strict=True))
        self._report = report
        self._fraction = 0.0

    def begin(
        self, stage: str, target: float | None = None, part: tuple[int, int] = (0, 1)
    ) -> OnStep:
        """Start a stage, or a part of it, given by its index from 0 and the number of equal parts.

        Returns the callback for its optimizer, which takes step and force (eV/Å).
        """
        begin, end = self._spans[stage]
        index, parts = part
        width = (end - begin) / parts
        start = begin + index * width
        if parts > 1:
            stage = f"{stage} ({index + 1} of {parts})"
        first: float | None = None

        def on_step(step: int, force: float) -> None:
            nonlocal first
            first = max(force, first or 0.0)
            done = 0.0
            if target is not None and first > target:
                done = min(1.0, max(0.0, log(first / max(force, 1e-12)) / log(first / target)))
            self._send(stage, step, force, start + done * width)

        self._send(stage, 0, None, start)
        return on_step

    def finish(self, stage: str) -> None:
        """Report that the calculation is finished."""
        self._send(stage, 0, None, 1.0)

    def _send(self, stage: str, step: int, force: float | None, fraction: float) -> None:
        self._fraction = max(self._fraction, fraction)
        if self._report is not None:
            self._report(CalculationProgress(stage, step, force, self._fraction))
