"""Reads OpenURLs as databases, proxies and people send them."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes, urlencode

from contracts.openurl.citation import Flaw, OpenUrl
from contracts.openurl.identifiers import NUMBERS, doi_of

LONGEST: Final = 16 * 1024
"""Bytes of an address that is read."""
MOST: Final = 200
"""Keys of one that are read."""
DEEPEST: Final = 4
"""How deep one may lie in the addresses of proxies and searches."""
GENRES: Final = {
    "article": "article",
    "proceeding": "proceeding",
    "conference": "conference",
    "preprint": "preprint",
    "issue": "issue",
    "journal": "journal",
    "bookitem": "chapter",
    "book": "book",
    "report": "report",
    "dissertation": "dissertation",
    "patent": "patent",
    "document": "other",
}
"""What a genre is called here."""
_VALUE: Final = 1000
_SHORT: Final = 200
_IDS: Final = (
    (re.compile(r"(?:info:doi/|doi:|https?://(?:dx\.)?doi\.org/)(.*)$", re.I | re.S), "doi"),
    (re.compile(r"(?:info:pmid/|pmid:)(.*)$", re.I | re.S), "pmid"),
    (re.compile(r"(?:info:oclcnum/|oclc:)(.*)$", re.I | re.S), "oclc"),
    (re.compile(r"urn:isbn:(.*)$", re.I | re.S), "isbn"),
    (re.compile(r"urn:issn:(.*)$", re.I | re.S), "issn"),
)


class Unreadable(ValueError):
    """This cannot be read as an OpenURL at all."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


Pairs = list[tuple[str, str]]
_NESTING: Final = ("url", "qurl", "target")


def _plain(raw: bytes, charset: str | None) -> str:
    octets = unquote_to_bytes(raw.replace(b"+", b" "))
    for wanted in (charset, "utf-8", "windows-1252"):
        if wanted is not None:
            try:
                return _tidy(octets.decode(wanted))
            except (UnicodeDecodeError, LookupError):
                continue
    return _tidy(octets.decode("latin-1"))


