"""The text of a paper as sentences and tables, each with its page and its section or caption."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pvkdb._extras import needing
from pvkdb.errors import InputError
from pvkdb.literature.drafts.people import LONGEST
from pvkdb.literature.drafts.references import reference_in
from pvkdb.literature.drafts.words import words
from pvkdb.schemas import CONTROL
from pvkdb.store.curation.sources import Source

#: Largest file, most pages of a PDF and most characters that are read.
MAX_BYTES, MAX_PAGES, MAX_CHARACTERS = 50_000_000, 300, 3_000_000
#: What separates the cells of a row in the text of a document.
BETWEEN_CELLS = " | "
#: A longer sentence or cell is cut, so that a text without full stops stays cheap.
MAX_SENTENCE = 3000
#: A longer line or paragraph is cut at a blank before any pattern reads it.
_PIECE = re.compile(rf".{{1,{4 * MAX_SENTENCE}}}(?:\s|$)|.{{1,{4 * MAX_SENTENCE}}}", re.DOTALL)
#: Tables within each other that are read; more of them only multiply what is in the innermost one.
_MAX_NESTED = 3

_HEADING = re.compile(
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+(?=[A-Z][a-z]?[a-z/-][a-z]|[A-Z]-[A-Z]|\dD\b)"
)
_NAMED = re.compile(
    r"(?=[A-Z\d])(?:\d+\.?\s*)?(?P<name>(?i:abstract|introduction|results and discussion|results|"
    r"discussion|conclusions?|experimental(?: section)?|methods|supporting information))\b[.:]?"
    r"(?=\s*$|\s+[A-Z])"
)
_CAPTION = re.compile(
    r"(?P<kind>Fig(?:ure|\.)?|Scheme|Table)\s?(?P<number>S?\d{1,3})[.:|]?\s+(?=[^a-z]|an?\s)"
)
_END = re.compile(
    r"(?:notes and |list of )?references|bibliography|список літератури|参考文献|"
    r"conflicts? of interest",
    re.IGNORECASE,
)
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]{3,80}")
_STOP = re.compile(
    # A single capital is an initial, or behind a number a unit: "0.3 V. The".
    r"(?:(?<!\b[A-Z])|(?<=\d [A-Z])|(?<=\d[A-Z]))(?<!\bal)(?<!\bi\.e)(?<!\be\.g)"
    r"(?<!\b[Ff]ig)(?<!\b[Rr]ef)(?<!\b[Rr]efs)(?<!\bvs)"
    r"(?<!\b[Ee]qn)(?<!\bca)(?<!\bapprox)(?<!\b[Ff]igs)[.!?][⁰¹²³⁴⁵⁶⁷⁸⁹,–⁻]{0,20}\)?\s+"
    r"(?=[\[(“\"]?[A-Z0-9]|\([a-z]\) )"
)
_RAISED = str.maketrans("0123456789-−–+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁻⁺")
_ALIKE: dict[int, str] = {0x2080 + digit: str(digit) for digit in range(10)} | {
    ord(sign): plain for sign, plain in zip("∼µ’\u00a0\u202f\u2009", "~μ'   ", strict=True)
}
_ALIKE |= dict(zip(map(ord, "₋₊ₓᵧ"), "-+xy", strict=True))
_ALIKE |= {0xFFFE: " ", 0xFFFF: " "}  # YAML refuses them
_ALIKE |= dict(enumerate(("ff", "fi", "fl", "ffi", "ffl"), 0xFB00))
_SIGNS: dict[str, str] = words()["latex"]
#: The formula of a halide whose lowered numbers stand apart: "CH 3 NH 3 PbI 3".
_LOWERED = r" \d{1,2}(?:\.\d{1,3})?"
_SPACED = (
    rf"(?<![A-Za-z\d])(?:\(?(?:[A-Z][a-z]?){{1,4}}\)?{_LOWERED} ?){{0,6}}(?:[A-Z][a-z]?){{0,4}}"
    rf"(?:Pb|Sn|Bi|Sb|Cu|Ag|In|Ge)(?:{_LOWERED} ?)?(?:(?:I|Br|Cl) \d{{1,2}}|"
    rf"\((?:(?:I|Br|Cl){_LOWERED} ?){{2,3}}\) \d)(?![\d.])(?: (?=/))?"
)
_WORDS_OF_LAYER = r"(?:[\w(),.:‐-]{1,40}(?<!\.) ){1,5}"
_SHORT_NAME = r"(?=(?:[^()]{0,12}[A-Z]){2})[A-Za-z][\w:@-]{1,11}"


def _formula_or(layer: re.Match[str]) -> str:
    """Return the formula of a layer, if its words are one, else its short name."""
    words_before = (layer[1] or "").strip()
    is_formula = re.search(r"(?:Pb|Sn|Bi|Sb|Cu|Ag|In|Ge)\S*(?:I|Br|Cl)\d", words_before)
    return words_before if is_formula and " " not in words_before else layer[2]


#: LaTeX and Markdown, and what stays of it.
_MARKUP: list[tuple[str, Any]] = [
    (r"<sup[^<>]{0,200}>([^<>]{0,40})</sup>", lambda power: power[1].translate(_RAISED)),
    (r"</?sub\b[^<>]{0,200}>", ""),
    (
        rf"\\({'|'.join(sorted(_SIGNS, key=len, reverse=True))})(?![a-z])\s?",
        lambda sign: _SIGNS[sign[1]],
    ),
    # An end of a line, and an index of a page of arXiv.
    (r"\\n(?![a-z]{1,6}\b)", " "),
    (
        r"(?:(\d{1,9})\1)?\{\}(?:\^\{([^{}]{1,20})\}|_\{([^{}]{1,20})\})"
        r"start_FLOAT\w{1,20} .{1,20}? end_FLOAT\w{1,20}",
        lambda index: (index[2] or "").translate(_RAISED) + (index[3] or ""),
    ),
    *[(r"\\(?:text|math|ce|rm)[a-z]{0,7}\s{0,3}\{([^{}]{0,200})\}", r"\1")] * 2,
    (r"\\[A-Za-z]{2,12}\s?|\\[,;:! ]", " "),
    (r"\\%", "%"),
    (r"\$|\*{1,2}(?=\S)|(?<=\S)\*{1,2}", ""),
    (r"\^\{?[°o]\}?(?=\s?C?\b)", "°"),
    (
        r"\^(?:[{(]([\d+−–,-]{1,40})[})]|([+−-]?\d+|[+−-]))",
        lambda power: (power[1] or power[2]).translate(_RAISED),
    ),
    (r"_(?:[{(]([\d.]+)[})]|(?=\d))", lambda index: index[1] or ""),
    (r"_\{([^{}]{1,40})\}", r"_\1"),
    (r"--", "–"),
    (r"\+/[-−]", "±"),
    (r"(?<=\d)(?: ev\b|\s?\(eV\))", " eV"),
    (r"(?<=\d)(?=(?:can|and|with|was|were|is|are|for|in|at|of|to|by)\b)", " "),
    (r"(?<=\b10) (?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])", ""),
    (r"PEDOT: PSS", "PEDOT:PSS"),
    # Raised and lowered numbers in brackets: mol(-1), CH(3)NH(3)PbI(3).
    (r"(?<=[a-zA-Z])\(([−–-]\d)\)", lambda power: power[1].translate(_RAISED)),
    *[(r"(?<![a-z])((?:[A-Z][a-z]?\d?){1,6})\((\d{1,2})\)", r"\1\2")] * 3,
    (_SPACED, lambda formula: formula[0].replace(" ", "")),
    # Of a layer with its name and its abbreviation the latter stays, and of a formula the formula.
    *[
        (rf"{words_before}\(({_SHORT_NAME})\){behind}", lambda layer: _formula_or(layer))
        for words_before, behind in (
            (rf"((?<=/){_WORDS_OF_LAYER})?", r"(?=\s?/)"),
            (rf"((?<=/){_WORDS_OF_LAYER})", r"(?![\w/])"),
        )
    ],
    # Layers that blanks, bars or back-slashes separate: "Ag / MAPbI3/ ITO", "Ag|MAPbI3|ITO".
    (r"(?<=[A-Za-z\d)])(?:\s?/\s?|[|\\](?=[A-Z][\w.()−–-]*[\s/|\\)]?))(?=[A-Z(])", "/"),
    (r"\s+", " "),
]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its place, page, paragraph, and its first character in the document."""

    text: str
    place: str
    page: int | None
    paragraph: int
    start: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """A table by its rows of cells, the first of which is the header."""

    place: str
    page: int | None
    rows: list[list[str]]
    start: int = field(default=0, compare=False)

    def lines(self) -> list[str]:
        """Return the rows as the document prints them."""
        return [BETWEEN_CELLS.join(row) for row in self.rows]


