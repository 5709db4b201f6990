"""EDIFACT's syntax (ISO 9735): text into segments and back. It knows no message."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Element = tuple[str, ...]
"""The components of a data element; a simple one has one."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, and where: segments are counted in the file from 1, as lines are."""

    code: str
    text: str
    segment: int | None = None
    line: int | None = None

    @property
    def told(self) -> str:
        """In a sentence with its place."""
        if self.segment is None:
            return self.text
        return f"Segment {self.segment}, line {self.line}: {self.text}"


class Unreadable(ValueError):
    """It is no EDIFACT, or not all of it: nothing of it can be trusted."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__("; ".join(flaw.told for flaw in flaws))
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class Separators:
    """The service characters that UNA names, in its order."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    reserved: str = " "
    terminator: str = "'"

    def __str__(self) -> str:
        return f"{self.component}{self.element}{self.decimal}{self.release}{self.reserved}{self.terminator}"

    @property
    def releases(self) -> bool:
        """A blank stands for no release character."""
        return self.release != " "


DEFAULT: Final = Separators()
"""Of syntax levels A to C, where a file has no UNA."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A tag and its data elements."""

    tag: str
    elements: tuple[Element, ...] = ()
    number: int = 0
    line: int = 0

    def get(self, element: int, component: int = 0) -> str:
        """A component, counted from 0; empty where it is left out."""
        told = self.elements[element] if element < len(self.elements) else ()
        return told[component] if component < len(told) else ""

    def flaw(self, code: str, text: str) -> Flaw:
        """Something wrong with it."""
        return Flaw(code, f"{self.tag} {text}", self.number, self.line)


CHARACTER_SETS: Final = {
    "UNOA": "ascii",
    "UNOB": "ascii",
    "UNOC": "iso8859-1",
    "UNOD": "iso8859-2",
    "UNOE": "iso8859-5",
    "UNOF": "iso8859-7",
    "UNOG": "iso8859-3",
    "UNOH": "iso8859-4",
    "UNOI": "iso8859-6",
    "UNOJ": "iso8859-8",
    "UNOK": "iso8859-9",
    "UNOW": "utf-8",
    "UNOY": "utf-8",
}
"""By syntax identifier (0001). UNOY is ISO 10646, which the trade sends as UTF-8."""
_LEVEL: Final = re.compile(rb"UNB[^A-Z]{1,3}(UNO[A-Z])")


def decoded(content: bytes) -> tuple[str, list[Flaw]]:
    """The text of a file by the character set that its UNB names; what a sender got wrong and was read all the same
    is told.

    Booksellers are known to send UTF-8 or Latin letters under another name: what is UTF-8 throughout is taken as that,
    what is left over as Latin-1.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    found = _LEVEL.search(content[:200])
    level = found[1].decode() if found else "UNOC"
    encoding = CHARACTER_SETS.get(level)
    if encoding is None:
        raise Unreadable(
            Flaw("character-set-unknown", f"{level} is no character set that is read here.", 1, 1)
        )
    if content.isascii():
        return content.decode("ascii"), []
    try:
        told = content.decode("utf-8")
    except UnicodeDecodeError:
        told = ""
    if told and encoding != "utf-8":
        return told, [Flaw("character-set-differs", f"It is UTF-8, and says {level}.")]
    if told:
        return told, []
    if encoding in ("utf-8", "ascii"):
        return content.decode("iso8859-1"), [
            Flaw("character-set-differs", f"It is not {level}; it was read as Latin-1.")
        ]
    try:
        return content.decode(encoding), []
    except UnicodeDecodeError as error:
        raise Unreadable(
            Flaw("character-set-differs", f"It says {level}, and is not at byte {error.start}.")
        ) from error


def separators_at(text: str, at: int) -> tuple[Separators, int]:
    """What UNA says at this place, and where the first segment begins; the usual ones where there is none."""
    if not text.startswith("UNA", at):
        return DEFAULT, at
    told = text[at + 3 : at + 9]
    marks = [told[index] for index in (0, 1, 3, 5) if index < len(told)]
    named = [mark for mark in marks if mark != " "]
    if (
        len(told) < 6
        or len(set(marks)) < 4
        or any(mark.isalnum() or mark in "\r\n" for mark in named)
        or (" " in (told[0], told[1], told[5]))
    ):
        text = "UNA names six characters, no two of its separators are one, and none is a letter, digit or line end."
        raise Unreadable(Flaw("una-malformed", text, 1, 1 + text.count("\n", 0, at)))
    return Separators(*told), at + 9


class Tokens:
    """Cuts a text into segments, one after the other."""

    def __init__(self, text: str, separators: Separators = DEFAULT) -> None:
        self.text, self.at, self.number, self.line = text, 0, 0, 1
        self.began = 1
        """The line on which the segment before this place begins."""
        self.broken = 0
        """Segments with a line end among their data; some mailers break lines at 80 characters."""
        self.use(separators)

    def use(self, separators: Separators) -> None:
        """Go on with these service characters."""
        self.separators = separators
        end, release = re.escape(separators.terminator), re.escape(separators.release)
        plain = f"[^{end}{release}]*" if separators.releases else f"[^{end}]*"
        more = rf"(?:{release}.{plain})*" if separators.releases else ""
        self._segment = re.compile(f"{plain}{more}{end}", re.DOTALL)
        self._after_tag = ("", separators.element, separators.component)

    def skip(self) -> None:
        """Go past blanks and line ends between segments."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in " \r\n\t":
            self.at += 1
        self.line += self.text.count("\n", start, self.at)

    def next(self) -> Segment | None:
        """The next segment; none at the end. `Unreadable` for what is none."""
        raw = self.raw()
        return None if raw is None else self.segment(raw)

    def segment(self, raw: str) -> Segment:
        """The segment that was just read, in its parts."""
        elements = self._elements(raw)
        return Segment(elements[0][0], tuple(elements[1:]), self.number, self.began)

    def raw(self) -> str | None:
        """The next segment as it is written, without its terminator; its first three letters are a tag."""
        self.skip()
        if self.at >= len(self.text):
            return None
        self.number += 1
        self.began = self.line
        found = self._segment.match(self.text, self.at)
        if found is None:
            began = self.text[self.at : self.at + 20]
            text = f"It begins with {began!r} and does not end with {self.separators.terminator!r}: is the file whole?"
            raise Unreadable(Flaw("segment-unterminated", text, self.number, self.line))
        raw = found[0][:-1]
        self.at = found.end()
        if not raw.isprintable():
            self.line += raw.count("\n")
            whole = raw.replace("\r", "").replace("\n", "")
            self.broken += whole != raw
            raw = whole
            if (wrong := next((sign for sign in raw if _is_control(sign)), None)) is not None:
                text = f"The control character U+{ord(wrong):04X} has no place in a segment."
                raise Unreadable(Flaw("control-character", text, self.number, self.began))
        if not _TAG.fullmatch(raw[:3]) or raw[3:4] not in self._after_tag:
            text = f"{raw[:20]!r} does not begin with the tag of a segment."
            raise Unreadable(Flaw("segment-tag-malformed", text, self.number, self.began))
        return raw

    def _elements(self, raw: str) -> list[Element]:
        marks = self.separators
        if not marks.releases or marks.release not in raw:
            return [tuple(each.split(marks.component)) for each in raw.split(marks.element)]
        told: list[Element] = []
        components: list[str] = []
        value: list[str] = []
        signs = iter(raw)
        for sign in signs:
            if sign == marks.release:
                value.append(next(signs, ""))
            elif sign == marks.component:
                components.append("".join(value))
                value.clear()
            elif sign == marks.element:
                told.append((*components, "".join(value)))
                components.clear()
                value.clear()
            else:
                value.append(sign)
        told.append((*components, "".join(value)))
        return told


