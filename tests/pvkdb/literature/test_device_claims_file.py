"""device_claims.csv says what the text and the captions of the review print."""

from __future__ import annotations

import math
import re
from collections import Counter

import pytest

from ...curated import Row, check_order, read, section_of, spans

LENGTHS = {"nanometer": 1e-9, "nm": 1e-9, "μm": 1e-6, "mm": 1e-3, "cm": 1e-2}
# Printed unit to the unit of the file; what is not named here is printed in the file's own unit.
FACTORS: dict[str, dict[str, float]] = {
    "m": LENGTHS,
    "m2": {f"{name}²": factor**2 for name, factor in LENGTHS.items()},
    "s": {"hours": 3600, "minutes": 60, "years": 365 * 86400, "seconds": 1, "s": 1}
    | {"ps": 1e-12, "ns": 1e-9, "μs": 1e-6, "ms": 1e-3},
    "days": {"months": 30, "days": 1},
    "V": {"mV": 1e-3, "V": 1},
    "V/m": {"V μm": 1e6, "V m": 1},
    "J": {"aJ": 1e-18, "fJ": 1e-15, "pJ": 1e-12},
    "A": {"μA": 1e-6},
    "Pa": {"kPa": 1e3},
    "ohm": {"M Ω": 1e6, "kΩ": 1e3, "Ω": 1},
}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
CLAIMS = read("device_claims")
BY_ID = {row["id"]: row for row in CLAIMS}


