"""Results as Atom (RFC 4287) with OpenSearch 1.1 response elements, and the description that tells a browser of them.

Pure: text in, text out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from catalog.marc.xmltext import group, leaf, quoted

ATOM: Final = "application/atom+xml"
DESCRIPTION: Final = "application/opensearchdescription+xml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def feed(
    *,
    title: str,
    links: Mapping[str, tuple[str, str]],
    moment: datetime,
    total: int,
    first: int,
    page_size: int,
    query: str,
    author: str,
    entries: Iterable[str],
) -> str:
    """A page of results; `links` are addresses and media types by relation, `first` counts from 1."""
    inside = [
        leaf("title", title),
        leaf("id", links["self"][0]),
        leaf("updated", _moment(moment)),
        group("author", leaf("name", author)),
        *[link(relation, href, kind) for relation, (href, kind) in links.items()],
        leaf("opensearch:totalResults", str(total)),
        leaf("opensearch:startIndex", str(first)),
        leaf("opensearch:itemsPerPage", str(page_size)),
        f'<opensearch:Query role="request" searchTerms={quoted(query)}/>' if query else "",
        *entries,
    ]
    names = 'xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
    return f"{_HEAD}<feed {names}>{''.join(inside)}</feed>\n"


def entry(hit: Mapping[str, Any], *, address: str, urn: str, moment: datetime) -> str:
    """One title found."""
    return group(
        "entry",
        leaf("title", title_of(hit)),
        leaf("id", urn),
        leaf("updated", _moment(moment)),
        group("author", leaf("name", hit["author"])),
        link("alternate", address, "text/html"),
        leaf("summary", summed_up(hit)),
    )


def title_of(hit: Mapping[str, Any]) -> str:
    """Its title with what follows it."""
    return f"{hit['title']}: {hit['subtitle']}" if hit["subtitle"] else str(hit["title"])


def summed_up(hit: Mapping[str, Any]) -> str:
    """By whom, in which edition, from where, of which year."""
    said = [hit["author"], hit["edition"], hit["publisher"], str(hit["year"]) if hit["year"] else None]
    return ". ".join(filter(None, said))


def link(relation: str, href: str, kind: str) -> str:
    """A typed link."""
    return f"<link rel={quoted(relation)} type={quoted(kind)} href={quoted(href)}/>"


def description(*, name: str, email: str, pages: str, feeds: Mapping[str, str]) -> str:
    """The OpenSearch description; the addresses (of feeds by media type) hold its parameters in braces."""
    inside = [
        leaf("ShortName", name[:16]),
        leaf("LongName", name[:48]),
        leaf("Description", f"Search the catalogue of {name}"[:1024]),
        leaf("Contact", email),
        f'<Url type="text/html" rel="results" template={quoted(pages)}/>',
        *(
            f'<Url type="{kind}" rel="results" template={quoted(template)}/>'
            for kind, template in feeds.items()
        ),
        '<Query role="example" searchTerms="history"/>',
        "<InputEncoding>UTF-8</InputEncoding><OutputEncoding>UTF-8</OutputEncoding>",
    ]
    names = 'xmlns="http://a9.com/-/spec/opensearch/1.1/"'
    return f"{_HEAD}<OpenSearchDescription {names}>{''.join(inside)}</OpenSearchDescription>\n"


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
