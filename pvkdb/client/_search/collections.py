"""The collections of the service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from pvkdb.client._io.answers import parse
from pvkdb.client._io.carriers import Awaiting, Blocking, Operations, operation
from pvkdb.client._io.description import Filters
from pvkdb.client._io.service import Service, path_of
from pvkdb.client._io.steps import Steps
from pvkdb.client._search.fields import Fields
from pvkdb.client._search.pages import Pages, searches
from pvkdb.client._search.queries import NO_FILTERS, FilterValue, asked_for
from pvkdb.client._search.results import AsyncResults, Results
from pvkdb.client._search.streams import AsyncStream, Stream
from pvkdb.client._search.tables import Table
from pvkdb.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pvkdb.schemas.responses import CollectionFields
    from pvkdb.schemas.tables import Row

RowT = TypeVar("RowT", bound="Row")
DocumentT = TypeVar("DocumentT", bound="BaseModel")

#: A value that is counted; None where a row reports none.
FacetKey: TypeAlias = "str | bool | int | float | None"

#: How often each value of a field occurs, by field.
Counted: TypeAlias = "dict[str, dict[FacetKey, int]]"


class ListingOperations(Operations, Generic[RowT, DocumentT]):
    """What both clients can do with a list of rows."""

    def __init__(self, service: Service, http: Any, table: Table[RowT, DocumentT]) -> None:
        super().__init__(service, http)
        self._table = table

    @operation
    def count(self, /, **filters: FilterValue) -> Steps[int]:
        """How many rows match; no row travels but one.

        Raises:
            InputError: see :meth:`Listing.search`.

        Example:
            >>> client.devices.count()
            28
        """
        batches = yield from searches(self._service, self._table.name, asked_for(filters))
        total, path = 0, path_of(self._table.name)
        for number, batch in enumerate(batches):
            answer = yield from self._service.read(path, {**batch, "limit": "1"}, middle=number > 0)
            total += parse(self._table.page, answer).total
        return total

    @operation
    def facets(self, /, *names: str, **filters: FilterValue) -> Steps[Counted]:
        """How many of the rows that match have which value, the most frequent first.

        A value None counts the rows that report none. Of a field with more than 50 values, the 50
        most frequent ones are given.

        Args:
            *names: fields to be counted; :meth:`describe` says which can be.
            **filters: as for :meth:`Listing.search`.

        Raises:
            InputError: none is named, a field cannot be counted (names the nearest one), or a list
                among the filters is too long for one request.

        Example:
            >>> client.energetics.facets("quantity", family="RP")
            {'quantity': {'E_A': 6}}
        """
        if not names:
            known = yield from self._describe()
            raise InputError(f"name the fields to be counted; known: {', '.join(known.facets)}")
        batches = yield from searches(self._service, self._table.name, asked_for(filters))
        if not batches:
            return {name: {} for name in names}
        if len(batches) > 1:
            raise InputError("a list is too long to count values by it in one request; shorten it")
        asked = {**batches[0], "facets": ",".join(names), "limit": "0"}
        answer = yield from self._service.read(path_of(self._table.name), asked)
        counted = parse(self._table.page, answer).facets or {}
        return {
            name: {each.value: each.count for each in values} for name, values in counted.items()
        }

    @operation
    def describe(self) -> Steps[CollectionFields]:
        """What the service says of the rows: fields, what sorts and counts, and filters.

        Example:
            >>> told = client.devices.describe()
            >>> told.facets[:3]
            ['family', 'group', 'absorber']
        """
        told = yield from self._describe()
        return told

    @operation
    def filters(self) -> Steps[Filters]:
        """What :meth:`Listing.search` can filter by, in the words of the service.

        Beside these, a range ``retention_s=(min, max)`` stands for ``retention_s_min`` and
        ``retention_s_max``.

        Example:
            >>> client.devices.filters()["retention_s_min"].meaning
            'Smallest retention in s.'
        """
        description = yield from self._service.describe()
        known = description.parameters(path_of(self._table.name)) or {}
        return Filters({name: each for name, each in known.items() if name not in NO_FILTERS})

    def fields(self) -> Fields:
        """The fields of a row with unit and meaning, in the order of the exported table.

        Nothing is asked of the service.

        Example:
            >>> client.energetics.fields()["value_min_ev"].unit
            'eV'
            >>> list(client.devices.fields())[:3]
            ['id', 'group', 'structure']
        """
        return Fields(self._table.row.dictionary())

    def _describe(self) -> Steps[CollectionFields]:
        from pvkdb.schemas.responses import CollectionFields

        answer = yield from self._service.read(path_of(self._table.name, "fields"))
        return parse(CollectionFields, answer)

    def _bar(self, progress: bool | None) -> bool:
        return self._service.progress if progress is None else progress


class EntryOperations(ListingOperations[RowT, DocumentT]):
    """What both clients can do with rows that have keys, beside."""

    @operation
    def get(self, key: str) -> Steps[DocumentT]:
        """One entry, by its id (references: by key, e.g. ``r36``).

        Raises:
            UnknownKeyError: there is none.
            ServiceError: the service cannot be reached.

        Example:
            >>> client.references.get("r36").year
            2024
        """
        document = yield from self._get(key, middle=False)
        return document

    @operation
    def get_many(self, keys: Iterable[str]) -> Steps[list[DocumentT]]:
        """The entries with these ids, in their order, however many those are.

        Raises:
            UnknownKeyError: there is none for one of them; names the first.
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
        """The filter by which entries are found by many ids; None where rows are not entries."""
        if self._table.document is not self._table.row:
            return None
        description = yield from self._service.describe()
        known = description.parameters(path_of(self._table.name)) or {}
        by = self._table.key
        return by if by in known and known[by].many else None


