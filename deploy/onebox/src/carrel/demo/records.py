"""Titles as MARC 21 bibliographic records, described by RDA and punctuated by ISBD."""

from collections.abc import Iterable
from typing import Final

from carrel.demo import fixed
from carrel.demo.codes import CREDITS, LANGUAGES, RELATORS, SCRIPTS, nonfiling
from carrel.demo.dewey import dewey
from carrel.demo.names import Heading, heading
from carrel.demo.shelving import DemoItem, call_number
from carrel.demo.subjects import subject
from carrel.demo.titles import Contributor, Format, Title
from catalog.marc.record import Field, Record

AGENCY: Final = "CARREL-DEMO"
EBOOK_HOST: Final = "https://ebooks.example.edu"
_CHANGED: Final = "20260901080000.0"
_PERFORMING: Final = ("act", "cnd", "prf", "sng")

_CARRIERS: Final = {
    Format.BOOK: (("text", "txt"), ("unmediated", "n"), ("volume", "nc")),
    Format.JOURNAL: (("text", "txt"), ("unmediated", "n"), ("volume", "nc")),
    Format.EBOOK: (("text", "txt"), ("computer", "c"), ("online resource", "cr")),
    Format.SCORE: (("notated music", "ntm"), ("unmediated", "n"), ("volume", "nc")),
    Format.MAP: (("cartographic image", "cri"), ("unmediated", "n"), ("sheet", "nb")),
    Format.FILM: (("two-dimensional moving image", "tdi"), ("video", "v"), ("videodisc", "vd")),
    Format.AUDIO: (("performed music", "prm"), ("audio", "s"), ("audio disc", "sd")),
}
_EXTENT: Final = {
    Format.BOOK: "volume",
    Format.SCORE: "score",
    Format.MAP: "map",
    Format.FILM: "videodisc",
    Format.AUDIO: "audio disc",
}
_GENRES: Final = {
    "novel": "Novels",
    "poetry": "Poetry",
    "drama": "Drama",
    "stories": "Short stories",
    "essays": "Essays",
}
_FORMATS: Final = {
    Format.JOURNAL: "Periodicals",
    Format.SCORE: "Scores",
    Format.MAP: "Maps",
    Format.FILM: "Motion pictures",
    Format.AUDIO: "Music recordings",
    Format.EBOOK: "Electronic books",
}
_FREQUENCIES: Final = {
    "a": "Annual",
    "b": "Six times a year",
    "f": "Semiannual",
    "m": "Monthly",
    "q": "Quarterly",
    "w": "Weekly",
}


def record_of(title: Title) -> Record:
    """The bibliographic record, without holdings."""
    fields = [
        *_control(title),
        *_numbers(title),
        *_main_entry(title),
        *_titles(title),
        *_imprint(title),
        *_description(title),
        *_series(title, "490"),
        *_notes(title),
        *map(subject, title.subjects),
        *_genres(title),
        *_added(title),
        *_series(title, "830"),
        *_online(title),
        *_original_script(title),
    ]
    return Record(fixed.leader(title), fields)


def with_items(record: Record, items: Iterable[DemoItem]) -> Record:
    """The record with its holdings in 852 (one per location and copy) and 876 (one per piece), joined by $8.

    852: $a institution, $b library, $c location, $h and $i shelf mark, $t copy. 876: $p barcode, $t copy,
    $3 volume, $h loan type, $9 material type: what the import profile `standard` reads.
    """
    fields: list[Field] = []
    holdings: dict[tuple[str, int], list[DemoItem]] = {}
    for item in items:
        holdings.setdefault((item.location, item.copy), []).append(item)
    for group, ((location, copy), pieces) in enumerate(holdings.items(), 1):
        shelf_class, _, rest = pieces[0].call_number.partition(" ")
        where = [
            ("a", "bellmark"),
            ("b", pieces[0].library),
            ("c", location),
            ("h", shelf_class),
            ("i", rest),
        ]
        fields.append(Field.data("852", "0 ", ("8", str(group)), *where, ("t", str(copy))))
        for place, piece in enumerate(pieces, 1):
            volume = [("3", piece.volume)] if piece.volume else []
            body = [
                ("h", piece.loan_type),
                ("p", piece.barcode),
                ("t", str(piece.copy)),
                ("9", piece.material_type),
            ]
            fields.append(Field.data("876", "  ", ("8", f"{group}.{place}"), *volume, *body))
    return record.having(*sorted(fields, key=lambda field: field.tag))


def _control(title: Title) -> Iterable[Field]:
    yield Field.control("001", title.number)
    yield Field.control("003", AGENCY)
    yield Field.control("005", _CHANGED)
    if electronic := fixed.material(title):
        yield Field.control("006", electronic)
    yield Field.control("007", fixed.physical(title))
    yield Field.control("008", fixed.coded(title))


