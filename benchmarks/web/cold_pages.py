"""What the first request of a process costs: ``python benchmarks/web/cold_pages.py URL [PATH…]``.

Each path is asked for in a process of its own, forked from one service that has answered nothing
so far. Bars: 1 s and 0.5 s of CPU time. Exits with 1 where a bar is missed. Rankings are those that
the store keeps (``pvkdb serve`` computes them beside the service after a change of the data).
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from fastapi.testclient import TestClient

from benchmarks.serving import add_bar_option
from pvkdb_api.app import create_app
from pvkdb_api.explorer.site.rendering import compile_templates

CPU_BAR_S, BAR_S = 0.5, 1.0
PAGES = (
    *("/", "/compositions", "/compositions/CsPbBr3", "/devices", "/devices/d-t4-r03"),
    *("/applications", "/applications?leaders=shown", "/applications/synaptic-training"),
    *("/applications/non-volatile-memory?subject=materials", "/references", "/references/r161"),
    *("/compare?materials=CsPbBr3,MAPbI3", "/compare?devices=d-t4-r03,d-t4-r04", "/jobs"),
    *("/screenings", "/crossbar", "/api/v1/kinetics?formula=CsPbBr3", "/draft", "/measurements"),
)


def main(url: str, pages: list[str], bar: bool) -> int:
    """Measure and print."""
    app = create_app(url)
    compile_templates()
    missed = 0
    for page in pages or PAGES:
        sys.stdout.flush()
        if child := os.fork():
            missed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            continue
        with TestClient(app, base_url="http://127.0.0.1") as client:
            client.get("/livez")
            cpu, wall = time.process_time(), time.perf_counter()
            status = client.get(page, headers={"Accept": "text/html"}).status_code
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        misses = status != 200 or (bar and (cpu > CPU_BAR_S or wall > BAR_S))
        print(
            f"{page:55s} {status} {cpu:5.2f} CPU-s {wall:6.2f} s{'  misses' * misses}", flush=True
        )
        os._exit(misses)
    return min(missed, 1)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("url", help="the store")
    options.add_argument("paths", nargs="*", metavar="PATH", help="default: its main pages")
    add_bar_option(options)
    given = options.parse_args()
    sys.exit(main(given.url, given.paths, not given.no_bar))
