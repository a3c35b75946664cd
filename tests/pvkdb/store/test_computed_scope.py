"""Migration 0010: what a potential computed is called computed, what a source reports is not."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text

from pvkdb.store.database import Store
from pvkdb.store.migrate import migrating
from pvkdb.store.models.calculations import Calculation
from pvkdb.store.models.energetics import Energetic

_SCOPES = text(
    "SELECT scope, calculation_id IS NOT NULL, count(*) FROM energetics GROUP BY 1, 2 ORDER BY 1, 2"
)


def scopes(store: Store) -> list[tuple[str, bool, int]]:
    with store.session(read_only=True) as session:
        return [(scope, bool(own), count) for scope, own, count in session.execute(_SCOPES)]


def test_computed_formation_energies_of_an_earlier_store_are_called_computed(store: Store) -> None:
    (literature,) = scopes(store)
    assert literature[:2] == ("reported", False)
    with store.session() as session:
        session.add(Calculation(id="c0", key="c0", kind="vacancy", state="done", parameters={}))
        session.flush()
        for name, scope in (("e-c0", "computed"), ("h-c0", "hop")):
            session.add(
                Energetic(
                    id=name,
                    material_id="CsPbBr3",
                    defect="V_Br",
                    species="Br",
                    quantity="DFE",
                    scope=scope,
                    value_min_ev=1.0,
                    value_max_ev=2.0,
                    approximate=False,
                    method="MLIP",
                    source="calculation c0",
                    calculation_id="c0",
                )
            )
    now = scopes(store)
    assert now == [("computed", True, 1), ("hop", True, 1), literature]
    with migrating(store) as config:
        command.downgrade(config, "0009")
    assert scopes(store) == [("hop", True, 1), literature, ("reported", True, 1)]
    with migrating(store) as config:
        command.upgrade(config, "head")
    assert scopes(store) == now
