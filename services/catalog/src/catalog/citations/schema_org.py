"""schema.org as JSON-LD: what search engines read. Safe inside a page's `<script>`."""

from typing import Any, Final

import orjson

from catalog.citations.csl import Csl, named

TYPES: Final = {
    "book": "Book",
    "thesis": "Thesis",
    "periodical": "Periodical",
    "article-journal": "ScholarlyArticle",
    "chapter": "Chapter",
    "musical_score": "SheetMusic",
    "map": "Map",
    "motion_picture": "Movie",
    "song": "MusicRecording",
    "graphic": "VisualArtwork",
    "software": "SoftwareApplication",
    "collection": "ArchiveComponent",
}
_ROLES: Final = ("author", "editor", "translator", "illustrator", "composer", "director", "contributor")
_PLAIN: Final = (
    ("inLanguage", "language"),
    ("bookEdition", "edition"),
    ("isbn", "ISBN"),
    ("issn", "ISSN"),
    ("sameAs", "URL"),
    ("description", "abstract"),
    ("pagination", "page"),
)


def linked(item: Csl) -> dict[str, Any]:
    """The item as a thing of schema.org."""
    told: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": TYPES.get(item["type"], "CreativeWork"),
        "identifier": item["id"],
        "name": item["title"],
    }
    for role in _ROLES:
        if names := item.get(role):
            told[role] = [
                {"@type": "Person" if "family" in name else "Thing", "name": named(name)} for name in names
            ]
    if "issued" in item:
        told["datePublished"] = str(item["issued"]["date-parts"][0][0])
    if "publisher" in item:
        told["publisher"] = {"@type": "Organization", "name": item["publisher"]}
    told |= {name: item[key] for name, key in _PLAIN if key in item}
    if "DOI" in item:
        told["sameAs"] = f"https://doi.org/{item['DOI']}"
    if "container-title" in item:
        host = "Periodical" if item["type"] == "article-journal" else "Book"
        told["isPartOf"] = {"@type": host, "name": item["container-title"]}
    elif "collection-title" in item:
        told["isPartOf"] = {"@type": "CreativeWorkSeries", "name": item["collection-title"]}
    if "keyword" in item:
        told["keywords"] = item["keyword"].split("; ")
    return told


def dumps(item: Csl, *, work: str = "") -> bytes:
    """The thing as JSON in which no `<` stands, so that a page may hold it as it is; `work` is the address of the work
    over it and its other editions."""
    told = linked(item) | ({"exampleOfWork": {"@type": "CreativeWork", "@id": work}} if work else {})
    return orjson.dumps(told).replace(b"<", b"\\u003c")
