"""Take the pictures of the README: ``make screenshots``.

Serves the literature, with the real migration calculation that the tests of the explorer use, and
looks at it with Chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "tests" / "api" / "explorer")]

from data.load import load_migration  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from serving import SERVE, serving  # noqa: E402

from pvkdb.literature import load_literature  # noqa: E402
from pvkdb.store.database import Store  # noqa: E402
from pvkdb.store.migrate import upgrade  # noqa: E402

SIZE = {"width": 1280, "height": 860}


def application(tab: Any, address: str) -> None:
    """Who suits synaptic training: the first ranks, with the weights beside them."""
    tab.goto(f"{address}/applications/synaptic-training")
    tab.wait_for_load_state("networkidle")
    tab.get_by_role("heading", name="Ranked devices").evaluate(
        "element => element.scrollIntoView()"
    )


def migration(tab: Any, address: str, material: str) -> None:
    """How the vacancy of CsPbBr3 moves: the path in 3D beside its energies."""
    tab.goto(f"{address}/compositions/{material}")
    tab.get_by_role("button", name="Show the path in 3D").click()
    section = tab.locator("#migration")
    section.locator("canvas").first.wait_for()
    tab.wait_for_load_state("networkidle")
    section.evaluate("element => element.scrollIntoView()")
    tab.wait_for_timeout(1500)  # the first frame of the model


def main() -> None:
    """Take them."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/pictures.sqlite")
        upgrade(store)
        with store.session() as session:
            load_literature(session)
            material = load_migration(session)
        store.close()
        with (
            serving([sys.executable, "-c", SERVE, str(store.url)]) as (address, _),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            tab = browser.new_page(viewport=SIZE)
            application(tab, address)
            tab.screenshot(path=HERE / "application.png")
            migration(tab, address, material)
            tab.screenshot(path=HERE / "migration.png")
            browser.close()
    print(f"wrote {HERE / 'application.png'} and migration.png")


if __name__ == "__main__":
    main()
