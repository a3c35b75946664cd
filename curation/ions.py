"""Make the registry of molecular ions from its sources.

    python curation/ions.py NOMAD_FOLDER

reads ``perovskite_ions.csv`` of the NOMAD perovskite ions (335 rows, which hold the rows of
``A-``, ``B-`` and ``C-ion_data.csv``), ``ion_corrections.csv`` and ``ion_additions.csv`` beside
this script, and writes ``pvkdb/chemistry/data/molecular_ions.csv``. The charge of an ion is
counted from its SMILES; where the sum formula says another one, a correction has to settle it, or
the script stops. Elements are left out: their charges come from Shannon's table.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "pvkdb" / "chemistry" / "data" / "molecular_ions.csv"
COLUMNS = [
    *("symbol", "aliases", "role", "charge", "formula"),
    *("smiles", "name", "occurrences", "source", "note"),
]
Row = dict[str, str]


def charge_of_smiles(smiles: str) -> int:
    """The sum of the charges of the bracketed atoms."""
    total = 0
    for sign, size in re.findall(r"\[[^\]]*?([+-])(\d*)\]", smiles):
        total += int(sign + (size or "1"))
    return total


def split_formula(formula: str) -> tuple[str, int]:
    """A sum formula as printed (``C2H10N2+2``, ``C8H14N2++``): in Hill's order, and its charge."""
    match = re.fullmatch(r"((?:[A-Z][a-z]?\d*)+)(\+\+|[+-]\d*)?", formula)
    if match is None:
        raise SystemExit(f"{formula!r} is not a sum formula; correct it in ion_corrections.csv")
    counts: Counter[str] = Counter()
    for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", match[1]):
        counts[element] += int(count or 1)
    order = sorted(counts, key=lambda e: (e != "C" or 0, e != "H" or "C" not in counts, e))
    body = "".join(e + (str(counts[e]) if counts[e] > 1 else "") for e in order)
    charge = match[2] or "0"
    return body, {"+": 1, "-": -1, "++": 2}.get(charge) or int(charge)


def spellings(alias: str) -> list[str]:
    """An abbreviation as printed and without its hyphens: 3-AMP, 3AMP."""
    return [alias, alias.replace("-", "")] if re.search(r"^\w+-\w+$", alias) else [alias]


def registry_row(row: Row) -> Row:
    """A row of the registry, its charge counted and compared."""
    formula, printed = split_formula(row["formula"])
    charge = charge_of_smiles(row["smiles"])
    if charge == 0 or charge != printed:
        raise SystemExit(
            f"{row['symbol']}: charge {charge:+d} by SMILES {row['smiles']}, {printed:+d} by "
            f"formula {row['formula']}; settle it in ion_corrections.csv"
        )
    aliases = [s for name in row["aliases"].split(";") if name for s in spellings(name)]
    aliases = [name for name in dict.fromkeys(aliases) if name != row["symbol"]]
    return row | {"aliases": ";".join(aliases), "formula": formula, "charge": str(charge)}


def nomad_rows(folder: Path) -> list[Row]:
    """The molecular ions of the source, corrected."""
    corrections = {row["index"]: row for row in read(HERE / "ion_corrections.csv")}
    rows = []
    for entry in read(folder / "perovskite_ions.csv"):
        entry = {key: value.strip() for key, value in entry.items()}
        site = entry["perovskite_site"]
        if site == "B" or re.fullmatch(r"\[[A-Z][a-z]?[+-]\d*\]", entry["smiles"]):
            continue
        mend = corrections.pop(site + entry["Index"], {})
        symbol = mend.get("symbol") or entry["abbreviation"]
        if symbol == "-":
            continue
        dropped = mend.get("drop_aliases", "").split(";")
        aliases = [symbol, entry["abbreviation"], *entry["alternative_abbreviations"].split(",")]
        if mend.get("symbol"):  # a new symbol may mean that the old one is another ion's
            aliases.remove(entry["abbreviation"])
        aliases = [name.strip() for name in aliases if name.strip() not in dropped]
        rows.append(
            {
                "symbol": symbol,
                "aliases": ";".join([*aliases, *mend.get("add_aliases", "").split(";")]),
                "role": mend.get("role") or ("X" if site == "X" else "spacer"),
                "formula": mend.get("formula") or entry["molecular_formula"],
                "smiles": mend.get("smiles") or entry["smiles"],
                "name": mend.get("name") or entry["iupac_name"],
                "occurrences": entry["number_of_occurances_in_the_perovskite_database"],
                "source": "nomad",
                "note": mend.get("note", ""),
            }
        )
    if corrections:
        raise SystemExit(f"corrections of no row: {', '.join(corrections)}")
    return rows


def read(path: Path) -> list[Row]:
    """The rows of a CSV file; ``NA`` is nonylammonium, not a missing value."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def main(folder: Path) -> None:
    """Write the registry: A-site cations, spacers and anions, each in alphabetical order."""
    additions = [row | {"occurrences": ""} for row in read(HERE / "ion_additions.csv")]
    rows = [registry_row(row) for row in nomad_rows(folder) + additions]
    repeated = [symbol for symbol, n in Counter(row["symbol"] for row in rows).items() if n > 1]
    if repeated:
        raise SystemExit(f"two ions with one symbol: {', '.join(repeated)}")
    rows.sort(key=lambda row: (("A", "spacer", "X").index(row["role"]), row["symbol"]))
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path, help="the NOMAD perovskite ions")
    main(options.parse_args().folder)
