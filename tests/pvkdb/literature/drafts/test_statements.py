"""Words of the field say what a quantity measures, and of what."""

from __future__ import annotations

from pvkdb.literature.drafts.documents import Document, PrintedTable, Sentence, readable
from pvkdb.literature.drafts.naming import is_stack, upright
from pvkdb.literature.drafts.statements import STACK, FoundValue, statements

from ....each import for_each


def found(*texts: str) -> list[FoundValue]:
    sentences = [Sentence(readable(text), "section 1", None, 1) for text in texts]
    values = statements(Document("paper", sentences))
    return [one for one in values if one.metric != STACK]


def short(values: list[FoundValue]) -> str:
    return "; ".join(f"{one.metric} {one.low:g}" for one in values)


@for_each(
    ("text", "expected"),
    [
        (
            "a set voltage (~ -0.11 V), reduced power, and an on/off ratio of 10^8",
            "v_set_v -0.11; on_off_ratio 1e+08",
        ),
        ("10⁴s of retention, 500 cycles of endurance", "retention_s 10000; endurance_cycles 500"),
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
        ("a formation enthalpy of 0.4 eV", "DFE 0.4"),
        ("a Schottky defect has a formation energy of 1.9 eV", "DFE 1.9"),
        ("It hops with D = 3.1 exp[-0.52(eV)/kT].", "E_A 0.52"),
        ("A strain lowers the migration barrier by 12 meV per percent.", ""),
        ("Two of the five states are deep.", ""),
        ("at a compliance current of 1 mA", "compliance_a 0.001"),
        ("a threshold current of 5 mA/cm²", ""),
        ("an endurance of 10⁴ pulses", "endurance_cycles 10000"),
        ("it lasted for more than 10⁶ times", ""),
        ("significant endurance (>106 times)", "endurance_cycles 1e+06"),
        ("high endurance (>5 × 105)", "endurance_cycles 500000"),
        ("The SET voltages of 50 cycles have a distribution.", ""),
        ("139 non-overlapping ohmic conduction states", "states 139"),
        ("A four-level memory was shown.", "states 4"),
        ("a ratio of 103:102:1", ""),
        ("a non-linearity factor of 0.3", "nonlinearity 0.3"),
        ("The ratio between the HRS and the LRS was about 10³.", "on_off_ratio 1000"),
        ("an energy consumption of 2 pJ", "energy_j 2e-12"),
        ("a 10 nm thick floating gate", ""),
        ("a decomposition temperature of 206 °C", ""),
        ("RESET with a negative voltage of 1.3 V", "v_reset_v -1.3"),
        ("It works after 90 days of exposure to air.", "stability_days 90"),
        ("Both states lasted 1000 s, read every 5 s.", "retention_s 1000"),
        ("The Schottky barrier is 0.6 eV.", ""),
        (
            "SET voltage, RESET voltage and on/off ratio are 0.5 V, -0.3 V and 10^4, respectively",
            "v_set_v 0.5; v_reset_v -0.3; on_off_ratio 10000",
        ),
        ("four resistive states", "states 4"),
        ("SET/RESET voltages of 0.2 V/-0.3 V", "v_set_v 0.2; v_reset_v -0.3"),
        ("RESET and SET voltages of -0.3 and 0.2 V", "v_reset_v -0.3; v_set_v 0.2"),
        ("MAPbI 3 memristors with 10⁴ s of retention", "retention_s 10000"),
        ("The switching is retained at a relative humidity of 47%.", "humidity_percent 47"),
        ("The film was annealed at 100 °C at low temperature.", ""),
        ("The recipe needs 5 V and 3 nm.", ""),
        ("The HRS and LRS were stable for 10⁴ s.", "retention_s 10000"),
        ("Both resistance states remain unchanged for 5 h.", "retention_s 18000"),
        ("The device works after six months without encapsulation.", "stability_days 180"),
        ("the retention of the states is kept for 10 years", "retention_s 3.1536e+08"),
        ("The solution was stirred for 2 days.", ""),
        ("Its ON/OFF ratio is over six orders of magnitude.", "on_off_ratio 1e+06"),
        ("The on/off ratio of the film on a flexible substrate is 10³.", "on_off_ratio 1000"),
        ("An ideality factor of 1.8 and a PPF ratio of 150 were found.", ""),
        ("A variation in the set voltage of 0.4 V", ""),
        ("34 aJ for each spike", "energy_per_event_j 3.4e-17"),
        ("2 pJ per switching event", "switching_energy_j 2e-12"),
        ("bending for 100 cycles", "bending_cycles 100"),
        ("It works at 180 °C.", "temperature_c 180"),
        ("The grain at 90 °C for 2 h (left) and 3 h (right)", ""),
        ("an on/off ratio of 10³ at 85 °C", "on_off_ratio 1000; temperature_c 85"),
        ("a low switching energy (2 pJ per spike)", "energy_per_event_j 2e-12"),
        ("A bent memory survived over 300 switching cycles.", "endurance_cycles 300"),
        ("A bent memory survived over 300 cycles.", "bending_cycles 300"),
        (
            "It retained 60% of its charge after 2 h.",
            "retained_percent 60; observation_time_s 7200",
        ),
        ("It retained 90% of its current after 2 h.", "retained_percent 90; retention_s 7200"),
        # Names and values are paired by their order.
        ("V_SET (V_RESET) of 0.5 V (-0.7 V)", "v_set_v 0.5; v_reset_v -0.7"),
        ("-0.9 V (SET) and +1.1 V (RESET)", "v_set_v -0.9; v_reset_v 1.1"),
        ("+2 V and −1 V as the write and erase pulses", "v_write_v 2; v_erase_v -1"),
        (
            "variations of 4% from cycle to cycle and 8% from device to device",
            "variability_c2c_percent 4; variability_d2d_percent 8",
        ),
        (
            "Cycle-to-cycle and device-to-device variations remain at 12%",
            "variability_c2c_percent 12; variability_d2d_percent 12",
        ),
        (
            "set voltage, on/off ratio and endurance are 0.3 V, 10⁵ and 200 cycles",
            "v_set_v 0.3; on_off_ratio 100000; endurance_cycles 200",
        ),
        ("on/off ratios of 10⁴ (dark) and 10² (light)", "on_off_ratio 10000; on_off_ratio 100"),
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
        ("a retention of 5 s (Au/CsPbBr3/Si)", "Si/CsPbBr3/Au", "CsPbBr3"),
        ("in (CsPbBr3) the retention is 5 s", "", "CsPbBr3"),
        ("the retention of (PEA)2PbBr4 is 5 s", "", "(PEA)2PbBr4"),
        ("the retention is 5 s in Graphene/(PEA)2PbBr4/Au.", "Graphene/(PEA)2PbBr4/Au", ""),
        ("a retention of 5 s in CH 3 NH 3 PbI 3", "", "CH3NH3PbI3"),
        (
            "5 s of retention, Al/poly(methyl methacrylate) (PMMA)/MAPbI 3 /ITO",
            "ITO/MAPbI3/PMMA/Al",
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
    assert (ratio.stack, ratio.subject, ratio.asked) == ("ITO/MAPbI3/Ag", "MAPbI3", "")
    assert (retention.stack, retention.subject) == ("", "MAPbCl3")
    assert "extrapolated" in retention.asked


@for_each(
    ("text", "materials"),
    [
        ("A speed of switching of 200 ps for MAPbI3 and 3 ns for cubic MAPbCl3.", "MAPbI3 MAPbCl3"),
        (
            "Retentions of 10^4 s and 10^5 s were seen in CsPbI3 and CsPbBr3, respectively.",
            "CsPbI3 CsPbBr3",
        ),
        (
            "The on/off ratios of MAPbI3, MAPbBr3 and CsPbI3 are 10, 20 and 30, respectively.",
            "MAPbI3 MAPbBr3 CsPbI3",
        ),
        ("The retention is 9 s in MAPbI3, whereas that of CsPbI3 is 5 s.", "MAPbI3 CsPbI3"),
        ("CsPbI3 and CsPbBr3 have a retention of 5 s.", "?"),
        ("(CH3NH3)3Bi2I9 (MABI) is new. MABI has a retention of 5 s.", "(CH3NH3)3Bi2I9"),
        ("MAPbX3 (X = Cl, Br) has a retention of 5 s.", "?"),
        ("CsPbI3 was used. The bromide-doped device has a retention of 5 s.", "?"),
        ("The (PEA)2PbI4-capped film has a retention of 5 s.", "(PEA)2PbI4"),
        ("MAPbI3 was used. This holds for 5 s (retention), but CsPbI3 fails.", "MAPbI3"),
    ],
)
def test_a_value_is_of_the_material_that_its_sentence_says(text: str, materials: str) -> None:
    parts = text.split(". ")
    assert " ".join(one.subject or "?" for one in found(*parts)) == materials


OF_OTHERS = (
    "Its on/off ratio is higher than that of the pristine film (on/off ratio of 10^2)",
    "The RESET voltage was reduced from -1.2 V to",
    "Choi et al. reported an on/off ratio of 10^6.",
    "On/off ratios of 10^6 have been reported.",
    "A retention of 5 years was extrapolated.",
    "an on/off ratio (10^5) [12]",
    "The mean SET voltage has a standard deviation of 0.03 V",
    "Synapses require high endurance of 10^6 cycles.",
    "A retention of 10 s is necessary.",
    "Biological synapses consume 10 fJ per event.",
)
OWN = (
    "The barrier falls from 0.8 eV to 0.2 eV.",
    "An activation energy of 0.2 eV, lower than that of the film (0.8 eV), was found.",
    "An on/off ratio of 10^4, compared to Ag/hybrid/ITO with a ratio of 10^3.",
    "An on/off ratio of more than 2 orders.",
)


@for_each("text", OF_OTHERS + OWN)
def test_what_may_not_be_of_the_own_device_is_asked(text: str) -> None:
    assert {bool(one.asked) for one in found(text)} == {text in OF_OTHERS}


def test_values_of_the_introduction_are_asked_until_the_paper_tells_of_itself() -> None:
    texts = ["1. Introduction", "It has a retention of 5 s.", "Here, a retention of 9 s is shown."]
    assert [bool(one.asked) for one in found(*texts)] == [True, False]
    abstract = Document("paper", [Sentence(text, "Abstract", None, 1, place)
                                  for place, text in enumerate(texts[1:])])  # fmt: skip
    assert [bool(one.asked) for one in statements(abstract)] == [True, False]


@for_each(
    ("printed", "stack"),
    [
        ("Ag/PMMA/CsPbI3/Pt/Ti/SiO2/Si", "Si/SiO2/Ti/Pt/CsPbI3/PMMA/Ag"),
        ("Ag/Cs2SnI6/ITO-PET", "PET/ITO/Cs2SnI6/Ag"),
        ("Ag/MAPbI3/Pt", "Ag/MAPbI3/Pt"),
        ("ITO/CsPbBr3/ITO", "ITO/CsPbBr3/ITO"),
    ],
)
def test_a_stack_begins_at_the_bottom_where_a_layer_says_so(printed: str, stack: str) -> None:
    assert upright(printed) == stack


@for_each(
    ("printed", "stack"),
    [
        (
            "Ag/FA 0.83 MA 0.17 Pb(I 0.82 Br 0.18 ) 3 /fluorine doped tin oxide (FTO)",
            "FTO/FA0.83MA0.17Pb(I0.82Br0.18)3/Ag",
        ),
        ("ITO/amorphous ZnO (a-ZnO)/MAPbI3/ Ag", "ITO/a-ZnO/MAPbI3/Ag"),
        ("Ag/CsSn0.5Pb0.5I3 (CSPI)/ITO", "ITO/CsSn0.5Pb0.5I3/Ag"),
        ("poly(ethylene terephthalate)-ITO/MASnBr(3)/Au", "ITO/MASnBr3/Au"),
        ("Au/(IFA)3PbI5/ITO", "ITO/(IFA)3PbI5/Au"),
        ("Ag/Cs₃Bi₂I₉₋ₓBrₓ/ITO", "ITO/Cs3Bi2I9-xBrx/Ag"),
        ("Ag|MAPbI3|ITO", "ITO/MAPbI3/Ag"),
        ("Al/ Cs3Bi2I9 /ITO", "ITO/Cs3Bi2I9/Al"),
        ("Ag/perovskite/ITO", "ITO/perovskite/Ag"),
    ],
)
def test_stacks_are_read_with_names_blanks_and_lowered_numbers(printed: str, stack: str) -> None:
    sentence = Sentence(readable(f"The device {printed} was made."), "section 1", None, 1)
    (value,) = statements(Document("paper", [sentence]))
    assert (value.metric, value.text) == (STACK, stack)


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
