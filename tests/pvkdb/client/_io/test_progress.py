"""Quiet by default; a bar on standard error for those who ask for it."""

from __future__ import annotations

import logging

from pvkdb.client import Client

from ....curated import REFERENCES


def read_everything(client: Client, folder) -> None:
    list(client.references.search())
    list(client.references.iterate())
    client.references.search().to_dataframe()
    client.download("references", folder / "references.csv")


def test_nothing_is_said_unless_asked_for(client, tmp_path, capfd, caplog):
    with caplog.at_level(logging.INFO, "pvkdb"):
        read_everything(client, tmp_path)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("pvkdb.")] == []


def test_a_bar_for_each_call_counts_the_rows_on_standard_error(address, tmp_path, capfd):
    with Client(address, progress=True) as client:
        list(client.references.search(progress=False))
        assert capfd.readouterr().err == ""
        read_everything(client, tmp_path)
        out, err = capfd.readouterr()
    assert out == ""
    assert err.count(f"{REFERENCES}/{REFERENCES}") == 4


def test_a_stream_left_in_the_middle_takes_its_bar_away(client, capfd):
    stream = client.references.iterate(progress=True)
    next(stream)
    bar = stream._progress._bar
    assert bar.live.is_started
    del stream
    assert not bar.live.is_started
    assert f"1/{REFERENCES}" in capfd.readouterr().err