@dataclass(slots=True)
class Document:
    """The readable content of a paper; ``reference`` is what it says of itself.

    ``text`` has its paragraphs, each after an empty line, and then its tables, a line a row. The
    ``start`` of a sentence or table is a place in it.
    """

    name: str
    sentences: list[Sentence] = field(default_factory=list)
    tables: list[PrintedTable] = field(default_factory=list)
    reference: dict[str, str] = field(default_factory=dict)
    text: str = ""

    def lay_out(self) -> None:
        """Join sentences and tables to the text, and note where each begins."""
        text, last = "", 0  # a local text grows in place; an attribute is copied each time
        for place, sentence in enumerate(self.sentences):
            text += " " if sentence.paragraph == last else "\n\n" if text else ""
            self.sentences[place] = replace(sentence, start=len(text))
            text += sentence.text
            last = sentence.paragraph
        for place, table in enumerate(self.tables):
            text += "\n\n" if text else ""
            self.tables[place] = replace(table, start=len(text))
            text += "\n".join(table.lines())
        self.text = text


#: Lines of a paragraph or of a table, with their page.
_Block = tuple[list[str], int | None]


def content_of(path: Source) -> bytes:
    """Return the bytes of a file. Raises InputError: it cannot be read, is empty or too large."""
    try:
        with path.open("rb") as stream:
            content: bytes = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if not content.strip():
        raise InputError(f"{path.name} is empty; give a file with the text of a paper")
    if len(content) > MAX_BYTES:
        raise InputError(f"{path.name} has more than {MAX_BYTES // 1_000_000} MB; take its text")
    return content


