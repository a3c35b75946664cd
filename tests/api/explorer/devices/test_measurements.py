"""The page that measures raw files: its report, its refusals, and the device that it imports."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from pvkdb.store.collections import DEVICES
from pvkdb.store.database import Store
from pvkdb.store.security.audit import entries

from ....pvkdb.measurements.reports.conftest import loops
from ...guarded import key_for
from ..browsing import Browser, alert_in
from ..conftest import Visitor, serving_at

SWEEP = ("files", ("sweep.csv", loops()))
DEVICE = {
    "authors": "A. Tester",
    "title": "Raw data",
    "year": "2026",
    "read_voltage_v": "0.2",
    "structure": "ITO/CsPbBr3/Ag",
    "absorber": "CsPbBr3",
}
BOXES = (Path(__file__).parents[1] / "site" / "boxes.js").read_text(encoding="utf-8").strip()


def send(browser: Browser, action: str = "measure", files=(SWEEP,), **fields: str):
    path = "/measurements/import" if action in ("preview", "import") else "/measurements"
    return browser.submit(path, {"action": action, **fields}, files=list(files))


def test_measuring_needs_a_key_for_imports(browser: Browser, guarded_store: Store) -> None:
    assert "requires a key with the scope <code>import</code>" in browser.open("/measurements")
    assert send(browser).status_code == 401
    assert send(browser, "import").status_code == 401
    browser.sign_in(key_for(guarded_store, "queue"))
    assert send(browser).status_code == 403


def test_files_become_a_report_in_the_page_and_as_a_file(importer: Browser) -> None:
    stated = {"exponent_range_v": "0.1 0.5", "permittivity_optical": "5", "thickness_m": "100"}
    shown = send(importer, read_voltage_v="0.2", **stated).text
    assert "d ln I/d ln V" in shown
    assert "V_SET" in shown
    assert "data:image/png;base64," in shown
    assert re.search(r"sweep\.csv line \d+ to sweep\.csv line \d+", shown)
    for ending in ("html", "pdf", "json"):
        answer = send(importer, ending)
        assert answer.status_code == 200
        assert f"measurements.{ending}" in answer.headers["content-disposition"]
    assert json.loads(answer.content)["files"][0][0] == "sweep.csv"


def test_several_files_are_measured_together(importer: Browser) -> None:
    def member(size: int) -> tuple[str, tuple[str, bytes]]:
        rows = "".join(f"{n / 10},{n * size:g}e-9\n" for n in (*range(9), *range(8, -1, -1)))
        return ("files", (f"a{size}.csv", f"V (V),I (A)\n{rows}".encode()))

    areas = {"kind": "area", "area_m2": "1, 2 4", "read_voltage_v": "0.3"}
    assert "slope over area" in send(importer, files=map(member, (1, 2, 4)), **areas).text
    answer = send(importer, files=(member(1), member(1)), **areas)
    assert "with different names" in alert_in(answer.text)


@pytest.mark.parametrize(
    ("files", "fields", "reason"),
    [
        ((), {}, "choose files of an instrument"),
        ([("files", ("a.csv", b"V (V),I (A)\n1,2\n2,1\n3,x\n4,1\n5,1\n"))], {}, "line 4: 'x' in"),
        ([SWEEP], {"read_voltage_v": "much"}, "'much' is not a number; write it in V"),
        ([SWEEP], {"kind": "sweeps"}, "sweeps"),
        ([SWEEP], {"columns": "voltage"}, "write QUANTITY=COLUMN"),
        ([SWEEP], {"area_m2": "-1"}, "give one positive value"),
        ([SWEEP], {"permittivity_optical": "0.5"}, "give n², which is at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(importer: Browser, files, fields, reason) -> None:
    for action in ("measure", "json", "preview"):
        answer = send(importer, action, files, **fields)
        assert answer.status_code == 422
        assert reason in alert_in(answer.text).replace("&#34;", '"')


def test_a_large_upload_is_refused(importer: Browser) -> None:
    answer = send(importer, files=[("files", ("a.csv", b"1,2\n" * 300_000))])
    assert answer.status_code == 413


def test_a_device_is_imported_with_its_raw_file(
    importer: Browser, guarded_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "files"
    monkeypatch.setenv("PVKDB_FILES_URL", str(kept))
    open_fields = send(importer, "preview", read_voltage_v="0.2").text
    assert alert_in(open_fields).count("is left open") == 5
    assert "Nothing was changed yet" in send(importer, "preview", **DEVICE).text
    assert not kept.exists()
    assert "Imported" in send(importer, "import", **DEVICE).text
    with guarded_store.session(read_only=True) as session:
        (device,) = DEVICES.load(session, ["tester2026-d001"])
        assert "(Ada)" in entries(session, limit=1)[0].caller
    digest = hashlib.sha256(SWEEP[1][1]).hexdigest()
    assert device.raw_files == f"{digest} sweep.csv"
    link = f"/devices/tester2026-d001/files/{digest}"
    assert f'href="{link}"' in importer.open("/devices/tester2026-d001")
    answer = importer.request("GET", link)
    assert answer.content == SWEEP[1][1]
    assert "sweep.csv" in answer.headers["content-disposition"]
    importer.open("/devices/tester2026-d001/files/" + "0" * 64, 404)


def test_a_person_measures_and_imports(chromium, loaded_sqlite, tmp_path) -> None:
    path = tmp_path / "store.sqlite"
    shutil.copy(loaded_sqlite, path)
    (tmp_path / "sweep.csv").write_bytes(SWEEP[1][1])
    with serving_at(f"sqlite:///{path}") as address:
        person = Visitor(chromium, address, viewport={"width": 390, "height": 900})
        tab = person.open("/measurements")
        tab.get_by_label("Files of one instrument").set_input_files(tmp_path / "sweep.csv")
        tab.get_by_role("button", name="Measure").click()
        tab.get_by_role("heading", name="Metrics", exact=True).wait_for()
        tab.get_by_text("Import a device made of these files").click()
        for label, name in (("Authors", "authors"), ("Title", "title"), ("Year", "year")):
            tab.get_by_label(label, exact=True).fill(DEVICE[name])
        tab.get_by_label("Structure").fill(DEVICE["structure"])
        tab.get_by_label("Absorber").fill(DEVICE["absorber"])
        assert not tab.evaluate(f"{BOXES}.page()")
        tab.get_by_role("button", name="Preview").click()
        tab.get_by_text("Nothing was changed yet").wait_for()
        tab.get_by_role("button", name="Import the device").click()
        tab.get_by_role("heading", name="Imported").wait_for()
        tab = person.open("/devices/tester2026-d001")
        assert tab.get_by_role("link", name="sweep.csv").count() == 1
        person.close()
