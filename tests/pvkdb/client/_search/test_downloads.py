"""Files of whole tables: the same bytes as an export, whole or not there, gone on with."""

from __future__ import annotations

import asyncio
import json
import zipfile

import httpx
import pytest

from pvkdb.client import AsyncClient, Client, UnavailableError
from pvkdb.client._search.downloads import COLLECTIONS
from pvkdb.errors import InputError, NotFoundError, ServiceError
from pvkdb.schemas.tables import ReferencesRow

from ....curated import REFERENCES
from ..answers import Told, answering, page


@pytest.mark.parametrize("name", sorted(COLLECTIONS | {"conduction"}))
def test_a_download_is_the_export(client, tmp_path, monkeypatch, name):
    monkeypatch.setattr("pvkdb.client._search.pages.PAGE", 100)
    path = client.download(name, tmp_path / "table.csv")
    assert path.read_bytes() == client.export(name)
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]


def test_other_kinds_of_files(client, tmp_path):
    lines = client.download("devices", tmp_path / "devices.jsonl", format="jsonl")
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").split("\n")[:-1]]
    assert rows == json.loads(client.export("devices", format="json"))
    parquet = client.download("devices", str(tmp_path / "devices.parquet"), format="parquet")
    assert parquet.read_bytes()[:4] == b"PAR1"


class StoppedError(Exception):
    """The program ends between two requests."""


def test_a_download_that_was_stopped_is_gone_on_with(address, client, tmp_path, monkeypatch):
    """As if the program had been killed between two pages, with half a line written."""
    monkeypatch.setattr("pvkdb.client._search.pages.PAGE", 50)
    path, pages = tmp_path / "references.csv", []

    def stop(request: httpx.Request) -> None:
        pages.append(request)
        if len(pages) == 4:
            raise StoppedError

    with Client(address) as stopping:
        stopping._http.event_hooks["request"].append(stop)
        with pytest.raises(StoppedError):
            stopping.download("references", path)
    assert not path.exists()
    part = tmp_path / "references.csv.part"
    assert part.read_bytes().count(b"\nr") == 150
    with part.open("ab") as file:
        file.write(b"r151,hal")
    asked = []
    with Client(address) as going_on:
        going_on._http.event_hooks["request"].append(asked.append)
        going_on.download("references", path)
    assert path.read_bytes() == client.export("references")
    assert "cursor" in asked[0].url.params
    assert len(asked) == -(-REFERENCES // 50) - 3  # pages of 50, less the three that were there
    assert [each.name for each in tmp_path.iterdir()] == ["references.csv"]


def rows(version: str, *keys: str, cursor: str | None = None) -> httpx.Response:
    return page([ReferencesRow(key=key).model_dump() for key in keys], 3, cursor, version)


def test_data_that_changes_meanwhile_is_never_mixed(tmp_path):
    path = tmp_path / "references.csv"
    changed = [rows("v1", "r1", cursor="c"), rows("v2", "r2"),
               rows("v2", "r1", cursor="c"), rows("v2", "r2")]  # fmt: skip
    with Client("http://service", transport=Told(*changed)) as client:
        client.download("references", path)
    assert [line[:2] for line in path.read_text().split("\n")[1:]] == ["r1", "r2", ""]
    again = [rows(f"v{n}", "r1", cursor=f"c{n}") for n in range(9)]
    with (
        Client("http://service", transport=Told(*again)) as client,
        pytest.raises(ServiceError, match="changed 3 times"),
    ):
        client.download("references", tmp_path / "never.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["references.csv"]


def test_two_downloads_to_one_path_both_end_well(address, client, tmp_path, monkeypatch):
    """One begins, and ends, between two pages of the other; for collections and single pieces."""
    monkeypatch.setattr("pvkdb.client._search.pages.PAGE", 150)
    for name in ("references", "ions"):
        path, asked = tmp_path / f"{name}.csv", []

        def meanwhile(request: httpx.Request, name: str = name, path=path, asked=asked) -> None:
            asked.append(request)
            if len(asked) == (2 if name == "references" else 1):
                assert client.download(name, path).read_bytes() == client.export(name)
                path.unlink()

        with Client(address) as other:
            other._http.event_hooks["request"].append(meanwhile)
            other.download(name, path)
        assert path.read_bytes() == client.export(name)
        assert "cursor" not in asked[0].url.params
    assert {each.name for each in tmp_path.iterdir()} == {"references.csv", "ions.csv"}


def test_the_second_download_leaves_nothing_if_it_is_interrupted(address, client, tmp_path):
    path = tmp_path / "references.csv"

    def stop(request: httpx.Request) -> None:
        raise StoppedError

    def meanwhile(request: httpx.Request) -> None:
        before = {each.name for each in tmp_path.iterdir()}
        with Client(address) as stopping:
            stopping._http.event_hooks["request"].append(stop)
            with pytest.raises(StoppedError):
                stopping.download("references", path)
        assert {each.name for each in tmp_path.iterdir()} == before

    with Client(address) as other:
        other._http.event_hooks["request"].append(meanwhile)
        other.download("references", path)
    with Client(address) as stopping:
        stopping._http.event_hooks["request"].append(stop)
        with pytest.raises(StoppedError):
            stopping.download("devices", tmp_path / "devices.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["references.csv"]


class BreaksOff(httpx.SyncByteStream):
    """A body whose connection is lost in the middle."""

    def __iter__(self):
        yield b"half of "
        raise httpx.ReadError("gone")


def test_a_file_in_one_piece_that_breaks_off_is_begun_again(tmp_path, pauses):
    told = Told(httpx.Response(200, stream=BreaksOff()), httpx.Response(200, content=b"the file"))
    with Client("http://service", transport=told) as client:
        assert client.download("ions", tmp_path / "ions.csv").read_bytes() == b"the file"
    told = Told(httpx.Response(200, stream=BreaksOff()))
    with (
        Client("http://service", transport=told, retries=0, patience_s=0) as client,
        pytest.raises(UnavailableError),
    ):
        client.download("ions", tmp_path / "none.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["ions.csv"]


def test_what_cannot_be_downloaded_leaves_nothing(client, tmp_path):
    with pytest.raises(NotFoundError, match="did you mean 'devices'"):
        client.download("device", tmp_path / "x.csv")
    with pytest.raises(InputError, match="did you mean 'csv'"):
        client.download("devices", tmp_path / "x.csv", format="cvs")
    with pytest.raises(InputError, match="is a folder"):
        client.download("devices", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_is_whole_or_not_there(client, address, tmp_path):
    path = client.snapshot(tmp_path / "pvkdb.zip")
    assert zipfile.is_zipfile(path)

    async def write() -> None:
        async with AsyncClient(address) as twin:
            await twin.snapshot(tmp_path / "pvkdb.sqlite")

    asyncio.run(write())
    assert (tmp_path / "pvkdb.sqlite").read_bytes()[:6] == b"SQLite"
    damaged = httpx.Response(200, headers={"X-File-SHA256": "0" * 64}, content=b"not it")
    before = path.read_bytes()
    with answering(damaged) as other, pytest.raises(ServiceError, match="damaged on its way"):
        other.snapshot(path)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="is a folder"):
        client.snapshot(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"pvkdb.zip", "pvkdb.sqlite"}
