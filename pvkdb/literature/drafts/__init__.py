"""Drafts of imports: statements of devices and energies that rules find in the text of a paper."""

from dataclasses import replace
from math import inf

from pvkdb.literature.drafts.documents import read_document
from pvkdb.literature.drafts.model import ModelEndpoint, ask_model
from pvkdb.literature.drafts.statements import statements
from pvkdb.literature.drafts.writing import Draft, draft_of, draft_yaml
from pvkdb.store.curation.sources import Source

__all__ = ["Draft", "ModelEndpoint", "draft_paper", "draft_yaml"]


def draft_paper(path: Source, endpoint: ModelEndpoint | None = None) -> Draft:
    """Return the draft of a PDF, HTML or text file; ``endpoint`` is a language model to ask too.

    Raises:
        InputError: the file cannot be read as text; names the reason and the remedy.
    """
    document = read_document(path)
    if endpoint is None:
        return draft_of(document, statements(document))
    values = list(statements(document))
    proposals = ask_model(document, endpoint, values)
    # Each beside the values of its paragraph, so that those of one device share a row.
    values += proposals.values
    values.sort(key=lambda one: one.paragraph if one.paragraph > 0 else inf)  # tables last
    return replace(draft_of(document, values), note=proposals.summary())
