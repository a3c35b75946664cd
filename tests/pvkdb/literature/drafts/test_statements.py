"""Words of the field say what a quantity measures, and of what."""

from __future__ import annotations

from pvkdb.literature.drafts.documents import Document, PrintedTable, Sentence, readable
from pvkdb.literature.drafts.statements import FoundValue, is_stack, statements

from ....each import for_each


def found(*texts: str) -> list[FoundValue]:
    sentences = [Sentence(readable(text), "section 1", None, 1) for text in texts]
    return list(statements(Document("paper", sentences)))


def short(values: list[FoundValue]) -> str:
    return "; ".join(f"{one.metric} {one.low:g}" for one in values)


@for_each(
    ("text", "expected"),
    [
        (
            "a set voltage (~ -0.11 V), reduced power, and an on/off ratio of 10^8",
            "v_set_v -0.11; on_off_ratio 1e+08",
        ),
        (
            "10⁴s of retention and 500 cycles of endurance",
            "retention_s 10000; endurance_cycles 500",
        ),
        (
            "stable for > 100 bending cycles with a bending radius of 7.5 mm",
            "bending_cycles 100; bending_radius_m 0.0075",
        ),
        ("a low threshold voltage (15 mV)", "v_threshold_v 0.015"),
        ("13.5 aJ per spike", "energy_per_event_j 1.35e-17"),
        ("It was stored in air for 60 days.", "stability_days 60"),
        ("The film is 350 nm thick.", "thickness_m 3.5e-07"),
        ("excited at a wavelength of 470 nm", "wavelength_nm 470"),
        ("A band gap of 1.71 eV was measured.", ""),
        ("at a compliance current of 1 mA", "compliance_a 0.001"),
        ("a threshold current of 5 mA/cm²", ""),
        ("an endurance of 10⁴ pulses", "pulses 10000"),
        ("four resistive states", "states 4"),
        ("SET/RESET voltages of 0.2 V/-0.3 V", "v_set_v 0.2; v_reset_v -0.3"),
        ("RESET and SET voltages of -0.3 and 0.2 V", "v_reset_v -0.3; v_set_v 0.2"),
        ("MAPbI 3 memristors with 10⁴ s of retention", "retention_s 10000"),
        ("The switching is retained at a relative humidity of 47%.", "humidity_percent 47"),
        ("The film was annealed at 100 °C at low temperature.", ""),
        ("The recipe needs 5 V and 3 nm.", ""),
    ],
)
def test_figures_of_devices(text: str, expected: str) -> None:
    assert short(found(text)) == expected


def test_a_quantity_without_a_word_is_of_the_metric_before_it() -> None:
    values = found(
        "The activation energies of V_{FA} are 0.61 eV, of V_{Cs} 0.32 eV in CsPbBr3.",
        "Another work found 0.5 eV.",
    )
    assert [(one.metric, one.low, one.defect) for one in values] == [
        ("E_A", 0.61, "V_FA"),
        ("E_A", 0.32, "V_Cs"),
        ("E_A", 0.5, ""),
    ]
    assert values[2].subject == "CsPbBr3"


def test_a_conversion_in_brackets_is_one_value() -> None:
    (value,) = found("An activation energy of 57.8 kJ mol⁻¹ (~0.6 eV) was found for ion migration.")
    assert (value.printed, value.sign, value.defect) == ("~0.6 eV", "~", "ion")


def test_a_device_has_its_stack_and_absorber() -> None:
    (value,) = found("Pt/MAPbI₃/Ag devices have a retention over 10^4 s.")
    assert (value.stack, value.subject, value.sign) == ("Pt/MAPbI3/Ag", "MAPbI3", ">")
    assert not is_stack("and/or/not")


@for_each(
    ("text", "stack", "absorber"),
    [
        ("a retention of 5 s (Au/CsPbBr3/Si)", "Au/CsPbBr3/Si", "CsPbBr3"),
        ("in (CsPbBr3) the retention is 5 s", "", "CsPbBr3"),
        ("the retention of (PEA)2PbBr4 is 5 s", "", "(PEA)2PbBr4"),
        ("the retention is 5 s in Graphene/(PEA)2PbBr4/Au.", "Graphene/(PEA)2PbBr4/Au", ""),
        ("a retention of 5 s in CH 3 NH 3 PbI 3", "", "CH3NH3PbI3"),
        (
            "5 s of retention, Al/poly(methyl methacrylate) (PMMA)/MAPbI 3 /ITO",
            "Al/PMMA/MAPbI3/ITO",
            "",
        ),
        ("5 s of retention in indium tin oxide (ITO)/PMMA/MAPbI3/Ag", "ITO/PMMA/MAPbI3/Ag", ""),
    ],
)
def test_formulas_and_stacks_lose_what_is_around_them(text: str, stack: str, absorber: str) -> None:
    (value,) = found(text)
    assert value.stack == stack
    assert not absorber or value.subject == absorber


def test_another_material_is_not_in_the_stack_of_the_sentence_before() -> None:
    ratio, retention = found(
        "Ag/MAPbI3/ITO has an on/off ratio of 10^6.",
        "MAPbCl3 devices have an extrapolated retention of 7 × 10^9 s.",
    )
    assert (ratio.stack, ratio.subject, ratio.doubt) == ("Ag/MAPbI3/ITO", "MAPbI3", "")
    assert (retention.stack, retention.subject) == ("", "MAPbCl3")
    assert "extrapolated" in retention.doubt


def test_tables_are_read_by_their_headers() -> None:
    rows = [
        ["Structure", "On/off ratio", "V_SET/V_RESET (V)", "Endurance (cycles)", "Stability"],
        ["Lead-free", "", "", "", ""],
        ["ITO/Cs 3 Sb 2 I 9 /Al", "~10 ⁴", "+0.4/−3.2", "100", "> 3 months"],
    ]
    cells = [[readable(cell) for cell in row] for row in rows]
    values = list(statements(Document("paper", [], [PrintedTable("Table 4", 3, cells)])))
    assert short(values) == (
        "on_off_ratio 10000; v_set_v 0.4; v_reset_v -3.2; endurance_cycles 100; stability_days 90"
    )
    assert {(one.stack, one.place, one.page) for one in values} == {
        ("ITO/Cs3Sb2I9/Al", "Table 4 row 1", 3)
    }


def test_energies_of_a_table_lose_their_citations() -> None:
    rows = [["Perovskite", "Defect type", "E_A range (eV)"], ["MAPbI3", "V_I", "0.08–0.58 ⁴¹⁻⁴⁶"]]
    (value,) = statements(Document("paper", [], [PrintedTable("Table 1", None, rows)]))
    assert (value.metric, value.low, value.high, value.defect) == ("E_A", 0.08, 0.58, "V_I")