def read_document(path: Source) -> Document:
    """Return the text of a PDF, HTML or text file.

    Raises:
        InputError: the file cannot be read as text; names the reason and the remedy.
        MissingExtraError: pypdf or lxml is not installed.
    """
    content = content_of(path)
    document = Document(path.name)
    if content.startswith(b"%PDF"):
        blocks = _pdf_blocks(content, document)
    else:
        text = content.decode("utf-8-sig", errors="replace")
        head = text[:100_000]
        if len(re.findall("[\x00-\x08\ufffd]", head)) > len(head) / 100:
            raise InputError(f"{path.name} is neither PDF, HTML nor UTF-8 text; save it as one")
        begins = re.match(r"\s*<", head)
        is_html = begins and re.search(r"<(?:!doctype html|html|body|p)\b", text[:5000], re.I)
        if re.match(r"\s*<(?:\?xml|!DOCTYPE article|article)\b", head) and "<article" in text:
            blocks = _jats_blocks(content, document)
        else:
            blocks = _html_blocks(content, document) if is_html else _plain_blocks(text, document)
    front: list[str] = []
    _assemble(document, blocks, front)
    lines = [readable(line[:MAX_SENTENCE])[:LONGEST] for line in front]
    document.reference = reference_in(lines) | document.reference
    if not document.sentences and not document.tables:
        raise InputError(f"{path.name} contains no text; give a file with the text of a paper")
    document.lay_out()
    return document


def _plain_blocks(text: str, document: Document) -> Iterator[_Block]:
    _require_short(document.name, len(text))
    yield from _paragraphs(text, None)


def _pdf_blocks(content: bytes, document: Document) -> Iterator[_Block]:
    with needing("drafts"):
        import pypdf
    name, letters, length = document.name, 0, 0
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{name} is encrypted; save it without its password")
        if len(reader.pages) > MAX_PAGES:
            raise InputError(f"{name} has {len(reader.pages)} pages; at most {MAX_PAGES} are read")
        if reader.metadata and len(reader.metadata.title or "") > 20:
            document.reference["title"] = str(reader.metadata.title)
        for number, page in enumerate(reader.pages, 1):
            text = _page_text(page)
            length += len(text)
            _require_short(name, length)
            letters += len(text.strip())
            yield from _paragraphs(text, number)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # pypdf raises a dozen kinds for damaged files, some its own
        raise InputError(
            f"{name} is a damaged PDF ({error}); save it again, or its text"
        ) from error
    if letters < 50:
        raise InputError(f"{name} holds pictures of pages without text; recognise its text first")


def _page_text(page: Any) -> str:
    """Return the text of a page, in which small raised numbers are superscripts."""
    parts: list[str] = []
    size = height = 0.0  # of the last text of full size

    def visit(text: str, cm: Any, tm: Any, font: object, points: float) -> None:
        nonlocal size, height
        scale = abs(points * (tm[3] or tm[1] or 1) * (cm[3] or 1))
        level = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]  # many files count from the top of the page
        if re.fullmatch(r"\s*[+−–-]?\d{1,3}\s*", text) and scale < 0.85 * size:
            if 0.1 * size < level - height < size:
                text = text.strip().translate(_RAISED)
        elif text.strip():
            size, height = scale, level
        parts.append(text)

    page.extract_text(visitor_text=visit)
    return "".join(parts)


