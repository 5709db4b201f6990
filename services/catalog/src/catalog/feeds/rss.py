"""Results as RSS 2.0 with OpenSearch 1.1 response elements, for readers that know no Atom. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

from catalog.feeds.atom import summed_up, title_of
from catalog.marc.xmltext import group, leaf, quoted

RSS: Final = "application/rss+xml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMES: Final = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
)


def channel(
    *,
    title: str,
    description: str,
    page: str,
    links: Mapping[str, str],
    moment: datetime,
    total: int,
    first: int,
    page_size: int,
    query: str,
    items: Iterable[str],
) -> str:
    """A page of results; `page` is where people see them, `links` are this feed's pages by relation."""
    inside = [
        leaf("title", title),
        leaf("link", page),
        leaf("description", description),
        leaf("lastBuildDate", format_datetime(moment)),
        *(
            f'<atom:link rel={quoted(name)} type="{RSS}" href={quoted(href)}/>'
            for name, href in links.items()
        ),
        leaf("opensearch:totalResults", str(total)),
        leaf("opensearch:startIndex", str(first)),
        leaf("opensearch:itemsPerPage", str(page_size)),
        f'<opensearch:Query role="request" searchTerms={quoted(query)}/>' if query else "",
        *items,
    ]
    return f'{_HEAD}<rss version="2.0" {_NAMES}><channel>{"".join(inside)}</channel></rss>\n'


def item(hit: Mapping[str, Any], *, address: str, urn: str, moment: datetime) -> str:
    """One title found; a reader knows it again by its `urn`, wherever the catalogue moves."""
    return group(
        "item",
        leaf("title", title_of(hit)),
        leaf("link", address),
        f'<guid isPermaLink="false">{urn}</guid>',
        leaf("pubDate", format_datetime(moment)),
        leaf("description", summed_up(hit)),
    )
