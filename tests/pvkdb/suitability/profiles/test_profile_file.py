"""Profiles: shipped ones agree with the review; errors in a file name the line."""

from __future__ import annotations

import csv
import re
from importlib import resources
from pathlib import Path

import pytest

from pvkdb.errors import NotFoundError
from pvkdb.schemas.metrics import METRICS
from pvkdb.schemas.profiles import SUBJECTS, Bounds, Criterion, Profile
from pvkdb.suitability.profiles.profile_file import (
    ProfileError,
    parse_profile,
    read_profile,
    shipped_profile,
    shipped_profiles,
)

from ....each import for_each

NAMES = (
    *("boolean-logic", "lif-neuron", "nociceptor", "non-volatile-memory", "photonic-synapse"),
    *("physically-unclonable-function", "reservoir-computing", "selector", "short-term-synapse"),
    *("synaptic-inference", "synaptic-training"),
)
GOOD = """title = "My memory"

[[devices]]
metric = "retention_s"
at_least = 1e3
fails_below = 10
source = "section 6"

[[devices]]
metric = "on_off_ratio"
at_least = 1.1
weight = 2
source = "section 5.1.1"

[[devices.readings]]
name = "wide"
at_least = 10
source = "mine"
"""


def with_line(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_every_application_has_its_profile() -> None:
    assert tuple(shipped_profiles()) == NAMES
    for name in NAMES:
        profile = shipped_profile(name)
        assert profile.name == name
        for subject in SUBJECTS:
            criteria = profile.criteria(subject)
            assert sum(criterion.weight for criterion in criteria) > 0
            assert all(criterion.source for criterion in criteria)


def test_what_no_source_gives_a_number_for_has_no_weight() -> None:
    """A working point is not a requirement; docs/validation/prediction.md does not bear out
    predictions. E_A and DFE have one criterion each, whatever their evidence."""
    for name in NAMES:
        profile = shipped_profile(name)
        for criterion in (*profile.devices, *profile.materials):
            modelled = METRICS[criterion.metric].modelled
            assert criterion.metric not in ("e_a_model_ev", "dfe_model_ev")
            if criterion.basis in ("working point", "offer") or modelled:
                assert criterion.weight == 0, (name, criterion.metric)


def criteria_and_readings() -> list[tuple[str, Criterion, Bounds, str, str | None]]:
    found = []
    for name in NAMES:
        for criterion in shipped_profile(name).devices:
            entries = [(criterion.bounds, criterion.source, criterion.quoted)]
            entries += [(each.bounds, each.source, each.quoted) for each in criterion.readings]
            found += [(name, criterion, *entry) for entry in entries]
    return found


def test_every_printed_requirement_of_the_ranked_applications_is_in_the_table() -> None:
    """Bounds of printed criteria are values of ``applications.csv`` in the same section."""
    path = resources.files("pvkdb.literature") / "applications.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    checked = 0
    for name, criterion, bounds, source, _ in criteria_and_readings():
        if criterion.basis != "printed" or METRICS[criterion.metric].words:
            continue
        limits = {value for value in (bounds.at_least, bounds.at_most) if value is not None}
        places = source.split("; ")
        own = [row for row in rows if row["metric"] == criterion.metric and row["source"] in places]
        printed = {row[column] for row in own for column in ("value", "value_max")} - {""}
        assert limits <= {*map(float, printed)}, (name, criterion.metric)
        checked += 1
    assert checked >= 10


def test_both_readings_of_the_doubtful_requirements_are_there() -> None:
    inference = shipped_profile("synaptic-inference")
    assert inference.readings("devices") == ("the demanding end", "no shorter than training")
    retention = next(each for each in inference.devices if each.metric == "retention_s")
    assert (retention.note or "").startswith("doubtful")
    assert (retention.bounds.at_least, retention.readings[0].bounds.at_least) == (10, 1e3)
    assert shipped_profile("non-volatile-memory").readings("devices") == ("years",)


def test_quotations_are_in_the_review(review: list[str]) -> None:
    text = plain("\n".join(review))
    for name in NAMES:
        profile = shipped_profile(name)
        for criterion in (*profile.devices, *profile.materials):
            if criterion.basis == "reference":
                continue
            for quoted in (criterion.quoted, *(each.quoted for each in criterion.readings)):
                for part in (quoted or "").split("; "):
                    assert plain(part) in text, (name, criterion.metric, part)


def plain(text: str) -> str:
    for latex, character in (("\\mu", "μ"), ("\\text", ""), ("\\sim", "~"), ("−", "-"), ("–", "-")):
        text = text.replace(latex, character)
    text = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+"))
    return re.sub(r"[\s$\\{}*^_,]", "", text).lower()


def test_a_user_supplied_profile() -> None:
    profile = parse_profile(GOOD, "mine.toml")
    assert profile.name == "mine"
    assert [each.weight for each in profile.devices] == [1, 2]
    assert profile.devices[0].bounds.corners == (10, 1e3, float("inf"), float("inf"))
    assert profile.devices[0].scale == "log"  # the metric's own
    assert profile.readings("devices") == ("wide",)
    assert Profile.model_validate_json(profile.model_dump_json()) == profile


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("at_least = 1e3", "at_least = -5", 5, ("-5 s is impossible", "above 0")),
        ("at_least = 1e3", "at_least = 0", 5, ("0 s is impossible",)),
        ("at_least = 1.1", "at_least = 0.5", 11, (": 0.5 is impossible", "at least 1")),
        ("at_least = 1e3", "at_least = 1e3\nat_most = 10", 5, ("contradict", "at_least 1000")),
        ("fails_below = 10", "fails_below = 1e4", 6, ("contradict", "fails_below 10000")),
        ("at_least = 1e3", "at_most = 1e3", 6, ("fails_below needs at_least",)),
        ("fails_below = 10", "fails_above = 10", 6, ("fails_above needs at_most",)),
        ('metric = "retention_s"', 'metric = "retention"', 4, ("did you mean 'retention_s'",)),
        ('metric = "on_off_ratio"', 'metric = "retention_s"', 10, ("two criteria",)),
        ('metric = "on_off_ratio"', 'metric = "e_a_ev"', 10, ("no metric of devices",)),
        ("weight = 2", "weight = -1", 12, ("weight = -1",)),
        ("weight = 2", "weight = 1e308", 12, ("weight = 1e+308", "from 0.001 to 1000")),
        ("weight = 2", 'basis = "guess"', 12, ("no basis 'guess'",)),
        ("weight = 2", 'scale = "ln"', 12, ("no scale 'ln'",)),
        ("weight = 2", 'accepts = ["big"]', 12, ("accepts is for words",)),
        ('source = "section 5.1.1"\n', "", 9, ("on_off_ratio has no source",)),
        ("at_least = 10\n", "at_least = 0.1\n", 17, (": 0.1 is impossible",)),
        ('title = "My memory"', "titel = 3", 1, ("did you mean 'title'",)),
    ],
)
def test_what_cannot_be_used_is_refused_with_line_and_reason(
    old: str, new: str, line: int, words: tuple[str, ...]
) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(with_line(old, new), "mine.toml")
    message = str(refused.value)
    assert message.startswith(f"mine.toml line {line}: "), message
    for word in words:
        assert word in message


