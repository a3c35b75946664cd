"""Pictures of rankings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError
from pvkdb.kinetics.conditions import layer
from pvkdb.suitability import Options, rank, shipped_profile
from pvkdb.suitability.plots.plots import plot_ranking

pytest.importorskip("matplotlib")
FEW = Options(samples=50)


@pytest.mark.slow
def test_devices_have_three_pictures(literature: Session, tmp_path: Path) -> None:
    names = ("synaptic-training", "selector")
    ranking = rank(literature, names[0], options=FEW)
    folder = tmp_path / "new" / "folder"
    paths = plot_ranking(ranking, folder, [shipped_profile(name) for name in names], "svg")
    assert [path.name for path in paths] == [
        f"synaptic-training-devices-{name}.svg" for name in ("scores", "times", "criteria")
    ]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    assert all(len(text) > 5000 for text in texts)
    again = plot_ranking(ranking, tmp_path / "again", [shipped_profile(n) for n in names], "svg")
    assert [path.read_text(encoding="utf-8") for path in again] == texts


@pytest.mark.slow
def test_times_of_materials_are_called_predicted(literature: Session, tmp_path: Path) -> None:
    """Neither taken for measurements, nor labelled by the references of their barriers."""
    thin = layer(thickness_m=Interval.exactly(1e-7), bias_v=Interval.exactly(1.0))
    materials = rank(literature, "synaptic-training", "materials", FEW, conditions=thin)
    devices = rank(literature, "synaptic-training", options=FEW)
    drawn = [
        next(path for path in plot_ranking(each, tmp_path, ending="svg") if "times" in path.name)
        for each in (materials, devices)
    ]
    predicted, measured = (path.read_text(encoding="utf-8") for path in drawn)
    assert "Retention, predicted (s)" in predicted
    assert re.search(r"\d+\. CsPbBr3", predicted)
    assert "ref." not in predicted
    assert "not measured" not in predicted
    assert "Retention, measured (s)" in measured
    assert "ref. 161" in measured


@pytest.mark.slow
def test_every_application_can_be_drawn(literature: Session, tmp_path: Path) -> None:
    """Also where little is known, where criteria are words, and for materials."""
    for name, subject in (
        ("photonic-synapse", "devices"),
        ("nociceptor", "devices"),
        ("selector", "materials"),
    ):
        ranking = rank(literature, name, subject, FEW)  # type: ignore[arg-type]
        paths = plot_ranking(ranking, tmp_path / name, [shipped_profile(name)])
        assert len(paths) >= 1
        for path in paths:
            assert path.read_bytes()[:4] == b"\x89PNG"


def test_what_cannot_be_drawn_is_refused(literature: Session, tmp_path: Path) -> None:
    ranking = rank(literature, "selector", options=FEW)
    empty = rank(literature, "physically-unclonable-function", options=FEW)
    with pytest.raises(InputError, match="choose one of these endings"):
        plot_ranking(ranking, tmp_path, ending="gif")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        plot_ranking(ranking, blocked)
    with pytest.raises(InputError, match="no candidates"):
        plot_ranking(empty, tmp_path)