class Listing(ListingOperations[RowT, DocumentT], Blocking):
    """A list of rows of the service, to search."""

    def search(
        self,
        *,
        fields: Iterable[str] | None = None,
        sort: str | Sequence[str] | None = None,
        progress: bool | None = None,
        **filters: FilterValue,
    ) -> Results[RowT]:
        """Rows that match every filter; all rows without any.

        A range is a tuple ``(min, max)`` with None for an open side; a list asks for any of its
        values, however many. :meth:`filters` names the filters.

        Args:
            fields: only these of each row (and its id); any other one says that it was not asked
                for.
            sort: fields to sort by; a minus before a name: largest first.
            progress: whether to show a bar on standard error while rows come.
            **filters: by the names of :meth:`filters`.

        Raises:
            InputError: the service has no such filter or bound (names the nearest one), or
                cannot use a value. Filters are checked before the search is sent.
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
        return Results(self, table, pages, self._bar(progress))

    def iterate(
        self,
        *,
        fields: Iterable[str] | None = None,
        sort: str | Sequence[str] | None = None,
        cursor: str | None = None,
        progress: bool | None = None,
        **filters: FilterValue,
    ) -> Stream[RowT]:
        """The same rows one after the other, for millions of them: none is kept.

        Pages are fetched as they are needed. When the service goes away in between, the client
        waits for it (``patience_s``) and goes on behind the last page: each row comes once.

        Args:
            fields: as for :meth:`search`.
            sort: as for :meth:`search`.
            cursor: of an earlier stream with the same filters; goes on behind its last row.
            progress: whether to show a bar on standard error.
            **filters: as for :meth:`search`.

        Example:
            >>> sum(1 for row in client.energetics.iterate(quantity="E_A")) > 0
            True
        """
        table = self._table.only(fields)
        pages = Pages(self._service, table, filters, sort, cursor)
        return Stream(self, table, pages, self._bar(progress))


class AsyncListing(ListingOperations[RowT, DocumentT], Awaiting):
    """A list of rows of the service; see :class:`Listing`."""

    def search(
        self,
        *,
        fields: Iterable[str] | None = None,
        sort: str | Sequence[str] | None = None,
        progress: bool | None = None,
        **filters: FilterValue,
    ) -> AsyncResults[RowT]:
        """Rows that match every filter, for ``async for``; see :meth:`Listing.search`.

        Nothing is sent before the results are awaited or gone through.
        """
        table = self._table.only(fields)
        pages = Pages(self._service, table, filters, sort)
        return AsyncResults(self, table, pages, self._bar(progress))

    def iterate(
        self,
        *,
        fields: Iterable[str] | None = None,
        sort: str | Sequence[str] | None = None,
        cursor: str | None = None,
        progress: bool | None = None,
        **filters: FilterValue,
    ) -> AsyncStream[RowT]:
        """The same rows, none of which is kept; see :meth:`Listing.iterate`."""
        table = self._table.only(fields)
        pages = Pages(self._service, table, filters, sort, cursor)
        return AsyncStream(self, table, pages, self._bar(progress))


class Collection(EntryOperations[RowT, DocumentT], Listing[RowT, DocumentT]):
    """A collection of the service: rows to search, and one document for each key."""


class AsyncCollection(EntryOperations[RowT, DocumentT], AsyncListing[RowT, DocumentT]):
    """A collection of the service; see :class:`Collection`."""


class ListingOf(Generic[RowT]):
    """An attribute of both clients: a :class:`Listing`, or an :class:`AsyncListing`."""

    def __init__(self, name: str) -> None:
        self._table: Table[RowT, RowT] = Table(name)

    @overload
    def __get__(self, instance: Blocking, owner: object) -> Listing[RowT, RowT]: ...

    @overload
    def __get__(self, instance: Awaiting, owner: object) -> AsyncListing[RowT, RowT]: ...

    @overload
    def __get__(self, instance: None, owner: object) -> ListingOf[RowT]: ...

    def __get__(self, instance: Any, owner: object) -> Any:
        if instance is None:
            return self
        kind = Listing if isinstance(instance, Blocking) else AsyncListing
        return kind(instance._service, instance._http, self._table)


class CollectionOf(Generic[RowT, DocumentT]):
    """An attribute of both clients: a :class:`Collection`, or an :class:`AsyncCollection`."""

    def __init__(self, name: str) -> None:
        self._table: Table[RowT, DocumentT] = Table(name)

    @overload
    def __get__(self, instance: Blocking, owner: object) -> Collection[RowT, DocumentT]: ...

    @overload
    def __get__(self, instance: Awaiting, owner: object) -> AsyncCollection[RowT, DocumentT]: ...

    @overload
    def __get__(self, instance: None, owner: object) -> CollectionOf[RowT, DocumentT]: ...

    def __get__(self, instance: Any, owner: object) -> Any:
        if instance is None:
            return self
        kind = Collection if isinstance(instance, Blocking) else AsyncCollection
        return kind(instance._service, instance._http, self._table)
