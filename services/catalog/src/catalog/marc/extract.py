"""One pass over a record to the facts that the catalogue stores and searches by (MARC 21 Bibliographic)."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters, whitespace
from typing import Final

from stdnum import isbn, issn

from catalog.marc.record import Field, Record

_ISBD: Final = "/:;,=."
_ISBD_AND_BLANKS: Final = _ISBD + whitespace
_ABBREVIATION: Final = re.compile(r"\b(?:[A-Za-z]|ed|vol|no|Jr|Sr|etc|Co|Inc|St)\.$")
_OCLC: Final = re.compile(r"\(OCoLC\)\s*(?:ocm|ocn|on)?0*([1-9][0-9]*)")
_YEAR: Final = re.compile(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)")
SHORT: Final = 120
NO_TITLE: Final = "[no title]"
SEEN_AGAIN: Final = 20_000
"""Names and subjects, of which a catalogue has far fewer than records: what they come to is remembered."""


@dataclass(slots=True)
class Headline:
    """What lists show of a title, and what a record is known again by: a small part of `Facts`, sooner found."""

    control_number: str | None
    control_agency: str | None
    title: str
    subtitle: str | None
    author: str | None
    year: int | None
    format: str


@dataclass(slots=True)
class Facts(Headline):
    """What is known of a title from its record. Nobody changes one (frozen, it would take three times as long)."""

    responsibility: str | None
    sort_title: str
    contributors: tuple[str, ...]
    publisher: str | None
    place: str | None
    edition: str | None
    languages: tuple[str, ...]
    subjects: tuple[str, ...]
    genres: tuple[str, ...]
    series: tuple[str, ...]
    isbns: tuple[str, ...]
    invalid_isbns: tuple[str, ...]
    issns: tuple[str, ...]
    other_ids: tuple[str, ...]
    call_numbers: tuple[str, ...]
    summary: str | None
    contents: tuple[str, ...]
    notes: tuple[str, ...]
    urls: tuple[str, ...]
    other_scripts: tuple[str, ...]
    """What 880 fields hold, for searching."""
    original_title: str | None
    """Title and subtitle in the script of the title page (880 linked to 245) …"""
    original_author: str | None
    """… and the author's name (880 linked to 100, 110 or 111)."""
    other_titles: tuple[str, ...]
    lccn: str | None
    cancelled_lccns: tuple[str, ...]
    """Numbers of the Library of Congress that were cancelled, or are wrong (010 $z)."""
    oclc_numbers: tuple[str, ...]
    headings: tuple[tuple[str, str, int], ...]
    """Other titles, series, headings in another script, and what files without an article: of what kind it is
    (title, author, subject, series, genre), how it is written, and how many characters it files without; and
    classification numbers, by classification (lc, dewey, nlm, sudoc)."""
    linked: tuple[tuple[str, str], ...]
    """Numbers by which linking entries name other titles: subfields w (control number), x (ISSN) and z (ISBN)."""


_GROUPS: Final[dict[str, str]] = {
    tag: group
    for group, tags in {
        "001": "001",
        "003": "003",
        "007": "007",
        "008": "008",
        "lccn": "010",
        "isbn": "020",
        "issn": "022",
        "id": "024",
        "number": "035",
        "language": "041",
        "call_number": "050 060 082 086 090 092 099",
        "author": "100 110 111",
        "other_title": "130 240 246 247 730 740",
        "title": "245",
        "edition": "250",
        "imprint": "260 264",
        "series": "440 490 830",
        "note": "500 504 511 518 538 546",
        "contents": "505",
        "summary": "520",
        "subject": "600 610 611 630 648 650 651 653",
        "genre": "655",
        "contributor": "700 710 711 720",
        "url": "856",
        "script": "880",
        "link": "760 762 765 767 770 772 773 774 775 776 777 780 785 786 787 800 810 811",
    }.items()
    for tag in tags.split()
}


_HEADLINE: Final = {
    tag: group
    for tag, group in _GROUPS.items()
    if group in ("001", "003", "007", "008", "author", "title", "imprint")
}


def headline(record: Record) -> Headline:
    """What `extract` says of these, without the rest."""
    found = record.grouped(_HEADLINE)
    fixed = _control(found, "008")
    title, _, subtitle, _ = _title(found["title"][0] if "title" in found else None)
    return Headline(
        control_number=_control(found, "001").strip() or None,
        control_agency=_control(found, "003").strip() or None,
        title=title,
        subtitle=subtitle,
        author=_author(found.get("author", _NONE)),
        year=year_of(fixed, found.get("imprint", _NONE)),
        format=_format(record.leader, _control(found, "007"), fixed),
    )


