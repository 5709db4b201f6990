"""COinS: a citation as an OpenURL (Z39.88-2004 KEV) in a page's `span`, for reference managers. Pure."""

from typing import Any, Final
from urllib.parse import urlencode

from catalog.citations.csl import Csl

_GENRES: Final = {
    "book": "book",
    "thesis": "dissertation",
    "periodical": "journal",
    "article-journal": "article",
    "chapter": "bookitem",
}
_FORMATS: Final = _GENRES | {"article-journal": "journal", "chapter": "book"}


def span(item: Csl) -> str:
    """What stands in the `title` of the span, not yet escaped for HTML."""
    kind = item["type"]
    form = _FORMATS.get(kind, "dc")
    told: list[tuple[str, str]] = [
        ("ctx_ver", "Z39.88-2004"),
        ("rft_val_fmt", f"info:ofi/fmt:kev:mtx:{form}"),
    ]
    if form == "dc":
        told += [("rft.title", item["title"]), ("rft.type", kind.replace("_", " "))]
        told += [("rft.creator", each) for each in names(item)]
    else:
        told.append(
            ("rft.genre", _GENRES[kind]) if form != "dissertation" else ("rft.degree", item.get("genre", ""))
        )
        whole = {"book": "rft.btitle", "journal": "rft.jtitle"}.get(form, "rft.title")
        if kind in ("article-journal", "chapter"):
            told += [("rft.atitle", item["title"]), (whole, item.get("container-title", ""))]
        else:
            told.append((whole, item["title"]))
        told += [("rft.au", each) for each in names(item)]
    if "issued" in item:
        told.append(("rft.date", str(item["issued"]["date-parts"][0][0])))
    for name, key in (
        ("rft.pub" if form == "book" else "rft.publisher", "publisher"),
        ("rft.place", "publisher-place"),
        ("rft.edition", "edition"),
        ("rft.volume", "volume"),
        ("rft.issue", "issue"),
        ("rft.pages", "page"),
        ("rft.isbn", "ISBN"),
        ("rft.issn", "ISSN"),
        ("rft.language", "language"),
    ):
        told.append((name, item.get(key, "")))
    if "DOI" in item:
        told.append(("rft_id", f"info:doi/{item['DOI']}"))
    return urlencode([(name, value) for name, value in told if value])


def names(item: Csl) -> list[str]:
    """Authors and the like, `Family, Given`."""
    found: list[dict[str, Any]] = [
        who for role in ("author", "composer", "director", "editor") for who in item.get(role, ())
    ]
    return [who.get("literal") or f"{who['family']}, {who['given']}" for who in found]


def of_hit(hit: dict[str, Any]) -> Csl:
    """What a list of hits knows of a title, as a CSL item."""
    told: Csl = {"id": hit["hrid"], "type": _HIT_TYPES.get(hit["format"], "document"), "title": hit["title"]}
    if hit["subtitle"]:
        told["title"] = f"{hit['title']}: {hit['subtitle']}"
    if hit["author"]:
        told["author"] = [{"literal": hit["author"]}]
    if hit["year"]:
        told["issued"] = {"date-parts": [[hit["year"]]]}
    for name, values in (("ISBN", hit["isbns"]), ("ISSN", hit["issns"]), ("language", hit["languages"])):
        if values:
            told[name] = values[0]
    for name in ("publisher", "edition"):
        if hit[name]:
            told[name] = hit[name]
    return told


_HIT_TYPES: Final = {"book": "book", "e-book": "book", "journal": "periodical", "e-journal": "periodical"}
