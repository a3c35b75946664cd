"""axe-core, which finds what people with disabilities stumble over."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe


def serious(tab: Any, *rules: str) -> list[str]:
    """The serious and critical findings on the page that a tab shows; without rules, of all."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = [*rules]
    else:
        options["rules"] = {"target-size": {"enabled": True}}  # 24 px, or as far from the next one
    found = Axe().run(tab, options=options).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
