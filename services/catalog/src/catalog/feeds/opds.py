"""OPDS 2.0: what can be read online, for reading apps. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from catalog.citations.csl import Csl
from catalog.citations.schema_org import TYPES
from catalog.pages.coins import names
from catalog.pages.languages import tag
from catalog.pages.rules import Link

OPDS: Final = "application/opds+json"
PUBLICATION: Final = "application/opds-publication+json"
READ: Final = "http://opds-spec.org/acquisition"


def navigation(title: str, *, here: str, shelves: Iterable[tuple[str, str]], search: str) -> dict[str, Any]:
    """Where a reader begins: shelves by name and address."""
    return {
        "metadata": {"title": title},
        "links": [_link(here, rel="self"), {**_link(search, rel="search"), "templated": True}],
        "navigation": [{"title": name, **_link(href)} for name, href in shelves],
    }


def shelf(
    title: str,
    *,
    total: int,
    page: int,
    page_size: int,
    links: Iterable[tuple[str, str]],
    books: Sequence[Any],
) -> dict[str, Any]:
    """A page of publications; `links` are relations and addresses."""
    return {
        "metadata": {"title": title, "numberOfItems": total, "itemsPerPage": page_size, "currentPage": page},
        "links": [_link(href, rel=relation) for relation, href in links],
        "publications": list(books),
    }


def publication(
    item: Csl,
    *,
    urn: str,
    here: str,
    address: str,
    changed: datetime,
    ways: Sequence[Link],
    pictures: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """A title with the places where it is read, and its cover in one or more sizes (`picture`).

    The schema wants at least one of each, so that a title that is read nowhere is no publication (None). `here` is this
    document's own address.

    The schema wants a whole day of publication, too; of the year that is known it is the first.
    """
    if not ways:
        return None
    told: dict[str, Any] = {
        "@type": f"http://schema.org/{TYPES.get(item['type'], 'CreativeWork')}",
        "title": item["title"],
        "identifier": f"urn:isbn:{item['ISBN']}" if "ISBN" in item else urn,
        "modified": changed.isoformat(timespec="seconds"),
    }
    if people := names(item):
        told["author"] = people
    if "publisher" in item:
        told["publisher"] = item["publisher"]
    if "issued" in item and 0 < item["issued"]["date-parts"][0][0] < 10_000:
        told["published"] = f"{item['issued']['date-parts'][0][0]:04d}-01-01"
    if "language" in item:
        told["language"] = tag(item["language"])
    if "abstract" in item:
        told["description"] = item["abstract"]
    if "keyword" in item:
        told["subject"] = item["keyword"].split("; ")
    links: list[dict[str, Any]] = [
        {"href": here, "type": PUBLICATION, "rel": "self"},
        {"href": address, "type": "text/html", "rel": "alternate"},
    ]
    for way in ways:
        there = {"href": way.url, "type": "text/html", "rel": READ}
        links.append(there | ({"title": way.text} if way.text else {}))
    return {"metadata": told, "links": links, "images": list(pictures)}


def picture(
    href: str, *, kind: str = "image/jpeg", width: int | None = None, height: int | None = None
) -> dict[str, Any]:
    """A cover, and how many pixels it has."""
    told: dict[str, Any] = {"href": href, "type": kind}
    return told | ({"width": width, "height": height} if width and height else {})


def _link(href: str, *, rel: str | None = None) -> dict[str, Any]:
    return {"href": href, "type": OPDS} | ({"rel": rel} if rel else {})
