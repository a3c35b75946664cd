"""Drafts of imports: statements of devices and energies that rules find in the text of a paper."""

from pvkdb.literature.drafts.documents import read_document
from pvkdb.literature.drafts.statements import statements
from pvkdb.literature.drafts.writing import Draft, draft_of, draft_yaml
from pvkdb.store.curation.sources import Source

__all__ = ["Draft", "draft_paper", "draft_yaml"]


def draft_paper(path: Source) -> Draft:
    """Return the draft of a PDF, HTML or text file.

    Raises:
        InputError: the file cannot be read as text; names the reason and the remedy.
    """
    document = read_document(path)
    return draft_of(document, statements(document))
