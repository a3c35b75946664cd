"""Starting structures: prototypes of halide perovskites and of their decomposition products."""

from pvkdb.compositions.compounds import (
    FAMILIES_WITH_PROTOTYPES,
    STOICHIOMETRIES,
    Compound,
    Mixture,
    Stoichiometry,
    binaries,
    competitors,
    compound_of,
    counts,
    halides_of,
)
from pvkdb_pipelines.prototypes.catalogue import (
    PROTOTYPES,
    build,
    candidates,
    phases,
    prototype,
    prototypes_of,
)
from pvkdb_pipelines.prototypes.elements import build_element
from pvkdb_pipelines.prototypes.glazer import tilted_perovskite
from pvkdb_pipelines.prototypes.prototype import PrototypeInfo

__all__ = [
    "FAMILIES_WITH_PROTOTYPES",
    "PROTOTYPES",
    "STOICHIOMETRIES",
    "Compound",
    "Mixture",
    "PrototypeInfo",
    "Stoichiometry",
    "binaries",
    "build",
    "build_element",
    "candidates",
    "competitors",
    "compound_of",
    "counts",
    "halides_of",
    "phases",
    "prototype",
    "prototypes_of",
    "tilted_perovskite",
]
