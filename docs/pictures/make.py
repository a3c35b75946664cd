"""Take the pictures of the README: ``make screenshots``.

Serves what pvkdb ships, with the real migration calculation that the tests of the explorer use,
and looks at its main pages with Chromium, on a wide screen and on a phone.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "api" / "explorer"))

from data.load import load_migration  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from benchmarks.serving import SERVE, serving  # noqa: E402
from pvkdb.computed import load_computed  # noqa: E402
from pvkdb.literature import load_literature  # noqa: E402
from pvkdb.literature.desk import add_draft  # noqa: E402
from pvkdb.literature.drafts.proposals import proposals_of  # noqa: E402
from pvkdb.store.curation.sources import Upload  # noqa: E402
from pvkdb.store.database import Store  # noqa: E402
from pvkdb.store.migrate import upgrade  # noqa: E402
from pvkdb.store.security.keys import create_key  # noqa: E402

#: Pages by the name of their picture.
PAGES = {
    "start": "/",
    "application": "/applications/synaptic-training",
    "composition": "/compositions/CsPbBr3",
    "devices": "/devices",
    "screening": "/screenings/1",
    "desk": "/draft/1#devices-1",
}
#: A paper at the desk, made up.
PAPER = """Abstract. An example of a memristor of caesium lead bromide, which no paper reports.

The ITO/CsPbBr3/Ag device has an on/off ratio of 10^{4} and an endurance of 2000 cycles. Its SET
voltage is 0.6 V and its RESET voltage is -0.5 V. The retention exceeds 10^{4} s.

The activation energy of bromide vacancies in CsPbBr3 is 0.25 eV by DFT."""
#: Width and height of a screen, in CSS pixels, by what is added to the name.
SCREENS = {"": (1280, 860), "-390": (390, 844)}
#: Colours of a picture: so few keep text sharp and files small.
COLOURS = 128


def save(tab: Any, name: str) -> None:
    """Save what a tab shows as a PNG with few colours."""
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(1500)  # the first frame of a model, the last one of a plot
    picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    picture.quantize(COLOURS).save(HERE / f"{name}.png", optimize=True)
    print(f"wrote {name}.png, {(HERE / f'{name}.png').stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Take them."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/pictures.sqlite")
        upgrade(store)
        with store.session() as session:
            load_literature(session)
            load_computed(session)
            material = load_migration(session)
        paper = proposals_of(Upload("example.txt", PAPER.encode())).model_copy(update={"by": "you"})
        add_draft(paper, store.session)
        with store.session() as session:
            key = create_key(session, "you", ["import", "queue"]).key
        store.close()
        with (
            serving([sys.executable, "-c", SERVE, str(store.url)]) as (address, _),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            for ending, (width, height) in SCREENS.items():
                tab = browser.new_page(viewport={"width": width, "height": height})
                tab.context.add_cookies([{"name": "pvkdb_key", "value": key, "url": address}])
                for name, path in PAGES.items():
                    tab.goto(f"{address}{path}")
                    save(tab, name + ending)
            # How the vacancy of CsPbBr3 moves: the path in 3D beside its energies.
            tab = browser.new_page(viewport={"width": 1280, "height": 860})
            tab.goto(f"{address}/compositions/{material}#migration")
            tab.locator("#migration canvas").first.wait_for()
            tab.locator("#migration .path").first.evaluate("element => element.scrollIntoView()")
            save(tab, "migration")
            browser.close()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    main()
