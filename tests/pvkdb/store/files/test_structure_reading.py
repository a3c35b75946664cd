"""Structures as CIF from whoever sends them: read, held against the formula, refused in words."""

from __future__ import annotations

import pytest

from pvkdb.chemistry import parse_composition
from pvkdb.errors import InputError
from pvkdb.schemas.calculations.relaxations import Host
from pvkdb.store.files.structure_reading import MOST_SITES, read_cif, space_group_of

from ....structures import cif

#: Cubic CsPbBr3 with its symmetry: five atoms of three sites.
CUBIC = cif(
    "CsPbBr3",
    5.87,
    "Cs1 Cs 0.5 0.5 0.5 1\nPb1 Pb 0 0 0 1\nBr1 Br 0.5 0 0 1\n",
    "_symmetry_space_group_name_H-M 'P m -3 m'\n_symmetry_Int_Tables_number 221",
    occupancies=1,
)
CSPBBR3 = parse_composition("CsPbBr3")


def test_symmetry_makes_the_atoms_that_are_not_listed():
    host = read_cif(CUBIC, CSPBBR3)
    assert sorted(host.symbols) == ["Br", "Br", "Br", "Cs", "Pb"]
    assert host.cell_ang == ((5.87, 0, 0), (0, 5.87, 0), (0, 0, 5.87))
    assert space_group_of(host) == "Pm-3m"
    moved = host.model_copy(
        update={"positions_ang": ((2.935, 2.935, 2.8), *host.positions_ang[1:])}
    )
    assert space_group_of(moved) == "P4mm"


def test_the_service_reads_what_the_command_line_reads(tmp_path):
    from pvkdb_pipelines.geometry.hosts import host_of
    from pvkdb_pipelines.structures.user_structures import read_start

    path = tmp_path / "host.cif"
    path.write_text(CUBIC)
    assert host_of(read_start(path, CSPBBR3)) == read_cif(CUBIC, CSPBBR3)


#: The second caesium of two formula units is on top of the first.
CLOSE = CUBIC.replace("'P m -3 m'", "'P 1'").replace("221", "1")
CLOSE += "Cs2 Cs 0.5 0.5 0.53 1\nPb2 Pb 0 0 0.25 1\n"
CLOSE += "".join(f"Br{n} Br 0.5 0 {z} 1\n" for n, z in enumerate((0.2, 0.4, 0.6, 0.8, 0.9)))
MANY = CUBIC + "".join(f"Br{i} Br 0 0 {i / 1000:.3f} 1\n" for i in range(MOST_SITES))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no structure"),
        ("no CIF at all", "CIF"),
        ("data_x\n_cell_length_a 5\n", "no structure"),
        ("\0", "CIF"),
        (CUBIC + CUBIC.replace("data_CsPbBr3", "data_again"), "2 structures"),
        (CUBIC.replace("Br1 Br", "I1 I"), "not CsPbBr3"),
        (CUBIC.replace("0.5 0 0 1", "0.5 0 0 0.5"), "occupied by Br 0.5"),
        (CUBIC.replace("5.87", "0.01"), "too small"),
        (CUBIC.replace("Br1 Br 0.5 0 0 1", "Br1 Br nan 0 0 1"), "CIF"),
        (CUBIC.replace("Br1 Br", "Xx1 Xx"), "CIF"),
        (CUBIC + "Br2 Br 0.51 0 0 1\n", "CIF"),
        (MANY, "503 sites"),
        (CLOSE, r"Cs and Cs 0\.18 Å apart"),
    ],
)
def test_what_is_no_host_is_refused_with_the_reason(text, said):
    with pytest.raises(InputError, match=said) as refused:
        read_cif(text, CSPBBR3)
    assert len(str(refused.value)) < 400


def test_a_symbol_that_names_no_element_is_refused() -> None:
    cell = ((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 4.0))
    host = Host(symbols=("",), cell_ang=cell, positions_ang=((0.0, 0.0, 0.0),))
    with pytest.raises(InputError, match="'' in the structure is not an element"):
        space_group_of(host)
