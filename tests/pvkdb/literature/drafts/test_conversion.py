"""What a draft proposes is what the text says: its import holds the value, converted once."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from pvkdb.chemistry.units import UNITS
from pvkdb.literature.cells import Cells
from pvkdb.literature.device_entries import devices_row
from pvkdb.literature.drafts import draft_paper, draft_yaml
from pvkdb.literature.entries import energetics_row
from pvkdb.literature.reading import read_records
from pvkdb.schemas.tables import DevicesRow, EnergeticsRow
from pvkdb.store.curation.sources import Upload

from ....each import for_each

#: The Faraday constant in kJ/mol per eV (CODATA 2018, exact), written out to 20 digits.
FARADAY = Decimal("96.485332123310018400")
_ONE = Decimal(1)
#: What a printed unit is in seconds, and by unit of a column, what it is in that: a quotient.
SECONDS = {
    "fs": "1e-15",
    "ps": "1e-12",
    "ns": "1e-9",
    "μs": "1e-6",
    "us": "1e-6",
    "ms": "1e-3",
    **dict.fromkeys(("s", "sec", "second"), "1"),
    **dict.fromkeys(("min", "minute"), "60"),
    **dict.fromkeys(("h", "hr", "hour"), "3600"),
    **dict.fromkeys(("d", "day"), "86400"),
    "week": "604800",
    "month": "2592000",
    "year": "31536000",
    "yr": "31536000",
}
SECONDS |= {f"{name}ec": size for name, size in SECONDS.items() if name in ("fs", "ps", "ns")}
SECONDS |= {f"{name}ec": size for name, size in SECONDS.items() if name in ("μs", "us", "ms")}
#: Prefixes of units that are words.
PREFIXES = {"": "1", "atto": "1e-18", "femto": "1e-15", "pico": "1e-12", "nano": "1e-9"}
PREFIXES |= {"micro": "1e-6", "milli": "1e-3"}
SECONDS |= {f"{prefix}second": size for prefix, size in PREFIXES.items()}
#: Words take a plural.
WORDS = ("sec", "second", "min", "minute", "hr", "hour", "day", "week", "month", "year", "yr")
WORDS += ("cycle", *(f"{one}{word}" for one in PREFIXES for word in ("volt", "electronvolt")))
WORDS += tuple(f"{one}second" for one in PREFIXES if one)
VOLTS = {"kV": "1e3", "mV": "1e-3", "μV": "1e-6", "uV": "1e-6", "nV": "1e-9"}
SIZES: dict[str, dict[str, tuple[Decimal, Decimal]]] = {
    "s": {name: (Decimal(size), _ONE) for name, size in SECONDS.items()},
    "d": {name: (Decimal(size), Decimal(86400)) for name, size in SECONDS.items()},
    "V": {
        "V": (_ONE, _ONE),
        **{f"{prefix}volt": (Decimal(size), _ONE) for prefix, size in PREFIXES.items()},
        **{name: (Decimal(size), _ONE) for name, size in VOLTS.items()},
    },
    "eV": {
        "eV": (_ONE, _ONE),
        "meV": (Decimal("1e-3"), _ONE),
        **{f"{prefix}electronvolt": (Decimal(size), _ONE) for prefix, size in PREFIXES.items()},
        **dict.fromkeys(("kJ/mol", "kJ mol⁻¹"), (_ONE, FARADAY)),
        **dict.fromkeys(("kcal/mol", "kcal mol⁻¹"), (Decimal("4.184"), FARADAY)),
    },
    "cycles": dict.fromkeys(("cycle", "times"), (_ONE, _ONE)),
    "1": {"": (_ONE, _ONE)},
}
#: By field: its unit, a sentence, and the powers of ten between which a value is likely.
FIELDS = {
    "on_off_ratio": ("1", "ITO/CsPbBr3/Ag has an on/off ratio of {}.", 0, 8),
    "v_set_min_v": ("V", "ITO/CsPbBr3/Ag has a SET voltage of {}.", -3, -1),
    "v_reset_min_v": ("V", "ITO/CsPbBr3/Ag has a RESET voltage of −{}.", -3, -1),
    "endurance_cycles": ("cycles", "ITO/CsPbBr3/Ag has an endurance of {}.", 0, 8),
    "retention_s": ("s", "ITO/CsPbBr3/Ag has a retention of {}.", -6, 7),
    "stability_days": ("d", "ITO/CsPbBr3/Ag was stored in air for {}.", 0, 3),
    "E_A": ("eV", "In CsPbBr3 the activation energy of V_Br is {}.", -2, -2),
    "DFE": ("eV", "In CsPbBr3 the formation energy of V_Br is {}.", -2, -2),
}


def imported(text: str) -> DevicesRow | EnergeticsRow:
    """Return the row that an import makes of the only value of a text, as the draft proposes it."""
    draft = draft_yaml(draft_paper(Upload("a.txt", text.encode())))
    confirmed = re.sub(r'.*"\?"\n|reference:\n', "", draft).replace('"? ', '"')
    *_, record = read_records(Upload("draft.yaml", confirmed.encode()))
    cells = Cells(record.cells)
    row = (devices_row if record.table.name == "devices" else energetics_row)(cells, "r1")
    assert not cells.problems, (text, cells.problems)
    return row


def stored(text: str, field: str) -> float | None:
    row = imported(text)
    if isinstance(row, EnergeticsRow):
        assert row.quantity == field
        return row.value_min_ev
    value: float | None = getattr(row, field)
    return value


def test_every_unit_of_an_import_is_among_them() -> None:
    assert {unit: set(names) for unit, names in SIZES.items() if names} == {
        unit: set(UNITS[unit]) or {""} for unit in SIZES
    }


@settings(max_examples=25, deadline=None)
@given(digits=st.integers(1, 999), tens=st.integers(0, 100))
def test_every_metric_in_every_unit_keeps_its_value(digits: int, tens: int) -> None:
    number = Decimal(digits).scaleb(1 - len(str(digits)))  # 1 to 9.99
    for field, (unit, sentence, low, high) in FIELDS.items():
        for name, (size, one) in SIZES[unit].items():
            power = low + tens % (high - low + 1) - floor((size / one).log10())
            printed = f"{number} × 10^{{{power}}} {name}{'s' if name in WORDS else ''}".strip()
            exact = Context(prec=40)
            value = exact.divide(number.scaleb(power) * size, one)
            if exact.flags[Inexact]:  # no more digits than the source
                value = Context(prec=len(str(digits))).divide(number.scaleb(power) * size, one)
            sign = -1 if "−" in sentence else 1
            assert stored(sentence.format(printed), field) == sign * float(value), (field, printed)


@for_each(
    ("field", "printed", "value"),
    [
        ("stability_days", "over 45 days", 45),
        ("stability_days", "3 months", 90),
        ("stability_days", "~2 weeks", 14),
        ("retention_s", "3 hours", 10800),
        ("retention_s", "more than 10^{5} s", 1e5),
        ("v_set_min_v", "70–150 mV", 0.07),
        ("E_A", "~25 kJ/mol", 0.26),
        ("E_A", "about 210 meV", 0.21),
    ],
)
def test_words_of_papers(field: str, printed: str, value: float) -> None:
    assert stored(FIELDS[field][1].format(printed), field) == value


def test_a_short_time_in_storage_is_proposed_with_a_doubt() -> None:
    for printed, doubt in (
        ("20 h", "is 0.83 days in storage, less than one; if a state was held so long, move it"),
        ("2 × 10^5 s", "is printed in seconds, as a retention is (2 days in storage)"),
        ("45 days", ""),
    ):
        text = FIELDS["stability_days"][1].format(printed)
        (row,) = draft_paper(Upload("a.txt", text.encode())).rows
        assert row.found["stability"].doubt.startswith(doubt)
        assert bool(row.found["stability"].doubt) == bool(doubt)
