"""Migration paths as trajectories, and the charge and forces of structures made by DFT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ase import Atoms

from pvkdb.chemistry import parse_composition
from pvkdb.store.curation.registration import register_material
from pvkdb.store.database import Store
from pvkdb.store.models.calculations import Calculation

from ..conftest import structure
from .test_entries import Service

#: Images of the path: more than ten, so that the order of texts is another one.
IMAGES = 12


@pytest.fixture
def paths(store: Store) -> Iterator[Service]:
    """A store with one path by a potential and one hop by DFT, in its application."""
    with store.session() as session:
        material = register_material(session, parse_composition("CsPbBr3"), "Pnma")
        points = [{"name": "saddle", "forces_ev_per_ang": [[0.0, 0.0, 0.5], [0.0, 0.0, -0.5]]}]
        for key, kind, settings, result in (
            ("c1", "neb", {}, {}),
            ("c2", "dft-hop", {"charge": 1}, {"points": points}),
        ):
            given: dict[str, Any] = {"state": "done", "result": result}
            parameters = {"settings": settings}
            session.add(Calculation(id=key, key=key, kind=kind, parameters=parameters, **given))
        names = {f"c1-hop-1-image-{n}": f"hop 1 image {n}" for n in range(IMAGES)}
        names |= {"c1-hop-1-image-5": "hop 1 saddle", "c2-saddle": "saddle"}
        for place, (key, role) in enumerate(names.items()):
            atoms = Atoms("CsBr", positions=[[0, 0, 0], [0, 0, 3 + place / 10]], cell=[6, 6, 6])
            image = structure(key, material, atoms, role, place)
            image.calculation_id, image.energy_ev = key.partition("-")[0], -1.0 - place
            session.add(image)
    made = Service(store.url.render_as_string(hide_password=False))
    yield made
    made.app.state.served.close()


def test_a_path_is_a_trajectory_of_its_images(paths: Service) -> None:
    listed = paths.data("/trajectories", filter=f"nframes = {IMAGES}")
    (entry,) = listed["data"]
    assert (entry["id"], listed["meta"]["data_available"]) == ("c1-hop-1-image-0", 1)
    assert entry["attributes"]["_pvkdb_formula"] == "CsPbBr3"
    assert "cartesian_site_positions" not in entry["attributes"]  # only if it is asked for
    whole = paths.data(f"/trajectories/{entry['id']}")["data"]["attributes"]
    images = paths.data("/structures", filter='_pvkdb_calculation = "c1"', page_limit=50)["data"]
    by_id = {each["id"]: each["attributes"] for each in images}
    order = [by_id[f"c1-hop-1-image-{n}"] for n in range(IMAGES)]
    for name in ("cartesian_site_positions", "lattice_vectors", "species", "_pvkdb_energy_ev"):
        assert whole[name] == [image[name] for image in order]
    assert whole["reference_frames"] == [0, 5, IMAGES - 1]
    described = paths.data("/info/trajectories")["data"]["properties"]
    assert set(whole) <= set(described)


def test_what_changes_along_a_path_cannot_be_searched(paths: Service) -> None:
    assert paths.data("/trajectories", filter='_pvkdb_formula = "CsPbI3"')["data"] == []
    error = paths.refused("/trajectories", 501, filter='elements HAS "Cs"')
    assert "cannot be searched by HAS" in error["detail"]


def test_structures_by_dft_have_their_charge_and_forces(paths: Service) -> None:
    (entry,) = paths.data("/structures", filter="_pvkdb_charge = 1")["data"]
    assert entry["id"] == "c2-saddle"
    assert entry["attributes"]["_pvkdb_forces_ev_per_ang"] == [[0.0, 0.0, 0.5], [0.0, 0.0, -0.5]]
    plain = paths.data("/structures/c1-hop-1-image-0")["data"]["attributes"]
    assert (plain["_pvkdb_charge"], plain["_pvkdb_forces_ev_per_ang"]) == (None, None)
