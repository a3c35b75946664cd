"""Drafts of papers, and the confirmation of imports; what these load is too much for a list."""

from __future__ import annotations

from pvkdb.operations import Operation

OPERATIONS = (
    Operation(
        name="add_draft",
        summary="Bring a paper to the desk.",
        description="Rules propose values with their sentences. A text that is there keeps its "
        "draft; what was rejected in a paper is not proposed again.",
        path="/drafts",
        verb="POST",
        method="add_draft",
        prepared="pvkdb.literature.desk:prepared",
        function="pvkdb.literature.desk:add_draft",
        request="pvkdb.schemas.imports:Paper",
        result="pvkdb.schemas.imports:DeskDraft",
        scope="import",
        example="--pdf paper.pdf --name paper.pdf --by 'A. Reader'",
        printed="pvkdb.cli.output.changes:print_drafts",
    ),
    Operation(
        name="drafts",
        summary="List the drafts of papers.",
        description="With their states: to read, entered, confirmed. One that is named has its "
        "text, its proposals and the decisions on them.",
        path="/drafts",
        method="drafts",
        function="pvkdb.literature.desk:drafts",
        request="pvkdb.schemas.imports:DraftsRequest",
        result="pvkdb.schemas.imports:DeskDraft",
        many=True,
        scope="import",
        example="1",
        printed="pvkdb.cli.output.changes:print_drafts",
    ),
    Operation(
        name="decide",
        summary="Accept, correct or reject proposals of a draft.",
        description="Kept at once with name and date. A draft that has changed since it was read "
        "refuses (409) and names what changed.",
        path="/drafts/decide",
        verb="POST",
        method="decide",
        function="pvkdb.literature.desk:decide",
        request="pvkdb.schemas.imports:DecideRequest",
        result="pvkdb.schemas.imports:DeskDraft",
        scope="import",
        example="1 accept devices-1.endurance --revision 3 --by 'A. Reader'",
        printed="pvkdb.cli.output.changes:print_drafts",
    ),
    Operation(
        name="enter",
        summary="Import what a draft accepts.",
        description="With the checks of every import. It counts in rankings once somebody else "
        "confirms its dataset version (review).",
        path="/drafts/enter",
        verb="POST",
        method="enter",
        function="pvkdb.literature.desk:enter",
        request="pvkdb.schemas.imports:EnterRequest",
        result="pvkdb.schemas.imports:ImportReport",
        scope="import",
        example="1 --revision 12 --by 'A. Reader'",
        printed="pvkdb.cli.output.changes:print_import",
    ),
    Operation(
        name="changes",
        summary="List what changed since a dataset version.",
        description="Rows of energies, devices and references that came since, and those that they "
        "correct. No row is taken away; of computed results, `pvkdb diff` of two snapshots shows "
        "what a later release lacks.",
        path="/changes",
        method="changes",
        function="pvkdb.store.curation.history:changes",
        request="pvkdb.schemas.imports:ChangesRequest",
        result="pvkdb.schemas.imports:TableChanges",
        many=True,
        example="review2026-0c7d1e58ab",
        python=">>> client.changes(client.references.search().dataset_version)\n[]",
        printed="pvkdb.cli.output.changes:print_changes",
    ),
    Operation(
        name="review",
        summary="Confirm an import, so that its values count in rankings.",
        description="Recorded with name and date. Without a version, or after the confirmation, it "
        "lists the imports that wait. Whoever imported the file, or decided a field of its draft, "
        "cannot confirm it; on a service, the owner of the key confirms.",
        path="/import/review",
        verb="POST",
        method="review",
        function="pvkdb.store.curation.dataset:review",
        request="pvkdb.schemas.imports:ReviewRequest",
        result="pvkdb.schemas.imports:UnreviewedImport",
        many=True,
        scope="import",
        example="--by 'A. Curator' VERSION",
        printed="pvkdb.cli.output.changes:print_unreviewed",
    ),
)
