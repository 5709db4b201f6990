"""MARC 21 to MODS 3.8, directly, after the Library of Congress's mapping of the two.

A field 880 is told as the field that it stands for, in the other script; the pair shares an `altRepGroup`.
What MODS has no place for is left out: it is a view of a record, never its master.
"""

import re
from collections.abc import Callable
from typing import Final

from catalog.marc.addresses import any_uri
from catalog.marc.record import Field, Record
from catalog.marc.xmltext import group, leaf

NAMESPACE: Final = "http://www.loc.gov/mods/v3"
SCHEMA: Final = "http://www.loc.gov/standards/mods/v3/mods-3-8.xsd"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_ISBD_END: Final = re.compile(r"(?:\s*[/:;,=])+\s*$|(?<=[\w)\]]{3})\.$")
_LINKED: Final = re.compile(r"(\d{3})-(\d{2})")

_TYPES: Final = {
    **dict.fromkeys("at", "text"),
    **dict.fromkeys("cd", "notated music"),
    **dict.fromkeys("ef", "cartographic"),
    "g": "moving image",
    "i": "sound recording-nonmusical",
    "j": "sound recording-musical",
    "k": "still image",
    "m": "software, multimedia",
    "o": "mixed material",
    "p": "mixed material",
    "r": "three dimensional object",
}
_MANUSCRIPT: Final = frozenset("dft")
_ISSUANCE: Final = {
    **dict.fromkeys("acdm", "monographic"),
    "b": "serial",
    "s": "serial",
    "i": "integrating resource",
}
_NAMES: Final = {
    "100": "personal", "700": "personal", "110": "corporate", "710": "corporate", "111": "conference",
    "711": "conference", "720": None,
}  # fmt: skip
_SUBJECTS: Final = frozenset(("600", "610", "611", "630", "648", "650", "651", "653"))
_AUTHORITIES: Final = {"0": "lcsh", "1": "lcshac", "2": "mesh", "3": "nal", "5": "csh", "6": "rvm"}
_NOTES: Final = {
    "500": None, "501": None, "502": "thesis", "504": "bibliography", "508": "creation/production credits",
    "511": "performers", "515": "numbering", "518": "venue", "521": None, "524": "preferred citation",
    "530": "additional physical form", "533": "reproduction", "534": "original version",
    "535": "original location", "536": "funding", "538": "system details", "541": "acquisition",
    "545": "biographical/historical", "546": "language", "561": "ownership", "562": "version identification",
    "581": "publications", "583": "action", "585": "exhibitions", "586": None, "588": None,
}  # fmt: skip
_RELATED: Final = {
    "773": "host", "774": "constituent", "775": "otherVersion", "776": "otherFormat", "780": "preceding",
    "785": "succeeding", "786": "original", "787": None,
}  # fmt: skip
_CLASSES: Final = {"050": "lcc", "060": "nlm", "080": "udc", "082": "ddc"}

Teller = Callable[[str, Field, str | None], str]


def dumps(record: Record) -> str:
    """A `<mods>` element, valid by its schema; U+FFFD stands for characters that XML cannot hold."""
    fixed = record.control("008") or ""
    parts: list[str] = []
    fields = [_as_meant(field) for field in record if not field.is_control]
    for wanted in (_TITLES, _NAME_FIELDS):
        parts += [_tell(tag, field, pair) for tag, field, pair in fields if tag in wanted]
    parts.append(_type(record))
    parts.append(_origin(record, fixed, fields))
    parts.append(_languages(fixed, record))
    parts.append(_physical(record))
    parts += [
        _tell(tag, field, pair)
        for tag, field, pair in fields
        if tag not in _TITLES and tag not in _NAME_FIELDS
    ]
    parts.append(_record_info(record, fixed))
    return (
        f'<mods xmlns="{NAMESPACE}" xmlns:xlink="{_XLINK}" xmlns:xsi="{_XSI}" version="3.8"'
        f' xsi:schemaLocation="{NAMESPACE} {SCHEMA}">{"".join(parts)}</mods>'
    )


def _as_meant(field: Field) -> tuple[str, Field, str | None]:
    """The tag that a field counts under, and the number that it shares with its pair in another script."""
    link = field.get("6")
    found = _LINKED.match(link) if link else None
    if found is None:
        return field.tag, field, None
    tag = found[1] if field.tag == "880" else field.tag
    return tag, field, f"{tag}-{found[2]}" if found[2] != "00" else None


