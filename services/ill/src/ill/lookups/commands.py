"""A request waits for sources on the net: asked for here, answered by the worker, outside of our transactions."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from chassis.ids import uuid7
from ill.citations.rules import likeness
from ill.lookups import rules, searching, sru
from ill.partners.rules import lends_from, policies_of
from ill.requests import queries
from ill.requests.case import Case
from ill.requests.effects import BORROWING, check_copyright, effect, send_at_once
from ill.requests.questions import remember

_ASK: Final = """
INSERT INTO lookup (id, request_id, kind, by, url, partner_id, reads, state, next_at, asked_at, copies)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $8, $9)
"""
_PARTNERS: Final = """
SELECT p.id, upper(n.symbol) AS symbol, upper(n.scheme) AS scheme, upper(p.holdings_code) AS holdings_code
FROM partner p CROSS JOIN LATERAL (SELECT p.scheme, p.symbol UNION ALL
    SELECT o.scheme, o.symbol FROM partner_symbol o WHERE o.partner_id = p.id) AS n (scheme, symbol)
WHERE p.active AND (p.lends_books OR p.lends_copies)
"""
_NOT_IN: Final = """
UPDATE rota_entry SET state = 'skipped', reason = $2, left_at = $3 WHERE request_id = $1 AND state = 'active'
"""
_CITED: Final = "UPDATE request SET citation = $2, citation_told = $3, likeness = $4 WHERE id = $1"


async def _ask(
    case: Case,
    kind: str,
    by: str,
    url: str,
    *,
    partner: UUID | None = None,
    reads: tuple[str, ...] = (),
    copies: Mapping[str, Any] | None = None,
) -> None:
    """Have the worker ask; only the answer to this question counts from now on."""
    number = uuid7()
    await case.connection.execute(
        _ASK, number, case.id, kind, by, url, partner, list(reads), case.now, copies
    )
    remember(case, lookup=str(number))


# --- what it is, and whether it is free ---


def _next(case: Case) -> tuple[str, str, str] | None:
    """What is to be looked up still: kind, by what, where."""
    done, sources = case.row["holding"].get("looked", []), case.doc.lookups
    if "citation" not in done:
        question = rules.citation_question(case.row["citation"], sources.citation.model_dump())
        if question is not None:
            return ("citation", *question)
    if "open-access" not in done and sources.open_access.mode != "off":
        url = rules.open_access_question(case.row["service"], case.row["citation"], sources.open_access.doi)
        if url is not None:
            return ("open-access", "doi", url)
    return None


@effect(BORROWING, name="look-things-up")
async def look_things_up(case: Case) -> str | None:
    """Before anything else is decided, where there is a source for what was told."""
    return "look-up" if _next(case) is not None else await check_copyright(case)


@effect(BORROWING, name="ask-sources")
async def ask_sources(case: Case) -> None:
    """The next of them."""
    question = _next(case)
    assert question is not None
    await _ask(case, *question)


@effect(BORROWING, name="note-source")
async def note_source(case: Case) -> str | None:
    """Take what it told, and go on to the next source, to the free copy, or on one's way."""
    kind, told = case.told.here["kind"], case.told.here["outcome"]
    remember(case, lookup=None, looked=[*case.row["holding"].get("looked", []), kind])
    if kind == "citation" and told is not None:
        await _complete(case, told)
    if kind == "open-access" and told is not None:
        offer = {"link": told["url"], "version": told["version"], "licence": told["licence"]}
        case.row["offer"] = {name: value for name, value in offer.items() if value}
        return "open-access-found"
    return "look-up" if _next(case) is not None else "looked-up"


async def _complete(case: Case, found: Mapping[str, str]) -> None:
    """What was told at first is kept beside it."""
    better = rules.enriched(case.row["citation"], found)
    if better.contradicts:
        case.row["attention"] = "citation-contradicts"
        return
    if better.added:
        remember(case, added=list(better.added))
        first = case.row["citation_told"] or case.row["citation"]
        case.row |= {"citation": better.citation, "citation_told": first}
        like = likeness(case.row["service"], better.citation)
        await case.connection.execute(_CITED, case.id, better.citation, first, like)


@effect(BORROWING, name="give-up-sources")
async def give_up_sources(case: Case) -> None:
    """They are not waited for, and not asked again."""
    remember(case, lookup=None, looked=["citation", "open-access"])


