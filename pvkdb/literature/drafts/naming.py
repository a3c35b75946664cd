"""Materials, stacks and defects that a sentence names, and whose a value is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pvkdb.chemistry.formulas.composition import parse_material
from pvkdb.chemistry.ions import elements, names
from pvkdb.errors import InputError
from pvkdb.literature.drafts.documents import Document
from pvkdb.literature.drafts.quantities import PrintedQuantity, lists
from pvkdb.store.rows.stacks import split_structure

#: A name with its first character in a text.
Named = tuple[int, str]
#: Between a value and the material behind it that it is of.
_FOR = re.compile(
    r"\)?(?: [\w-]+){0,6}? (?:for|in|of|from|with|on)(?: (?:the|an?))?(?: [\w-]+){0,2} "
)
#: Layers at the bottom of a stack, and a coated substrate: "ITO-PET".
_BOTTOM = re.compile(
    r"(?i:glass|quartz|sapphire|mica|PET|PEN|PDMS|polyimide|paper)|Si|PI|SiO2|"
    r"(?:ITO|FTO)(?:[- ]\w+)?|(?:PET|PEN|glass|Glass)[- ](?:ITO|FTO)"
)
_COATED = re.compile(r"(ITO|FTO)[- ](PET|PEN|glass|Glass)|(PET|PEN|glass|Glass)[- ](ITO|FTO)")
_STACK = re.compile(r"(?:[\w@:.()\[\]{}−–+-]{1,60}/){1,9}[\w@:.()\[\]{}−–+-]{1,60}")
_FORMULA = re.compile(r"[A-Z(\[{][\w()\[\]{}.−–+-]{2,80}")
_SHORT = re.compile(
    r"(?P<formula>[A-Z(\[{][\w()\[\]{}.−–+-]{2,80}) \((?P<short>[A-Z][A-Za-z]{2,7})\)"
)
_SHORT_NAME = re.compile(r"\b[A-Z][A-Za-z]{2,7}\b")
_HALIDE = re.compile(
    r"(?:Pb|Sn|Bi|Sb|Cu|Ag|In|Ge|Mn|Cd|Zn|Fe|Ni|Co|Ca|Sr|Ba|Mg|Ti|Pt|Pd|Te|Hf|Zr|Tl|Au|Eu|Yb|B)"
    r"[\d.()\[\]A-Z'x_a-z−–+-]{0,80}?(?:I|Br|Cl|X)(?![a-z])"
)
#: A halide of an organic ion that pvkdb does not know: (IFA)3PbI5.
_UNKNOWN_ION = re.compile(
    r"\([A-Za-z\d]{2,12}\)\d?(?:Pb|Sn|Bi|Sb|Cu|Ag|In|Ge)\d?(?:I|Br|Cl)\d{1,2}"
)
#: A word behind a formula: "MAPbI3-based".
_APPENDED = re.compile(r"[-–][A-Za-z]{2,}[-–\w]*$")
#: A layer that is a perovskite without a formula.
_PEROVSKITE = re.compile(r"(?i:perovskites?)|O[TH]P|[LM]HP|OIHP|HOIP|HP|RP|(?:Cs|FA|MA|Rb){2,4}")
_CONTRAST = re.compile(r";|\b(?:while|whereas|but|than|unlike)\b")
#: Cost of a defect behind a value, in characters.
_BEHIND = 30
_IONS = {"iodide": "I", "iodine": "I", "bromide": "Br", "bromine": "Br", "chloride": "Cl"}
_IONS |= {"halide": "X"}
_DEFECT = re.compile(
    r"\bV(?:_(?P<vacancy>[A-Z][A-Za-z]{0,3})|(?P<site>I|Br|Cl|X|Pb|Sn|MA|FA|Cs))(?![A-Za-z])|"
    r"\b(?P<interstitial>[A-Z][a-z]?[A-Z]?)_[Ii]\b|"
    r"\b(?P<of>iodide|bromide|chloride|halide|[A-Z][a-z]?)[ -]"
    r"(?P<kind>vacanc|interstitial|migration|ion)|"
    r"\b(?P<ion>[A-Z][A-Za-z]{0,2})\d?[⁺⁻][⁺⁻]?|\b(?P<any>ion(?:ic)? migration)"
)


def stacks_in(text: str, short: dict[str, str]) -> list[tuple[int, str, str]]:
    """Return the stacks that a sentence names: place, print, and with the formulas of layers."""
    found = []
    for match in _STACK.finditer(text):
        printed = _bare(match[0])
        spelled = "/".join(short.get(layer, layer) for layer in split_structure(printed))
        if is_stack(spelled):
            found.append((match.start() + match[0].index(printed), printed, spelled))
    return found


def only_material(document: Document) -> str:
    """Return the material of a document that names one only; '' if it names none or several."""
    texts = [sentence.text for sentence in document.sentences]
    texts += [cell for table in document.tables for row in table.rows for cell in row]
    named = (_named(_FORMULA, is_halide, text) for text in texts)
    names = {parse_material(name)[0].formula: name for found in named for _, name in found}
    return next(iter(names.values())) if len(names) == 1 else ""


def abbreviations(document: Document) -> dict[str, str]:
    """Return the formulas that a document gives short names: "(CH3NH3)3Bi2I9 (MABI)"."""
    found = (_SHORT.finditer(sentence.text) for sentence in document.sentences)
    pairs = ((match["short"], _bare(match["formula"])) for one in found for match in one)
    return {short: formula for short, formula in pairs if is_halide(formula)}


def materials_in(text: str, short: dict[str, str]) -> list[Named]:
    """Return the halides that a sentence names, by their formulas, with their places."""
    named = dict(_named(_FORMULA, is_halide, text))
    words = _SHORT_NAME.finditer(text) if short else ()
    named |= {word.start(): short[word[0]] for word in words if word[0] in short}
    return sorted(named.items())


def whose(
    text: str,
    quantity: PrintedQuantity,
    measured: Sequence[PrintedQuantity],
    named: Sequence[Named],
    earlier: str,
) -> str:
    """Return the material or stack of a value; '' where the sentence does not say whose it is.

    "200 ps for MAPbI3" has its material behind it. Values and materials with "respectively" are
    paired in their order. Otherwise it is the last one in front of the value.
    """
    rows = lists(text, [(at, at + len(name)) for at, name in named])
    alone = {row[0][0] for row in rows if len(row) == 1}
    names = dict(named)
    if "respectively" in text:
        spans = [(one.start, one.end) for one in measured if one.unit == quantity.unit]
        for run in lists(text, spans):
            places = [start for start, _ in run]
            for row in rows:
                if len(run) == len(row) > 1 and quantity.start in places:
                    return names[row[places.index(quantity.start)][0]]
    behind = next((at for at in names if at >= quantity.end), None)
    if behind is not None and _FOR.fullmatch(text[quantity.end : behind]):
        return names[behind] if behind in alone else ""
    before = [at for at in names if at <= quantity.start]
    if before and before[-1] not in alone:
        return ""
    return _nearest(text, named, quantity.start, earlier)


def upright(stack: str) -> str:
    """Return a stack from the bottom to the top, if one end is a substrate or its electrode."""
    layers = split_structure(stack)
    if len(layers) > 1 and _BOTTOM.fullmatch(layers[-1]) and not _BOTTOM.fullmatch(layers[0]):
        layers.reverse()
    if layers and (joined := _COATED.fullmatch(layers[0])):
        layers[0] = "/".join(filter(None, (joined[2] or joined[3], joined[1] or joined[4])))
    return "/".join(layers)


def _named(pattern: re.Pattern[str], test: Callable[[str], bool], text: str) -> list[Named]:
    """Return the places of formulas or stacks in a text, with what they say."""
    found = []
    for match in pattern.finditer(text):
        printed = _bare(match[0])
        if name := next(filter(test, (printed, _APPENDED.sub("", printed))), ""):
            found.append((match.start(), name))
    return found


def _nearest(text: str, named: Sequence[Named], at: int, earlier: str) -> str:
    """Return the last name before a place, else an earlier sentence's, else the first one after.

    Behind a value is often what it is compared with.
    """
    before = [name for start, name in named if start <= at]
    if before or earlier or not named:
        return before[-1] if before else earlier
    return "" if _CONTRAST.search(text[at : named[0][0]]) else named[0][1]


def _bare(text: str) -> str:
    """Return a formula or a stack without the brackets and full stops around it."""
    text = text.strip(".,;:–-⁰¹²³⁴⁵⁶⁷⁸⁹")
    if text.count("(") > text.count(")"):
        return text.removeprefix("(")
    if ")" in text.partition("(")[0][:-1]:  # the end of a name: "…phthalate)-ITO/MAPbI3/Au"
        return _bare(text.partition(")")[2])
    if text.count("(") < text.count(")") or (text.startswith("(") and text.count("(") == 1):
        return text.removesuffix(")").removeprefix("(" if text.endswith(")") else "")
    return text


@lru_cache(4096)
def is_halide(text: str) -> bool:
    """Whether a text is the formula of a halide of pvkdb, and of one only: no MAPbX3."""
    if not _HALIDE.search(text) or not re.search(r"\d", text):  # MAPbBr has lost a number
        return False
    try:
        composition, _ = parse_material(text.strip(".,;:-–"))
    except InputError:
        return False
    return not any(occupant.ion.generic for occupant in composition.occupants)


@lru_cache(4096)
def is_stack(text: str) -> bool:
    """Whether a text is a stack with a halide between two other layers, also of an unknown ion."""
    inner = split_structure(text)[1:-1]
    halides = (_UNKNOWN_ION, _PEROVSKITE)
    return any(formula_in(one) or any(p.fullmatch(one) for p in halides) for one in inner)


def formula_in(layer: str) -> str:
    """Return the formula of a halide in a layer such as ``CsPbBr3 quantum dots``; '' if none."""
    return next(filter(is_halide, [layer, *re.split(r"[\s@:]|[-–](?=[A-Za-z]{2})", layer)]), "")


def defect_near(text: str, at: int) -> str:
    """Return the label of the defect that a sentence names nearest to a place; '' if none."""
    best, away = "", float("inf")
    for match in _DEFECT.finditer(text):
        distance = at - match.end() if match.end() <= at else match.start() - at + _BEHIND
        distance += 2 * _BEHIND if match["any"] or match["ion"] else 0
        if distance < away and (label := _label(match)):
            best, away = label, distance
    return best


def _label(match: re.Match[str]) -> str:
    """Return the label of a defect, '' if what looks like one is none."""
    kind = match["kind"] or ""
    ion = match["vacancy"] or match["site"] or match["interstitial"] or match["of"] or match["ion"]
    if ion is None:
        return "ion"
    ion = _IONS.get(ion, ion)
    if ion not in ("X", "A", "B") and ion not in names() and ion not in elements():
        return ""
    if match["vacancy"] or match["site"] or kind == "vacanc":
        return f"V_{ion}"
    return f"{ion}_i" if match["interstitial"] or kind == "interstitial" else ion
