"""EndNote's tagged import format (Refer): a line per value, a blank line behind each reference.

Tags and names of types are those of EndNote's filter "EndNote Import". Values hold no line ends, so that none
can begin a tag of its own.
"""

from typing import Final

from catalog.citations.csl import Csl, named

_TYPES: Final = {
    "book": "Book",
    "periodical": "Serial Publication",
    "article-journal": "Journal Article",
    "chapter": "Book Section",
    "thesis": "Thesis",
    "musical_score": "Music",
    "map": "Map",
    "motion_picture": "Film or Broadcast",
    "song": "Audiovisual Material",
    "graphic": "Artwork",
    "software": "Computer Program",
}
_LINES: Final = (
    ("%C", "publisher-place"),
    ("%I", "publisher"),
    ("%7", "edition"),
    ("%V", "volume"),
    ("%N", "issue"),
    ("%P", "page"),
    ("%@", "ISBN"),
    ("%@", "ISSN"),
    ("%R", "DOI"),
    ("%U", "URL"),
    ("%G", "language"),
    ("%L", "call-number"),
    ("%X", "abstract"),
)


def dumps(item: Csl) -> str:
    """One reference, in lines that end with CR LF."""
    kind = _TYPES.get(item["type"], "Generic")
    roles = {"author": "%A", "composer": "%A", "director": "%A", "editor": "%E", "translator": "%?"}
    if kind == "Book" and "editor" in item and "author" not in item:
        kind, roles["editor"] = "Edited Book", "%A"
    lines = [("%0", kind), ("%F", item["id"]), ("%T", item["title"])]
    for role, tag in roles.items():
        lines += [(tag, _name(name)) for name in item.get(role, ())]
    if "issued" in item:
        lines.append(("%D", str(item["issued"]["date-parts"][0][0])))
    if kind == "Thesis":
        lines.append(("%9", item.get("genre", "")))
    elif kind == "Journal Article":
        lines.append(("%J", item.get("container-title", "")))
    else:  # a thesis' %B is its department
        lines.append(("%B", item.get("container-title") or item.get("collection-title", "")))
    lines += [(tag, item[name]) for tag, name in _LINES if name in item]
    lines += [("%K", each) for each in item.get("keyword", "").split("; ")]
    return "".join(f"{tag} {value}\r\n" for tag, value in lines if value) + "\r\n"


def _name(name: dict[str, str]) -> str:
    """A name that is not family and given ends in a comma: else its last word is taken for a family name."""
    return named(name) + ("," if "literal" in name else "")
