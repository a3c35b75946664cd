"""A made-up device: bipolar loops of ±1 V that set near 0.8 V and reset near −0.6 V."""

from __future__ import annotations

import numpy as np
import pytest

from pvkdb.measurements import Report, Request, measure
from pvkdb.store.curation.sources import Upload


def loops(number: int = 8, points: int = 51) -> bytes:
    """The file of an instrument with so many loops; each sets and resets a little elsewhere."""
    up = np.linspace(0, 1, points)
    v = np.concatenate([up, up[::-1], -up, -up[::-1]])
    branch = np.repeat([0, 1, 2, 3], points)
    rows = []
    for n in range(number):
        low = (branch == 1) | ((branch == 0) & (v > 0.7 + 0.02 * n))
        low |= (branch == 2) & (v > -0.6 - 0.01 * n)
        rows += [f"{a:g},{b:g}\n" for a, b in zip(v, v * np.where(low, 1e-3, 1e-5), strict=True)]
    return ("V (V),I (A)\n" + "".join(rows)).encode()


@pytest.fixture(scope="session")
def sweep() -> Upload:
    return Upload("sweep.csv", loops())


@pytest.fixture(scope="session")
def report(sweep: Upload) -> Report:
    return measure([sweep], Request(read_voltage_v=0.2))
