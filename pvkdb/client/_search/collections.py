"""Collections of the service: searching, counting and getting rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, ClientPart, PartOf, operation
from pvkdb.client._io.description import Fields, Filters
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._search.pages import Pages, searches
from pvkdb.client._search.queries import FilterValue, query_of
from pvkdb.client._search.results import AsyncResults, AsyncStream, Results, Stream
from pvkdb.client._search.tables import TableModels
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.responses import CollectionFields
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
DocumentT = TypeVar("DocumentT", bound="BaseModel")
ResultsT = TypeVar("ResultsT")
StreamT = TypeVar("StreamT")

#: A counted value; None counts the rows without one.
FacetKey: TypeAlias = "str | bool | int | float | None"


class ListingOperations(ClientPart, Generic[RowT, DocumentT]):
    """Operations of both clients on a list of rows."""

    def __init__(self, service: Service, http: Any, table: TableModels[RowT, DocumentT]) -> None:
        super().__init__(service, http)
        self._table = table

    @operation
    def count(self, /, **filters: FilterValue) -> Steps[int]:
        """Return the number of rows that match.

        Raises:
            InputError: see :meth:`Listing.search`.

        Example:
            >>> client.devices.count()
            95
        """
        batches = yield from searches(self._service, self._table.name, query_of(filters))
        total, path = 0, path_of(self._table.name)
        for number, batch in enumerate(batches):
            answer = yield from self._service.read(path, {**batch, "limit": "0"}, middle=number > 0)
            total += parse(self._table.page, answer).total
        return total

    @operation
    def facets(
        self, /, *names: str, **filters: FilterValue
    ) -> Steps[dict[str, dict[FacetKey, int]]]:
        """Return how often each value of some fields occurs, the most frequent first.

        The value None counts the rows without a value. If a field has more than 50 values, only
        the 50 most frequent ones are returned.

        Args:
            *names: fields whose values are counted; ``describe().facets`` lists those allowed.
            **filters: as for :meth:`Listing.search`.

        Raises:
            InputError: no field is named, a field cannot be counted (names the nearest one), or a
                list among the filters is too long for one request.

        Example:
            >>> client.energetics.facets("quantity", family="RP")
            {'quantity': {'E_A': 6}}
        """
        if not names:
            known = yield from ListingOperations.describe(self)
            raise InputError(f"name the fields to count; known: {', '.join(known.facets)}")
        batches = yield from searches(self._service, self._table.name, query_of(filters))
        if not batches:
            return {name: {} for name in names}
        if len(batches) > 1:
            raise InputError("a list is too long to count values by it in one request; shorten it")
        query = {**batches[0], "facets": ",".join(names), "limit": "0"}
        answer = yield from self._service.read(path_of(self._table.name), query)
        counted = parse(self._table.page, answer).facets or {}
        return {
            name: {each.value: each.count for each in values} for name, values in counted.items()
        }

    @operation
    def describe(self) -> Steps[CollectionFields]:
        """Return the service's description of the rows: fields, sort fields, facets and filters.

        Example:
            >>> client.devices.describe().facets[:3]
            ['family', 'group', 'absorber']
        """
        from pvkdb.schemas.responses import CollectionFields

        answer = yield from self._service.read(path_of(self._table.name, "fields"))
        return parse(CollectionFields, answer)

    @operation
    def filters(self) -> Steps[Filters]:
        """Return the filters of :meth:`Listing.search`, as the service describes them.

        In addition, a range ``retention_s=(min, max)`` sets ``retention_s_min`` and
        ``retention_s_max``.

        Example:
            >>> client.devices.filters()["retention_s_min"].meaning
            'Smallest retention in s.'
        """
        return Filters((yield from self._service.filters(self._table.name)))

    def fields(self) -> Fields:
        """Return the fields of a row with unit and meaning, in the order of the exported table.

        Sends no request.

        Example:
            >>> client.energetics.fields()["value_min_ev"].unit
            'eV'
            >>> list(client.devices.fields())[:3]
            ['id', 'group', 'structure']
        """
        return Fields(self._table.row.dictionary())

    def _bar(self, progress: bool | None) -> bool:
        return self._service.progress if progress is None else progress


class EntryOperations(ListingOperations[RowT, DocumentT]):
    """Further operations of both clients on rows that have keys."""

    @operation
    def get(self, key: str) -> Steps[DocumentT]:
        """Return one entry by its id (references: by key, e.g. ``r36``).

        Raises:
            UnknownKeyError: the id does not exist.
            ServiceError: the service cannot be reached.

        Example:
            >>> client.references.get("r36").year
            2024
        """
        return (yield from self._get(key, middle=False))

    @operation
    def get_many(self, keys: Iterable[str]) -> Steps[list[DocumentT]]:
        """Return the entries with these ids, in the same order; any number of ids.

        Raises:
            UnknownKeyError: an id does not exist; names the first such id.
            ServiceError: the service cannot be reached.

        Example:
            >>> [row.key for row in client.references.get_many(["r161", "r2"])]
            ['r161', 'r2']
        """
        wanted = [*keys]
        found: dict[str, DocumentT] = {}
        by = yield from self._many_keys()
        if by is not None and len(set(wanted)) > 1:
            pages: Pages[Any] = Pages(self._service, self._table, {by: list(map(str, wanted))})
            while not pages.done:
                rows = yield from pages.next()
                for row in rows:
                    found[getattr(row, by)] = row
        for key in wanted:
            if key not in found:
                found[key] = yield from self._get(key, middle=bool(found))
        return [found[key] for key in wanted]

    def _get(self, key: str, *, middle: bool) -> Steps[DocumentT]:
        answer = yield from self._service.read(path_of(self._table.name, key), middle=middle)
        return parse(self._table.document, answer)

    def _many_keys(self) -> Steps[str | None]:
        """Return the filter that accepts many ids, or None if rows are not whole entries."""
        if self._table.document is not self._table.row:
            return None
        known = yield from self._service.filters(self._table.name)
        by = self._table.key
        return by if by in known and known[by].several else None


class SearchOperations(
    ListingOperations[RowT, DocumentT], Generic[RowT, DocumentT, ResultsT, StreamT]
):
    """Search methods for one list of rows; the client sets the types of results and streams."""

    _results: Callable[..., ResultsT]
    _stream: Callable[..., StreamT]

    def search(
        self,
        *,
        fields: Iterable[str] | None = None,
        sort: str | Sequence[str] | None = None,
        progress: bool | None = None,
        **filters: FilterValue,
    ) -> ResultsT:
        """Return the rows that match every filter, or all rows.

        A range is a tuple ``(min, max)`` with None for no bound; a list, of any length, matches any
        of its values. :meth:`filters` lists the filters.

        Args:
            fields: return only these fields and the id; reading another one raises an error.
            sort: fields to sort by; a minus before a name sorts the largest first.
            progress: whether to show a progress bar on standard error.
            **filters: values by the names of :meth:`filters`.

        Raises:
            InputError: the filter or bound does not exist (names the nearest one), or a value
                cannot be used.
            ServiceError: the service cannot be reached.

        Example:
            >>> found = client.devices.search(absorber="MAPbI3", retention_s=(1e4, None))
            >>> found[0].absorber
            'MAPbI3'
            >>> client.energetics.search(quantity="E_A", value_ev=(0.1, 0.2))[0].quantity
            'E_A'
        """
        table = self._table.only(fields)
        pages = Pages(self._service, table, filters, sort)
        return self._results(self, table, pages, self._bar(progress))

    def iterate(
        self,
        *,
        fields: Iterable[str] | None = None,
        sort: str | Sequence[str] | None = None,
        cursor: str | None = None,
        progress: bool | None = None,
        **filters: FilterValue,
    ) -> StreamT:
        """Iterate over the same rows without keeping them, for millions of rows.

        Pages are fetched when needed. If the service is unavailable meanwhile, the client waits
        for it (``patience_s``) and continues after the last page: each row is returned once.

        Args:
            fields: as for :meth:`search`.
            sort: as for :meth:`search`.
            cursor: cursor of an earlier stream with the same filters; resumes after its last row.
            progress: whether to show a progress bar on standard error.
            **filters: as for :meth:`search`.

        Example:
            >>> sum(1 for row in client.energetics.iterate(quantity="E_A")) > 0
            True
        """
        table = self._table.only(fields)
        pages = Pages(self._service, table, filters, sort, cursor)
        return self._stream(self, table, pages, self._bar(progress))


class Listing(SearchOperations[RowT, DocumentT, Results[RowT], Stream[RowT]], Blocking):
    """A list of rows of the service that can be searched."""

    _results = Results
    _stream = Stream


class AsyncListing(
    SearchOperations[RowT, DocumentT, AsyncResults[RowT], AsyncStream[RowT]], Awaiting
):
    """A list of rows of the service; see :class:`Listing`."""

    _results = AsyncResults
    _stream = AsyncStream


class Collection(EntryOperations[RowT, DocumentT], Listing[RowT, DocumentT]):
    """A collection of the service: rows that can be searched, and one document for each key."""


class AsyncCollection(EntryOperations[RowT, DocumentT], AsyncListing[RowT, DocumentT]):
    """A collection of the service; see :class:`Collection`."""


#: Attributes of both clients: of the blocking or of the asynchronous kind.
ListingOf: TypeAlias = "PartOf[Listing[RowT, RowT], AsyncListing[RowT, RowT]]"
CollectionOf: TypeAlias = "PartOf[Collection[RowT, DocumentT], AsyncCollection[RowT, DocumentT]]"
RowsOf: TypeAlias = "CollectionOf[RowT, RowT]"  # an entry is a row


def listing_of(name: str) -> ListingOf[RowT]:
    """Return the attribute of both clients for a list of rows."""
    table: TableModels[RowT, RowT] = TableModels(name)
    return PartOf(partial(Listing, table=table), partial(AsyncListing, table=table))


def collection_of(name: str, document: str = "") -> CollectionOf[RowT, DocumentT]:
    """Return the attribute of both clients for a collection; see :class:`TableModels`."""
    table: TableModels[RowT, DocumentT] = TableModels(name, document)
    return PartOf(partial(Collection, table=table), partial(AsyncCollection, table=table))
