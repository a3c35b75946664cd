"""Runs of screenings, as the service's ledger holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, Operations, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.runs import RunDocument, RunState, ScreeningDocument
    from pvkdb.schemas.screening import CandidateSummary, ScreeningReport

Item = TypeVar("Item", bound="BaseModel")

#: Entries asked for at a time; the most that the service gives.
_PAGE = 500


class ScreeningOperations(Operations):
    """What both clients can ask about screenings."""

    @operation
    def runs(
        self,
        plan: str | None = None,
        state: RunState | str | None = None,
        limit: int | None = None,
    ) -> Steps[list[RunDocument]]:
        """Runs of plans, the newest first, with their counts and what differs from the run before.

        Args:
            plan: only those of the plan of this name.
            state: only those that are running, done, failed or interrupted.
            limit: at most so many; None for all.

        Raises:
            RefusedError: there is no such state.

        Example:
            >>> [(run.plan, run.state.value) for run in client.screenings.runs(limit=1)]
            [('caesium', 'done')]
        """
        from pvkdb.schemas.responses import Page
        from pvkdb.schemas.runs import RunDocument

        given = {"plan": plan, "state": state}
        asked = {name: str(value) for name, value in given.items() if value is not None}
        found = yield from self._all(path_of("screenings"), asked, Page[RunDocument], limit)
        return found

    @operation
    def get(self, run: int | str) -> Steps[ScreeningDocument]:
        """One run with its funnel, why candidates fell, and what it cost.

        Args:
            run: its number, or the name of a plan for its newest run.

        Raises:
            UnknownKeyError: there is no such run.

        Example:
            >>> run = client.screenings.get("caesium")
            >>> [(stage.stage, stage.entered, stage.passed) for stage in run.stages]
            [('enumerate', 6, 6), ('tolerance', 6, 3)]
            >>> run.reasons[0].reason
            'not tau < 4.1'
        """
        from pvkdb.schemas.runs import ScreeningDocument

        answer = yield from self._service.read(path_of("screenings", str(run)))
        return parse(ScreeningDocument, answer)

    @operation
    def candidates(
        self,
        run: int | str,
        *,
        passed: bool | None = None,
        stage: str | None = None,
        reason: str | None = None,
        family: str | None = None,
        lead_free: bool | None = None,
        limit: int | None = None,
    ) -> Steps[list[CandidateSummary]]:
        """Candidates of a run, a row each: who passed by rank, then who came farther.

        Args:
            run: its number, or the name of a plan for its newest run.
            passed: only those that passed every stage, or that fell.
            stage: only those that fell at this stage.
            reason: only those that fell for this reason, as ``reasons`` of the run names it.
            family: only those of this family of structures.
            lead_free: only those without lead, or with it.
            limit: at most so many; None for all.

        Raises:
            UnknownKeyError: there is no such run, or it has no report.

        Example:
            >>> [row.formula for row in client.screenings.candidates("caesium", lead_free=True)]
            ['CsSnCl3', 'CsSnBr3', 'CsSnI3']
        """
        from pvkdb.schemas.responses import Page
        from pvkdb.schemas.screening import CandidateSummary

        given = {
            "passed": passed,
            "stage": stage,
            "reason": reason,
            "family": family,
            "lead_free": lead_free,
        }
        asked = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in given.items()
            if value is not None
        }
        path = path_of("screenings", str(run), "candidates")
        found = yield from self._all(path, asked, Page[CandidateSummary], limit)
        return found

    @operation
    def report(self, run: int | str) -> Steps[ScreeningReport]:
        """The whole report of a run, with every phase and product of every candidate.

        Raises:
            UnknownKeyError: there is no such run, or it has no report.

        Example:
            >>> client.screenings.report("caesium").candidates[0].tolerance.t > 0.8
            True
        """
        from pvkdb.schemas.screening import ScreeningReport

        answer = yield from self._service.read(path_of("screenings", str(run), "report"))
        return parse(ScreeningReport, answer)

    def _all(
        self, path: str, asked: dict[str, str], page: type[Page[Item]], limit: int | None
    ) -> Steps[list[Item]]:
        """The entries of a list over its pages, at most ``limit``."""
        found: list[Item] = []
        while limit is None or len(found) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(found))
            parameters = {**asked, "limit": str(size)}
            answer = yield from self._service.read(path, parameters, middle=bool(found))
            read = parse(page, answer)
            found.extend(read.data)
            if read.next_cursor is None:
                break
            asked = {**asked, "cursor": read.next_cursor}
        return found


class Screenings(ScreeningOperations, Blocking):
    """Runs of screenings: their funnels, reasons and candidates."""


class AsyncScreenings(ScreeningOperations, Awaiting):
    """Runs of screenings; see :class:`Screenings`."""
