"""Ternary halides whose polyhedra share edges or faces, form layers, or are isolated.

Positions are those of the named compound, with the digits that a start needs: free coordinates are
fitted to the radii of the ions that fill the structure.
"""

from __future__ import annotations

from pvkdb_pipelines.prototypes.prototype import PrototypeInfo, published

TERNARIES: tuple[PrototypeInfo, ...] = (
    published(
        "ABX3",
        "delta",
        "double chains of octahedra, NH4CdCl3 (E2_4); yellow CsPbI3",
        ("Pnma", 62),
        (10.434, 4.791, 17.761),
        """
        A 4c 0.919 1/4 0.672 : 9
        B 4c 0.838 3/4 0.939 : 6
        X 4c 0.971 3/4 0.112
        X 4c 0.837 3/4 0.502
        X 4c 0.796 1/4 0.287
        """,
        linkage="edges with 4",
        source="AFLOW AB3C_oP20_62_c_3c_c; CsPbI3: C. C. Stoumpos, C. D. Malliakas, M. G. "
        "Kanatzidis, Inorg. Chem. 52, 9019 (2013), doi:10.1021/ic401215x",
    ),
    published(
        "ABX3",
        "2H",
        "chains of octahedra, hexagonal perovskite, CsNiCl3",
        ("P6_3/mmc", 194),
        (7.18, 5.93),
        """
        A 2d 1/3 2/3 3/4 : 12
        B 2a 0 0 0 : 6
        X 6h 0.156 0.312 1/4
        """,
        linkage="faces with 2",
        source="N. Achiwa, J. Phys. Soc. Jpn. 27, 561 (1969), doi:10.1143/JPSJ.27.561",
    ),
    published(
        "ABX3",
        "6H",
        "pairs and single octahedra, hexagonal perovskite, BaTiO3-6H; CsCdCl3",
        ("P6_3/mmc", 194),
        (7.403, 18.406),
        """
        A 2b 0 0 1/4 : 12
        A 4f 1/3 2/3 0.092 : 12
        B 2a 0 0 0 : 6
        B 4f 1/3 2/3 0.840 : 6
        X 6h 0.516 0.032 1/4
        X 12k 0.834 0.668 0.080
        """,
        linkage="a face with 1 and corners with 3, or corners with 6",
        source="CsCdCl3: J. R. Chang, G. L. McPherson, J. L. Atwood, Inorg. Chem. 14, 3079 "
        "(1975), doi:10.1021/ic50154a044; type: R. D. Burbank, H. T. Evans, Acta Cryst. 1, 330 "
        "(1948), doi:10.1107/S0365110X48000867",
    ),
    published(
        "A2BX6",
        "P-3m1",
        "octahedra in hexagonal packing, K2GeF6 (J1_13)",
        ("P-3m1", 164),
        (5.62, 4.65),
        """
        A 2d 1/3 2/3 0.70 : 12
        B 1a 0 0 0 : 6
        X 6i 0.148 0.852 0.220
        """,
        linkage="isolated",
        source="J. L. Hoard, W. B. Vincent, J. Am. Chem. Soc. 61, 2849 (1939)",
    ),
    published(
        "A3B2X9",
        "P6_3/mmc",
        "pairs of octahedra, dimer, Cs3Cr2Cl9; Cs3Bi2I9",
        ("P6_3/mmc", 194),
        (8.41, 21.18),
        """
        A 2b 0 0 1/4 : 12
        A 4f 1/3 2/3 0.924 : 12
        B 4f 1/3 2/3 0.154 : 6
        X 6h 0.512 0.024 1/4
        X 12k 0.165 0.330 0.081
        """,
        linkage="a face with 1",
        source="G. J. Wessel, D. J. W. IJdo, Acta Cryst. 10, 466 (1957); Cs3Bi2I9: B. Chabot, "
        "E. Parthé, Acta Cryst. B 34, 645 (1978)",
    ),
    published(
        "A3B2X9",
        "P-3m1",
        "corrugated layers of octahedra, layered Cs3Sb2I9; Cs3Bi2Br9",
        ("P-3m1", 164),
        (7.972, 9.867),
        """
        A 1a 0 0 0 : 12
        A 2d 1/3 2/3 0.336 : 12
        B 2d 1/3 2/3 0.813 : 6
        X 3e 1/2 0 0
        X 6i 0.171 0.342 0.665
        """,
        linkage="corners with 3",
        source="Cs3Bi2Br9: F. Lazarini, Acta Cryst. B 33, 2961 (1977)",
    ),
    published(
        "A2BX4",
        "I4/mmm",
        "single layers of octahedra, Ruddlesden-Popper n = 1, K2NiF4",
        ("I4/mmm", 139),
        (4.01, 13.08),
        """
        A 4e 0 0 0.352 : 9
        B 2a 0 0 0 : 6
        X 4c 0 1/2 0
        X 4e 0 0 0.151
        """,
        linkage="corners with 4",
        source="D. Balz, K. Plieth, Z. Elektrochem. 59, 545 (1955)",
    ),
    published(
        "A2BX4",
        "Pnma",
        "isolated tetrahedra, beta-K2SO4 (H1_6); Cs2ZnBr4",
        ("Pnma", 62),
        (7.476, 5.763, 10.071),
        """
        A 4c 0.674 1/4 0.411 : 11
        A 4c -0.011 1/4 0.705 : 9
        B 4c 0.233 1/4 0.420 : 4
        X 4c 0.038 1/4 0.417
        X 4c 0.296 1/4 0.559
        X 8d 0.301 0.041 0.352
        """,
        linkage="isolated",
        source="M. T. Robinson, J. Phys. Chem. 62, 925 (1958) (COD 1200011); J. A. McGinnety, "
        "Acta Cryst. B 28, 2845 (1972)",
    ),
    published(
        "A4BX6",
        "R-3c",
        "isolated octahedra, K4CdCl6; Cs4PbBr6",
        ("R-3c", 167),
        (13.73, 17.32),
        """
        A 6a 0 0 1/4 : 6
        A 18e 0.372 0 1/4 : 8
        B 6b 0 0 0 : 6
        X 36f 0.034 0.197 0.097
        """,
        linkage="isolated",
        source="K4CdCl6: H. P. Beck, W. Milius, Z. Anorg. Allg. Chem. 539, 7 (1986), "
        "doi:10.1002/zaac.19865390802; cell of Cs4PbBr6: ICSD 25124",
    ),
    published(
        "A3BX6",
        "C2/c",
        "isolated octahedra, Cs3BiCl6",
        ("C2/c", 15),
        (27.017, 8.252, 13.121, 99.70),
        """
        A 8f 0.0496 0.7444 0.9317 : 8
        A 8f 0.1614 0.8133 0.2982 : 10
        A 8f 0.3462 0.1863 0.8546 : 8
        B 4d 1/4 1/4 1/2 : 6
        B 4e 0 0.7835 1/4 : 6
        X 8f 0.2492 0.3890 0.6871
        X 8f 0.3235 0.4548 0.4639
        X 8f 0.3269 0.0549 0.5813
        X 8f 0.0572 0.5536 0.1815
        X 8f -0.0583 0.7739 0.0641
        X 8f 0.0576 0.0263 0.1928
        """,
        linkage="isolated",
        source="F. Benachenhou, G. Mairesse, G. Nowogrocki, D. Thomas, J. Solid State Chem. 65, "
        "13 (1986), doi:10.1016/0022-4596(86)90085-X (COD 1004082)",
    ),
    published(
        "AB2X5",
        "I4/mcm",
        "layers with A between them, NH4Pb2Br5 (K3_4); CsPb2Br5",
        ("I4/mcm", 140),
        (8.48, 15.18),
        """
        A 4a 0 0 1/4 : 8
        B 8h 0.163 0.663 0 : 8
        X 4c 0 0 0
        X 16l 0.663 0.163 0.136
        """,
        linkage="layers of bicapped prisms",
        source="AFLOW A5BC2_tI32_140_cl_a_h; H. M. Powell, H. S. Tasker, J. Chem. Soc. 119 (1937)",
    ),
)