def _tell(tag: str, field: Field, pair: str | None) -> str:
    teller = _TELLERS.get(tag)
    return teller(tag, field, pair) if teller is not None else ""


def _clean(text: str | None) -> str:
    return _ISBD_END.sub("", (text or "").strip()).strip()


def _joined(field: Field, codes: str) -> str:
    return _clean(" ".join(value.strip() for value in field.all(codes)))


def _title(tag: str, field: Field, pair: str | None) -> str:
    """245 as it stands; 210, 130, 240, 242, 246 and 247 by their type."""
    kind = {
        "210": "abbreviated", "130": "uniform", "240": "uniform", "242": "translated", "246": "alternative",
        "247": "alternative",
    }.get(tag)  # fmt: skip
    proper = _joined(field, "adfgklmorst" if kind == "uniform" else "afgks")
    skip = field.ind2 if tag in ("245", "240", "242") else field.ind1 if tag == "130" else ""
    length = int(skip) if skip.isascii() and skip.isdigit() and len(skip) == 1 else 0
    article = proper[:length] if kind is None and 0 < length < len(proper) else ""
    return group(
        "titleInfo",
        leaf("nonSort", article.strip()),
        leaf("title", proper[len(article) :].lstrip()),
        leaf("subTitle", _joined(field, "b")),
        leaf("partNumber", _joined(field, "n")),
        leaf("partName", _joined(field, "p")),
        type=kind,
        altRepGroup=pair,
    )


def _name(tag: str, field: Field, pair: str | None, *, usage: bool = True) -> str:
    """A name with its dates and roles; one with a title of its own is a related work."""
    if field.get("t") and usage:
        return group(
            "relatedItem",
            _name(tag, field, pair, usage=False),
            group("titleInfo", leaf("title", _joined(field, "t"))),
        )
    kind = _NAMES[tag]
    if kind == "personal":
        parts = [
            leaf("namePart", _joined(field, "aq")),
            leaf("namePart", _joined(field, "bc"), type="termsOfAddress"),
            leaf("namePart", _joined(field, "d"), type="date"),
        ]
        if field.ind1 == "3":
            kind = "family"
    elif kind == "corporate":
        parts = [leaf("namePart", _clean(value)) for value in field.all("ab")]
        parts.append(leaf("namePart", _joined(field, "d"), type="date"))
    else:
        parts = [leaf("namePart", _joined(field, "acdeq" if kind == "conference" else "a"))]
    roles = [] if kind == "conference" else [_role(value, "text") for value in field.all("e")]
    roles += [_role(value, "code") for value in field.all("4")]
    return group(
        "name",
        *parts,
        *roles,
        type=kind,
        usage="primary" if usage and tag.startswith("1") and field.tag != "880" else None,
        altRepGroup=pair,
    )


def _role(text: str, kind: str) -> str:
    authority = "marcrelator" if kind == "code" and len(text.strip()) == 3 else None
    return group("role", leaf("roleTerm", _clean(text), type=kind, authority=authority))


def _type(record: Record) -> str:
    kind = _TYPES.get(record.leader[6:7])
    return leaf(
        "typeOfResource",
        kind,
        collection="yes" if record.leader[7:8] == "c" else None,
        manuscript="yes" if record.leader[6:7] in _MANUSCRIPT else None,
    )


def _origin(record: Record, fixed: str, fields: list[tuple[str, Field, str | None]]) -> str:
    """Publication (260, 264 _1), edition, dates as told and as coded, issuance, frequency."""
    parts: list[str] = []
    country = fixed[15:18].strip(" |#")
    if country.isascii() and country.isalpha():
        parts.append(group("place", leaf("placeTerm", country, type="code", authority="marccountry")))
    others: list[str] = []
    for tag, field, pair in fields:
        if tag == "264" and field.ind2 in "0234":
            if field.ind2 == "4":
                parts += [leaf("copyrightDate", _clean(value)) for value in field.all("c")]
            continue
        if tag not in ("260", "264"):
            continue
        told = [group("place", leaf("placeTerm", _clean(value), type="text")) for value in field.all("a")]
        told += [leaf("publisher", _clean(value)) for value in field.all("b")]
        told += [leaf("dateIssued", _clean(value)) for value in field.all("c")]
        if field.tag == "880":
            others.append(group("originInfo", *told, altRepGroup=pair))
        else:
            parts += told
    first, last = fixed[7:11], fixed[11:15]
    if _coded(first):
        ranged = fixed[6:7] in "cdikmqu" and _coded(last)
        parts.append(leaf("dateIssued", first, encoding="marc", point="start" if ranged else None))
        if ranged:
            parts.append(leaf("dateIssued", last, encoding="marc", point="end"))
    parts += [leaf("edition", _joined(field, "ab")) for field in record.fields("250")]
    parts.append(leaf("issuance", _ISSUANCE.get(record.leader[7:8])))
    parts += [leaf("frequency", _clean(field.get("a"))) for field in record.fields("310")]
    return group("originInfo", *parts) + "".join(others)


