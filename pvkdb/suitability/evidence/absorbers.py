"""Which material of the store the text means when it names a device: ``MAPbI3/Au in via-holes``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.store.models.materials import Material

#: A device with a gate: its perovskite is not the layer between two electrodes.
THREE_TERMINALS = re.compile(r"\b3T\b|transistor", re.IGNORECASE)
#: What stands between the layers and words of a name; a dopant follows a colon.
_PARTS = re.compile(r"[/,\s@]+")


class Absorbers:
    """Materials by the formulas that a device's name may hold."""

    def __init__(self, materials: Iterable[Material]) -> None:
        self._by_formula: dict[str, list[Material]] = defaultdict(list)
        for material in materials:
            self._by_formula[material.composition.formula].append(material)

    def named_in(self, label: str) -> str | None:
        """The material of a two-terminal device that its name tells; None where it tells none.

        A dopant is left out, as in the devices' table. A phase that the name holds chooses among
        the materials of a composition. Names with two compositions tell none.
        """
        if THREE_TERMINALS.search(label):
            return None
        words = [part.partition(":")[0] for part in _PARTS.split(label)]
        formulas = {formula for word in words if (formula := _formula(word, self._by_formula))}
        if len(formulas) != 1:
            return None
        listed = self._by_formula[formulas.pop()]
        phases = [each for each in listed if each.phase is not None and each.phase in words]
        plain = [each for each in listed if each.phase is None]
        chosen = phases if len(phases) == 1 else plain
        return chosen[0].id if len(chosen) == 1 else None


def ends_of(label: str) -> tuple[str, ...]:
    """What stands at the two ends of a stack that is written with strokes; empty without one.

    Example:
        >>> ends_of("Ag/PMMA/MAPbI3:Ag/Au threshold switch"), ends_of("MAPbI3, unipolar")
        (('Ag', 'Au'), ())
    """
    parts = [part.split() for part in label.split("/")]
    if len(parts) < 2 or not all(parts):
        return ()
    return tuple(dict.fromkeys(word.strip(",") for word in (parts[0][-1], parts[-1][0])))


def _formula(word: str, known: Mapping[str, object]) -> str | None:
    try:
        formula = parse_composition(word).formula
    except InputError:
        return None
    return formula if formula in known else None
