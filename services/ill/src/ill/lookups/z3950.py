"""Catalogues that speak Z39.50: a search as an address, what is asked there, and what the records tell."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from chassis.association import associated
from chassis.guard import Guard
from contracts.z3950 import client, opac
from contracts.z3950.client import MARC21, OPAC, Presented
from ill.citations.rules import bare
from ill.lookups import marc
from ill.lookups.sru import FINDS, Answer, Hit

LONGEST: Final = 300
PORT: Final = 210


def question(citation: Mapping[str, Any], attributes: Mapping[str, int]) -> tuple[str, dict[int, str]] | None:
    """By what a title is searched, and the terms by their attributes of Bib-1; None where nothing of it can be."""
    for name in FINDS:
        value = citation.get(name) or (citation.get("eissn") if name == "issn" else None)
        if name in attributes and value:
            terms = {attributes[name]: bare(str(value)) if name in ("isbn", "issn") else _plain(str(value))}
            if name == "title" and "author" in attributes and citation.get("author"):
                terms[attributes["author"]] = _plain(str(citation["author"]))
            return name, terms
    return None


def _plain(told: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f]", " ", told).split())[:LONGEST]


def url(base: str, *, terms: Mapping[int, str], schema: str, most: int) -> str:
    """A search: terms by attribute, the record syntax (opac, or else MARC 21), and how many records are looked at."""
    told = [
        *((str(use), term) for use, term in terms.items()),
        ("syntax", _syntax(schema)),
        ("most", str(most)),
    ]
    return urlunsplit(urlsplit(base)._replace(query=urlencode(told)))


def _syntax(schema: str) -> str:
    return "opac" if schema.lower() == "opac" else "marc21"


async def asked(guard: Guard, search: str, *, limit: int) -> tuple[int, Presented]:
    """How many titles a server has found, and the first of their records; `NoAnswer` says why there is no answer."""
    parts = urlsplit(search)
    told = dict(parse_qsl(parts.query, keep_blank_values=True))
    terms = {name: term for name, term in told.items() if name.isdigit()}
    syntax = OPAC if told["syntax"] == "opac" else MARC21
    async with associated(guard, parts.hostname or "", parts.port or PORT, limit) as server:
        use = {name: int(name) for name in terms}
        sought = client.search(parts.path.strip("/") or "Default", terms, use)
        total = client.counted(await server.ask(sought))
        return total, await server.records(min(total, int(told["most"])), syntax)


def answer(
    total: int, found: Presented, holders: Sequence[str] = (), copies: Mapping[str, Any] | None = None
) -> Answer:
    """What the records tell: their holders, and whether copies are in, by the OPAC record or by a mapping."""
    opacs = [opac.read(told) for told in found.opac]
    hits = [*(_hit(record, (), holders, copies) for record in found.records)]
    hits += [_hit(told.marc, told.holdings, holders, copies) for told in opacs]
    return Answer(total, tuple(hits))


def _hit(
    record: bytes | None,
    holdings: Sequence[opac.Holding],
    holders: Sequence[str],
    mapping: Mapping[str, Any] | None,
) -> Hit:
    try:
        told = marc.read(record) if record is not None else marc.Marc(None, ())
    except ValueError:
        told = marc.Marc(None, ())  # its holdings count all the same
    named, places = marc.holders_of(told.fields, holders)
    copies = tuple((each.location, each.shelving_location, each.available) for each in holdings)
    if not copies and mapping is not None:
        copies = marc.copies_of(told.fields, mapping)
    states = [state for _, _, state in copies if state is not None]
    calls = [each.call_number for each in holdings if each.call_number]
    return Hit(
        told.number,
        named,
        marc.call_number_of(told.fields) or next(iter(calls), None),
        any(states) if states else None,
        places,
        copies,
    )