def _coded(year: str) -> bool:
    """A year of 008: four digits, `u` for those unknown."""
    return len(year) == 4 and year.isascii() and all(char.isdigit() or char == "u" for char in year)


def _languages(fixed: str, record: Record) -> str:
    codes = [fixed[35:38]]
    for field in record.fields("041"):
        codes += [value[at : at + 3] for value in field.all("a") for at in range(0, len(value), 3)]
    return "".join(
        group("language", leaf("languageTerm", code, type="code", authority="iso639-2b"))
        for code in dict.fromkeys(codes)
        if len(code) == 3 and code.isascii() and code.isalpha()
    )


def _physical(record: Record) -> str:
    parts = [leaf("form", _clean(field.get("a")), authority="rdacarrier") for field in record.fields("338")]
    parts += [leaf("internetMediaType", value) for field in record.fields("856") for value in field.all("q")]
    parts += [leaf("extent", _joined(field, "abce")) for field in record.fields("300")]
    return group("physicalDescription", *parts)


def _subject(tag: str, field: Field, pair: str | None) -> str:
    if tag == "653":
        parts = [leaf("topic", _clean(value)) for value in field.all("a")]
    elif tag in ("600", "610", "611"):
        kind = {"600": "personal", "610": "corporate", "611": "conference"}[tag]
        codes = {"600": "abcq", "610": "ab", "611": "acdeq"}[tag]
        named = [leaf("namePart", _joined(field, codes))]
        if tag != "611":
            named.append(leaf("namePart", _joined(field, "d"), type="date"))
        parts = [group("name", *named, type=kind)]
        parts.append(group("titleInfo", leaf("title", _joined(field, "t"))))
    elif tag == "630":
        parts = [group("titleInfo", leaf("title", _joined(field, "adfgklmorst")))]
    else:
        name = {"648": "temporal", "651": "geographic"}.get(tag, "topic")
        parts = [leaf(name, _joined(field, "abcd" if name == "topic" else "a"))]
    for code, value in field.subfields:
        name = {"v": "genre", "x": "topic", "y": "temporal", "z": "geographic"}.get(code, "")
        if name:
            parts.append(leaf(name, _clean(value)))
    authority = field.get("2") if field.ind2 == "7" else _AUTHORITIES.get(field.ind2)
    return group("subject", *parts, authority=_token(authority), altRepGroup=pair)


def _token(text: str | None) -> str | None:
    return (text or "").strip() or None


def _genre(_: str, field: Field, pair: str | None) -> str:
    authority = field.get("2") if field.ind2 == "7" else _AUTHORITIES.get(field.ind2)
    told = "--".join(filter(None, (_joined(field, "ab"), *(_clean(value) for value in field.all("vxyz")))))
    return leaf("genre", told, authority=_token(authority), altRepGroup=pair)


def _abstract(_: str, field: Field, pair: str | None) -> str:
    return leaf("abstract", _joined(field, "ab"), altRepGroup=pair)


def _contents(_: str, field: Field, pair: str | None) -> str:
    return leaf("tableOfContents", _joined(field, "agrt"), altRepGroup=pair)


def _note(tag: str, field: Field, pair: str | None) -> str:
    text = _clean(" ".join(value for code, value in field.subfields if code.isalpha() and code not in "uw"))
    return leaf("note", text, type=_NOTES[tag], altRepGroup=pair)


def _responsibility(_: str, field: Field, pair: str | None) -> str:
    return leaf("note", _joined(field, "c"), type="statement of responsibility", altRepGroup=pair)


def _series(tag: str, field: Field, pair: str | None) -> str:
    named = _name("7" + tag[1:], field, None, usage=False) if tag in ("800", "810", "811") else ""
    title = "t" if named else "a"
    return group(
        "relatedItem",
        named,
        group(
            "titleInfo",
            leaf("title", _joined(field, title)),
            leaf("partNumber", _joined(field, "nv")),
            leaf("partName", _joined(field, "p")),
        ),
        *(leaf("identifier", value, type="issn") for value in field.all("x")),
        type="series",
    )


