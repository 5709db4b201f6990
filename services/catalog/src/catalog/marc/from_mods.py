"""MODS to MARC 21, after the Library of Congress's mapping of the two; the way back is `catalog.marc.mods`.

Where a copy stands (`physicalLocation`, `shelfLocator`) is not taken over: those are another library's shelves.
"""

from collections.abc import Callable, Iterator
from typing import Final

from catalog.marc.fixed import coded_year, fixed_data
from catalog.marc.from_mods_parts import joined, name_field, role_parts, subject
from catalog.marc.record import Field, Record
from catalog.marc.tree import Node

NAMESPACE: Final = "http://www.loc.gov/mods/v3"
_KINDS: Final = {
    "text": "a", "notated music": "c", "cartographic": "e", "moving image": "g",
    "sound recording-nonmusical": "i", "sound recording": "i", "sound recording-musical": "j", "still image": "k",
    "software, multimedia": "m", "mixed material": "p", "three dimensional object": "r",
}  # fmt: skip
_MANUSCRIPT: Final = {"a": "t", "c": "d", "e": "f"}
_LEVELS: Final = {"monographic": "m", "single unit": "m", "multipart monograph": "m", "serial": "s", "continuing": "s",
    "integrating resource": "i"}  # fmt: skip
_TITLES: Final = {
    "abbreviated": ("210", "0 "), "translated": ("242", "1"), "alternative": ("246", "3 "),
    "uniform": ("240", "1"),
}  # fmt: skip
_NOTES: Final = {
    "thesis": "502", "bibliography": "504", "creation/production credits": "508", "performers": "511",
    "numbering": "515", "venue": "518", "preferred citation": "524", "additional physical form": "530",
    "reproduction": "533", "original version": "534", "original location": "535", "funding": "536",
    "system details": "538", "acquisition": "541", "biographical/historical": "545", "language": "546",
    "ownership": "561", "version identification": "562", "publications": "581", "action": "583",
    "exhibitions": "585",
}  # fmt: skip
_RELATED: Final = {
    "host": "773", "constituent": "774", "otherVersion": "775", "otherFormat": "776", "preceding": "780",
    "succeeding": "785", "original": "786",
}  # fmt: skip
_CLASSES: Final = {"lcc": ("050", " 4"), "nlm": ("060", " 4"), "udc": ("080", "  "), "ddc": ("082", "04")}
_NUMBERS: Final = {"isrc": "0", "upc": "1", "ismn": "2", "ean": "3", "sici": "4"}
_OWN_TAGS: Final = {"isbn": "020", "issn": "022", "lccn": "010", "local": "035"}

Teller = Callable[[Node], Iterator[Field]]


def record(node: Node) -> Record:
    """One description; `recordIdentifier` is its control number, its `source` the agency."""
    fields = [field for child in node.children for field in _TELLERS.get(child.name, _nothing)(child)]
    leader, fixed = _coded(node)
    fields += [Field.control("008", fixed), *_titles(node), *_languages(node)]
    return Record(leader, sorted(fields, key=lambda field: field.tag))


def _nothing(node: Node) -> Iterator[Field]:
    yield from ()


def _coded(node: Node) -> tuple[str, str]:
    """Leader and 008: kind and level of the thing, dates, country, language."""
    kind, level = "a", ""
    if (told := node.first("typeOfResource")) is not None and told.text.lower() in _KINDS:
        kind = _KINDS[told.said().lower()]
        if told.attribute("manuscript") == "yes":
            kind = _MANUSCRIPT.get(kind, kind)
        level = "c" if told.attribute("collection") == "yes" else ""
    dates: dict[str, str] = {}
    country = ""
    for origin in node.all("originInfo"):
        for issuance in origin.all("issuance"):
            if issuance.text in _LEVELS:
                level = level or _LEVELS[issuance.said()]
        for date in origin.all("dateIssued", "dateCreated"):
            point = date.peek("point") if date.peek("point") == "end" else "start"
            if date.peek("encoding") and (year := coded_year(date.text)) and point not in dates:
                dates[point] = year
                date.attribute("encoding"), date.attribute("point"), date.attribute("keyDate")
                if date.text == year:
                    date.said()
        for place in origin.all("place"):
            for term in place.all("placeTerm"):
                if term.peek("type") == "code" and term.peek("authority") == "marccountry" and not country:
                    country = term.said().lower()
                    term.attribute("type"), term.attribute("authority")
    if not dates and (told_year := next(_told_dates(node), "")):
        dates["start"] = told_year
    created = ""
    if (info := node.first("recordInfo")) is not None:
        date_ = info.first("recordCreationDate")
        if date_ is not None and date_.peek("encoding") == "marc" and len(date_.text) == 6:
            created = date_.said() if date_.text.isascii() and date_.text.isdigit() else ""
            date_.attribute("encoding")
    fixed = fixed_data(
        created=created,
        kind=("c" if dates.get("end") == "9999" else "d")
        if level == "s" and dates
        else "m"
        if "end" in dates
        else "",
        first=dates.get("start", ""),
        last=dates.get("end", ""),
        country=country,
        language=next(_codes(node), ""),
    )
    return f"00000n{kind}{level or 'm'} a2200000uu 4500", fixed