def _paragraphs(text: str, page: int | None) -> Iterator[_Block]:
    """Yield paragraphs: they end at blank lines, headings, captions and short last lines."""
    lines: list[str] = []
    tabbed = False
    full = 0.6 * max((len(line) for line in text.splitlines()[:2000]), default=0)
    for line in [*text.splitlines(), ""]:
        if line.startswith("|") and line.rstrip().endswith("|"):  # a table in Markdown
            if set(line) <= set("|:- "):
                continue
            line = "\t".join(cell.strip() for cell in line.strip(" |").split("|"))
        begins = (
            ("\t" in line) != tabbed
            or _HEADING.match(line)
            or _NAMED.match(line)
            or _CAPTION.match(line)
        )
        ended = page and lines and len(lines[-1]) < full and lines[-1].endswith(".")
        if lines and (begins or ended or not line.strip()):
            yield lines, page
            lines, tabbed = [], False
        if line.strip():
            lines.append(line.strip(" "))
            tabbed = tabbed or "\t" in lines[-1]


def _html_blocks(content: bytes, document: Document) -> Iterator[_Block]:
    with needing("drafts"):
        import lxml.html
    try:
        tree = lxml.html.fromstring(content, parser=lxml.html.HTMLParser(encoding="utf-8"))
    except lxml.etree.LxmlError as error:
        raise InputError(f"{document.name} is not an HTML page ({error}); save it again") from error
    tags: dict[str, str] = words()["meta"]
    found: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        if name := tags.get((meta.get("name") or "").lower()):
            found.setdefault(name, []).append(" ".join((meta.get("content") or "").split()))
    document.reference = {name: "; ".join(dict.fromkeys(texts)) for name, texts in found.items()}
    if year := re.search(r"(?:19|20)\d\d", document.reference.pop("year", "")):
        document.reference["year"] = year[0]
    for unread in tree.xpath("//script | //style | //nav | //footer | //noscript"):
        unread.drop_tree()
    if tree.find(".//p") is None:
        yield from _paragraphs(tree.text_content(), None)
    read = ("h1", "h2", "h3", "h4", "h5", "li", "figcaption")
    yield from _tree_blocks(document.name, tree, read)


def _jats_blocks(content: bytes, document: Document) -> Iterator[_Block]:
    """Yield the blocks of an article in JATS, the XML of journals and of Europe PMC."""
    with needing("drafts"):
        from lxml import etree
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    tree = etree.fromstring(content.strip(), parser=parser)
    if tree is None:
        raise InputError(f"{document.name} is damaged XML; save it again")
    for node in tree.iter("*"):
        node.tag = etree.QName(node).localname
    for name, path in words()["jats"].items():
        texts = [
            _person(node) if name == "authors" else _said(node) for node in tree.iterfind(path)
        ]
        if texts := list(filter(None, texts)):
            document.reference[name] = "; ".join(texts) if name == "authors" else texts[0]
    for unread in tree.xpath("//ref-list | //front//journal-meta | //permissions"):
        unread.getparent().remove(unread)
    yield from _tree_blocks(document.name, tree, ("title", "article-title", "caption"))


def _tree_blocks(name: str, tree: Any, tags: tuple[str, ...]) -> Iterator[_Block]:
    """Yield the paragraphs and tables of a tree, and the nodes with one of the tags."""
    for table in tree.iter("table"):
        if sum(1 for _ in table.iterancestors("table")) > _MAX_NESTED:
            reason = f"tables are within each other more than {_MAX_NESTED} times; save its text"
            raise InputError(f"{name}: {reason}")
    for sup in tree.iter("sup"):
        sup.text = (sup.text or "").translate(_RAISED)
    for node in tree.iter("p", "table", *tags):
        if node.tag == "table":
            for caption in node.iter("caption"):
                yield [_said(caption)], None
            rows = ([_said(cell) for cell in row.iter("td", "th")] for row in node.iter("tr"))
            yield ["\t".join(row) for row in rows], None
        elif next(node.iterancestors("table", "p", "li", "figcaption", "caption"), None) is None:
            label = node.getparent().find("label") if node.tag == "caption" else None
            yield [" ".join(_said(one) for one in (label, node) if one is not None)], None


