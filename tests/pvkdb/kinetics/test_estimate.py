"""Estimates: everything assumed is shown, halide and electrode metal stand apart."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import Interval
from pvkdb.errors import InputError, NotFoundError
from pvkdb.kinetics import Conditions, estimate, relaxation_time_s
from pvkdb.kinetics.carriers import device_kinetics
from pvkdb.kinetics.conditions import DEFAULTS
from pvkdb.store.database import Store

LAYER = Conditions(thickness_m=Interval.exactly(3e-7), bias_v=Interval.exactly(1.0))


def test_defaults_are_visible_with_their_source() -> None:
    document = estimate(Interval.exactly(0.58), LAYER)
    assumed = {entry.name: entry for entry in document.assumptions}
    for name, default in DEFAULTS.items():
        assert assumed[name].default
        assert assumed[name].value == str(default.value)
        assert assumed[name].source == default.source
    assert assumed["attempt_frequency_hz"].value == "1e+12–1e+13"
    assert assumed["temperature_k"].default
    assert not assumed["thickness_m"].default
    for quantity in document.quantities:
        assert quantity.equation
        assert quantity.source


def test_what_is_given_replaces_the_default_and_says_so() -> None:
    given = Conditions(
        thickness_m=Interval.exactly(1e-7),
        temperature_k=Interval(300, 350),
        attempt_frequency_hz=Interval.exactly(2e12),
        sources={"attempt_frequency_hz": "phonons of this phase"},
    )
    document = estimate(Interval(0.3, 0.4), given)
    assumed = {entry.name: entry for entry in document.assumptions}
    assert assumed["attempt_frequency_hz"].value == "2e+12"
    assert assumed["attempt_frequency_hz"].source == "phonons of this phase"
    assert not assumed["attempt_frequency_hz"].default
    found = document.quantity("relaxation time")
    assert found is not None
    slowest = relaxation_time_s(0.4, 1e-7, 300.0, 2e12, 6.3285e-10 / 2**0.5, 8.0, 3.0)
    assert found.maximum == pytest.approx(float(slowest))
    assert document.quantity("switching time") is None
    assert any("no switching time" in note for note in document.notes)


def test_vacancies_slow_the_ions_down() -> None:
    document = estimate(
        Interval.exactly(0.3),
        Conditions(thickness_m=Interval.exactly(1e-7), vacancy_formation_ev=Interval(0.13, 1.87)),
    )
    defect = document.quantity("diffusion coefficient of the defect")
    ions = document.quantity("diffusion coefficient of the ions")
    assert defect is not None
    assert ions is not None
    assert (ions.maximum or 0) < (defect.maximum or 0)


@pytest.mark.parametrize(
    ("barrier", "thickness", "quantity", "said"),
    [
        (
            *(Interval(0.08, 0.58), Interval.exactly(3e-7), "relaxation time"),
            "the window spans 9.5 decades; missing: closer values of migration barrier (0.08 eV to "
            "0.58 eV)",
        ),
        (
            *(Interval.exactly(0.35), Interval(6e-8, 1e-6), "relaxation time"),
            "the window spans 3.4 decades; missing: closer values of thickness (60 nm to 1 μm)",
        ),
        (
            *(Interval(0.77, None, bound="lower"), Interval.exactly(3e-7), "switching time"),
            "the window has no upper end; missing: closer values of migration barrier (at least "
            "0.77 eV)",
        ),
        (
            *(Interval.exactly(1.2), Interval.exactly(3e-7), "relaxation time"),
            "2.1 × 10⁴ years to 2.1 × 10⁵ years is beyond what a device can have",
        ),
        (Interval.exactly(0.35), Interval.exactly(3e-7), "relaxation time", None),
    ],
)
def test_what_is_missing_stands_in_place_of_a_window_beyond_reason(
    barrier: Interval, thickness: Interval, quantity: str, said: str | None
) -> None:
    layer = Conditions(thickness_m=thickness, bias_v=Interval.exactly(1.0))
    document = estimate(barrier, layer)
    (whole, shown) = (each.quantity(quantity) for each in (document, document.within_reason()))
    assert whole is not None
    assert shown is not None
    assert whole.minimum
    assert (shown.minimum is None) == (said is not None)
    assert (shown.missing or "").startswith(said or "")
    assert (shown.missing is None) == (said is None)


def test_silver_stands_beside_the_halide_of_its_device(sqlite_store: Store) -> None:
    """Au/MAPbI3 nanowires/Ag/ITO: Table 1 has V_I, Table 2 Ag_i at 0.27 eV."""
    with sqlite_store.session(read_only=True) as session:
        found = device_kinetics(session, "d-t4-r06", Conditions(thickness_m=Interval.exactly(1e-7)))
    (silver,) = [ion for ion in found.ions if ion.ion == "Ag_i"]
    halides = found.ions[: found.ions.index(silver)]
    assert silver.barrier_min_ev == 0.27
    assert silver.document.assumptions[0].source == "energetics e-t2-r03-ea"
    assert halides
    assert all("I" in ion.ion.split("_") for ion in halides)
    assumed = {entry.name: entry for entry in silver.document.assumptions}
    assert assumed["bias_v"].source == "SET voltage of d-t4-r06 (Table 4 row 6)"
    assert found.missing == []


def test_what_the_store_lacks_is_named(sqlite_store: Store) -> None:
    layer = Conditions(thickness_m=Interval.exactly(1e-7))
    with sqlite_store.session(read_only=True) as session:
        found = device_kinetics(session, "d-t4-r09", layer)  # ITO/CsPbBr3/Ag
        assert found.missing == ["no activation energy of Ag in CsPbBr3 is in the store"]
        aluminium = device_kinetics(session, "d-t4-r01", layer)  # ITO/MAPbI3/Al
        assert aluminium.missing == ["no activation energy of Al in MAPbI3 is in the store"]
        with pytest.raises(NotFoundError, match="no device 'd-t5'"):
            device_kinetics(session, "d-t5", layer)
        with pytest.raises(InputError, match="thickness_m = -1e-07"):
            device_kinetics(session, "d-t4-r09", Conditions(thickness_m=Interval.exactly(-1e-7)))