def extract(record: Record) -> Facts:
    """The facts of a record; whatever is missing stays empty, nothing is guessed."""
    found = record.grouped(_GROUPS)
    get = found.get

    fixed = _control(found, "008")
    title, sort_title, subtitle, responsibility = _title(found["title"][0] if "title" in found else None)
    isbns, invalid = _isbns(found["isbn"]) if "isbn" in found else ((), ())
    imprint = get("imprint", _NONE)
    ids = get("lccn", _NONE) + get("number", _NONE) + get("id", _NONE)
    return Facts(
        control_number=_control(found, "001").strip() or None,
        control_agency=_control(found, "003").strip() or None,
        title=title,
        subtitle=subtitle,
        responsibility=responsibility,
        sort_title=sort_title,
        author=_author(get("author", _NONE)),
        contributors=_each(get("contributor"), name),
        publisher=_imprint(imprint, "b"),
        place=_imprint(imprint, "a"),
        year=year_of(fixed, imprint),
        edition=_clean(found["edition"][0].get("a")) if "edition" in found else None,
        languages=_languages(fixed, get("language", _NONE)),
        format=_format(record.leader, _control(found, "007"), fixed),
        subjects=_each(get("subject"), heading),
        genres=_each(get("genre"), heading),
        series=_each(get("series"), lambda field: _clean(field.get("a"))),
        isbns=isbns,
        invalid_isbns=invalid,
        issns=_issns(found["issn"]) if "issn" in found else (),
        other_ids=_unique([text.strip() for field in ids for text in field.all("a")]),
        call_numbers=_each(get("call_number"), lambda field: " ".join(field.all("ab")).strip()),
        summary=" ".join([" ".join(field.all("ab")) for field in get("summary", _NONE)]) or None,
        contents=_texts(get("contents"), "agrt"),
        notes=_texts(get("note"), "a"),
        urls=_unique([value for field in get("url", _NONE) for value in field.all("u")]),
        other_scripts=_unique(_texts(get("script"), _LETTERS)),
        original_title=_original_title(get("script", _NONE)),
        original_author=_original_author(get("script", _NONE)),
        other_titles=_each(get("other_title"), lambda field: _clean(" ".join(field.all("abnp")))),
        lccn=next(filter(None, [(field.get("a") or "").strip() for field in get("lccn", _NONE)]), None),
        cancelled_lccns=_unique([text.strip() for field in get("lccn", _NONE) for text in field.all("z")]),
        oclc_numbers=_unique(
            [oclc_number(text) for field in get("number", _NONE) for text in field.all("a")]
        ),
        headings=tuple(_headings(found)),
        linked=_linked(get("link", _NONE), get("series", _NONE)),
    )


def _each(fields: list[Field] | None, taken: Callable[[Field], str | None]) -> tuple[str, ...]:
    return _unique([taken(field) for field in fields]) if fields else ()


def _texts(fields: list[Field] | None, codes: str) -> tuple[str, ...]:
    return tuple(filter(None, [" ".join(field.all(codes)) for field in fields])) if fields else ()


def _control(found: dict[str, list[Field]], tag: str) -> str:
    fields = found.get(tag)
    return fields[0].value if fields and fields[0].is_control else ""


_NONE: Final[list[Field]] = []
_LETTERS: Final = ascii_letters


def _clean(text: str | None) -> str | None:
    """Without ISBD punctuation at the end; a full stop that belongs to an abbreviation or initial stays."""
    if text is None:
        return None
    stripped = text.strip()
    last = stripped[-1:]
    if last in _ISBD and (last != "." or not _ABBREVIATION.search(stripped[-6:])):
        stripped = stripped.rstrip(_ISBD_AND_BLANKS)
    return stripped or None


def oclc_number(text: str) -> str | None:
    """A number of the OCLC database: "(OCoLC)ocm00012345" is 12345."""
    match = _OCLC.fullmatch(text.strip())
    return match[1] if match else None


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, values))) if values else ()


