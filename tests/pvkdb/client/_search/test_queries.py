"""What is asked for, in the parameters of the service; what is refused before it is sent."""

from __future__ import annotations

import httpx
import pytest

from pvkdb.client import Client
from pvkdb.client._search import queries
from pvkdb.client._search.queries import batches, check, query_of
from pvkdb.errors import InputError, NotFoundError
from pvkdb.schemas.responses import FilterInfo
from pvkdb.schemas.tables import ReferencesRow

from ..answers import Told, answering, page


def described(name: str, several: bool = False) -> FilterInfo:
    return FilterInfo(
        name=name, type="string", meaning="", several=several, choices=[], example=None
    )


def test_a_filter_that_does_not_exist_is_refused_and_the_filters_are_asked_for_once(address):
    sent = []
    with Client(address) as client:
        client._http.event_hooks["request"].append(lambda request: sent.append(request.url.path))
        for _ in range(2):
            with pytest.raises(InputError, match=r"'absorbr'; did you mean 'absorber'\?"):
                client.devices.search(absorbr="MAPbI3")
            with pytest.raises(InputError, match="did you mean 'retention_s_min'"):
                client.devices.count(retention_min=3)
        assert sent == ["/api/v1/devices/fields", *4 * ["/api/v1/devices"]]


def test_the_parameters_of_paging_are_no_filters(client):
    with pytest.raises(InputError, match=r"search\(...\)\[:10\]"):
        client.devices.search(limit=10)
    with pytest.raises(InputError, match=r"iterate\(cursor=...\)"):
        client.devices.count(cursor="x")
    assert not {"limit", "cursor", "fields", "sort"} & set(client.devices.filters())


def test_filters_and_fields_are_there_to_be_read(client):
    filters = client.devices.filters()
    assert (filters["retention_s_min"].type, filters["family"].several) == ("number", True)
    shown = [line.split() for line in repr(filters).split("\n")]
    assert ["retention_s_min", "number", "Smallest", "retention", "in", "s."] in shown
    fields = client.energetics.fields()
    assert fields["value_min_ev"].unit == "eV"
    assert "DFT" in fields["method"].values
    line = next(line for line in repr(fields).split("\n") if line.startswith("value_min_ev"))
    assert line.split()[1] == "eV"


def test_a_service_that_does_not_describe_itself_is_asked_unchecked():
    for answer in (httpx.Response(404), httpx.Response(200, text="hello")):
        told = Told(answer, page([], 0))
        with Client("http://service", transport=told) as client:
            assert len(client.devices.search(anything="x", many=["a", "b,c"])) == 0
        assert dict(told.requests[-1].url.params) == {
            "anything": "x", "many": 'a,"b,c"', "limit": "500"
        }  # fmt: skip


def test_a_list_is_refused_where_one_value_is_taken(client):
    known = {"family": described("family", several=True), "q": described("q")}
    check("devices", query_of({"family": ["2D", "3D"], "q": ["one"]}), known)
    with pytest.raises(InputError, match="q= of devices accepts one value, not a list of 2"):
        check("devices", query_of({"q": ["one", "two"]}), known)
    with pytest.raises(InputError, match="no family among devices '4D'"):
        client.devices.search(family=["3D", "4D"])


def test_long_lists_are_cut_by_number_and_by_length():
    ids = [f"d{number}" for number in range(250)]
    found = batches({"id": ids, "family": "3D"})
    assert [each["id"].count(",") + 1 for each in found] == [100, 100, 50]
    assert ",".join(each["id"] for each in found).split(",") == ids
    assert {each["family"] for each in found} == {"3D"}
    long = [letter * 190 for letter in "abcdefghijklmnopqrstuvwxyz" * 2]
    assert all(len(each["id"]) <= queries.MOST_CHARACTERS for each in batches({"id": long}))
    assert batches({"id": []}) == []
    with pytest.raises(InputError, match="both too long"):
        batches({"id": ids, "material": ids})


def test_what_parts_values_is_quoted():
    known = {"absorber": described("absorber", several=True)}
    assert batches({"absorber": "(FA,Cs)PbI3", "q": "a, b"}, known) == [
        {"absorber": '"(FA,Cs)PbI3"', "q": "a, b"}
    ]
    with pytest.raises(InputError, match="double quotes separate values"):
        batches({"absorber": ['say "x"']})


def references(*keys: str, cursor: str | None = None) -> httpx.Response:
    return page([ReferencesRow(key=key).model_dump() for key in keys], len(keys), cursor)


def test_a_long_list_is_searched_in_parts_and_each_row_comes_once(monkeypatch):
    monkeypatch.setattr(queries, "MOST_VALUES", 2)
    answers = [httpx.Response(404), references("r1", "r2"), references("r2", "r3")]
    told = Told(*answers)
    with Client("http://service", transport=told) as client:
        found = client.references.search(author=["A", "B", "C"])
        assert [row.key for row in found] == ["r1", "r2", "r3"]
        assert len(found) == 3
    assert [request.url.params["author"] for request in told.requests[1:]] == ["A,B", "C"]
    with (
        answering(httpx.Response(404), references("r1")) as client,
        pytest.raises(InputError, match="cannot sort over"),
    ):
        client.references.search(author=["A", "B", "C"], sort="year")


def test_a_list_of_nothing_finds_nothing(client):
    assert list(client.references.search(q=[])) == []
    assert client.references.count(q=[]) == 0
    assert len(client.references.search(q=[]).to_dataframe()) == 0


def test_many_entries_come_in_the_order_of_their_keys(client):
    keys = [f"r{number}" for number in (*range(300, 0, -7), 402, 300)]
    assert [row.key for row in client.references.get_many(keys)] == keys
    assert client.references.get_many([]) == []
    assert [each.symbols[0] for each in client.structures.get_many(["s1", "s1"])] == ["Cs", "Cs"]
    with pytest.raises(NotFoundError, match="'r999'"):
        client.references.get_many(["r1", "r999"])


def test_rows_of_some_fields_name_the_field_that_is_missing():
    answer = page([{"key": "r1", "year": 2020}], 1)
    told = Told(answer)
    with Client("http://service", transport=told) as client:
        found = client.references.search(fields=["year"], sort=["-year", "key"])
        assert (found[0].key, found[0].year) == ("r1", 2020)
        with pytest.raises(AttributeError, match="'title' was not requested; add it to fields="):
            found[0].title  # noqa: B018
        with pytest.raises(AttributeError, match="colour"):
            found[0].colour  # noqa: B018
        assert list(found.to_dataframe().columns) == ["key", "year"]
        with pytest.raises(InputError, match="did you mean 'year'"):
            client.references.search(fields=["yaer"])
        with pytest.raises(InputError, match=r"fields=\['year'\]"):
            client.references.search(fields="year")
    assert dict(told.requests[0].url.params) == {
        "fields": "key,year", "sort": "-year,key", "limit": "500"
    }  # fmt: skip
    assert len(told.requests) == 1
