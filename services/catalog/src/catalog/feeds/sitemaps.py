"""Sitemaps (sitemaps.org 0.9): an index, and files of at most 50 000 addresses each. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from catalog.marc.xmltext import told

MOST_ADDRESSES: Final = 50_000
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMES: Final = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def index(addresses: Iterable[str]) -> str:
    """Where the files are."""
    inside = "".join([f"<sitemap><loc>{told(each)}</loc></sitemap>" for each in addresses])
    return f"{_HEAD}<sitemapindex {_NAMES}>{inside}</sitemapindex>\n"


def file(addresses: Iterable[tuple[str, datetime]]) -> str:
    """Addresses, and when each last changed."""
    inside = "".join(
        [
            f"<url><loc>{told(each)}</loc><lastmod>{moment.isoformat(timespec='seconds')}</lastmod></url>"
            for each, moment in addresses
        ]
    )
    return f"{_HEAD}<urlset {_NAMES}>{inside}</urlset>\n"


def files(last: int) -> int:
    """How many files it takes for titles numbered up to `last`: each holds a span of numbers, so that none moves."""
    return -(-last // MOST_ADDRESSES)


def robots(sitemap: str) -> str:
    """What is asked of crawlers: pages of titles yes; searches and walks, of which there is no end, no."""
    closed = "".join(f"Disallow: {path}\n" for path in ("/search", "/browse", "/v1/", "/unapi"))
    return f"User-agent: *\n{closed}Sitemap: {sitemap}\n"