def _title(field: Field | None) -> tuple[str, str, str | None, str | None]:
    if field is None:
        return NO_TITLE, NO_TITLE, None, None
    proper_parts, subtitles = [], []
    responsibility: str | None = None
    for code, text in field.subfields:
        if code in ("a", "n", "p", "k"):
            proper_parts.append(_clean(text))
        elif code == "b":
            subtitles.append(_clean(text))
        elif code == "c" and responsibility is None:
            responsibility = text
    proper = " ".join(filter(None, proper_parts)) or NO_TITLE
    skip = int(ind2) if (ind2 := field.ind2).isascii() and ind2.isdigit() else 0
    subtitle = " : ".join(filter(None, subtitles)) or None
    return proper, proper[skip:].lstrip(" \"'“‘«[(") or proper, subtitle, _clean(responsibility)


def _original_title(fields: list[Field]) -> str | None:
    for field in fields:
        if (field.get("6") or "").startswith("245-"):
            proper, _, subtitle, _ = _title(field)
            return f"{proper}: {subtitle}" if subtitle else proper
    return None


def _original_author(fields: list[Field]) -> str | None:
    for field in fields:
        if (field.get("6") or "")[:4] in ("100-", "110-", "111-"):
            return name(field)
    return None


_NONFILING: Final = dict.fromkeys(("130", "630", "730", "740"), "ind1") | dict.fromkeys(
    ("222", "240", "242", "243", "245", "440", "830"), "ind2"
)
"""Which indicator says how many characters a title files without."""
_BROWSED: Final = {
    "author": "author",
    "contributor": "author",
    "title": "title",
    "other_title": "title",
    "series": "series",
    "subject": "subject",
    "genre": "genre",
}


def _headings(found: dict[str, list[Field]]) -> Iterator[tuple[str, str, int]]:
    for group in ("other_title", "series"):
        for field in found.get(group, _NONE):
            if text := _heading_of(field, group):
                yield _BROWSED[group], text, _skip(field, field.tag)
    for field in found.get("subject", _NONE):
        if field.tag == "630" and (skip := _skip(field, "630")) and (text := heading(field)):
            yield "subject", text, skip
    for field in found.get("call_number", _NONE):
        if (kind := _classification(field)) is not None:
            for number in field.all("a"):
                if text := number.strip():
                    yield kind, text.translate(_UNPRIMED) if kind == "dewey" else text, 0
    for field in found.get("script", _NONE):
        tag = (field.get("6") or "")[:3]
        group = _GROUPS.get(tag, "")
        if group in _BROWSED and (
            text := _heading_of(Field.from_parts(tag, field.ind1, field.ind2, field.subfields), group)
        ):
            yield _BROWSED[group], text, _skip(field, tag)


_CLASSIFIED: Final = {"050": "lc", "060": "nlm", "082": "dewey", "086": "sudoc", "090": "lc", "092": "dewey"}
_UNPRIMED: Final = str.maketrans("", "", "/'\u2032")
"""Marks at which a Dewey number may be cut; they are no part of it."""


def _classification(field: Field) -> str | None:
    """By what a number in this field classifies; None where that is not browsed."""
    kind = _CLASSIFIED.get(field.tag)
    if kind == "sudoc" and field.ind1 != "0" and not (field.get("2") or "").casefold().startswith("sudoc"):
        return None
    return kind


def _heading_of(field: Field, group: str) -> str | None:
    if group in ("author", "contributor"):
        return name(field)
    if group == "title":
        proper = _title(field)[0]
        return proper if proper != NO_TITLE else None
    if group == "other_title":
        return _clean(" ".join(field.all("abnp")))
    return _clean(" ".join(field.all("anp"))) if group == "series" else heading(field)


def _skip(field: Field, tag: str) -> int:
    told = getattr(field, _NONFILING[tag]) if tag in _NONFILING else "0"
    return int(told) if told.isascii() and told.isdigit() else 0


def _linked(links: list[Field], series: list[Field]) -> tuple[tuple[str, str], ...]:
    fields = [*links, *(field for field in series if field.tag == "830")] if links or series else links
    told = [
        (code, text.strip()) for field in fields for code, text in field.subfields if code in ("w", "x", "z")
    ]
    return tuple(dict.fromkeys(each for each in told if each[1])) if told else ()


def name(field: Field) -> str | None:
    """A name with its dates, without relator terms: as it is searched and counted by."""
    codes = "abcdq" if field.tag in ("100", "700", "720") else "abcdn"
    return _named(text, codes) if (text := field.whole) is not None else _clean(" ".join(field.all(codes)))