def _related(tag: str, field: Field, pair: str | None) -> str:
    return group(
        "relatedItem",
        group("titleInfo", leaf("title", _joined(field, "ts")), leaf("partNumber", _joined(field, "g"))),
        group("name", leaf("namePart", _joined(field, "a"))),
        *(leaf("identifier", value, type="issn") for value in field.all("x")),
        *(leaf("identifier", value, type="isbn") for value in field.all("z")),
        *(leaf("identifier", value, type="local") for value in field.all("w")),
        type=_RELATED[tag],
        displayLabel=_token(field.get("i")),
    )


def _classification(tag: str, field: Field, pair: str | None) -> str:
    scheme = _CLASSES.get(tag) or _token(field.get("2"))
    edition = _token(field.get("2")) if tag == "082" else None
    return leaf("classification", _joined(field, "ab"), authority=scheme, edition=edition)


def _identifier(tag: str, field: Field, pair: str | None) -> str:
    kind = {"010": "lccn", "020": "isbn", "022": "issn"}.get(tag)
    if tag == "024":
        kind = {"0": "isrc", "1": "upc", "2": "ismn", "3": "ean", "4": "sici"}.get(field.ind1)
        kind = _token(field.get("2")) if field.ind1 == "7" else kind
    elif tag == "028":
        kind = "music publisher"
    elif tag == "035":
        kind = "local"
    told = []
    for code, value in field.subfields:
        if code in "az":
            bare = value.split("(")[0] if tag in ("020", "022") else value
            wrong = "yes" if code == "z" else None
            told.append(leaf("identifier", bare.strip(" :;"), type=kind, invalid=wrong))
    return "".join(told)


def _location(tag: str, field: Field, pair: str | None) -> str:
    if tag == "856":
        label = _token(field.get("y") or field.get("3"))
        return "".join(
            group("location", leaf("url", any_uri(value), displayLabel=label)) for value in field.all("u")
        )
    return group(
        "location",
        leaf("physicalLocation", _joined(field, "abc")),
        leaf("shelfLocator", _joined(field, "hikm")),
    )


def _access(tag: str, field: Field, pair: str | None) -> str:
    kind = "restriction on access" if tag == "506" else "use and reproduction"
    return leaf("accessCondition", _joined(field, "abcd"), type=kind, altRepGroup=pair)


def _responsible_title(tag: str, field: Field, pair: str | None) -> str:
    return _title(tag, field, pair) + _responsibility(tag, field, pair)


def _record_info(record: Record, fixed: str) -> str:
    source = record.first("040")
    created, changed = fixed[:6], (record.control("005") or "").strip()
    return group(
        "recordInfo",
        leaf("descriptionStandard", _token(source.get("e")) if source else None),
        leaf("recordContentSource", _token(source.get("a")) if source else None),
        leaf(
            "recordCreationDate",
            created if created.isascii() and created.isdigit() else None,
            encoding="marc",
        ),
        leaf(
            "recordChangeDate",
            changed if re.fullmatch(r"[0-9]{14}\.[0-9]", changed) else None,
            encoding="iso8601",
        ),
        leaf("recordIdentifier", record.control("001"), source=_token(record.control("003"))),
        leaf("recordOrigin", "Converted from MARC 21."),
    )


_TITLES: Final = frozenset(("210", "130", "240", "242", "245", "246", "247"))
_NAME_FIELDS: Final = frozenset(_NAMES)
_TELLERS: Final[dict[str, Teller]] = {
    **dict.fromkeys(_TITLES, _title),
    "245": _responsible_title,
    **dict.fromkeys(_NAMES, _name),
    **dict.fromkeys(_SUBJECTS, _subject),
    **dict.fromkeys(_NOTES, _note),
    **dict.fromkeys(("490", "800", "810", "811", "830"), _series),
    **dict.fromkeys(_RELATED, _related),
    **dict.fromkeys(("050", "060", "080", "082", "084"), _classification),
    **dict.fromkeys(("010", "020", "022", "024", "028", "035"), _identifier),
    **dict.fromkeys(("852", "856"), _location),
    **dict.fromkeys(("506", "540"), _access),
    "520": _abstract,
    "505": _contents,
    "655": _genre,
}
