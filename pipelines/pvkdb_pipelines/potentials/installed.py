"""The potentials that this machine has, and what each was measured to do."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, entry_points, version

from pydantic import BaseModel, Field

from pvkdb.schemas.calculations import POTENTIALS_GROUP, PotentialName
from pvkdb.schemas.calculations.reliability import measured
from pvkdb_pipelines.potentials.loading import PACKAGES, licence

_USES = {
    PotentialName.CHGNET.value: "second opinion; known to be too soft",
    PotentialName.SEVENNET_0.value: "fast; default of relaxations",
    PotentialName.SEVENNET_L3I5.value: "default of barriers",
    PotentialName.SEVENNET_0_D3.value: "layers with molecules: with dispersion, extra dispersion",
}


class InstalledPotential(BaseModel):
    """A shipped or registered potential."""

    name: str = Field(description="Name for `--potential`.")
    package: str = Field(description="Its package; empty if unknown.")
    version: str = Field(description="Version of the package; empty if it is not installed.")
    weights: str = Field(description="The library's name of them, or the function of a plug-in.")
    licence: str = Field(description="Licence of the package, in its own words.")
    use: str = Field(description="What it is good for; empty for those of other packages.")
    measured: dict[str, float] = Field(
        description="Migration barriers against the literature: statements, mean absolute error "
        "(eV), Spearman's rank correlation; median CPU seconds of a force call. Empty if unknown."
    )


def installed_potentials() -> list[InstalledPotential]:
    """Return the shipped potentials, then those that other packages register."""
    sources = {name.value: entry for name, entry in PACKAGES.items()}
    for entry in entry_points(group=POTENTIALS_GROUP):
        sources.setdefault(entry.name, (entry.dist.name if entry.dist else "", entry.value))
    found = []
    for name, (package, weights) in sources.items():
        try:
            release, stated = version(package), licence(package)
        except (PackageNotFoundError, ValueError):  # ValueError: the name is empty
            release, stated = "", "not stated"
        found.append(
            InstalledPotential(
                name=name,
                package=package,
                version=release,
                weights=weights,
                licence=stated,
                use=_USES.get(name, ""),
                measured=measured(name),
            )
        )
    return found
