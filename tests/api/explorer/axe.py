"""axe-core, which finds what people with disabilities stumble over."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

#: The contrast of the first of all elements that look alike: axe takes seconds for a thousand cells
#: of one colour on one ground.
CONTRAST = """async () => {
  const seen = new Set();
  for (const each of document.querySelectorAll("body *")) {
    const { color, fontSize, fontWeight } = getComputedStyle(each);
    const look = [each.className, color, fontSize, fontWeight];
    for (let at = each; at; at = at.parentElement) {
      const { backgroundColor, opacity } = getComputedStyle(at);
      look.push(backgroundColor, opacity);
    }
    delete each.dataset.look;
    if (!seen.has(look.join()) && each.checkVisibility()) {
      seen.add(look.join());
      each.dataset.look = "new";
    }
  }
  axe.configure({ rules: [{ id: "color-contrast", selector: "[data-look]" }] });
  return axe.run({ runOnly: ["color-contrast"], resultTypes: ["violations"] });
}"""


def serious(tab: Any) -> list[str]:
    """The serious and critical findings on the page that a tab shows."""
    # Targets are 24 px high and wide, or as far from the next one.
    rules = {"target-size": {"enabled": True}, "color-contrast": {"enabled": False}}
    answer = Axe().run(tab, options={"rules": rules, "resultTypes": ["violations"]})
    return _told(answer.response) + poor_contrast(tab)


def poor_contrast(tab: Any) -> list[str]:
    """Texts that are hard to tell from their ground, after ``serious`` brought axe to the page."""
    return _told(tab.evaluate(CONTRAST))


def _told(answer: dict[str, Any]) -> list[str]:
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in answer["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
