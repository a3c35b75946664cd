"""Pictures to learn."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from pvkdb.errors import InputError
from pvkdb.examination.images import of_folder, shipped


@pytest.mark.parametrize(("name", "counts"), [("mnist", (10_000, 1_320)), ("fashion", (1000, 500))])
def test_shipped_pictures(name: str, counts: tuple[int, int]) -> None:
    images = shipped(name)
    assert (len(images.train), len(images.test), images.side) == (*counts, 28)
    assert (images.train.min(), images.train.max()) == (0, 1)
    assert set(images.train_labels) == set(images.test_labels) == set(range(10))
    bits = images.bits(images.test, 20)
    assert bits.shape == (counts[1], 400)
    assert set(np.unique(bits)) == {0.0, 1.0}
    apart = {row.tobytes() for row in images.train} & {row.tobytes() for row in images.test}
    assert not apart
    with pytest.raises(InputError, match="mnist"):
        shipped("mnits")


def write(path: Path, values: np.ndarray) -> None:
    sizes = np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()))


def test_pictures_of_a_folder_in_idx_format(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for part, count in (("train", 5), ("t10k", 3)):
        pixels = random.integers(0, 256, (count, 6, 6), np.uint8)
        write(tmp_path / f"{part}-images-idx3-ubyte.gz", pixels)
        write(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8))
    images = of_folder(tmp_path)
    assert images.train.shape == (5, 36)
    assert images.source == tmp_path.name
    assert images.test_labels.tolist() == [0, 1, 2]
    assert images.test[0] * 255 == pytest.approx(pixels[0].ravel())
    write(tmp_path / "t10k-labels-idx1-ubyte.gz", np.zeros(4, np.uint8))
    with pytest.raises(InputError, match="3 pictures and 4 labels"):
        of_folder(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x0d\1\0\0"))
    with pytest.raises(InputError, match="not an IDX file"):
        of_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InputError, match="holds no train-images"):
        of_folder(tmp_path)
