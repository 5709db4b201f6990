"""What a catalogue is asked of a title, in the protocol that its address tells: SRU, or Z39.50."""

from collections.abc import Mapping
from typing import Any

from chassis.association import is_z3950
from ill.configuration.documents import IndexDoc
from ill.lookups import sru, z3950

OF_A_SUPPLIER = 10
"""Records of a supplier's own catalogue that are looked at."""


def in_index(index: IndexDoc, citation: Mapping[str, Any]) -> tuple[str, str] | None:
    """By what a title is searched in the union catalogue, and where; None: there is none, or nothing to search for."""
    if index.url is None:
        return None
    return _search(
        index.url,
        citation,
        queries=index.queries,
        attributes=index.attributes,
        version=index.version,
        schema=index.record_schema,
        most=index.most,
    )


def at_supplier(
    partner: Mapping[str, Any], index: IndexDoc, citation: Mapping[str, Any]
) -> tuple[str, str] | None:
    """The same for a supplier's own catalogue, which is searched as the index is unless it says otherwise."""
    if partner["catalogue_url"] is None:
        return None
    return _search(
        partner["catalogue_url"],
        citation,
        queries=index.queries,
        attributes=index.attributes | partner["catalogue_attributes"],
        version=partner["catalogue_version"],
        schema=partner["catalogue_schema"],
        most=OF_A_SUPPLIER,
    )


def _search(
    base: str,
    citation: Mapping[str, Any],
    *,
    queries: Mapping[str, str],
    attributes: Mapping[str, int],
    version: str,
    schema: str,
    most: int,
) -> tuple[str, str] | None:
    if is_z3950(base):
        sought = z3950.question(citation, attributes)
        return (sought[0], z3950.url(base, terms=sought[1], schema=schema, most=most)) if sought else None
    asked = sru.question(citation, queries)
    if asked is None:
        return None
    return asked[0], sru.url(base, version=version, query=asked[1], schema=schema, most=most)