def _author(fields: list[Field]) -> str | None:
    for field in fields:
        if found := name(field):
            return found
    return None


@lru_cache(maxsize=SEEN_AGAIN)
def _named(text: str, codes: str) -> str | None:
    return _clean(" ".join(Field("700", text, None).all(codes)))


def heading(field: Field) -> str | None:
    """A subject with its subdivisions, as `Main -- Sub`."""
    return _headed(text) if (text := field.whole) is not None else _subdivided(field)


@lru_cache(maxsize=SEEN_AGAIN)
def _headed(text: str) -> str | None:
    return _subdivided(Field("650", text, None))


def _subdivided(field: Field) -> str | None:
    head = _clean(" ".join(field.all("abcdnpqt")))
    rest = [part for part in (_clean(text) for text in field.all("vxyz")) if part]
    return " -- ".join([head, *rest]) if head else None


def _imprint(fields: list[Field], code: str) -> str | None:
    """Of publication (264 second indicator 1, or 260) before any other."""
    ordered = fields
    if len(fields) > 1:
        ordered = sorted(fields, key=lambda field: field.tag == "264" and field.ind2 != "1")
    for field in ordered:
        if (found := _clean(field.get(code))) is not None:
            return found.strip("[]")
    return None


def year_of(fixed: str, fields: list[Field]) -> int | None:
    """The year of publication: 008/07-10, else the first that 264 or 260 $c tells."""
    coded = fixed[7:11]
    if coded.isascii() and coded.isdigit() and 1000 <= int(coded) <= 2099:
        return int(coded)
    for field in fields:
        for text in field.all("c"):
            if found := _YEAR.search(text):
                return int(found[1])
    return None


def _languages(fixed: str, fields: list[Field]) -> tuple[str, ...]:
    codes = [fixed[35:38]] if len(fixed) >= 38 else []
    for field in fields:
        for text in field.all("ad"):
            codes += [text[at : at + 3] for at in range(0, len(text), 3)]
    return _unique(
        code for code in codes if code.isascii() and code.isalpha() and code not in ("und", "zxx", "mul")
    )


_KINDS: Final = {
    **dict.fromkeys("cd", "score"),
    **dict.fromkeys("ef", "map"),
    "g": "film",
    "i": "audio",
    "j": "music",
    "k": "picture",
    "m": "software",
    "o": "kit",
    "p": "archive",
    "r": "object",
}


def _format(leader: str, physical: str, fixed: str) -> str:
    """The kind of thing (leader/06-07, 007, 008/23 or 29)."""
    kind, level = leader[6:7], leader[7:8]
    form = fixed[29:30] if kind in "efgk" else fixed[23:24]
    online = form in ("o", "q", "s") or physical[:2] == "cr"
    if kind in "at":
        if level in "bis":
            return "e-journal" if online else "journal"
        return "e-book" if online else "book"
    return _KINDS.get(kind, "other")


def _isbns(fields: list[Field]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """ISBNs as 13 digits; cancelled and wrong ones apart."""
    good, bad = [], []
    for field in fields:
        for code, text in field.subfields:
            if code not in "az":
                continue
            bare = text.split("(")[0].split(" ")[0].strip().replace("-", "")
            if code == "a" and (found := isbn13(bare)) is not None:
                good.append(found)
            elif bare:
                bad.append(bare)
    return _unique(good), _unique(bad)


def isbn13(bare: str) -> str | None:
    """A right ISBN as 13 digits. Most are 13 plain digits, which is quickly seen; the rest goes the long way."""
    if len(bare) == 13 and bare.isascii() and bare.isdigit() and bare.startswith(("978", "979")):
        return bare if (sum(map(int, bare[::2])) + 3 * sum(map(int, bare[1::2]))) % 10 == 0 else None
    return isbn.to_isbn13(bare).replace("-", "") if bare and isbn.is_valid(bare) else None


def _issns(fields: list[Field]) -> tuple[str, ...]:
    found = []
    for field in fields:
        for text in field.all("a"):
            bare = text.split("(")[0].strip()
            if issn.is_valid(bare):
                found.append(issn.format(bare))
    return _unique(found)


def shortened(text: str) -> str:
    if len(text) <= SHORT:
        return text
    return text[:SHORT].rsplit(" ", 1)[0] + " …"