def _person(node: Any) -> str:
    return " ".join(_said(one) for tag in ("given-names", "surname") for one in node.iterfind(tag))


def _said(node: Any) -> str:
    return " ".join("".join(node.itertext()).split())


def readable(text: str) -> str:
    r"""Return a text without LaTeX and Markdown: ``$10^{-9}$`` becomes ``10⁻⁹``."""
    text = " ".join(CONTROL.sub(" ", text.translate(_ALIKE)).split())
    for pattern, kept in _MARKUP:
        text = re.sub(pattern, kept, text)
    return text.strip()


def _assemble(document: Document, blocks: Iterator[_Block], front: list[str]) -> None:
    """Sort blocks into sentences and tables, with the section or caption that each is under.

    The first lines are added to ``front``, each block after an empty line.
    """
    section: tuple[int, ...] = ()
    place, caption, divided, paragraph = "beginning", "table", "", 0
    cut: tuple[str, str, int | None] | None = None  # a paragraph that a page break has cut
    for raw, page in _texts(document, blocks, front):
        if "\t" in raw:
            rows = [line.split("\t") for line in raw.split("\n") if "\t" in line]
            cells = [[readable(cell[:MAX_SENTENCE]) for cell in row] for row in rows]
            document.tables.append(PrintedTable(caption, page, cells))
            continue
        doi = _DOI.search(f"{divided}{raw}") if paragraph < 60 else None
        divided = doi[0] if doi and re.fullmatch(r"[^/]+/[^\d]+\.", doi[0]) else ""
        if doi and not divided:
            document.reference.setdefault("doi", doi[0].rstrip(".,;)"))
        if _END.fullmatch(raw.strip(" .:0123456789")):
            break
        text, paragraph = readable(raw), paragraph + 1
        if head := _CAPTION.match(raw):
            caption = f"{'Table' if head['kind'] == 'Table' else 'Fig.'} {head['number']}"
            document.sentences += _sentences(text, f"{caption} caption", page, paragraph)
            continue
        heading, named = _HEADING.match(raw), _NAMED.match(raw)
        if cut and (heading or named):
            document.sentences += _sentences(*cut, paragraph)
            cut = None
        if heading:
            numbers = tuple(int(part) for part in heading["number"].split("."))
            if section < numbers and numbers[0] - (section or (0,))[0] <= 2:
                section, place = numbers, f"section {heading['number']}"
        elif named:
            place = named["name"].capitalize()
        whole, own, first = text, place, page
        if cut:
            joint = "" if cut[0].endswith("-") else " "
            whole, own, first = f"{cut[0].removesuffix('-')}{joint}{text}", *cut[1:]
        ends = re.search(r"[.!?:][\W⁰¹²³⁴⁵⁶⁷⁸⁹]{0,20}$", whole[-30:])
        if not ends and 80 < len(whole) < 4 * MAX_SENTENCE:
            cut = whole, own, first
            continue
        document.sentences += _sentences(whole, own, first, paragraph)
        cut = None
    if cut:
        document.sentences += _sentences(*cut, paragraph)


def _require_short(name: str, length: int) -> None:
    if length > MAX_CHARACTERS:
        raise InputError(f"{name} has more than {MAX_CHARACTERS:,} characters; take a part of it")


def _texts(
    document: Document, blocks: Iterable[_Block], front: list[str]
) -> Iterator[tuple[str, int | None]]:
    """Yield tables and paragraphs as texts with their pages, a long paragraph in pieces."""
    length = 0
    for lines, page in blocks:
        front += ["", *lines[:1000]] if len(front) < 1000 else ()
        length += sum(map(len, lines))
        _require_short(document.name, length)
        raw = "\n".join(lines)
        if "\t" in raw:
            yield raw, page
            continue
        # A word that the end of a line divides becomes whole.
        raw = re.sub(r"(?<=[a-z])[-\u00ad]\n(?=[a-z])", "", raw).replace("\n", " ")
        yield from ((piece, page) for piece in _PIECE.findall(raw))


def _sentences(text: str, place: str, page: int | None, paragraph: int) -> Iterator[Sentence]:
    start = 0
    for end in [*(stop.end() for stop in _STOP.finditer(text)), len(text)]:
        for cut in range(start, end, MAX_SENTENCE):
            if part := text[cut : min(end, cut + MAX_SENTENCE)].strip():
                yield Sentence(part, place, page, paragraph)
        start = end
