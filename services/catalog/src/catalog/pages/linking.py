"""What a page tells programs of a title: schema.org with its copies, and where its linked data is."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from catalog.citations import schema_org
from catalog.citations.csl import Csl
from catalog.titles import media
from chassis.problems import NotAcceptable

MOST_OFFERS: Final = 20


def asks_for_a_graph(accept: str | None) -> bool:
    """Whether linked data is liked better than a page."""
    try:
        return media.chosen(accept, ("text/html", *media.GRAPHS)) != "text/html"
    except NotAcceptable:
        return False


def graphs(address: str) -> list[tuple[str, str]]:
    """Media type and address of each form of linked data."""
    return [(kind, address) for kind in media.GRAPHS]


def offered(address: str, item: Csl, copies: Sequence[Any], listed: Sequence[dict[str, Any]]) -> str:
    """schema.org's view with the copies as offers, safe inside the page."""
    told = schema_org.linked(item) | {"@id": address, "url": address}
    if copies:
        told["offers"] = [
            {
                "@type": "Offer",
                "businessFunction": "http://purl.org/goodrelations/v1#LeaseOut",
                "price": "0",
                "priceCurrency": "XXX",
                "availability": "https://schema.org/" + ("InStock" if shown["good"] else "OutOfStock"),
                "offeredBy": {"@type": "Library", "name": row.library or ""},
                **({"sku": row.call_number} if row.call_number else {}),
                **({"serialNumber": row.barcode} if row.barcode else {}),
            }
            for row, shown in list(zip(copies, listed, strict=True))[:MOST_OFFERS]
        ]
    return orjson.dumps(told).decode().replace("<", "\\u003c")
