"""Calculations of ``pvkdb_pipelines``: the service and the clients know them without loading it."""

from __future__ import annotations

from pvkdb.operations import Kind, Operation

_SCHEMAS = "pvkdb.schemas.calculations"


def _of_potential(
    name: str, title: str, model: str, computed: str, *, of_material: bool = False
) -> Kind:
    """Return a kind that a potential computes; ``model`` without Request and Result."""
    return Kind(
        name=name,
        title=title,
        request=f"{_SCHEMAS}.relaxations:{model}Request",
        result=f"{_SCHEMAS}.relaxations:{model}Result",
        computed=f"pvkdb_pipelines.{computed}",
        potential=True,
        of_material=of_material,
    )


#: What a potential computes for screenings alone.
_OF_POTENTIALS = (
    ("element", "Relaxation of an element", "Element", "relaxations.compound:compute_element"),
    ("estimate", "Rough barrier", "Estimate", "migration.estimate:estimate_barrier"),
)
#: What DFT computes, in words.
_OF_DFT = {
    "Scf": "DFT single point",
    "Relax": "DFT relaxation",
    "Path": "DFT on a path",
    "Hop": "DFT hop",
    "Neb": "DFT migration barrier",
}

KINDS = (
    *(_of_potential(*each) for each in _OF_POTENTIALS),
    *(
        Kind(
            name=f"dft-{name.lower()}",
            title=title,
            request=f"{_SCHEMAS}.dft:Dft{name}Request",
            result=f"{_SCHEMAS}.dft:Dft{name}Result",
            computed="pvkdb_pipelines.dft.computing:compute_dft",
        )
        for name, title in _OF_DFT.items()
    ),
    Kind(
        name="dft-after",
        title="DFT after a barrier",
        request=f"{_SCHEMAS}.dft:DftAfterRequest",
        result=f"{_SCHEMAS}.dft:DftAfterResult",
        computed="pvkdb_pipelines.dft.requests:queue_deferred",
        instant=True,
    ),
    Kind(
        name="md",
        title="Molecular dynamics",
        request=f"{_SCHEMAS}.dynamics:MdRequest",
        result=f"{_SCHEMAS}.dynamics:MdResult",
        computed="pvkdb_pipelines.migration.dynamics:compute_dynamics",
        potential=True,
        of_material=True,
    ),
)

OPERATIONS = (
    Operation(
        name="neb",
        summary="Queue a migration barrier, or get the calculation that already answers it.",
        description="Queue the request. The same request gives the same calculation to every "
        "caller.",
        path="/calculations",
        method="",
        request=f"{_SCHEMAS}.migration:PostedRequest",
        function="pvkdb.store.files.structure_reading:barrier_request",
        queued=Kind(
            name="neb",
            title="Migration barrier",
            request=f"{_SCHEMAS}.migration:CompleteNebRequest",
            result=f"{_SCHEMAS}.migration:NebResult",
            computed="pvkdb_pipelines.migration.compute:compute_migration",
            potential=True,
            of_material=True,
        ),
    ),
    Operation(
        name="relaxation",
        summary="Queue the relaxation of a compound, or get the one that already answers it.",
        description="Atoms and cell of a prototype, with the settings of screenings, so that what "
        "they have computed is not computed again.",
        path="/calculations/relaxations",
        method="calculations.relax",
        request=f"{_SCHEMAS}.relaxations:RelaxQuestion",
        function="pvkdb.store.files.relaxation_requests:relax_request",
        queued=_of_potential(
            "relax", "Relaxation", "Relax", "relaxations.compound:compute_relaxation"
        ),
        python=">>> from pvkdb.schemas.calculations.relaxations import RelaxQuestion\n"
        '>>> asked = RelaxQuestion(formula="CsPbBr3", potential="chgnet")\n'
        ">>> client.calculations.relax(asked).kind\n'relax'",
    ),
    Operation(
        name="vacancies",
        summary="Queue the halide vacancies of a relaxed compound.",
        description="One vacancy of each symmetry class of the relaxed host, neutral, with the "
        "potential that relaxed it.",
        path="/calculations/vacancies",
        method="calculations.vacancies",
        request=f"{_SCHEMAS}.relaxations:VacancyQuestion",
        function="pvkdb.store.files.relaxation_requests:vacancy_request",
        queued=_of_potential(
            "vacancy", "Vacancies", "Vacancy", "relaxations.vacancy:compute_vacancies"
        ),
        python=">>> from pvkdb.schemas.calculations.relaxations import VacancyQuestion\n"
        '>>> asked = VacancyQuestion(relaxation="c1")\n'
        ">>> client.calculations.vacancies(asked)  # doctest: +SKIP",
    ),
    Operation(
        name="equation_of_state",
        summary="Queue the equation of state of a relaxed compound: volume and bulk modulus.",
        description="Atoms relaxed at seven volumes around that of the host, whose cell keeps its "
        "shape, with the potential that relaxed it.",
        path="/calculations/equations-of-state",
        method="calculations.equation_of_state",
        request=f"{_SCHEMAS}.relaxations:EquationOfStateQuestion",
        function="pvkdb.store.files.relaxation_requests:equation_of_state_request",
        queued=_of_potential(
            "equation-of-state",
            "Equation of state",
            "EquationOfState",
            "relaxations.equation_of_state:compute_equation_of_state",
            of_material=True,
        ),
        python=">>> from pvkdb.schemas.calculations.relaxations import EquationOfStateQuestion\n"
        '>>> asked = EquationOfStateQuestion(relaxation="c1")\n'
        ">>> client.calculations.equation_of_state(asked)  # doctest: +SKIP",
    ),
    Operation(
        name="gap",
        summary="Queue the band gap of a relaxed compound by DFT.",
        description="PBE by pw.x on the structure of the relaxation, without spin–orbit coupling.",
        path="/calculations/gaps",
        method="calculations.gap",
        request=f"{_SCHEMAS}.electrons:GapQuestion",
        function="pvkdb.store.files.relaxation_requests:gap_request",
        queued=Kind(
            name="gap",
            title="Band gap",
            request=f"{_SCHEMAS}.electrons:GapRequest",
            result=f"{_SCHEMAS}.electrons:GapResult",
            computed="pvkdb_pipelines.electrons.gaps:compute_gap",
            of_material=True,
        ),
        python=">>> from pvkdb.schemas.calculations.electrons import GapQuestion\n"
        '>>> asked = GapQuestion(relaxation="c1")\n'
        ">>> client.calculations.gap(asked)  # doctest: +SKIP",
    ),
    Operation(
        name="pair",
        summary="Queue the vacancies of a cation and the halides that balance its charge.",
        description="As neighbours and far apart in a relaxed compound, with the potential that "
        "relaxed it. The halide is given back as its crystal; relax its prototypes first.",
        path="/calculations/pairs",
        method="calculations.pair",
        request=f"{_SCHEMAS}.electrons:PairQuestion",
        function="pvkdb.store.files.relaxation_requests:pair_request",
        queued=Kind(
            name="pair",
            title="Pair of vacancies",
            request=f"{_SCHEMAS}.electrons:PairRequest",
            result=f"{_SCHEMAS}.electrons:PairResult",
            computed="pvkdb_pipelines.electrons.pairs:compute_pair",
            potential=True,
            of_material=True,
        ),
        python=">>> from pvkdb.schemas.calculations.electrons import PairQuestion\n"
        '>>> asked = PairQuestion(relaxation="c1", cation="Pb")\n'
        ">>> client.calculations.pair(asked)  # doctest: +SKIP",
    ),
)
