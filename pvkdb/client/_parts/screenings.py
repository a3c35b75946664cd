"""Runs of screenings that the service has recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pvkdb.client._io.answers import parse, require_new
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._parts.parameters import parameters_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.responses import Page
    from pvkdb.schemas.runs import RunDocument, RunState, ScreeningDocument
    from pvkdb.schemas.screening import CandidateSummary, ScreeningReport

Item = TypeVar("Item", bound="BaseModel")

#: Entries requested at a time; the most that the service returns.
_PAGE = 500


class ScreeningOperations(ClientPart):
    """Operations of both clients on runs of screenings."""

    @operation
    def runs(
        self, plan: str | None = None, state: RunState | str | None = None, limit: int | None = None
    ) -> Steps[list[RunDocument]]:
        """Return the runs, newest first, with counts and differences from the previous run.

        Args:
            plan: only runs of the plan with this name.
            state: only runs in this state: running, done, failed or interrupted.
            limit: largest number of runs; None for all.

        Raises:
            RefusedError: the state does not exist.

        Example:
            >>> [(run.plan, run.state.value) for run in client.screenings.runs(limit=1)]
            [('caesium', 'done')]
        """
        from pvkdb.schemas.responses import Page
        from pvkdb.schemas.runs import RunDocument

        query = parameters_of(plan=plan, state=state)
        return (yield from self._all(path_of("screenings"), query, Page[RunDocument], limit))

    @operation
    def get(self, run: int | str) -> Steps[ScreeningDocument]:
        """Return one run with its funnel, the reasons for rejections, and its cost.

        Args:
            run: number of the run, or the name of a plan for its newest run.

        Raises:
            UnknownKeyError: the run does not exist.

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
        """Return the candidates of a run: accepted ones by rank, then rejected ones.

        Args:
            run: number of the run, or the name of a plan for its newest run.
            passed: only candidates that passed every stage (True) or that were rejected (False).
            stage: only candidates rejected at this stage.
            reason: only candidates rejected for this reason, as in ``reasons`` of the run.
            family: only candidates of this structure family.
            lead_free: only candidates without lead (True) or with lead (False).
            limit: largest number of candidates; None for all.

        Raises:
            UnknownKeyError: the run does not exist or has no report.

        Example:
            >>> [row.formula for row in client.screenings.candidates("caesium", lead_free=True)]
            ['CsSnCl3', 'CsSnBr3', 'CsSnI3']
        """
        from pvkdb.schemas.responses import Page
        from pvkdb.schemas.screening import CandidateSummary

        query = parameters_of(
            passed=passed, stage=stage, reason=reason, family=family, lead_free=lead_free
        )
        path = path_of("screenings", str(run), "candidates")
        return (yield from self._all(path, query, Page[CandidateSummary], limit))

    @operation
    def report(self, run: int | str) -> Steps[ScreeningReport]:
        """Return the whole report of a run, with every phase and product of every candidate.

        Raises:
            UnknownKeyError: the run does not exist or has no report.

        Example:
            >>> client.screenings.report("caesium").candidates[0].tolerance.t > 0.8
            True
        """
        from pvkdb.schemas.screening import ScreeningReport

        answer = yield from self._service.read(path_of("screenings", str(run), "report"))
        return parse(ScreeningReport, answer)

    def _all(
        self, path: str, query: dict[str, str], page: type[Page[Item]], limit: int | None
    ) -> Steps[list[Item]]:
        """Fetch the entries of a list from its pages, at most ``limit``."""
        found: list[Item] = []
        known = {""}
        while limit is None or len(found) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(found))
            parameters = {**query, "limit": str(size)}
            answer = yield from self._service.read(path, parameters, middle=bool(found))
            read = parse(page, answer)
            found.extend(read.data)
            if read.next_cursor is None:
                break
            require_new(read.next_cursor, known, answer)
            query = {**query, "cursor": read.next_cursor}
        return found


class Screenings(ScreeningOperations, Blocking):
    """Runs of screenings: funnels, reasons for rejections, and candidates."""


class AsyncScreenings(ScreeningOperations, Awaiting):
    """Runs of screenings; see :class:`Screenings`."""
