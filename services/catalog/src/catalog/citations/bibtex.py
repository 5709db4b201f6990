"""BibTeX, in UTF-8, with every character that TeX reads as a command told as text."""

import re
from typing import Final

from catalog.citations.csl import Csl, named
from catalog.search.folding import folded

_TYPES: Final = {
    "book": "book",
    "thesis": "phdthesis",
    "periodical": "periodical",
    "article-journal": "article",
    "chapter": "incollection",
}
_FIELDS: Final = (
    ("publisher", "publisher"),
    ("address", "publisher-place"),
    ("edition", "edition"),
    ("series", "collection-title"),
    ("volume", "volume"),
    ("number", "issue"),
    ("pages", "page"),
    ("isbn", "ISBN"),
    ("issn", "ISSN"),
    ("doi", "DOI"),
    ("url", "URL"),
    ("language", "language"),
    ("keywords", "keyword"),
    ("abstract", "abstract"),
)
_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}
_TABLE: Final = str.maketrans(_SPECIAL)
_RANGE: Final = re.compile(r"\s*[-–]\s*")
_NO_KEY: Final = re.compile(r"[^a-z0-9]+")


def dumps(item: Csl, *, alone: bool = True) -> str:
    """One entry; one that is not `alone` in its file has the title's id in its key, which is then no other's."""
    fields = [(role, " and ".join(map(_name, item[role]))) for role in ("author", "editor") if item.get(role)]
    fields.append(("title", "{" + item["title"].translate(_TABLE) + "}"))
    if "issued" in item:
        fields.append(("year", str(item["issued"]["date-parts"][0][0])))
    if "container-title" in item:
        host = "journal" if item["type"] == "article-journal" else "booktitle"
        fields.append((host, item["container-title"].translate(_TABLE)))
    fields += [(name, _value(item, told)) for name, told in _FIELDS if told in item]
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields)
    return f"@{_TYPES.get(item['type'], 'misc')}{{{_key(item, alone=alone)},\n{body}\n}}\n"


def _value(item: Csl, key: str) -> str:
    told = str(item[key])
    return (_RANGE.sub("--", told) if key == "page" else told).translate(_TABLE)


def _name(name: dict[str, str]) -> str:
    told = named(name).translate(_TABLE)
    return "{" + told + "}" if "literal" in name else told


def _key(item: Csl, *, alone: bool) -> str:
    """Who and when, such as `thoreau1854`; without either, the title's id."""
    names = item.get("author") or item.get("editor") or ()
    first = names[0].get("family") or names[0].get("literal", "") if names else ""
    year = str(item["issued"]["date-parts"][0][0]) if "issued" in item else ""
    own = _NO_KEY.sub("", item["id"])
    told = _NO_KEY.sub("", folded(first))[:40] + year
    if told and alone:
        return told
    return f"{told}-{own}" if told else own