def _told_dates(node: Node) -> Iterator[str]:
    for origin in node.all("originInfo"):
        yield from filter(None, (coded_year(date.text) for date in origin.all("dateIssued", "copyrightDate")))


def _codes(node: Node) -> Iterator[str]:
    """The codes of its languages, each put somewhere."""
    for language in node.all("language"):
        for term in language.all("languageTerm"):
            code = term.text.lower()
            if term.peek("type") == "code" and len(code) == 3 and code.isascii() and code.isalpha():
                term.said(), term.attribute("type"), term.attribute("authority")
                yield code


def _languages(node: Node) -> Iterator[Field]:
    codes = list(dict.fromkeys(_codes(node)))
    if len(codes) > 1:
        yield Field.data("041", "  ", *(("a", code) for code in codes))
    for language in node.all("language"):
        for term in language.all("languageTerm"):
            if term.peek("type") != "code" and term.text:
                term.attribute("type")
                yield Field.data("546", "  ", ("a", term.said()))


def _titles(node: Node) -> Iterator[Field]:
    """The first title of no type is the title; further ones are variants of it."""
    proper = False
    primary = any(name.peek("usage") == "primary" for name in node.all("name"))
    for told in node.all("titleInfo"):
        kind = told.peek("type")
        article = " ".join(told.saying("nonSort"))
        skip = str(len(article) + 1) if article and len(article) < 9 else "0"
        title = " ".join(filter(None, (article, joined(told, "title"))))
        parts = [("a", title), *(("b", value) for value in told.saying("subTitle"))]
        parts += [("n", value) for value in told.saying("partNumber")]
        parts += [("p", value) for value in told.saying("partName")]
        parts = [(code, value) for code, value in parts if value]
        if not parts:
            continue
        if kind in _TITLES:
            told.attribute("type")
            tag, indicators = _TITLES[kind]
            if kind == "uniform" and not primary:
                tag, indicators = "130", f"{skip} "
            yield Field.from_parts(tag, indicators[0], indicators[1] if len(indicators) > 1 else skip, parts)
        elif not kind and not proper:
            proper = True
            parts += [("c", value) for value in _responsible(node)]
            yield Field.from_parts("245", "1" if primary else "0", skip, parts)
        elif not kind:
            yield Field.from_parts("246", "3", " ", parts)


def _responsible(node: Node) -> Iterator[str]:
    note = next(
        (each for each in node.all("note") if each.peek("type") == "statement of responsibility"), None
    )
    if note is not None and note.text:
        note.attribute("type")
        yield note.said()


def _name(node: Node) -> Iterator[Field]:
    primary = node.peek("usage") == "primary"
    tags = {"personal": "00", "family": "00", "corporate": "10", "conference": "11"}
    kind = node.peek("type")
    parts = name_field(node)
    if not parts:
        return
    node.attribute("usage"), node.attribute("type")
    roles = role_parts(node, "j" if kind == "conference" else "e")
    if kind not in tags:
        yield Field.from_parts("720", " ", " ", [*parts, *roles])
        return
    first = {"personal": "1" if "," in parts[0][1] else "0", "family": "3"}.get(kind, "2")
    yield Field.from_parts(("1" if primary else "7") + tags[kind], first, " ", [*parts, *roles])


def _origin(node: Node) -> Iterator[Field]:
    places = []
    for place in node.all("place"):
        for term in place.all("placeTerm"):
            if term.peek("type") != "code" and term.text:
                term.attribute("type")
                places.append(("a", term.said()))
    dates = [("c", date.said()) for date in node.all("dateIssued") if not date.peek("encoding") and date.text]
    imprint = [*places, *(("b", value) for value in node.saying("publisher")), *dates]
    if imprint:
        yield Field.from_parts("264", " ", "1", imprint)
    for date in node.all("dateCreated"):
        if not date.peek("encoding") and date.text:
            yield Field.data("264", " 0", ("c", date.said()))
    for value in node.saying("copyrightDate"):
        yield Field.data("264", " 4", ("c", value))
    for value in node.saying("edition"):
        yield Field.data("250", "  ", ("a", value))
    for value in node.saying("frequency"):
        yield Field.data("310", "  ", ("a", value))


def _physical(node: Node) -> Iterator[Field]:
    for value in node.saying("extent"):
        yield Field.data("300", "  ", ("a", value))
    for form in node.all("form"):
        source = form.peek("authority")
        tag = {"rdacarrier": "338", "rdamedia": "337"}.get(source)
        if tag and form.text:
            yield Field.data(tag, "  ", ("a", form.said()), ("2", form.attribute("authority")))
    for value in node.saying("internetMediaType"):
        yield Field.data("347", "  ", ("b", value))
    for value in node.saying("note"):
        yield Field.data("500", "  ", ("a", value))


