"""Where a machine goes from a title's page: typed links in its head (RFC 8288) and as a link set (RFC 9264). Pure."""

from collections.abc import Sequence
from typing import Any, Final

from catalog.citations.csl import Csl
from catalog.citations.schema_org import TYPES

LINKSET: Final = "application/linkset+json"


def links(address: str, item: Csl, saves: Sequence[tuple[str, str]]) -> list[tuple[str, str, str | None]]:
    """Relation, address and media type of each, by signposting.org's profile: what to cite, what it is, what says more.

    `saves` are media types and the addresses at which the record is to be had in them.
    """
    told: list[tuple[str, str, str | None]] = [
        ("cite-as", address, None),
        ("type", f"https://schema.org/{TYPES.get(item['type'], 'CreativeWork')}", None),
        ("type", "https://schema.org/AboutPage", None),
    ]
    told += [("describedby", href, kind) for kind, href in saves]
    return told


def header(address: str, found: Sequence[tuple[str, str, str | None]]) -> str:
    """The `Link` header of a page."""
    told = [
        f'<{href}>; rel="{relation}"' + (f'; type="{kind}"' if kind else "") for relation, href, kind in found
    ]
    return ", ".join([*told, f'<{address}/linkset>; rel="linkset"; type="{LINKSET}"'])


def linkset(address: str, found: Sequence[tuple[str, str, str | None]]) -> dict[str, Any]:
    """The same as a document, and the way back from each description."""
    context: dict[str, Any] = {"anchor": address}
    for relation, href, kind in found:
        target = {"href": href, "type": kind} if kind else {"href": href}
        context.setdefault(relation, []).append(target)
    back = [
        {"anchor": href, "describes": [{"href": address, "type": "text/html"}]}
        for relation, href, _ in found
        if relation == "describedby"
    ]
    return {"linkset": [context, *back]}
