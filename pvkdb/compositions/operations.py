"""The operations of this room."""

from __future__ import annotations

from pvkdb.operations import Operation

OPERATIONS = (
    Operation(
        name="tolerance",
        summary="Tolerance, octahedral and tau factor of an ABX3 formula.",
        description="t, mu and tau of an ABX3 or A2BB'X6 formula in any spelling, and the "
        "probability of a perovskite, with the radii in Å.",
        path="/tolerance/{formula}",
        method="tolerance",
        function="pvkdb.compositions.tolerance:tolerance",
        request="pvkdb.schemas.responses:FormulaRequest",
        result="pvkdb.schemas.tables:ToleranceRow",
        python='>>> round(client.tolerance("CsPbBr3").t, 3)\n0.862',
    ),
    Operation(
        name="tolerances",
        summary="Compute tolerance factors of ABX3 and double perovskites.",
        description="With the probability of a perovskite. One answer for each formula, in their "
        "order; a formula without factors has the reason. The command needs no database; it "
        "fails, after printing the others, if a formula cannot be read, and if none has factors.",
        path="/tolerance",
        verb="POST",
        method="tolerances",
        function="pvkdb.compositions.tolerance:tolerances",
        request="pvkdb.schemas.responses:ToleranceRequest",
        result="pvkdb.schemas.responses:FormulaTolerance",
        many=True,
        command="tolerance",
        example="CsPbBr3 MAPbI3",
        python='>>> [row.problem is None for row in client.tolerances(["CsPbI3", "CsPbO3"])]\n'
        "[True, False]",
        printed="pvkdb.cli.output.composition_tables:print_tolerances",
        failure="pvkdb.compositions.tolerance:failure_of",
    ),
    Operation(
        name="similar_structures",
        summary="Compare a structure with those of the store.",
        description="Whether it is a known phase, has a known prototype, or is new: by the "
        "StructureMatcher of pymatgen with the same ions, else with others on its sites.",
        path="/structures/similar",
        verb="POST",
        function="pvkdb.store.files.similar_structures:answer",
        request="pvkdb.schemas.responses:SimilarityRequest",
        result="pvkdb.schemas.responses:SimilarStructures",
        extra="screening",
        example="mine.cif",
        printed="pvkdb.cli.output.composition_tables:print_similar",
    ),
    Operation(
        name="hull",
        summary="Energy of a compound above the hull of all known phases.",
        description="Of its elements, and by one potential: prototypes that were relaxed, "
        "structures of other databases that were fetched and relaxed, and the elements. Names the "
        "mixture that lies lowest, and what lacks an energy. Screenings compare with prototypes "
        "alone: their decomposition.",
        path="/hull/{formula}",
        function="pvkdb.suitability.evidence.phase_diagrams:hull",
        request="pvkdb.schemas.responses:HullRequest",
        result="pvkdb.schemas.responses:Hull",
        extra="screening",
        example="CsPbBr3",
        printed="pvkdb.cli.output.composition_tables:print_hull",
    ),
    Operation(
        name="compare",
        summary="Compare two to four compositions or devices.",
        description="Every known value side by side, with its kind and interval, and the place in "
        "the ranking of each application. The answer names what differs most beyond the errors: "
        "intervals apart by most standard deviations of all candidates.",
        path="/compare",
        method="compare",
        function="pvkdb.suitability.sheets.side_by_side:compare",
        request="pvkdb.schemas.rankings:CompareRequest",
        result="pvkdb.schemas.rankings:Comparison",
        one_of=("materials", "devices"),
        example="CsPbBr3 MAPbI3",
        python='>>> client.compare(["CsPbBr3", "MAPbI3"]).answer.partition(";")[0]\n'
        "'No measured or computed value differs between CsPbBr3 and MAPbI3 beyond the errors'",
        printed="pvkdb.cli.output.ranking_tables:print_comparison",
    ),
    Operation(
        name="series",
        summary="Show what changes when only one thing changes.",
        description="Devices of one paper that differ in one thing (halide, A site, electrode, "
        "thickness, sweep rate, …), with ratios of each metric and their intervals over papers. "
        "The table `series` has the pairs.",
        path="/series",
        method="series",
        function="pvkdb.suitability.ranking.series:series",
        request="pvkdb.schemas.tables.series:SeriesRequest",
        result="pvkdb.schemas.tables.series:DeviceSeries",
        example="--changed 'top electrode'",
        python=">>> client.series(changed=\"top electrode\").changes[0].step\n'from Ag to Au'",
        printed="pvkdb.cli.output.ranking_tables:print_series",
    ),
)
