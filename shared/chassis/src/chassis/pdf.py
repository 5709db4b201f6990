"""Blocks of text on pages of A4 as PDF 1.4 (ISO 32000), in Helvetica, which every reader has: nothing is embedded, and
nothing in it runs. The same blocks make the same bytes. Sheets of any size have lines and bars where they are put.

Helvetica has the letters of Western Europe (Windows-1252). A letter that lacks only its mark there is printed without
it; of any other a box is drawn, so that nobody takes for whole what is not.
"""

import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

WIDTH: Final = 595.0
HEIGHT: Final = 842.0
MARGIN: Final = 48.0
LEADING: Final = 1.3
BOX: Final = "\ufffd"
"""Stands for a letter that cannot be printed."""

_ASCII: Final = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_WIDTHS: Final = {chr(32 + at): int(width) for at, width in enumerate(_ASCII.split())}
"""Of letters of Helvetica, in thousandths of its size; others are as wide as what they are made of, or `_OTHER`."""
_OTHER: Final = 900
_BOLD: Final = 1.08
"""At most so much wider."""
_COURIER_WIDE: Final = 600


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of one look; it is broken where the page ends."""

    text: str
    size: float = 10.0
    bold: bool = False
    typewritten: bool = False
    """In Courier, every letter of which is as wide."""


def printable(text: str) -> str:
    """The text with what Helvetica has: one line, marks left out that it lacks, `BOX` for each letter that it lacks."""
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFC", text))


def whole(text: str) -> bool:
    """Whether every letter is printed as it is."""
    composed = unicodedata.normalize("NFC", text)
    return all(_is_there(letter) or letter.isspace() for letter in composed)


def _is_there(letter: str) -> bool:
    try:
        return letter.encode("cp1252")[0] >= 32 and unicodedata.category(letter)[0] != "C"
    except UnicodeEncodeError:
        return False


def _letter(letter: str) -> str:
    if _is_there(letter):
        return letter
    if letter.isspace():
        return " "
    if unicodedata.category(letter) in ("Cc", "Cf", "Mn", "Me"):
        return ""
    bare = "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one))
    return bare if bare and all(_is_there(one) for one in bare) else BOX


@lru_cache(maxsize=4096)
def _wide(letter: str) -> int:
    return _WIDTHS.get(letter) or _WIDTHS.get(unicodedata.normalize("NFKD", letter)[0], _OTHER)


def _long(text: str, line: Line) -> float:
    if line.typewritten:
        return len(text) * _COURIER_WIDE * line.size / 1000
    return sum(map(_wide, text)) * line.size / 1000 * (_BOLD if line.bold else 1)


def broken(line: Line, width: float) -> Iterator[str]:
    """The lines that a paragraph takes; a word that is too long for one is broken itself."""
    now = ""
    for told in printable(line.text).split():
        word = told
        while True:
            longer = f"{now} {word}" if now else word
            if _long(longer, line) <= width:
                now = longer
                break
            if now:
                yield now
                now = ""
                continue
            fits = 1
            while fits < len(word) and _long(word[: fits + 1], line) <= width:
                fits += 1
            yield word[:fits]
            word = word[fits:]
            if not word:
                break
    if now:
        yield now


@dataclass(slots=True)
class _Page:
    """What is drawn on a page, and where the next line goes."""

    drawn: list[str]
    y: float = HEIGHT - MARGIN

    def rule(self) -> None:
        self.drawn.append(f"0.5 w {MARGIN} {self.y:.1f} m {WIDTH - MARGIN} {self.y:.1f} l S")
        self.y -= 8

    def write(self, text: str, line: Line) -> None:
        self.y -= line.size * LEADING
        x = MARGIN
        for at, run in enumerate(text.split(BOX)):
            if at:
                side = _wide(BOX) * line.size / 1000
                self.drawn.append(
                    f"0.7 w {x + side * 0.15:.1f} {self.y:.1f} {side * 0.7:.1f} {line.size * 0.7:.1f} re S"
                )
                x += side
            if run:
                font = "F2" if line.bold else "F1"
                self.drawn.append(f"BT /{font} {line.size} Tf {x:.1f} {self.y:.1f} Td ({_quoted(run)}) Tj ET")
                x += _long(run, line)


def _quoted(text: str) -> str:
    return "".join(
        f"\\{byte:03o}" if byte > 126 or byte in b"()\\" else chr(byte) for byte in text.encode("cp1252")
    )


def _laid_out(blocks: Sequence[Sequence[Line]]) -> list[_Page]:
    """Blocks one under the other; one that fits on a page is not broken."""
    pages = [_Page([])]
    width, room = WIDTH - 2 * MARGIN, HEIGHT - 3 * MARGIN
    for block in blocks:
        lines = [(text, line) for line in block for text in broken(line, width)]
        tall = 8 + sum(line.size * LEADING for _, line in lines)
        if pages[-1].y - tall < 2 * MARGIN and tall <= room and pages[-1].drawn:
            pages.append(_Page([]))
        pages[-1].rule()
        for text, line in lines:
            if pages[-1].y - line.size * LEADING < 2 * MARGIN:
                pages.append(_Page([]))
            pages[-1].write(text, line)
        pages[-1].y -= 12
    return pages


def pdf(blocks: Sequence[Sequence[Line]], *, title: str, at: datetime) -> bytes:
    """The file; each page has the title and its number at its foot."""
    pages = _laid_out(blocks)
    foot = Line("", 8)
    for number, page in enumerate(pages, 1):
        page.y = MARGIN
        page.write(printable(f"{title} \u00b7 {number} / {len(pages)}"), foot)
    return _assembled([page.drawn for page in pages], WIDTH, HEIGHT, _HELVETICA, title, at)


_HELVETICA: Final = ("Helvetica", "Helvetica-Bold")
_TYPEWRITTEN: Final = ("Courier", "Courier-Bold")


@dataclass(slots=True)
class Sheet:
    """A page of any size, drawn on in points from its upper left corner: lines of text, and black bars."""

    height: float
    drawn: list[str]

    def write(self, line: Line, *, x: float, y: float) -> None:
        """One line, with its foot at y."""
        foot = self.height - y
        for at, run in enumerate(printable(line.text).split(BOX)):
            if at:
                side = _long(BOX, line)
                self.drawn.append(
                    f"0.7 w {x + side * 0.15:.2f} {foot:.2f} {side * 0.7:.2f} {line.size * 0.7:.2f} re S"
                )
                x += side
            if run:
                font = 1 + line.bold + 2 * line.typewritten
                self.drawn.append(
                    f"BT /F{font} {line.size:g} Tf {x:.2f} {foot:.2f} Td ({_quoted(run)}) Tj ET"
                )
                x += _long(run, line)

    def bar(self, *, x: float, y: float, width: float, height: float) -> None:
        """A black rectangle, with its upper edge at y."""
        self.drawn.append(f"{x:.3f} {self.height - y - height:.3f} {width:.3f} {height:.3f} re f")


def width_of(line: Line) -> float:
    """How long a line is that is not broken, in points; of bold letters at most."""
    return _long(printable(line.text), line)


def sheets(pages: Sequence[Sheet], *, width: float, height: float, title: str, at: datetime) -> bytes:
    """The file of pages of one size, in points."""
    return _assembled([page.drawn for page in pages], width, height, _HELVETICA + _TYPEWRITTEN, title, at)


def _assembled(
    contents: Sequence[Sequence[str]],
    width: float,
    height: float,
    fonts: Sequence[str],
    title: str,
    at: datetime,
) -> bytes:
    name = ("\ufeff" + title).encode("utf-16-be", "replace").hex().upper()
    first = 4 + len(fonts)
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(contents)))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    named = " ".join(f"/F{number + 1} {number + 3} 0 R" for number in range(len(fonts)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        *(font.format(each).encode() for each in fonts),
        f"<< /Title <{name}> /CreationDate (D:{at:%Y%m%d%H%M%S}Z) >>".encode(),
    ]
    for page in contents:
        drawn = zlib.compress("\n".join(page).encode("ascii"))
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.0f} {height:.0f}] /Contents {len(objects) + 2} 0 R "
            f"/Resources << /Font << {named} >> >> >>".encode(),
            f"<< /Length {len(drawn)} /Filter /FlateDecode >>\nstream\n".encode() + drawn + b"\nendstream",
        ]
    return _file(objects, info=first - 1)


def _file(objects: Sequence[bytes], *, info: int) -> bytes:
    """Objects, and the table of where each begins."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    begins = []
    for number, told in enumerate(objects, 1):
        begins.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, told)
    table = len(out)
    rows = "".join(f"{begin:010d} 00000 n \n" for begin in begins)
    size = len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n{rows}".encode()
    out += f"trailer\n<< /Size {size} /Root 1 0 R /Info {info} 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)
