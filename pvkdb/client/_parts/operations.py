"""Operations of the service. Made by docs/reference/client_methods.py; do not edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, operation
from pvkdb.client._io.service import path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._parts.parameters import RangeValue, call

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.calculations import CalculationDocument
    from pvkdb.schemas.calculations.electrons import GapQuestion, PairQuestion
    from pvkdb.schemas.calculations.examinations import ExaminationQuestion
    from pvkdb.schemas.calculations.relaxations import (
        EquationOfStateQuestion,
        RelaxQuestion,
        VacancyQuestion,
    )
    from pvkdb.schemas.calculations.simulations import SimulationQuestion
    from pvkdb.schemas.crossbar import CrossbarDocument, DeviceArray
    from pvkdb.schemas.imports import DeskDraft, ImportReport, TableChanges, UnreviewedImport
    from pvkdb.schemas.kinetics import KineticsAnswer
    from pvkdb.schemas.rankings import Comparison
    from pvkdb.schemas.responses import FormulaTolerance
    from pvkdb.schemas.tables import ToleranceRow
    from pvkdb.schemas.tables.series import DeviceSeries


class DirectOperations(ClientPart):
    """Operations that are methods of the clients themselves.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
    """

    @operation
    def add_draft(
        self,
        name: str | None = None,
        text: str | None = None,
        pdf: str | None = None,
        by: str | None = None,
    ) -> Steps[DeskDraft]:
        """Bring a paper to the desk.

        Rules propose values with their sentences. A text that is there keeps its draft; what was
        rejected in a paper is not proposed again.

        Args:
            name: Name of the file. Default: paper.
            text: Its text: plain, HTML or XML.
            pdf: Its PDF; a service takes it as base64.
            by: Who does it; a service takes the name of the key.
        """
        return call(self._service, "add_draft", locals())

    @operation
    def compare(
        self,
        materials: list[str] | None = None,
        devices: list[str] | None = None,
    ) -> Steps[Comparison]:
        """Compare two to four compositions or devices.

        Every known value side by side, with its kind and interval, and the place in the ranking of
        each application. The answer names what differs most beyond the errors: intervals apart by
        most standard deviations of all candidates.

        Args:
            materials: Two to four formulas in any spelling.
            devices: Two to four ids of devices.

        Example:
            >>> client.compare(["CsPbBr3", "MAPbI3"]).answer.partition(";")[0]
            'No measured or computed value differs between CsPbBr3 and MAPbI3 beyond the errors'
        """
        return call(self._service, "compare", locals())

    @operation
    def decide(
        self,
        draft: int,
        action: str,
        cells: list[str],
        revision: int,
        value: str | None = None,
        by: str | None = None,
    ) -> Steps[DeskDraft]:
        """Accept, correct or reject proposals of a draft.

        Kept at once with name and date. A draft that has changed since it was read refuses (409)
        and names what changed.

        Args:
            draft: Number of the draft.
            action: What is decided.
            cells: Fields of the draft, or new ones with a correction: of a row, or a new row.
            revision: Revision of the draft that was read.
            value: The correction.
            by: Who does it; a service takes the name of the key.
        """
        return call(self._service, "decide", locals())

    @operation
    def enter(self, draft: int, revision: int, by: str | None = None) -> Steps[ImportReport]:
        """Import what a draft accepts.

        With the checks of every import. It counts in rankings once somebody else confirms its
        dataset version (review).

        Args:
            draft: Number of the draft.
            revision: Revision of the draft that was read.
            by: Who does it; a service takes the name of the key.
        """
        return call(self._service, "enter", locals())

    @operation
    def series(self, changed: str | None = None, metric: str | None = None) -> Steps[DeviceSeries]:
        """Show what changes when only one thing changes.

        Devices of one paper that differ in one thing (halide, A site, electrode, thickness, sweep
        rate, …), with ratios of each metric and their intervals over papers. The table `series` has
        the pairs.

        Args:
            changed: Only series in which this differs.
            metric: Only this metric of devices.

        Example:
            >>> client.series(changed="top electrode").changes[0].step
            'from Ag to Au'
        """
        return call(self._service, "series", locals())

    @operation
    def tolerance(self, formula: str) -> Steps[ToleranceRow]:
        """Tolerance, octahedral and tau factor of an ABX3 formula.

        t, mu and tau of an ABX3 or A2BB'X6 formula in any spelling, and the probability of a
        perovskite, with the radii in Å.

        Args:
            formula: Formula in any spelling, e.g. CsPbBr3.

        Example:
            >>> round(client.tolerance("CsPbBr3").t, 3)
            0.862
        """
        return call(self._service, "tolerance", locals())

    @operation
    def changes(self, since: str) -> Steps[list[TableChanges]]:
        """List what changed since a dataset version.

        Rows of energies, devices and references that came since, and those that they correct. No
        row is taken away; of computed results, `pvkdb diff` of two snapshots shows what a later
        release lacks.

        Args:
            since: Dataset version of then.

        Example:
            >>> client.changes(client.references.search().dataset_version)
            []
        """
        return call(self._service, "changes", locals())

    @operation
    def drafts(self, draft: int | None = None) -> Steps[list[DeskDraft]]:
        """List the drafts of papers.

        With their states: to read, entered, confirmed. One that is named has its text, its
        proposals and the decisions on them.

        Args:
            draft: Number of one draft, with its text and rows.
        """
        return call(self._service, "drafts", locals())

    @operation
    def review(
        self,
        version: str | None = None,
        by: str | None = None,
    ) -> Steps[list[UnreviewedImport]]:
        """Confirm an import, so that its values count in rankings.

        Recorded with name and date. Without a version, or after the confirmation, it lists the
        imports that wait. Whoever imported the file, or decided a field of its draft, cannot
        confirm it; on a service, the owner of the key confirms.

        Args:
            version: Dataset version of an import; omit to list those that wait.
            by: Who confirms it; a service takes the name of the key.
        """
        return call(self._service, "review", locals())

    @operation
    def tolerances(self, formulas: list[str]) -> Steps[list[FormulaTolerance]]:
        """Compute tolerance factors of ABX3 and double perovskites.

        With the probability of a perovskite. One answer for each formula, in their order; a formula
        without factors has the reason. The command needs no database; it fails, after printing the
        others, if a formula cannot be read, and if none has factors.

        Args:
            formulas: ABX3 or A2BB'X6 formulas, e.g. CsPbBr3 Cs2AgBiBr6.

        Example:
            >>> [row.problem is None for row in client.tolerances(["CsPbI3", "CsPbO3"])]
            [True, False]
        """
        return call(self._service, "tolerances", locals())


class CrossbarsOperations(ClientPart):
    """Operations of both clients.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
    """

    @operation
    def estimate(
        self,
        on_off_ratio: float | None = None,
        device: str | None = None,
        r_lrs_ohm: float | None = None,
        pull_up_ohm: float | None = None,
        selectivity: float | None = None,
        line_resistance_ohm: float | None = None,
        size: int | None = None,
        margin: float | None = None,
        thickness_nm: float | None = None,
    ) -> Steps[CrossbarDocument]:
        """Compute the largest readable crossbar array.

        Equations (1) and (2) of the review for every kind of cell, with all assumptions. With a
        size, the circuit of such an array is solved too; line resistance needs R_LRS.

        Args:
            on_off_ratio: R_HRS over R_LRS; may be inf.
            device: Device of the store with the on/off ratio.
            r_lrs_ohm: Resistance in the low-resistance state (LRS), in Ω.
            pull_up_ohm: Pull-up resistor, in Ω; default: R_LRS.
            selectivity: Selectivity of a selector or rectifier; default: none.
            line_resistance_ohm: Line resistance from cell to cell, in Ω.
            size: N of the N × N array that is solved exactly.
            margin: Required read margin over the read voltage. Default: 0.1.
            thickness_nm: Thickness of the layer in nm, for the cell spacing.

        Example:
            >>> client.crossbars.estimate(on_off_ratio=1e3, size=4).exact[0].size
            4
        """
        return call(self._service, "crossbar", locals())

    @operation
    def devices(self) -> Steps[list[DeviceArray]]:
        """Array sizes of all devices.

        Every device with the largest array that its numbers allow, on one page.
        """
        return call(self._service, "device_arrays", locals())


class Crossbars(CrossbarsOperations, Blocking):
    """Compute the largest readable crossbar array."""


class AsyncCrossbars(CrossbarsOperations, Awaiting):
    """Compute the largest readable crossbar array. See :class:`Crossbars`."""


class KineticsOperations(ClientPart):
    """Operations of both clients.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
    """

    @operation
    def estimate(
        self,
        formula: str | None = None,
        device: str | None = None,
        e_a_ev: RangeValue | None = None,
        dfe_ev: RangeValue | None = None,
        *,
        thickness_nm: RangeValue | None = None,
        bias_v: RangeValue | None = None,
        temperature_k: RangeValue | None = None,
        write_time_s: RangeValue | None = None,
    ) -> Steps[KineticsAnswer]:
        """Estimate rates and times of ion migration.

        Intervals of every quantity with its equation, and all assumptions with their sources.
        Omitted conditions have defaults, which the answer lists. A window of more than three
        decades is not shown: `missing` says what has to be known more closely.

        Args:
            formula: Material of the store, e.g. CsPbBr3.
            device: Device; default of the bias: its SET voltage.
            e_a_ev: Activation energy in eV, e.g. 0.3:0.5.
            dfe_ev: Formation energy of the vacancy in eV, with e_a_ev.
            thickness_nm: Layer thickness in nm, e.g. 300 or 90:300.
            bias_v: Bias across the layer in V, e.g. 1 or 0.5:2.
            temperature_k: Temperature in K, e.g. 280:350.
            write_time_s: Pulse of the SET voltage in s, e.g. 1e-4:2e-3.

        Example:
            >>> answer = client.kinetics.estimate(e_a_ev=0.3, thickness_nm=300, bias_v=1)
            >>> answer.ions[0].document.quantity("switching time").maximum < 1e-2  # s
            True
        """
        return call(self._service, "kinetics", locals())


class Kinetics(KineticsOperations, Blocking):
    """Estimate rates and times of ion migration."""


class AsyncKinetics(KineticsOperations, Awaiting):
    """Estimate rates and times of ion migration. See :class:`Kinetics`."""


class QueuedOperations(ClientPart):
    """Operations of both clients that queue a calculation.

    Raises:
        InputError: a value cannot be used, or another one is missing.
        NotFoundError: the service does not hold what is named.
        NotAllowedError: the service requires an API key with the scope `queue`.
    """

    def _written(
        self, parts: Sequence[str], body: BaseModel | None, idempotency_key: str | None
    ) -> Steps[CalculationDocument]:
        from pvkdb.schemas.calculations import CalculationDocument

        content = None if body is None else body.model_dump_json()
        path = path_of("calculations", *parts)
        answer = yield from self._service.write(path, content, idempotency_key)
        return parse(CalculationDocument, answer)

    @operation
    def equation_of_state(
        self, question: EquationOfStateQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the equation of state of a relaxed compound: volume and bulk modulus.

        Atoms relaxed at seven volumes around that of the host, whose cell keeps its shape, with the
        potential that relaxed it.

        Example:
            >>> from pvkdb.schemas.calculations.relaxations import EquationOfStateQuestion
            >>> asked = EquationOfStateQuestion(relaxation="c1")
            >>> client.calculations.equation_of_state(asked)  # doctest: +SKIP
        """
        return (yield from self._written(["equations-of-state"], question, idempotency_key))

    @operation
    def examine(
        self, question: ExaminationQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the examination of a device, or get the one with the same inputs.

        Accuracy of a network built from a device, and the cost of each imperfection.

        Figures come from the store. What the task needs and the store lacks is refused by name,
        unless `assume_ideal` is set. Keys and measured curves need files: `pvkdb examine` reads
        them.

        Example:
            >>> from pvkdb.schemas.calculations.examinations import ExaminationQuestion
            >>> asked = ExaminationQuestion(device="EpiRAM", task="training", images="mnist")
            >>> client.calculations.examine(asked).state.value
            'queued'
        """
        return (yield from self._written(["examinations"], question, idempotency_key))

    @operation
    def gap(
        self, question: GapQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the band gap of a relaxed compound by DFT.

        PBE by pw.x on the structure of the relaxation, without spin–orbit coupling.

        Example:
            >>> from pvkdb.schemas.calculations.electrons import GapQuestion
            >>> asked = GapQuestion(relaxation="c1")
            >>> client.calculations.gap(asked)  # doctest: +SKIP
        """
        return (yield from self._written(["gaps"], question, idempotency_key))

    @operation
    def pair(
        self, question: PairQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the vacancies of a cation and the halides that balance its charge.

        As neighbours and far apart in a relaxed compound, with the potential that relaxed it. The
        halide is given back as its crystal; relax its prototypes first.

        Example:
            >>> from pvkdb.schemas.calculations.electrons import PairQuestion
            >>> asked = PairQuestion(relaxation="c1", cation="Pb")
            >>> client.calculations.pair(asked)  # doctest: +SKIP
        """
        return (yield from self._written(["pairs"], question, idempotency_key))

    @operation
    def relax(
        self, question: RelaxQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the relaxation of a compound, or get the one that already answers it.

        Atoms and cell of a prototype, with the settings of screenings, so that what they have
        computed is not computed again.

        Example:
            >>> from pvkdb.schemas.calculations.relaxations import RelaxQuestion
            >>> asked = RelaxQuestion(formula="CsPbBr3", potential="chgnet")
            >>> client.calculations.relax(asked).kind
            'relax'
        """
        return (yield from self._written(["relaxations"], question, idempotency_key))

    @operation
    def simulate(
        self, question: SimulationQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the simulation of a device, or get the one with the same inputs.

        Motion of the vacancy, currents and a compact model, with an uncertainty budget.

        Barriers come from the store. An input that it lacks and that nobody gave is refused by
        name.

        Example:
            >>> from pvkdb.schemas.calculations.simulations import SimulationQuestion
            >>> inputs = {"thickness_nm": 200, "bias_v": 1, "vacancies": (1e-4, 1e-3)}
            >>> layers = {"material": "CsPbBr3", "stack": "ITO/CsPbBr3/Ag"}
            >>> asked = SimulationQuestion(**layers, inputs=inputs)
            >>> queued = client.calculations.simulate(asked)  # doctest: +SKIP
            >>> client.calculations.wait(queued).simulation  # doctest: +SKIP
        """
        return (yield from self._written(["simulations"], question, idempotency_key))

    @operation
    def vacancies(
        self, question: VacancyQuestion, *, idempotency_key: str | None = None
    ) -> Steps[CalculationDocument]:
        """Queue the halide vacancies of a relaxed compound.

        One vacancy of each symmetry class of the relaxed host, neutral, with the potential that
        relaxed it.

        Example:
            >>> from pvkdb.schemas.calculations.relaxations import VacancyQuestion
            >>> asked = VacancyQuestion(relaxation="c1")
            >>> client.calculations.vacancies(asked)  # doctest: +SKIP
        """
        return (yield from self._written(["vacancies"], question, idempotency_key))
