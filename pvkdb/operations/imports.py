"""The confirmation of imports; here, since what the literature loads is too much for a list."""

from __future__ import annotations

from pvkdb.operations import Operation

OPERATIONS = (
    Operation(
        name="review",
        summary="Confirm an import, so that its values count in rankings.",
        description="Recorded with name and date. Without a version, or after the confirmation, it "
        "lists the imports that wait. A service takes it from another key than the one that "
        "imported, and takes the name of the key.",
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