def _tidy(text: str) -> str:
    """One line, without what no text can hold."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def _split(raw: bytes) -> list[tuple[bytes, bytes]]:
    pieces = [piece for piece in re.split(rb"&(?:amp;)?", raw) if b"=" in piece]
    return [(name, value) for name, _, value in (piece.partition(b"=") for piece in pieces[:MOST])]


def _pairs(raw: bytes) -> Pairs:
    parts = _split(raw)
    told = dict(parts)
    encoding = _plain(told.get(b"ctx_enc", b""), None).lower()
    charset = "latin-1" if encoding.endswith("iso-8859-1") else None
    return [(_plain(name, None), _plain(value, charset)) for name, value in parts]


def _is_one(pairs: Pairs) -> bool:
    """Whether anything here describes something to be had."""
    names = {name for name, value in pairs if value}
    return any(name.startswith("rft") for name in names) or bool(
        names & {"url_ver", "ctx_ver", "genre", "issn", "eissn", "isbn", "atitle", "pmid", "doi"}
        or ("id" in names and any(name == "id" and _identifier(value) for name, value in pairs))
        or ({"title", "sid"} <= names)
    )


def _inside(raw: bytes) -> bytes | None:
    """What an address of a proxy or a search leads to: `url=http://…` takes all that follows, an encoded one itself."""
    for name in _NESTING:
        found = re.search(rb"(?:^|&)" + name.encode() + rb"=(?=https?(?::|%3a))", raw, re.I)
        if found is None:
            continue
        rest = raw[found.end() :]
        if re.match(rb"https?://", rest, re.I):
            return rest
        return unquote_to_bytes(rest.partition(b"&")[0])
    return None


def _query(raw: bytes) -> bytes:
    """What stands behind the question mark, if this is a whole address."""
    if re.match(rb"[a-z][a-z0-9+.-]*://", raw, re.I) or raw.startswith(b"/"):
        return raw.partition(b"?")[2].partition(b"#")[0]
    return raw.removeprefix(b"?")


def _innermost(raw: bytes, depth: int = 0) -> Pairs:
    query = _query(raw)
    nested = _inside(query) if depth < DEEPEST else None
    if nested is not None and b"?" in nested:
        found = _innermost(nested, depth + 1)
        if _is_one(found):
            return found
    return _pairs(query)


def read(told: bytes | str) -> OpenUrl:
    """An OpenURL, or the query string of one, as what it asks for.

    One that lies within the address of a proxy or a search is found there. `Unreadable` where there is nothing of it.
    """
    raw = told.encode("utf-8", "replace") if isinstance(told, str) else told
    if len(raw) > LONGEST:
        raise Unreadable("openurl-too-long", f"An OpenURL may have {LONGEST} bytes here.")
    pairs = _innermost(raw)
    by_value = dict(pairs).get("url_ctx_val")
    if by_value and not by_value.lstrip().startswith("<"):
        pairs = _pairs(by_value.encode())
    if not _is_one(pairs):
        raise Unreadable("openurl-empty", "Nothing in it says what is wanted.")
    return _Reading(pairs).result()


def without_requester(told: bytes | str) -> str:
    """The innermost OpenURL as it was told, in UTF-8, without a word of who asked."""
    raw = told.encode("utf-8", "replace") if isinstance(told, str) else told
    return urlencode([(name, value) for name, value in _innermost(raw) if not name.startswith("req")])


def _identifier(told: str) -> tuple[str, str] | None:
    """What an identifier of the referent is: `info:doi/…`, `urn:ISBN:…`."""
    for pattern, name in _IDS:
        if found := pattern.match(told):
            return name, found[1]
    return None


class _Reading:
    """One citation being read."""

    def __init__(self, pairs: Pairs) -> None:
        self.flaws: list[Flaw] = []
        self.values: dict[str, list[str]] = {}
        prefixed = any(name.startswith("rft.") for name, _ in pairs)
        formats = [value.lower() for name, value in pairs if name == "rft_val_fmt"]
        self.format = formats[0].rpartition(":")[2] if formats else ""
        versions = {
            name for name, value in pairs if name in ("url_ver", "ctx_ver") and "z39.88" in value.lower()
        }
        self.version = "1.0" if versions or prefixed or formats else "0.1"
        for name, value in pairs:
            if name.startswith("req") or not value:
                continue  # who asks is nobody's business
            if len(value) > _VALUE:
                self.flaws.append(Flaw("value-cut", name, f"It was cut to {_VALUE} characters."))
            key = name.removeprefix("rft.")
            if prefixed and key == name and key in _BARE and f"rft.{key}" in dict(pairs):
                continue  # told in both ways: 1.0 counts
            self.values.setdefault(key, []).append(value[:_VALUE])
        for name in ("rft_ref", "url_ctx_ref"):
            if name in self.values:
                text = "Metadata by reference is not fetched; only what stands in the address is read."
                self.flaws.append(Flaw("by-reference-not-read", name, text))
        if self.values.get("url_ctx_val", [""])[0].lstrip().startswith("<"):
            self.flaws.append(Flaw("xml-not-read", "url_ctx_val", "Only key/encoded-value metadata is read."))

    def first(self, *names: str, most: int = _SHORT) -> str | None:
        """The first value of the first of the keys that has one."""
        for name in names:
            for value in self.values.get(name, ()):
                return value[:most]
        return None

    def numbers(self) -> dict[str, str]:
        """Identifiers that can be right; those that cannot are flaws."""
        told: list[tuple[str, str, str]] = []
        for key in ("rft_id", "id", "identifier"):
            for value in self.values.get(key, ()):
                found = _identifier(value) or (("doi", value) if doi_of(value) else None)
                if found is not None and found[1].strip():
                    told.append((found[0], found[1], key))
        for key, names in _KEYS.items():
            told += [(key, value, name) for name in names for value in self.values.get(name, ())]
        sound: dict[str, str] = {}
        for kind, value, key in told:
            reader, called = NUMBERS[kind]
            number = reader(value)
            if number is None:
                self.flaws.append(
                    Flaw(f"{kind.removeprefix('e')}-wrong", key, f"{value[:60]} is no {called}.")
                )
            else:
                sound.setdefault(kind, number)
        return sound

    def kind(self, numbers: Mapping[str, str]) -> str:
        """By its genre, else by its format, else by what is told of it."""
        if (genre := (self.first("genre") or "").lower()) in GENRES:
            return GENRES[genre]
        if self.format in ("dissertation", "patent"):
            return self.format
        if self.format == "dc":
            return "other"
        piece = self.first("atitle", "spage", "pages", "artnum") is not None
        if self.format == "book":
            return "chapter" if piece else "book"
        if self.format == "journal" or numbers.keys() & {"issn", "eissn"}:
            if piece:
                return "article"
            if not numbers.keys() & {"issn", "eissn"}:
                return "unknown"
            return "issue" if self.first("volume", "issue") else "journal"
        return "book" if "isbn" in numbers else "unknown"

    def authors(self) -> tuple[str, ...]:
        """Whole names where they are told; else the first author's, put together."""
        whole = [*self.values.get("au", ()), *self.values.get("creator", ()), *self.values.get("inv", ())]
        last = self.first("aulast", "invlast")
        given = self.first("aufirst", "invfirst") or " ".join(
            part for part in (self.first("auinit") or self.first("auinit1"), self.first("auinitm")) if part
        )
        put = f"{last}, {given}" if last and given else last
        corporate = self.values.get("aucorp", ())
        first = [put] if put and not any(name.lower().startswith(put.lower()) for name in whole) else []
        return tuple(dict.fromkeys([*first, *whole, *corporate]))[:50]

    def pages(self) -> tuple[str | None, str | None]:
        start, end = self.first("spage"), self.first("epage")
        if start is None and (told := self.first("pages")):
            found = re.match(r"\s*([^\s,;–-]+)\s*(?:[–-]+\s*([^\s,;–-]+))?", told)
            start, end = (found[1], found[2]) if found else (told, None)
        return start, end

    def result(self) -> OpenUrl:
        """The citation."""
        numbers = self.numbers()
        kind = self.kind(numbers)
        article = self.first("atitle", most=_VALUE)
        names = ("jtitle", "btitle", "title") if kind != "chapter" else ("btitle", "title", "jtitle")
        start, end = self.pages()
        address = next(
            (
                value
                for key in ("rft_id", "identifier", "id")
                for value in self.values.get(key, ())
                if re.match(r"https?://[^\s/]", value, re.I) and doi_of(value) is None
            ),
            None,
        )
        source = self.first("rfr_id", "sid")
        return OpenUrl(
            kind=kind,
            version=self.version,
            title=self.first(*names, most=_VALUE),
            short_title=self.first("stitle", most=_VALUE),
            article_title=article,
            authors=self.authors(),
            **numbers,
            volume=self.first("volume"),
            issue=self.first("issue"),
            part=self.first("part"),
            season=self.first("ssn", "quarter"),
            start_page=start,
            end_page=end,
            article_number=self.first("artnum"),
            date=self.first("date", "year"),
            edition=self.first("edition"),
            publisher=self.first("pub", "publisher"),
            place=self.first("place"),
            series=self.first("series", most=_VALUE),
            institution=self.first("inst"),
            degree=self.first("degree"),
            number=self.first("number"),
            country=self.first("cc", "co"),
            address=address,
            source=source.removeprefix("info:sid/") if source else None,
            services=tuple(
                sorted(
                    name.removeprefix("svc.")
                    for name, told in self.values.items()
                    if name.startswith("svc.") and told[0].lower() in ("yes", "y", "true", "1")
                )
            ),
            flaws=tuple(dict.fromkeys(self.flaws)),
        )


_KEYS: Final = {
    "issn": ("issn",),
    "eissn": ("eissn",),
    "isbn": ("isbn", "eisbn"),
    "doi": ("doi",),
    "pmid": ("pmid",),
    "oclc": ("oclcnum", "oclc"),
}
_BARE: Final = frozenset(
    {
        *(
            "genre",
            "atitle",
            "jtitle",
            "btitle",
            "title",
            "stitle",
            "aulast",
            "aufirst",
            "auinit",
            "auinit1",
            "auinitm",
        ),
        *(
            "au",
            "date",
            "volume",
            "issue",
            "part",
            "ssn",
            "quarter",
            "spage",
            "epage",
            "pages",
            "issn",
            "eissn",
        ),
        *("isbn", "edition", "pub", "place", "series", "artnum"),
    }
)
