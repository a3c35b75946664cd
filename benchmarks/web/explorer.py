"""How soon a person sees something: the explorer in Chromium, on a store of 100,000 devices.

``python benchmarks/web/explorer.py``: makes the store of ``benchmarks/service.py``, serves it, and
measures in the browser, on loopback, with an empty cache each time: the first contentful paint of
pages (bar: 1 s), and the time from a change of a filter to the new table (bar: 200 ms). Exits with
1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.service import make_store
from benchmarks.serving import SERVE, add_bar_option, serving

PAGES = ("/", "/compositions", "/devices", "/devices?family=3D&on_off_ratio_min=1e3")
PAINT_BAR_MS, FILTER_BAR_MS = 1_000, 200

PAINT = """() => new Promise((done) => {
  const seen = (list) => {
    const paint = list.find((entry) => entry.name === "first-contentful-paint");
    if (paint) done(paint.startTime);
  };
  const watch = new PerformanceObserver((list) => seen(list.getEntries()));
  watch.observe({ type: "paint", buffered: true });
})"""

#: From the change of a control to the new rows in the page.
FILTER = """([selector, value]) => new Promise((done) => {
  const control = document.querySelector(selector);
  const start = performance.now();
  const watch = new MutationObserver(() => {
    watch.disconnect();
    requestAnimationFrame(() => done(performance.now() - start));
  });
  watch.observe(document.getElementById("results"), { childList: true });
  if (control.type === "checkbox") control.click();
  else { control.value = value; control.dispatchEvent(new Event("change", { bubbles: true }));
         control.form.requestSubmit(); }
})"""

#: What is changed: each on a fresh page, each value once, so that nothing was counted before.
CHANGES = {
    "family ticked": [
        (f"input[name=family][value='{name}']", "") for name in ("3D", "RP", "A3B2X9")
    ],
    "range of the on/off ratio": [
        ("input[name=on_off_ratio_min]", f"{1000 + number}") for number in range(5)
    ],
    "retention, a bound": [("input[name=retention_s_min]", f"{20000 + n}") for n in range(5)],
    "words": [("#f-q", word) for word in ("CsPb", "MAPb", "Ag", "ITO/Cs", "Sn")],
}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--energetics", type=int, default=50_000)
    parser.add_argument("--store", type=Path, help="keep the store here, and use it if it is there")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--times", type=int, default=5, help="that each is measured")
    add_bar_option(parser)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = wanted.store or Path(folder) / "explorer.sqlite"
        if not path.exists():
            print(f"making {wanted.devices:,} devices", file=sys.stderr)
            make_store(f"sqlite:///{path}", wanted.devices, wanted.energetics)
        with (
            serving([sys.executable, "-c", SERVE, f"sqlite:///{path}"]) as (address, _),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            found = {
                "first contentful paint": {
                    page: paint(browser, address, page, wanted.times) for page in PAGES
                },
                "filter": {
                    name: change(browser, address, each[: wanted.times])
                    for name, each in CHANGES.items()
                },
            }
            browser.close()
    if wanted.json:
        print(json.dumps(found))
    else:
        for what, bar in (("first contentful paint", PAINT_BAR_MS), ("filter", FILTER_BAR_MS)):
            for name, times in found[what].items():
                verdict = "" if statistics.median(times) <= bar else "  misses the bar"
                print(
                    f"{what:24s} {name:42s} median {statistics.median(times):6.0f} ms, "
                    f"most {max(times):6.0f} ms (bar {bar}){verdict}"
                )
    missed = [
        name
        for what, bar in (("first contentful paint", PAINT_BAR_MS), ("filter", FILTER_BAR_MS))
        for name, times in found[what].items()
        if statistics.median(times) > bar
    ]
    return int(bool(missed) and not wanted.no_bar)


def paint(browser: Browser, address: str, page: str, times: int) -> list[float]:
    """First contentful paint in ms, with an empty cache."""
    found = []
    for _ in range(times):
        tab = _fresh(browser, f"{address}{page}")
        found.append(float(tab.evaluate(PAINT)))
        tab.context.close()
    return found


def change(browser: Browser, address: str, changes: list[tuple[str, str]]) -> list[float]:
    """Times in ms from a change of a filter of the devices to the new table."""
    found = []
    for selector, value in changes:
        tab = _fresh(browser, f"{address}/devices")
        tab.wait_for_load_state("networkidle")
        found.append(float(tab.evaluate(FILTER, [selector, value])))
        tab.context.close()
    return found


def _fresh(browser: Browser, address: str) -> Any:
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.goto(address)
    return tab


if __name__ == "__main__":
    sys.exit(main())
