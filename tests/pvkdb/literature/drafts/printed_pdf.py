"""A PDF of a few lines, written without a library, with superscripts as journals set them."""

from __future__ import annotations

import zlib


def pdf_of(*pages: list[str], from_the_top: bool = False) -> bytes:
    """Return a PDF; ``10^{4}`` in a line is set as a small raised 4.

    With ``from_the_top``, heights count downwards from the top of the page, as browsers write them.
    """
    streams = [_content(lines, from_the_top).encode("latin-1") for lines in pages]
    kids = " ".join(f"{4 + 2 * place} 0 R" for place in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for place, stream in enumerate(streams):
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
        page += f"{5 + 2 * place} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        objects += [
            page.encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    return _file(objects)


def pdf_of_blanks(pages: int, blanks: int) -> bytes:
    """Return a small PDF whose pages share one content, a text of so many blanks."""
    stream = zlib.compress(b"BT /F1 10 Tf 50 740 Td (" + b" " * blanks + b") Tj ET", 9)
    kids = " ".join(f"{5 + place} 0 R" for place in range(pages))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
    return _file([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream),
        *[page + b"/Resources << /Font << /F1 3 0 R >> >> >>"] * pages,
    ])  # fmt: skip


def _file(objects: list[bytes]) -> bytes:
    text, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    start = len(text)
    text += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return text + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def _content(lines: list[str], from_the_top: bool) -> str:
    parts = ["1 0 0 -1 0 792 cm"] if from_the_top else []
    for number, line in enumerate(lines):
        height = 52 + 14 * number if from_the_top else 740 - 14 * number
        parts.append(f"BT /F1 10 Tf 1 0 0 {-1 if from_the_top else 1} 50 {height} Tm")
        for place, piece in enumerate(line.replace("^{", "}").split("}")):
            escaped = piece.replace("(", r"\(").replace(")", r"\)")
            if place % 2:
                parts.append(f"/F1 6 Tf 0 4 Td ({escaped}) Tj 0 -4 Td /F1 10 Tf")
            else:
                # The next piece begins behind this one; Helvetica is about half as wide as high.
                parts.append(f"({escaped}) Tj {5 * len(piece)} 0 Td")
        parts.append("ET")
    return "\n".join(parts)