NO_WEIGHT = with_line("weight = 2", "weight = 0").replace("_below = 10", "_below = 10\nweight = 0")
ON_LOG = '[[materials]]\nmetric = "e_a_ev"\nat_least = 0\nscale = "log"\nsource = "x"\n'
WORDS = '[[devices]]\nmetric = "volatility"\nsource = "x"\naccepts = ["volatil"]\n'


@for_each(
    ("text", "words"),
    [
        (NO_WEIGHT, r"mine.toml line 7: .*sum to zero"),
        *((GOOD.replace("1e3", limit), "line 5") for limit in ("inf", "nan", "true", '"10"')),
        (ON_LOG, r"line 3: .*no place on a log scale"),
        (WORDS, r"line 4: .*did you mean 'volatile'"),
        (WORDS.replace('accepts = ["volatil"]', "at_least = 1"), "is a word; give accepts"),
        ('title = "empty"', "has no criteria"),
        ("title = ", r"mine.toml is not TOML: .*line 1"),
    ],
)
def test_what_is_no_profile_is_refused(text: str, words: str) -> None:
    with pytest.raises(ProfileError, match=words):
        parse_profile(text, "mine.toml")


def test_a_file_that_is_not_a_profile(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        read_profile(tmp_path / "missing.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileError, match="not UTF-8"):
        read_profile(binary)
    with pytest.raises(NotFoundError, match="did you mean 'selector'"):
        shipped_profile("selectr")
