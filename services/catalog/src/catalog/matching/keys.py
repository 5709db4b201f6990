"""The keys that a title can be found by: its identifiers, normalised, and what its title comes to.

They are columns of the title, read from its record when it is written, so that a whole slice of an import is matched
by one question to an index.
"""

import hashlib
import re
from typing import Final

from stdnum import issn

from catalog.marc.extract import isbn13, oclc_number, year_of
from catalog.marc.record import Field, Record
from catalog.search.folding import joined

MOST: Final = 200
"""Keys of one title; a collection's record may list thousands of numbers."""
LONGEST: Final = 80
LONGEST_NUMBER: Final = 400
"""Of `key_of_number`: an index entry must stay well below 2 700 bytes."""
_GROUPS: Final = {
    "001": "001",
    "003": "003",
    "008": "008",
    "010": "lccn",
    "020": "isbn",
    "022": "issn",
    "024": "other",
    "028": "publisher",
    "035": "system",
    "100": "author",
    "110": "author",
    "111": "author",
    "245": "title",
    "260": "imprint",
    "264": "imprint",
}
_AGENCY: Final = re.compile(r"\(([^()]{1,40})\)\s*(\S.*)")
_SIGNS: Final = re.compile(r"[^0-9a-z]")
_UNFIT: Final = re.compile(r"[\x00\r\n]")
_KINDS: Final = {"0": "isrc", "1": "upc", "2": "ismn", "3": "ean", "4": "sici"}
"""MARC 21 Bibliographic 024, first indicator; 7 names its source in $2."""


def keys_of(record: Record) -> list[str]:
    """Every key, the surest first, each once: `isbn:9780306406157`, `system:(dlc)123`, `title:9f…`."""
    found = record.grouped(_GROUPS)
    told = [
        *_system(found),
        *(f"isbn:{number}" for each in found.get("isbn", ()) if (number := _isbn(each)) is not None),
        *(f"issn:{number}" for each in found.get("issn", ()) if (number := _issn(each)) is not None),
        *(f"lccn:{number}" for each in found.get("lccn", ()) if (number := _bare(each.get("a")))),
        *(key for each in found.get("other", ()) if (key := _other(each)) is not None),
        *(f"publisher:{number}" for each in found.get("publisher", ()) if (number := _bare(each.get("a")))),
        *_titles(found),
    ]
    return list(dict.fromkeys(told))[:MOST]


def key_of_number(agency: str | None, number: str) -> str:
    """The key of the record that has this number (001) of this agency (003), by which it is recognised."""
    key = f"number|{agency or ''}|{number}"
    if len(key) > LONGEST_NUMBER:
        return "long|" + hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    return key


def system_key(agency: str, number: str) -> str:
    """The key of a number that a system gave (MARC 21 Bibliographic 035)."""
    return _short(f"system:({agency.casefold()}){number.casefold()}")


def _short(key: str) -> str:
    """The key, or a digest of it where it is long; without line ends, and NUL, which PostgreSQL's text cannot hold."""
    plain = _UNFIT.sub("", key)
    if len(plain) <= LONGEST:
        return plain
    kind = plain.partition(":")[0]
    return f"{kind}:{hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()}"


def _bare(text: str | None) -> str:
    """A number's letters and digits."""
    return _SIGNS.sub("", (text or "").casefold())[:LONGEST]


def _system(found: dict[str, list[Field]]) -> list[str]:
    told = []
    number = found["001"][0].value.strip() if "001" in found else ""
    agency = found["003"][0].value.strip() if "003" in found else ""
    pairs = [(agency, number)] if number and agency else []
    for field in found.get("system", ()):
        for text in field.all("az"):
            match = _AGENCY.fullmatch(text.strip())
            pairs += [(match[1], match[2].strip())] if match else []
    for agency, number in pairs:
        told.append(system_key(agency, number))
        if agency.casefold() == "ocolc" and (oclc := oclc_number(f"(OCoLC){number}")) is not None:
            told.append(f"oclc:{oclc}")
    return told


def _isbn(field: Field) -> str | None:
    bare = (field.get("a") or "").split("(")[0].strip().split(" ")[0].replace("-", "")
    return isbn13(bare) if bare else None


def _issn(field: Field) -> str | None:
    bare = (field.get("a") or "").split("(")[0].strip()
    return issn.compact(bare) if issn.is_valid(bare) else None


def _other(field: Field) -> str | None:
    number = _bare(field.get("a"))
    if not number:
        return None
    kind = _KINDS.get(field.ind1) or (field.get("2") or "").strip().casefold() or "any"
    return _short(f"other:{kind}:{number}")


def _titles(found: dict[str, list[Field]]) -> list[str]:
    if "title" not in found or not (words := title_words(found["title"][0])):
        return []
    told = ["title:" + _digest(words)]
    year = year_of(found["008"][0].value if "008" in found else "", found.get("imprint", []))
    author = found["author"][0].get("a") if "author" in found else None
    if year is not None or author:
        family = " ".join(joined((author or "").partition(",")[0]).split())
        told.append("work:" + _digest(f"{words}|{family}|{year or ''}"))
    return told


def title_words(field: Field) -> str:
    """A title as it is compared: folded words of 245 $a $b $n $p, without the article that it is filed without."""
    parts = field.all("abnp")
    skip = int(field.ind2) if field.ind2.isascii() and field.ind2.isdigit() else 0
    if parts and 0 < skip < len(parts[0]):
        parts[0] = parts[0][skip:]
    return " ".join(joined(" ".join(parts)).split())


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
