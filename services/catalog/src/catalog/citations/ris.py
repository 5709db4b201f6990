"""RIS: a line per value, `TY` first, `ER` last. No value can begin a line of its own."""

import re
from typing import Final

from catalog.citations.csl import Csl, named

_TYPES: Final = {
    "book": "BOOK",
    "periodical": "JFULL",
    "article-journal": "JOUR",
    "chapter": "CHAP",
    "thesis": "THES",
    "musical_score": "MUSIC",
    "map": "MAP",
    "motion_picture": "MPCT",
    "song": "SOUND",
    "graphic": "ART",
    "software": "COMP",
}
_RANGE: Final = re.compile(r"\s*[-–]\s*")
_LINES: Final = (
    ("T2", "container-title"),
    ("VL", "volume"),
    ("IS", "issue"),
    ("PB", "publisher"),
    ("CY", "publisher-place"),
    ("ET", "edition"),
    ("LA", "language"),
    ("CN", "call-number"),
    ("DO", "DOI"),
    ("UR", "URL"),
    ("AB", "abstract"),
)


def dumps(item: Csl) -> str:
    """One reference, in lines that end with CR LF."""
    lines = [("TY", _TYPES.get(item["type"], "GEN")), ("ID", item["id"]), ("TI", item["title"])]
    for role, tag in (
        ("author", "AU"),
        ("composer", "AU"),
        ("director", "AU"),
        ("editor", "ED"),
        ("translator", "A4"),
    ):
        lines += [(tag, named(name)) for name in item.get(role, ())]
    if "issued" in item:
        lines.append(("PY", str(item["issued"]["date-parts"][0][0])))
    if "collection-title" in item:
        lines.append(("T3" if "container-title" in item else "T2", item["collection-title"]))
    lines += [(tag, item[name]) for tag, name in _LINES if name in item]
    lines += zip(("SP", "EP"), _RANGE.split(item.get("page", "")), strict=False) if item.get("page") else ()
    lines += [("SN", item[name]) for name in ("ISBN", "ISSN") if name in item]
    lines += [("KW", each) for each in item.get("keyword", "").split("; ") if each]
    lines.append(("ER", ""))
    return "".join(f"{tag}  - {value}\r\n" for tag, value in lines)
