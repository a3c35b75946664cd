"""Plan files: TOML, checked in full before anything runs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from pvkdb.schemas.toml_files import read_text, read_toml
from pvkdb_pipelines.screening.plan.plan import Plan, PlanError

_SHIPPED = resources.files("pvkdb_pipelines.screening") / "plans"


def shipped_plans() -> list[str]:
    """Return the names of the plans that come with pvkdb."""
    return sorted(entry.name.removesuffix(".toml") for entry in _SHIPPED.iterdir())


def read_plan(name: str) -> Plan:
    """Return the plan in a file, or a shipped one by its name.

    Raises:
        PlanError: the file cannot be read, or the plan cannot be carried out.
    """
    known = shipped_plans()
    if name in known:
        return parse_plan((_SHIPPED / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
    path = Path(name)
    hint = f"; shipped plans: {', '.join(known)}"
    return parse_plan(read_text(path, name, PlanError, hint), path.name)


def parse_plan(text: str, file: str = "plan.toml") -> Plan:
    """Return the plan that a TOML text describes.

    Raises:
        PlanError: the text is not TOML, or the plan cannot be carried out; names the line.
    """
    plan = read_toml(Plan, text, file, PlanError)
    lines = "\n".join(text.splitlines()) + "\n"
    return plan.model_copy(update={"title": plan.title or file, "text": lines})
