"""Files of parameters in the formats of the simulators, with sources and missing parameters.

aihwkit gets a JSON description (it reads no files itself: ``class`` names what to construct with
the other keys; the ``g_converter`` belongs to the noise model of an ``InferenceRPUConfig``),
CrossSim a YAML tree for ``CrossSimParameters(**tree)``, NeuroSim the lines that replace those of
its ``Param.cpp``.
"""

from __future__ import annotations

import json
from typing import Any

from pvkdb.schemas.simulators import Parameter, Simulator, SimulatorExport

#: What aihwkit constructs from each part of the description.
_CLASSES = {
    "device": "aihwkit.simulator.configs.ConstantStepDevice",
    "g_converter": "aihwkit.inference.converter.conductance.SinglePairConductanceConverter",
}


def file_text(export: SimulatorExport) -> str:
    """Return the text of the file for the simulator of an export."""
    return _WRITERS[export.simulator](export)


def _aihwkit(export: SimulatorExport) -> str:
    tree = _tree(export.parameters)
    parts = {name: {"class": _CLASSES[name], **fields} for name, fields in tree.items()}
    device = {"device": parts["device"]} if "device" in parts else {}
    document = {
        "rpu_config": {"class": "aihwkit.simulator.configs.SingleRPUConfig", **device},
        **{name: part for name, part in parts.items() if name != "device"},
        "made_for": export.version,
        "device": f"{export.device}: {export.structure} ({export.references})",
        "sources": {entry.name: entry.source for entry in export.parameters},
        "missing": {entry.name: entry.needs for entry in export.missing},
        "relations": export.relations,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _crosssim(export: SimulatorExport) -> str:
    import yaml

    tree = (
        yaml.safe_dump(_tree(export.parameters), sort_keys=False) if export.parameters else "{}\n"
    )
    return _comments(export, "# ") + str(tree)


def _neurosim(export: SimulatorExport) -> str:
    lines = [
        f"{entry.name} = {_number(entry.value)};  // {entry.unit}{', ' if entry.unit else ''}"
        f"{entry.source}"
        for entry in export.parameters
    ]
    return _comments(export, "// ", sources=False) + "\n".join(lines) + "\n"


def _comments(export: SimulatorExport, mark: str, *, sources: bool = True) -> str:
    lines = [f"{export.version}; {export.device}: {export.structure} ({export.references})"]
    if sources:
        lines += [f"{entry.name}: {entry.source}" for entry in export.parameters]
    lines += [f"missing: {entry.name} - {entry.needs}" for entry in export.missing]
    lines += [f"known: {relation}" for relation in export.relations]
    return "".join(f"{mark}{line}\n" for line in lines)


def _tree(parameters: list[Parameter]) -> dict[str, Any]:
    """Return the parameters by their dotted names as nested dictionaries."""
    tree: dict[str, Any] = {}
    for entry in parameters:
        *path, leaf = entry.name.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[leaf] = entry.value
    return tree


def _number(value: float | int | bool | str) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


_WRITERS = {
    Simulator.AIHWKIT: _aihwkit,
    Simulator.CROSSSIM: _crosssim,
    Simulator.NEUROSIM: _neurosim,
}