def _numbers(title: Title) -> Iterable[Field]:
    if title.isbn:
        yield Field.data("020", "  ", ("a", title.isbn))
    if title.issn:
        yield Field.data("022", "  ", ("a", title.issn))
    if title.scale:
        yield Field.data("034", "1 ", ("a", "a"), ("b", str(title.scale)))
    yield Field.data("040", "  ", ("a", AGENCY), ("b", "eng"), ("e", "rda"), ("c", AGENCY))
    if origin := title.facts.get("from"):
        yield Field.data("041", "1 ", ("a", title.language), ("h", origin))
    shelf_class, _, rest = call_number(title).partition(" ")
    yield Field.data("050", " 4", ("a", shelf_class), ("b", rest))
    if number := dewey(title.shelf_class):
        yield Field.data("082", "04", ("a", number), ("2", "23"))


def _role(title: Title) -> str:
    if stated := title.facts.get("role"):
        return stated
    return {Format.SCORE: "cmp", Format.AUDIO: "cmp", Format.MAP: "ctg"}.get(title.format, "aut")


def _main(title: Title) -> Heading | None:
    """The creator under whom the record is entered; journals and films are entered under their titles."""
    return heading(title.author) if title.author and title.format is not Format.JOURNAL else None


def _name_field(tags: tuple[str, str], who: Heading, *roles: str) -> Field:
    """X00 or X10 with relators in words and code."""
    tag = tags[1] if who.corporate else tags[0]
    ind1 = "2" if who.corporate else "1" if who.surname_first else "0"
    parts = who.subfields()
    if roles:
        code, last = parts[-1]
        parts[-1] = (code, last if last.endswith("-") else last + ",")
        parts += [("e", RELATORS[role] + ".") for role in roles]
        parts += [("4", role) for role in roles]
    elif parts[-1][1][-1] not in ".-)":
        parts[-1] = (parts[-1][0], parts[-1][1] + ".")
    return Field.data(tag, ind1 + " ", *parts)


def _main_entry(title: Title) -> Iterable[Field]:
    if who := _main(title):
        entry = _name_field(("100", "110"), who, _role(title))
        if "origau" in title.facts:
            entry = Field.data(entry.tag, entry.indicators, ("6", "880-02"), *entry.subfields)
        yield entry
        if uniform := title.facts.get("ut"):
            parts = [("a", uniform + ".")]
            if title.facts.get("from"):
                parts = [("a", uniform + "."), ("l", LANGUAGES[title.language] + ".")]
            yield Field.data("240", "10", *parts)


def _titles(title: Title) -> Iterable[Field]:
    linked = [("6", "880-01")] if "orig" in title.facts else []
    responsible = responsibility(title)
    skip = nonfiling(title.title, title.title_language)
    proper = title.title + (" :" if title.subtitle else " /" if responsible else ".")
    parts = [*linked, ("a", proper)]
    if title.subtitle:
        parts.append(("b", title.subtitle + (" /" if responsible else ".")))
    if responsible:
        parts.append(("c", responsible + "."))
    yield Field.data("245", f"{int(_main(title) is not None)}{skip}", *parts)
    if variant := title.facts.get("alt"):
        yield Field.data("246", "3 ", ("a", variant))


def responsibility(title: Title) -> str:
    """The statement of responsibility, as a title page might put it."""
    stated = []
    main = _main(title)
    authors = [main.direct(title.language)] if main else []
    if title.format is Format.JOURNAL and title.author:
        authors = [heading(title.author).name]
    authors += [_direct(title, person) for person in title.contributors if person.role == "aut"]
    if authors:
        stated.append(", ".join(authors))
    for role, words in CREDITS.items():
        if named := [_direct(title, person) for person in title.contributors if person.role == role]:
            stated.append(f"{words} {' and '.join(named)}")
    text = " ; ".join(stated)
    return text[:1].upper() + text[1:] if not authors else text.rstrip(".")


def _direct(title: Title, person: Contributor) -> str:
    return heading(person.name).direct(title.language)


def _imprint(title: Title) -> Iterable[Field]:
    """Edition, scale, publication. E-books tell of the first edition, as provider-neutral records do."""
    if edition := title.facts.get("ed"):
        yield Field.data("250", "  ", ("a", edition + "."))
    if title.format is Format.MAP:
        scale = f"Scale 1:{title.scale:,}".replace(",", " ") if title.scale else "Scale not given"
        yield Field.data("255", "  ", ("a", scale + "."))
    if title.format is Format.FILM:
        yield Field.data("257", "  ", ("a", title.country or ""), ("2", "naf"))
        yield Field.data("264", " 0", ("b", title.publisher + ","), ("c", f"{title.year}."))
        return
    if title.format is Format.JOURNAL:
        yield _published(title.place, title.publisher, f"{title.year}-{title.to_year or ''}")
    else:
        yield _published(title.place, title.publisher, _years(title))


def _years(title: Title) -> str:
    return f"{title.year}-{title.to_year}" if title.to_year else str(title.year)


def _published(place: str, publisher: str, years: str) -> Field:
    where = place or "[Place of publication not identified]"
    whom = publisher or "[publisher not identified]"
    end = "" if years.endswith("-") else "."
    return Field.data("264", " 1", ("a", where + " :"), ("b", whom + ","), ("c", years + end))