@effect(BORROWING, name="offer-open-access")
async def offer_open_access(case: Case) -> str | None:
    """To the patron; or it is theirs at once, where the library wants it so."""
    return "take-open-access" if case.doc.lookups.open_access.mode == "fill" else None


# --- who has it ---


@effect(BORROWING, name="ask-index")
async def ask_index(case: Case) -> None:
    """The union catalogue."""
    index = case.doc.lookups.index
    question = searching.in_index(index, case.row["citation"])
    assert question is not None
    by, url = question
    await _ask(case, "index", by, url, reads=tuple(index.holders))


@effect(BORROWING, name="note-holders")
async def note_holders(case: Case) -> None:
    """Which partners it names; the first record of each is the one that it is asked for by."""
    told = case.told.here["outcome"]
    if told is None:
        await note_index_silent(case)
        return
    partners: dict[str, UUID] = {}
    for row in await case.connection.fetch(_PARTNERS):
        names = (row["symbol"], f"{row['scheme']}:{row['symbol']}", row["holdings_code"])
        partners |= {name: row["id"] for name in names if name}
    held: dict[str, dict[str, Any]] = {}
    for hit in told["hits"]:
        for partner in rules.chosen(hit["holders"], partners):
            first = {name: hit[name] for name in ("record_id", "call_number")} | {"places": []}
            held.setdefault(str(partner), first)["places"] += [
                [where, shelf]
                for symbol, where, shelf in hit.get("places", ())
                if partner in rules.chosen([symbol], partners)
            ]
    remember(case, lookup=None, index="found" if held else "nothing", held=held)


@effect(BORROWING, name="note-index-silent")
async def note_index_silent(case: Case) -> None:
    """Whether others are asked all the same is the library's to say."""
    remember(case, lookup=None, index="silent", held={})


# --- is it in ---


@effect(BORROWING, name="check-supplier")
async def check_supplier(case: Case) -> str | None:
    """Look into the supplier's own catalogue, where it lets us; else it is simply asked."""
    send = await send_at_once(case)
    if send is None:
        return None
    entry = await queries.active_entry(case.connection, case.id)
    assert entry is not None
    partner = await queries.partner(case.connection, entry["partner_id"])
    if _search(case, entry, partner) is None:
        return send
    return "look-at-supplier"


def _search(case: Case, entry: Mapping[str, Any], partner: Mapping[str, Any]) -> tuple[str, str] | None:
    """By its own number for it, if the index told one; else by what the citation has."""
    known = {"record_id": entry["record_id"]} if entry["record_id"] else {}
    return searching.at_supplier(partner, case.doc.lookups.index, case.row["citation"] | known)


@effect(BORROWING, name="ask-suppliers-catalogue")
async def ask_suppliers_catalogue(case: Case) -> None:
    """By SRU or Z39.50."""
    entry = await queries.active_entry(case.connection, case.id)
    assert entry is not None
    partner = await queries.partner(case.connection, entry["partner_id"])
    question = _search(case, entry, partner)
    assert question is not None
    by, url = question
    await _ask(case, "availability", by, url, partner=partner["id"], copies=partner["catalogue_copies"])


@effect(BORROWING, name="judge-supplier")
async def judge_supplier(case: Case) -> str:
    """Found and in: asked. Found nowhere, or out: skipped. No answer: as is said of that catalogue."""
    told = case.told.here.get("outcome")
    remember(case, lookup=None)
    entry = await queries.active_entry(case.connection, case.id)
    assert entry is not None
    partner = await queries.partner(case.connection, entry["partner_id"])
    if told is not None:
        policies = policies_of(partner)
        reason = sru.why_not(
            told, lambda where, shelf: lends_from(policies, where, shelf, case.row["service"])
        )
        case.told = case.told_with(reason=reason)
        return "supplier-has-it" if reason is None else "supplier-has-not"
    case.told = case.told_with(reason="catalogue-silent")
    return "supplier-has-it" if partner["catalogue_silent"] == "ask" else "supplier-has-not"


@effect(BORROWING, name="skip-supplier")
async def skip_supplier(case: Case) -> None:
    """It was not asked; why is kept with it."""
    await case.connection.execute(_NOT_IN, case.id, case.told.reason, case.now)
    case.told = case.told_with(reason=None)
