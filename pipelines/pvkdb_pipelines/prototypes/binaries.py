"""Binary halides AX, BX2, BX3 and BX4, into which perovskites decompose.

Positions are those of the named compound, with the digits that a start needs: free coordinates are
fitted to the radii of the ions that fill the structure. Labels are those of the AFLOW
encyclopedia of prototypes, M. J. Mehl et al., Comput. Mater. Sci. 136, S1 (2017),
doi:10.1016/j.commatsci.2017.01.017.
"""

from __future__ import annotations

from pvkdb_pipelines.prototypes.prototype import PrototypeInfo, published

BINARIES: tuple[PrototypeInfo, ...] = (
    published(
        "AX",
        "Fm-3m",
        "rock salt, NaCl (B1)",
        ("Fm-3m", 225),
        (5.64,),
        """
        A 4a 0 0 0 : 6
        X 4b 1/2 1/2 1/2
        """,
        linkage="edges with 12",
        source="AFLOW AB_cF8_225_a_b",
    ),
    published(
        "AX",
        "Pm-3m",
        "CsCl (B2)",
        ("Pm-3m", 221),
        (4.123,),
        """
        A 1a 0 0 0 : 8
        X 1b 1/2 1/2 1/2
        """,
        linkage="faces with 6",
        source="AFLOW AB_cP2_221_b_a",
    ),
    published(
        "AX",
        "Cmcm",
        "yellow TlI, CrB (B33)",
        ("Cmcm", 63),
        (4.57, 12.92, 5.24),
        """
        A 4c 0 0.392 1/4 : 7
        X 4c 0 0.133 1/4
        """,
        linkage="double layers",
        source="AFLOW AB_oC8_63_c_c; L. Helmholz, Z. Kristallogr. 95, 129 (1936)",
    ),
    published(
        "AX",
        "F-43m",
        "zincblende, CuCl (B3)",
        ("F-43m", 216),
        (5.41,),
        """
        A 4a 0 0 0 : 4
        X 4c 1/4 1/4 1/4
        """,
        linkage="corners with 12",
        source="AFLOW AB_cF8_216_c_a",
    ),
    published(
        "AX",
        "P6_3mc",
        "wurtzite, beta-AgI (B4)",
        ("P6_3mc", 186),
        (4.592, 7.510),
        """
        A 2b 1/3 2/3 0 : 4
        X 2b 1/3 2/3 0.375
        """,
        linkage="corners with 12",
        source="AFLOW AB_hP4_186_b_b",
    ),
    published(
        "BX2",
        "P-3m1",
        "layers of octahedra, CdI2 (C6)",
        ("P-3m1", 164),
        (4.24, 6.84),
        """
        B 1a 0 0 0 : 6
        X 2d 1/3 2/3 0.252
        """,
        linkage="edges with 6",
        source="AFLOW AB2_hP3_164_a_d; R. M. Bozorth, J. Am. Chem. Soc. 44, 2232 (1922)",
    ),
    published(
        "BX2",
        "R-3m",
        "layers of octahedra, CdCl2 (C19)",
        ("R-3m", 166),
        (3.85, 17.46),
        """
        B 3a 0 0 0 : 6
        X 6c 0 0 0.252
        """,
        linkage="edges with 6",
        source="AFLOW AB2_hR3_166_a_c-004; L. Pauling, J. L. Hoard, Z. Kristallogr. 74, 546 (1930)",
    ),
    published(
        "BX2",
        "Pnma",
        "cotunnite, PbCl2 (C23)",
        ("Pnma", 62),
        (7.6204, 4.5342, 9.0452),
        """
        B 4c 0.7377 1/4 0.5959 : 9
        X 4c 0.6250 1/4 0.9217
        X 4c 0.5202 1/4 0.3370
        """,
        linkage="tricapped prisms in three dimensions",
        source="AFLOW A2B_oP12_62_2c_c; R. L. Sass, E. B. Brackett, T. E. Brackett, J. Phys. "
        "Chem. 67, 2863 (1963)",
    ),
    published(
        "BX2",
        "Fm-3m",
        "fluorite, CaF2 (C1)",
        ("Fm-3m", 225),
        (5.463,),
        """
        B 4a 0 0 0 : 8
        X 8c 1/4 1/4 1/4
        """,
        linkage="edges with 12",
        source="AFLOW AB2_cF12_225_a_c",
    ),
    published(
        "BX2",
        "P4_2/mnm",
        "rutile, TiO2 (C4); MgF2",
        ("P4_2/mnm", 136),
        (4.592, 2.957),
        """
        B 2a 0 0 0 : 6
        X 4f 0.305 0.305 0
        """,
        linkage="edges with 2 and corners with 8",
        source="AFLOW A2B_tP6_136_f_a",
    ),
    published(
        "BX2",
        "Pnnm",
        "tilted rutile, CaCl2 (C35)",
        ("Pnnm", 58),
        (6.24, 6.43, 4.20),
        """
        B 2a 0 0 0 : 6
        X 4g 0.275 0.325 0
        """,
        linkage="edges with 2 and corners with 8",
        source="AFLOW AB2_oP6_58_a_g; A. K. van Bever, W. Nieuwenkamp, Z. Kristallogr. 90, 374 "
        "(1935)",
    ),
    published(
        "BX2",
        "P4_2/nmc",
        "layers of tetrahedra, red HgI2 (C13)",
        ("P4_2/nmc", 137),
        (4.37, 12.44),
        """
        B 2a 0 0 0 : 4
        X 4d 0 1/2 0.139
        """,
        linkage="corners with 4",
        source="G. A. Jeffrey, M. Vlasse, Inorg. Chem. 6, 396 (1967)",
    ),
    published(
        "BX2",
        "Ibam",
        "chains of tetrahedra, SiS2 (C42); BeCl2",
        ("Ibam", 72),
        (5.614, 9.583, 5.547),
        """
        B 4a 0 0 1/4 : 4
        X 8j 0.209 0.118 0
        """,
        linkage="edges with 2",
        source="AFLOW A2B_oI12_72_j_a; J. Peters, B. Krebs, Acta Cryst. B 38, 1270 (1982)",
    ),
    published(
        "BX3",
        "R-3",
        "layers of octahedra, BiI3 (D0_5)",
        ("R-3", 148),
        (7.496, 20.682),
        """
        B 6c 0 0 0.333 : 6
        X 18f 0 0.667 0.088
        """,
        linkage="edges with 3",
        source="AFLOW AB3_hR8_148_c_f; H. Brækken, Z. Kristallogr. 74, 67 (1930)",
    ),
    published(
        "BX3",
        "C2/m",
        "layers of octahedra, AlCl3 (D0_15); high-temperature CrCl3",
        ("C2/m", 12),
        (5.914, 10.234, 6.148, 108.25),
        """
        B 4g 1/2 0.666 0 : 6
        X 4i 0.215 0 0.226
        X 8j 0.752 0.821 0.225
        """,
        linkage="edges with 3",
        source="AFLOW AB3_mC16_12_g_ij; S. I. Troyanov, Russ. J. Inorg. Chem. 37, 121 (1992)",
    ),
    published(
        "BX3",
        "P6_3/m",
        "tricapped prisms, UCl3; LaCl3",
        ("P6_3/m", 176),
        (7.478, 4.375),
        """
        B 2c 1/3 2/3 1/4 : 9
        X 6h 0.387 0.302 1/4
        """,
        linkage="faces with 2 and edges with 6",
        source="B. Morosin, J. Chem. Phys. 49, 3007 (1968), doi:10.1063/1.1670543",
    ),
    published(
        "BX3",
        "Pm-3m",
        "ReO3 (D0_9); ScF3",
        ("Pm-3m", 221),
        (4.01,),
        """
        B 1a 0 0 0 : 6
        X 3d 1/2 0 0
        """,
        linkage="corners with 6",
        source="AFLOW A3B_cP4_221_d_a",
    ),
    published(
        "BX3",
        "R-3c",
        "tilted ReO3, FeF3",
        ("R-3c", 167),
        (5.20, 13.33),
        """
        B 6b 0 0 0 : 6
        X 18e 0.587 0 1/4
        """,
        linkage="corners with 6",
        source="M. A. Hepworth, K. H. Jack, R. D. Peacock, G. J. Westland, Acta Cryst. 10, 63 "
        "(1957)",
    ),
    published(
        "BX4",
        "Pa-3",
        "isolated tetrahedra, SnI4 (D1_1)",
        ("Pa-3", 205),
        (12.27,),
        """
        B 8c 0.129 0.129 0.129 : 4
        X 8c 0.253 0.253 0.253
        X 24d 0.009 0.001 0.253
        """,
        linkage="isolated",
        source="R. G. Dickinson, J. Am. Chem. Soc. 45, 958 (1923); F. Meller, I. Fankuchen, Acta "
        "Cryst. 8, 343 (1955)",
    ),
    published(
        "BX4",
        "I-43m",
        "isolated tetrahedra, SiF4",
        ("I-43m", 217),
        (5.459,),
        """
        B 2a 0 0 0 : 4
        X 8c 0.165 0.165 0.165
        """,
        linkage="isolated",
        source="AFLOW A4B_cI10_217_c_a; M. Atoji, W. N. Lipscomb, Acta Cryst. 7, 597 (1954)",
    ),
    published(
        "BX4",
        "I4/mmm",
        "layers of octahedra, SnF4",
        ("I4/mmm", 139),
        (4.04, 7.93),
        """
        B 2a 0 0 0 : 6
        X 4c 0 1/2 0
        X 4e 0 0 0.237
        """,
        linkage="corners with 4",
        source="R. Hoppe, W. Dähne, Naturwissenschaften 49, 254 (1962)",
    ),
)