def printed_numbers(printed: str) -> list[tuple[float, str]]:
    """Each number of the print with the text that follows it; a last power of ten is shared."""
    text = re.sub(r"\\text\{([^}]*)\}", r"\1", printed)
    plain = {r"\mu ": "μ", r"\mu": "μ", r"\times": "×", "m^2": "m²", "−": "-", "$": ""}
    for old, new in plain.items():
        text = text.replace(old, new)
    text = re.sub(r" +", " ", re.sub(r"(?<=\d) (?=\d{3}\b)", "", text))
    text = re.sub(r"(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "^" + m[0].translate(SUPERSCRIPTS), text)
    text = re.sub(r"(?:(?<=\d)--|–)", " to ", text)
    text = re.sub(r"(?<![\d.×] )(?<![\d.×])10\^\{?(-?\d+)\}?", r"1e\1", text)
    text = re.sub(r" ?× ?10\^\{?(-?\d+)\}?", r"e\1", text)
    found = list(re.finditer(r"[+-]?\d+(?:\.\d+)?(?:e-?\d+)?", text))
    shared = re.fullmatch(r"[^e]*\d to \d[^e]*(e\d+)[^e]*", text)
    power = shared[1] if shared else ""
    return [
        (float(number[0] if "e" in number[0] else number[0] + power), text[number.end() :])
        for number in found
    ]


def test_ids_are_unique_and_in_the_order_of_the_text() -> None:
    assert len(BY_ID) == len(CLAIMS)
    check_order(CLAIMS)


def test_no_claim_is_there_twice() -> None:
    columns = ("device", "metric", "value", "value_max", "source", "as_printed")
    seen = Counter(tuple(row[column] for column in columns) for row in CLAIMS)
    assert [key for key, count in seen.items() if count > 1] == []


def test_as_printed_is_a_number_and_not_a_sentence() -> None:
    for row in CLAIMS:
        assert len(row["as_printed"].split()) <= 12, row
        assert re.search(r"\d|\b(two|eight)\b", row["as_printed"]), row


def test_a_value_is_the_printed_number_in_the_unit_of_the_metric() -> None:
    for row in CLAIMS:
        printed = row["as_printed"]
        if printed.startswith("nearly two orders"):
            candidates = [1e2]
        elif printed.startswith("eight "):
            candidates = [8.0]
        elif "orders" in printed:
            candidates = [10.0 ** int(n) for n in re.findall(r"\d+", printed)]
        else:
            factors = FACTORS.get(row["unit"], {})
            candidates = []
            for number, rest in printed_numbers(printed):
                units = [(rest.find(name), -len(name), f) for name, f in factors.items()]
                named = min((unit for unit in units if unit[0] >= 0), default=None)
                if factors and named is None and row["unit"] in {"m", "J", "Pa", "ohm", "days"}:
                    continue
                candidates.append(number * (named[2] if named else 1))
        for expected in filter(None, (row["value"], row["value_max"])):
            near = [c for c in candidates if math.isclose(c, float(expected), rel_tol=1e-9)]
            assert near, (row["id"], printed, candidates)


def test_as_printed_stands_at_its_place(review: list[str], sections: dict[str, list[str]]) -> None:
    for row in CLAIMS:
        place = section_of(row)
        lines = sections[place]
        if caption := re.fullmatch(r"Fig\. (\d+) caption", row["source"]):
            lines = [line for line in lines if line.startswith(f"Fig. {caption[1]} ")]
            assert len(lines) == 1, row
        else:
            assert row["source"] == f"section {place}"
            lines = [line for line in lines if not re.match(r"Fig\. \d+ ", line)]
        assert any(row["as_printed"] in line for line in lines), row
        assert any(row["as_printed"] in line for line in review)


def test_claims_follow_each_other_as_in_the_text(sections: dict[str, list[str]]) -> None:
    found = spans(CLAIMS, {name: "\n".join(lines) for name, lines in sections.items()})
    assert sum(map(len, found.values())) == len(CLAIMS)


def find(device: str, metric: str, place: str = "") -> list[Row]:
    named = [row for row in CLAIMS if device in row["device"] and row["metric"] == metric]
    return [row for row in named if place in row["source"]]


@pytest.mark.parametrize(
    ("device", "metric", "place", "value", "value_max", "references"),
    [
        ("highest", "on_off_ratio", "section 3.1.1", 1.9e-9, None, "r153"),
        ("MAPbCl3 nanowires", "retention_s", "section 3.1.3", 7e9, None, "r162"),
        ("passivated MAPbI3", "energy_per_event_j", "section 3.1.4", 1.35e-17, None, "r163"),
        ("Cs3Sb2I9, dimer", "switching_time_s", "section 3.3.4.1", 2e-8, None, "r226"),
        ("tip-shaped", "v_set_v", "section 4.1.1", -0.11, None, "r238"),
        ("first flexible", "bending_radius_m", "section 4.2", 7.5e-3, None, "r247"),
        ("PrPyr", "array_devices", "Fig. 16 caption", 5e4, None, "r122"),
        ("biological synapses", "energy_per_event_j", "section 4.3", 1e-15, 1e-14, "r258"),
        ("TiO2/FTO", "on_off_ratio", "Fig. 19 caption", 1530.71, None, "r303"),
        ("triple-cation", "max_array_rows_columns", "section 5.1.1", 1747, None, "r331"),
        ("DJ-phase", "variability_c2c_percent", "section 5.1.2", 1.85, None, "r110"),
        ("1D1R", "rectification_ratio", "section 5.2", 1.5e5, None, "r337"),
        ("3D array", "device_area_m2", "section 5.3.1", 7.65e-17, None, "r161"),
        ("nanowires in porous", "density_per_cm2", "section 5.3.1", 4e8, 1e9, "r342"),
        ("pulse train", "v_pulse_v", "section 6.1.2", 1.5, 2.2, "r378"),
        ("(CIFAR-100)", "accuracy_percent", "section 6.2.2", 73.83, None, "r110"),
        ("(Fashion-MNIST)", "accuracy_percent", "section 6.2.2", 84.5, None, "r390"),
        ("Cs3Sb2Cl9", "endurance_cycles", "section 6.2.3", 750, None, "r401"),
    ],
)
def test_claim_in_print(
    device: str, metric: str, place: str, value: float, value_max: float | None, references: str
) -> None:
    (row,) = find(device, metric, place)
    assert float(row["value"]) == value
    assert (float(row["value_max"]) if row["value_max"] else None) == value_max
    assert row["references"] == references


def test_contradictions_are_marked_at_both_places() -> None:
    for rows in (
        find("MAPbI3", "energy_per_event_j"),
        find("first flexible", "bending_radius_m"),
        find("PrPyr", "array_rows_columns"),
        [BY_ID[name] for name in ("c-s5.3.1-005", "c-s5.3.1-020")],  # hydrophilic, hydrophobic
        [BY_ID[name] for name in ("c-s5.3.3-001", "c-s5.3.4-018")],  # rigid, flexible
    ):
        assert len(rows) == 2
        assert all("contradiction" in row["erratum"] for row in rows)


def test_the_array_of_one_paper_is_printed_in_two_ways() -> None:
    """256 devices in the text of section 4.2, about 50 000 in the caption that it cites."""
    (text,) = (row for row in find("PrPyr", "array_rows_columns") if row["references"] == "r122")
    (caption,) = find("PrPyr", "array_devices", "Fig. 16 caption")
    assert float(text["value"]) ** 2 < float(caption["value"])
    for row in (text, caption, *find("PrPyr", "array_area_m2")):
        assert "16 × 16 crossbar array" in row["erratum"]
        assert "50 000 elements" in row["erratum"]


def test_no_switching_below_a_field_that_is_far_too_low_is_doubtful() -> None:
    (threshold,) = find("60 nm thickness", "v_threshold_v")
    (thickness,) = find("crosstalk estimate", "thickness_m")
    (migration,) = find("Ag+ migration", "electric_field_v_per_m")
    field = float(threshold["value"]) / float(thickness["value"])
    assert field == pytest.approx(1.7e4, rel=0.05)
    assert float(migration["value"]) / field == pytest.approx(600, rel=0.05)
    assert threshold["erratum"].startswith("doubtful: ")


def test_an_array_size_without_a_margin_is_marked() -> None:
    """Eqn (1) is a resistance; only the margin of eqn (2) limits the size of an array."""
    marked = [row for row in CLAIMS if "eqn (1)" in row["erratum"]]
    assert {row["metric"] for row in marked} == {"max_array_rows_columns"}
    assert {row["references"] for row in marked} == {"r330", "r331"}
