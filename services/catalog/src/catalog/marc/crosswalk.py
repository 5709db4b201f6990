"""MARC 21 to Dublin Core, directly, after the Library of Congress's crosswalk of the two (simple DC)."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape

from catalog.marc.record import Field, Record
from catalog.marc.text import REPLACEMENT

OAI_DC: Final = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC: Final = "http://purl.org/dc/elements/1.1/"
_SCHEMA: Final = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_UNWRITTEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ISBD_END = re.compile(r"(?:\s*[/:;,=])+\s*$|(?<=[\w)\]]{3})\.$")
"""Punctuation that led to the next subfield, or a full stop behind a word longer than an abbreviation."""
_DATE = re.compile(r"[0-9]{4}")

ELEMENTS: Final = (
    "title", "creator", "subject", "description", "publisher", "contributor", "date", "type",
    "format", "identifier", "source", "language", "relation", "coverage", "rights",
)  # fmt: skip
DublinCore = dict[str, list[str]]

_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys("at", "text"),
    **dict.fromkeys("cd", "notated music"),
    **dict.fromkeys("ef", "cartographic"),
    "g": "moving image",
    "i": "sound recording",
    "j": "sound recording-musical",
    "k": "still image",
    "m": "software, multimedia",
    "o": "mixed material",
    "p": "mixed material",
    "r": "three dimensional object",
}
_DESCRIBED: Final = frozenset(str(number) for number in range(500, 590)) - {
    "506",
    "510",
    "530",
    "533",
    "534",
    "540",
}
_RELATED: Final = frozenset(
    (
        "530",
        "760",
        "762",
        "765",
        "767",
        "770",
        "772",
        "773",
        "774",
        "775",
        "776",
        "777",
        "780",
        "785",
        "786",
        "787",
    )
)
_SUBJECTS: Final = frozenset(("600", "610", "611", "630", "648", "650", "651", "653"))


def dublin_core(record: Record) -> DublinCore:
    """The elements that the record has values for, in the order of the schema, values in the record's."""
    found: DublinCore = {element: [] for element in ELEMENTS}

    def tell(element: str, *values: str | None) -> None:
        for value in values:
            cleaned = (value or "").strip() if element == "identifier" else _clean(value or "")
            if cleaned and cleaned not in found[element]:
                found[element].append(cleaned)

    kind = _TYPES.get(record.leader[6:7])
    if kind:
        tell("type", kind)
    if record.leader[7:8] == "c":
        tell("type", "collection")
    fixed = record.control("008") or ""
    for field in record:
        if not field.is_control:
            _tell(field, tell)
    if not found["date"] and fixed[7:11].isdigit():
        tell("date", fixed[7:11])
    language = fixed[35:38]
    if language.isascii() and language.isalpha() and language not in ("und", "zxx", "mul"):
        found["language"] = [language, *[code for code in found["language"] if code != language]]
    return {element: values for element, values in found.items() if values}


def _tell(field: Field, tell: Callable[..., None]) -> None:
    """What one field has to say."""
    tag = field.tag
    if tag == "245":
        tell("title", " ".join(field.all("abfghknp")))
    elif tag in ("100", "110", "111"):
        tell("creator", " ".join(field.all("abcdnq")))
    elif tag in ("700", "710", "711", "720"):
        tell("relation" if field.get("t") else "contributor", " ".join(field.all("abcdnqt")))
    elif tag in _SUBJECTS:
        head, rest = " ".join(field.all("abcdnpqrt")), field.all("vxyz")
        tell("subject", "--".join(_clean(part) for part in (head, *rest) if part.strip()))
        tell("coverage", *([head] if tag == "651" else []), *field.all("z"))
    elif tag in ("050", "060", "080", "082"):
        tell("subject", " ".join(field.all("ab" if tag in ("050", "060") else "a")))
    elif tag in ("752", "662"):
        tell("coverage", "--".join(field.all("abcd")))
    elif tag in ("522", "255"):
        tell("coverage", " ".join(field.all("ac")))
    elif tag in ("506", "540"):
        tell("rights", " ".join(field.all("ad")))
    elif tag == "546":
        tell("language", field.get("a"))
    elif tag == "041":
        codes = [value[at : at + 3] for value in field.all("a") for at in range(0, len(value), 3)]
        tell("language", *codes)
    elif tag in ("260", "264"):
        if tag == "260" or field.ind2 in " 1":
            tell("publisher", " ".join(_clean(value) for value in field.all("ab")))
        if tag == "260" or field.ind2 in " 14":
            tell("date", *[_date(value) for value in field.all("c")])
    elif tag == "655":
        tell("type", " ".join(field.all("a")))
    elif tag == "300":
        tell("format", " ".join(field.all("abce")))
    elif tag == "856":
        tell("identifier", *field.all("u"))
        tell("format", *field.all("q"))
    elif tag == "020":
        tell("identifier", *[f"URN:ISBN:{value}" for value in map(_number, field.all("a")) if value])
    elif tag == "022":
        tell("identifier", *[f"URN:ISSN:{value}" for value in map(_number, field.all("a")) if value])
    elif tag in ("024", "010", "035"):
        tell("identifier", field.get("a"))
    elif tag == "534":
        tell("source", " ".join(field.all("abcefklmntxz")))
    elif tag in _RELATED:
        tell("relation", " ".join(field.all("atdn")), *[f"URN:ISSN:{value}" for value in field.all("x")])
    elif tag in _DESCRIBED:
        tell(
            "description",
            " ".join(value for code, value in field.subfields if code.isalpha() and code != "u"),
        )


def _clean(text: str) -> str:
    return _ISBD_END.sub("", text.strip()).strip()


def _date(text: str) -> str:
    """The year in an imprint's date ("c1998.", "[2004?]"), else the words as they stand."""
    found = _DATE.search(text)
    return found[0] if found else text


def _number(text: str) -> str:
    """An ISBN or ISSN without the qualification behind it."""
    bare = text.split("(")[0].split()
    return bare[0] if bare else ""


def dumps(elements: DublinCore) -> bytes:
    """An `oai_dc:dc` element; U+FFFD stands for characters that XML cannot hold."""
    out = [
        f'<oai_dc:dc xmlns:oai_dc="{OAI_DC}" xmlns:dc="{DC}" xmlns:xsi="{_XSI}"'
        f' xsi:schemaLocation="{OAI_DC} {_SCHEMA}">'
    ]
    for element in ELEMENTS:
        for value in elements.get(element, ()):
            told = escape(_UNWRITTEN.sub(REPLACEMENT, value))
            out.append(f"<dc:{element}>{told}</dc:{element}>")
    out.append("</oai_dc:dc>")
    return "".join(out).encode("utf-8")
