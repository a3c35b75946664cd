"""Keys from arrays of states: exact on made-up bits, and the published PUF in between."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import hadamard

from pvkdb.errors import InputError
from pvkdb.examination.puf import difference_percent, key_bits, key_metrics, puf_metrics
from pvkdb.measurements.forms import Cycles, States

from ..measurements.test_sweeps import by_name

#: Without its first row, any two rows differ in half of the bits, and each is half 1; the first
#: column is 1 in all of them.
IDEAL = hadamard(32)[1:] > 0


def test_ideal_keys_are_unique_by_half_and_reliable_to_the_last_bit() -> None:
    found = by_name(key_metrics(IDEAL, np.repeat(IDEAL[:, None], 3, axis=1)))
    assert found["uniqueness_percent"].value == pytest.approx(50, abs=1e-12)
    assert found["uniformity_percent"].value == pytest.approx(50, abs=1e-12)
    assert found["reliability_percent"].value == 100
    assert found["reliability_percent"].devices == 31


def test_a_stuck_bit_is_found_by_bit_aliasing_alone() -> None:
    aliasing = by_name(key_metrics(IDEAL))["bit_aliasing_percent"]
    assert aliasing.ends == pytest.approx((100 * 15 / 31, 100))
    assert aliasing.note.startswith("1 of 32 bits are the same in all arrays")


@pytest.mark.parametrize("ones", range(11))
def test_biased_bits_have_the_uniqueness_of_their_bias(ones: int) -> None:
    """Each bit is 1 in as many of 10 arrays: in ones (10 − ones) of 45 pairs it differs."""
    keys = np.array([[(array + bit) % 10 < ones for bit in range(10)] for array in range(10)])
    found = by_name(key_metrics(keys))
    assert found["uniqueness_percent"].value == pytest.approx(100 * ones * (10 - ones) / 45)
    assert found["uniformity_percent"].value == pytest.approx(10 * ones)
    assert found["bit_aliasing_percent"].ends == pytest.approx((10 * ones, 10 * ones))


@given(arrays(bool, st.tuples(st.integers(2, 6), st.integers(2, 9))))
def test_uniqueness_is_the_mean_hamming_distance_of_all_pairs(keys: np.ndarray) -> None:
    distances = [np.mean(a != b) for a, b in combinations(keys, 2)]
    found = difference_percent("uniqueness_percent", keys).value
    assert found == pytest.approx(100 * np.mean(distances), abs=1e-9)


def test_every_wrong_bit_costs_its_share_of_the_reliability() -> None:
    again = np.repeat(IDEAL[:, None], 2, axis=1)
    again[3, 1, :8] ^= True
    found = by_name(key_metrics(IDEAL, again))["reliability_percent"]
    assert found.value == pytest.approx(100 * (1 - 8 / (31 * 2 * 32)))
    assert found.ends[0] < found.value < 100


def test_noise_flips_the_bits_that_two_normal_reads_disagree_in() -> None:
    """The PUF of PrPyr[PbI3], PMC8211866: bit error 2.33 %, reconfiguration 40.06 %."""
    rng = np.random.default_rng(3)
    for percent, known in ((2.33, 0.052), (40.06, 1.5)):
        noise = np.sqrt(1 / np.cos(np.pi * percent / 100) - 1)
        assert noise == pytest.approx(known, rel=0.01)  # as docs/networks.md says
        cells = rng.normal(0, 1, 40_000)
        first, second = key_bits(cells + rng.normal(0, noise, (2, 40_000)))
        error = 100 * np.sqrt(percent / 100 * (1 - percent / 100) / 20_000)
        assert 100 * np.mean(first != second) == pytest.approx(percent, abs=4 * error)


def test_cycles_of_one_array_give_its_reconfiguration() -> None:
    rng = np.random.default_rng(7)
    hrs = 10 ** (5 + rng.normal(0, 0.3, (1024, 1)) + rng.normal(0, 0.4, (1024, 10)))
    hrs[5, 9] = np.nan  # a device that was read in nine cycles only
    found = by_name(puf_metrics(Cycles(hrs, hrs, ("",) * 1024)))
    metric = found["reconfiguration_percent"]
    assert metric.value == pytest.approx(100 * np.arccos(0.36) / np.pi, abs=1.5)
    assert 1 < metric.ends[1] - metric.ends[0] < 3
    assert metric.note == "9 keys, 512 bits"
    assert found["uniformity_percent"].value == pytest.approx(50, abs=6)


def test_states_read_again_give_the_reliability_of_one_array() -> None:
    reads = [np.array(row, dtype=float) for row in ([1, 1, 1], [2, 0, 2], [4, 4, 4], [3, 3, 3])]
    found = by_name(puf_metrics(States(("a", "b", "c", "d"), tuple(reads))))
    assert found["reliability_percent"].value == 75  # one of two bits in one of two reads
    assert found["uniqueness_percent"].value is None
    assert found["bit_aliasing_percent"].value is None
    once = by_name(puf_metrics(States(("a", "b"), (np.array([1.0]), np.array([2.0])))))
    assert once["reliability_percent"].note == "no key was read again"


def test_bits_by_pairs_by_the_median_and_by_a_state() -> None:
    states = [[1.0, 2.0, 8.0, 4.0], [5.0, 1.0, 2.0, 3.0]]
    assert key_bits(states).tolist() == [[False, True], [True, False]]
    assert key_bits(states, "median").tolist() == [[0, 0, 1, 1], [1, 0, 0, 1]]
    assert key_bits(states, 3.5).tolist() == [[0, 0, 1, 1], [1, 0, 0, 0]]


def test_states_that_give_no_key_are_refused() -> None:
    with pytest.raises(InputError, match="1 of 2 pairs have equal states"):
        key_bits([1.0, 1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="3 cells do not make pairs"):
        key_bits([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="1 of 2 states are not numbers"):
        key_bits([1.0, np.nan])
    with pytest.raises(InputError, match=r"'halves'.*pairs, median"):
        key_bits([1.0, 2.0], "halves")
    with pytest.raises(InputError, match=r"\(1, 2\): give 2 axes of 0 and 1"):
        key_metrics([[0, 2]])
    with pytest.raises(InputError, match="arrays × reads × bits"):
        key_metrics([[0, 1]], [[[0, 1, 1]]])
