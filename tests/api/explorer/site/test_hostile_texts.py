"""Whatever stands in the store is text on a page: markup, endless words, writing to the left."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, select

from pvkdb.store.database import Store
from pvkdb.store.models.devices import Device, DeviceReference
from pvkdb.store.models.materials import Composition, Material, SiteOccupancy
from pvkdb.store.models.references import Reference
from pvkdb_api.app import create_app

HOSTILE = (
    """</script><script>alert(1)</script><img src=x onerror=alert(2)>"'{{7*7}}""",
    "W" * 3000,
    "\u202e\u05e9\u05dc\u05d5\u05dd",
)

PAGES = (
    *("/devices", "/references/hostile", "/find?q=hostile", "/errata", "/compositions/MAPbI3"),
    *("/applications/non-volatile-memory", "/devices/none-of-hostile"),
    f"/compositions/{quote(HOSTILE[0], safe='')}",
    f"/find?q={quote(HOSTILE[0])}",
    *(f"/devices/hostile-{place}" for place in range(len(HOSTILE))),
    *(f"/crossbar?device=hostile-{place}" for place in range(len(HOSTILE))),
)


@pytest.fixture
def client(sqlite_store: Store) -> Iterator[TestClient]:
    """The service on a store whose texts are hostile."""
    with sqlite_store.session() as session:
        like = session.execute(select(Device.__table__).where(Device.id == "d-t4-r06")).one()
        ion = SiteOccupancy(position=0, site="X", ion="<b>I</b>", charge=-1, amount=3)
        odd = Composition(formula=HOSTILE[0], lead_free=True, occupancies=[ion])
        session.add(Material(id="hostile", composition=odd, family="3D", dimensionality=3))
        session.execute(
            insert(Reference),
            [{"key": "hostile", "title": HOSTILE[0], "authors": HOSTILE[0], "doi": HOSTILE[0]}],
        )
        for place, text in enumerate(HOSTILE):
            texts = dict.fromkeys(
                ("structure", "absorber", "form", "mechanism", "erratum", "as_printed"), text
            )
            name = {"id": f"hostile-{place}", "fingerprint": f"hostile-{place}"}
            session.execute(insert(Device.__table__), [{**like._mapping, **texts, **name}])
            session.execute(
                insert(DeviceReference.__table__),
                [{"device_id": name["id"], "reference_key": "hostile", "position": 0}],
            )
    app = create_app(sqlite_store.url.render_as_string(hide_password=False))
    with TestClient(app, headers={"Accept": "text/html"}) as opened:
        yield opened


def test_no_text_becomes_markup_or_a_failure(client: TestClient) -> None:
    shown = 0
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code < 500, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
        assert "<b>I</b>" not in answer.text, path
        shown += "&lt;img src=x" in answer.text
    assert shown >= 5