def _leaf(tag: str, indicators: str) -> Teller:
    def tell(node: Node) -> Iterator[Field]:
        if node.text:
            yield Field.data(tag, indicators, ("a", node.said()))

    return tell


def _genre(node: Node) -> Iterator[Field]:
    if node.text:
        source = node.attribute("authority")
        more = [("2", source)] if source else []
        yield Field.data("655", " 7" if source else " 4", ("a", node.said()), *more)


def _note(node: Node) -> Iterator[Field]:
    kind = node.peek("type")
    if node.text and kind != "statement of responsibility":
        if kind in _NOTES:
            node.attribute("type")
        yield Field.data(_NOTES.get(kind, "500"), "  ", ("a", node.said()))


def _access(node: Node) -> Iterator[Field]:
    if node.text:
        kind = node.peek("type")
        if kind in ("restriction on access", "use and reproduction"):
            node.attribute("type")
        yield Field.data("506" if kind == "restriction on access" else "540", "  ", ("a", node.said()))


def _classification(node: Node) -> Iterator[Field]:
    if not node.text:
        return
    source = node.attribute("authority")
    tag, indicators = _CLASSES.get(source, ("084", "  "))
    edition = node.attribute("edition") if tag == "082" else ""
    told = edition or (source if tag == "084" else "")
    yield Field.data(tag, indicators, ("a", node.said()), *([("2", told)] if told else []))


def _identifier(node: Node) -> Iterator[Field]:
    if not node.text:
        return
    kind, wrong = node.attribute("type"), node.attribute("invalid") == "yes"
    value = ("z" if wrong else "a", node.said())
    if kind in _OWN_TAGS:
        yield Field.data(_OWN_TAGS[kind], "  ", value)
    elif kind == "music publisher":
        yield Field.data("028", "32", value)
    elif kind in _NUMBERS or not kind:
        yield Field.data("024", f"{_NUMBERS.get(kind, '8')} ", value)
    else:
        yield Field.data("024", "7 ", value, ("2", kind))


def _location(node: Node) -> Iterator[Field]:
    for url in node.all("url"):
        if url.text:
            label = url.attribute("displayLabel")
            yield Field.data("856", "40", ("u", url.said()), *([("y", label)] if label else []))


def _related(node: Node) -> Iterator[Field]:
    """A series is 490; any other work the field of its kind (787 for none), in the entry's own subfields."""
    series = node.peek("type") == "series"
    parts: list[tuple[str, str]] = []
    label = node.peek("displayLabel")
    if label and not series:
        parts.append(("i", node.attribute("displayLabel")))
    if not series:
        named = [" ".join(value for _, value in name_field(name)) for name in node.all("name")]
        parts += [("a", name) for name in named if name]
    for title in node.all("titleInfo"):
        proper = " ".join(filter(None, (*title.saying("nonSort"), *title.saying("title"))))
        parts += [("a" if series else "t", proper)] if proper else []
        parts += [("v" if series else "g", value) for value in title.saying("partNumber")]
    code = {"issn": "x"} if series else {"issn": "x", "isbn": "z", "local": "w"}
    for number in node.all("identifier"):
        if number.text and number.peek("type") in code:
            parts.append((code[number.attribute("type")], number.said()))
    if parts:
        if series or node.peek("type") in _RELATED:
            kind = node.attribute("type")
            tag = "490" if series else _RELATED[kind]
        else:
            tag = "787"
        yield Field.from_parts(tag, "0", " ", parts)


def _record_info(node: Node) -> Iterator[Field]:
    told = node.first("recordIdentifier")
    if told is not None and told.text:
        yield Field.control("001", told.said())
        if source := told.attribute("source"):
            yield Field.control("003", source)
    changed = node.first("recordChangeDate")
    if changed is not None and changed.peek("encoding") == "iso8601" and len(changed.text) == 16:
        changed.attribute("encoding")
        yield Field.control("005", changed.said())
    parts = [("a", value) for value in node.saying("recordContentSource")]
    parts += [("e", value) for value in node.saying("descriptionStandard")]
    node.saying("recordOrigin")  # how the MODS came about says nothing of what it has become
    if parts:
        yield Field.from_parts("040", " ", " ", parts)


_TELLERS: Final[dict[str, Teller]] = {
    "name": _name,
    "originInfo": _origin,
    "physicalDescription": _physical,
    "genre": _genre,
    "abstract": _leaf("520", "3 "),
    "tableOfContents": _leaf("505", "0 "),
    "targetAudience": _leaf("521", "  "),
    "note": _note,
    "subject": subject,
    "classification": _classification,
    "identifier": _identifier,
    "location": _location,
    "accessCondition": _access,
    "relatedItem": _related,
    "recordInfo": _record_info,
}