_TAG: Final = re.compile(r"[A-Z][A-Z0-9]{2}")


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cs")


def segments(
    text: str, separators: Separators = DEFAULT, *, number: int = 1, line: int = 1
) -> Iterator[Segment]:
    """The segments of a text, counted on from these."""
    tokens = Tokens(text, separators)
    tokens.number, tokens.line = number - 1, line
    while (segment := tokens.next()) is not None:
        yield segment


def written(told: Iterable[Segment], separators: Separators = DEFAULT) -> str:
    """Segments as text: what may be left out at an end is, service characters in data are released."""
    marks = separators
    signs = {marks.component, marks.element, marks.terminator, *([marks.release] if marks.releases else [])}
    table = str.maketrans({sign: marks.release + sign if marks.releases else " " for sign in signs})

    def component(value: str) -> str:
        return value.translate(table)

    parts = []
    for segment in told:
        elements = [
            marks.component.join(component(each) for each in _shortened(element))
            for element in segment.elements
        ]
        parts.append(marks.element.join([segment.tag, *_shortened(elements)]) + marks.terminator)
    return "".join(parts)


def _shortened(values: Sequence[str]) -> Sequence[str]:
    last = len(values)
    while last and not values[last - 1]:
        last -= 1
    return values[:last]


_LETTERS_A: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,-()/=+:?'!\"%&*;<>")


def expressible(text: str, level: str) -> str:
    """The text in the letters of a character set: without the accents that it has not, in capitals for UNOA; a full
    stop where nothing comes near. Line ends and other controls are blanks."""
    encoding = CHARACTER_SETS[level]
    told = []
    for sign in unicodedata.normalize("NFC", text):
        if _is_control(sign):
            told.append(" ")
            continue
        told.append(sign if _fits(sign, encoding) else _near(sign, encoding))
    plain = "".join(told)
    if level != "UNOA":
        return plain
    return "".join(sign if sign in _LETTERS_A else "." for sign in plain.upper())


def _fits(sign: str, encoding: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


_NEAR: Final = {"–": "-", "—": "-", "‐": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "…": "...", "ß": "ss",
    "Æ": "AE", "æ": "ae", "Ø": "O", "ø": "o", "Œ": "OE", "œ": "oe", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}  # fmt: skip


def _near(sign: str, encoding: str) -> str:
    told = _NEAR.get(sign) or "".join(
        each for each in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(each)
    )
    return told if told and all(_fits(each, encoding) for each in told) else "."