def _description(title: Title) -> Iterable[Field]:
    yield Field.data("300", "  ", *_extent(title))
    if title.format is Format.JOURNAL and title.frequency:
        yield Field.data("310", "  ", ("a", _FREQUENCIES[title.frequency]))
    carriers = list(_CARRIERS[title.format])
    if "atlas" in title.facts:
        carriers[2] = ("volume", "nc")
    for tag, (term, code), source in zip(
        ("336", "337", "338"), carriers, ("rdacontent", "rdamedia", "rdacarrier"), strict=True
    ):
        yield Field.data(tag, "  ", ("a", term), ("b", code), ("2", source))
    if title.format is Format.JOURNAL:
        yield Field.data("362", "1 ", ("a", f"Began in {title.year}."))


def _extent(title: Title) -> list[tuple[str, str]]:
    if title.format is Format.EBOOK:
        return [("a", "1 online resource")]
    if title.format is Format.JOURNAL:
        return [("a", "volumes")]
    word = "atlas" if "atlas" in title.facts else _EXTENT[title.format]
    if title.volumes > 1:
        word = "volumes" if title.format in (Format.BOOK, Format.SCORE) or word == "atlas" else word + "s"
    extent = f"{title.volumes} {word}"
    if title.format is Format.FILM:
        sound = "silent" if "silent" in title.facts else "sound"
        colour = "black and white" if "bw" in title.facts else "color"
        return [("a", f"{extent} ({title.minutes} min) :"), ("b", f"{sound}, {colour}")]
    return [("a", extent)]


def _series(title: Title, tag: str) -> Iterable[Field]:
    if title.series is None:
        return
    name, volume = title.series.title, title.series.volume
    parts = [("a", name + (" ;" if volume else "" if tag == "490" else "."))]
    if volume:
        parts.append(("v", volume if tag == "490" else volume + "."))
    skip = nonfiling(name, title.title_language) if tag == "830" else 0
    yield Field.data(tag, "1 " if tag == "490" else f" {skip}", *parts)


def _notes(title: Title) -> Iterable[Field]:
    if note := title.facts.get("note"):
        yield Field.data("500", "  ", ("a", note))
    if contents := title.facts.get("contents"):
        yield Field.data("505", "0 ", ("a", contents + "."))
    cast = [_direct(title, person) for person in title.contributors if person.role in _PERFORMING]
    if cast:
        yield Field.data("511", "1 " if title.format is Format.FILM else "0 ", ("a", ", ".join(cast) + "."))
    if title.summary:
        yield Field.data("520", "  ", ("a", title.summary))
    if title.language != "zxx" and title.language in LANGUAGES and title.language != "eng":
        yield Field.data("546", "  ", ("a", f"In {LANGUAGES[title.language]}."))


def _genres(title: Title) -> Iterable[Field]:
    names = [_GENRES[title.facts["genre"]]] if "genre" in title.facts else []
    if title.format is Format.FILM:
        names.append("Documentary films" if "doc" in title.facts else "Fiction films")
        names += ["Silent films"] if "silent" in title.facts else []
        names += ["Animated films"] if "anim" in title.facts else []
    elif title.format is Format.MAP and "atlas" in title.facts:
        names.append("Atlases")
    elif title.format in _FORMATS:
        names.append(_FORMATS[title.format])
    for name in names:
        source = "local" if title.format is Format.EBOOK and name == _FORMATS[Format.EBOOK] else "lcgft"
        yield Field.data("655", " 7", ("a", name + "."), ("2", source))


def _added(title: Title) -> Iterable[Field]:
    if title.format is Format.JOURNAL and title.author:
        yield _name_field(("700", "710"), heading(title.author))
    roles: dict[str, list[str]] = {}
    for person in title.contributors:
        roles.setdefault(person.name, []).append(person.role)
    added = [_name_field(("700", "710"), heading(name), *held) for name, held in roles.items()]
    yield from sorted(added, key=lambda field: field.tag)


def _online(title: Title) -> Iterable[Field]:
    if title.format is Format.EBOOK:
        yield Field.data(
            "856",
            "40",
            ("u", f"{EBOOK_HOST}/{title.number}"),
            ("y", "Read online"),
            ("z", "Bellmark University"),
            ("7", "0"),
        )


def _original_script(title: Title) -> Iterable[Field]:
    """880 for title and author in their own script, linked by $6 both ways."""
    script = SCRIPTS.get(title.language, "")
    main = _main(title)
    if original := title.facts.get("orig"):
        ind1 = int(main is not None)
        yield Field.data("880", f"{ind1}0", ("6", f"245-01/{script}"), ("a", original + "."))
    if (author := title.facts.get("origau")) and main is not None:
        tag = "110" if main.corporate else "100"
        ind1 = 2 if main.corporate else int(main.surname_first)
        yield Field.data("880", f"{ind1} ", ("6", f"{tag}-02/{script}"), ("a", author))
