"""A measured device as an import: its metrics with their places; what files cannot say is open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pvkdb._version import __version__
from pvkdb.display.numbers import UNKNOWN, shortened
from pvkdb.display.pages import templates
from pvkdb.display.times import YEAR_S
from pvkdb.errors import InputError
from pvkdb.literature.cells import UNCONFIRMED
from pvkdb.literature.reading import MAX_CELL
from pvkdb.measurements.forms import shipped
from pvkdb.measurements.measuring import Report, metric_cells
from pvkdb.measurements.metrics import Measured

#: Fields of an import of a device: those that only a person knows, and those of metrics.
FIELDS = shipped("fields.csv")


def device_paper(
    report: Report, names: Mapping[str, str], filled: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return an import of the device of a report; what a person did not fill in is "?".

    ``names`` are the names of the raw files beside the import, by SHA-256. With ``filled``,
    what may be left out is.

    Raises:
        InputError: no metric of the report is a field of an import.
    """
    found, known = _fields(report), filled or {}
    if not found:
        fields = ", ".join(name for name, field in FIELDS.items() if field["metrics"])
        raise InputError(f"no metric of these files is a field of a device ({fields}); add files")
    if wrong := [name for name in names.values() if "|" in name]:
        raise InputError(f"{wrong[0]!r} holds '|', which separates raw files; rename the file")
    parts: dict[str, dict[str, str]] = {"reference": {}, "device": {}}
    for name, field in FIELDS.items():
        part, _, if_known = field["part"].partition(" ")
        if part in parts and (name in known or not if_known or filled is None):
            parts[part][name] = known.get(name, UNCONFIRMED.strip())
    files = ", ".join(name for name, _ in report.files)
    row = parts["device"] | {name: text for name, (text, _) in found.items()}
    row["source"] = shortened(f"pvkdb measure {__version__}: {files}", 200)
    basis = "; ".join(f"{name} {basis}" for name, (_, basis) in found.items())
    row["as_printed"] = shortened(basis, MAX_CELL)
    row["raw_files"] = " | ".join(f"{sha256} {names[sha256]}" for _, sha256 in report.files)
    answers: dict[str, list[str]] = {}
    for each in report.quality:
        answers.setdefault(each.answer, []).append(each.question)
    row["quality"] = "; ".join(f"{answer}: {' '.join(each)}" for answer, each in answers.items())
    return {"reference": parts["reference"], "devices": [row]}


def device_yaml(report: Report, names: Mapping[str, str], target: str) -> str:
    """Return the import of a device as YAML, with what to write in what is open.

    Raises:
        InputError: no metric of the report is a field of an import.
    """
    taken = {name for field in FIELDS.values() for name in field["metrics"].split()}
    rows = [metric_cells(row) for row in report.document()["metrics"] if row["name"] not in taken]
    known: dict[str, Any] = {"fields": FIELDS, "version": __version__}
    known |= {"further": [row for row in rows if row["value"] != UNKNOWN]}
    known |= {"quoted": partial(json.dumps, ensure_ascii=False)}
    known |= {"files": ", ".join(name for name, _ in report.files)}
    template = templates("pvkdb.measurements.reports", "measurements").get_template("device.yaml")
    return str(template.render(known, paper=device_paper(report, names), target=target))


def _fields(report: Report) -> dict[str, tuple[str, str]]:
    """Fields of an import with their text and basis; several values of one wait for a choice."""
    measured: dict[str, list[Measured]] = {}
    for _, metric in report.metrics:
        if metric.value is not None and (metric.name != "retention_at" or metric.value > YEAR_S):
            measured.setdefault(metric.name, []).append(metric)
    if "on_off" not in measured:  # from HRS and LRS of every cycle
        pairs = zip(measured.get("r_hrs", ()), measured.get("r_lrs", ()), strict=True)
        note = "ratio of the medians of HRS and LRS"
        ratios = [replace(h, value=(h.value or 0) / (x.value or 1)) for h, x in pairs]
        measured["on_off"] = [replace(ratio, ends=None, note=note) for ratio in ratios]
    found = {}
    for name, field in FIELDS.items():
        sources = field["metrics"].split()
        listed = next((measured[each] for each in sources if measured.get(each)), [])
        texts = [_text(metric, field["unit"]) for metric in listed]
        basis = (f"{text} ({_basis(m)})" for text, m in zip(texts, listed, strict=True))
        if texts:
            found[name] = (UNCONFIRMED * (len(texts) > 1) + texts[0], " or ".join(basis))
    return found


def _text(metric: Measured, unit: str) -> str:
    """A metric as a cell of an import: a typical value, a bound (>) or an extrapolation (~)."""
    if unit == "V" and metric.ends:
        return f"{metric.ends[0]:.4g} to {metric.ends[1]:.4g} V"
    sign = "~" if metric.name == "retention_at" else metric.bound
    return f"{sign} {metric.value:.4g} {unit}".strip()


def _basis(metric: Measured) -> str:
    ends = f"90 %: {metric.ends[0]:.4g} to {metric.ends[1]:.4g}" if metric.ends else ""
    counts = f"cycles × devices: {metric.cycles} × {metric.devices}" if metric.cycles else ""
    return "; ".join(filter(None, (ends, counts, metric.note, metric.place)))
