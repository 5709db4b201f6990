"""The next supplier of a request: the rota is made by the route that is for it, and gone through once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from ill.citations.rules import kind_of_work
from ill.lookups import searching
from ill.requests import queries
from ill.requests.case import Case
from ill.requests.questions import remember
from ill.requests.rules import Candidate, ranked, skip_reason
from ill.routing import queries as routing
from ill.routing.rules import Decided, Wanted, arranged, decided

_ROTA = "SELECT id, partner_id, chosen FROM rota_entry WHERE request_id = $1 AND state = 'waiting' ORDER BY position"
_ENTER = """
INSERT INTO rota_entry (id, request_id, partner_id, position, state, placed_by)
SELECT told.id, $1, told.partner_id, told.place + (
    SELECT coalesce(max(position), 0) FROM rota_entry WHERE request_id = $1), 'waiting', told.placed_by
FROM unnest($2::uuid[], $3::uuid[], $4::text[]) WITH ORDINALITY AS told (id, partner_id, placed_by, place)
ON CONFLICT (request_id, partner_id) DO UPDATE SET placed_by = excluded.placed_by
WHERE rota_entry.state = 'waiting' AND rota_entry.placed_by IS DISTINCT FROM excluded.placed_by
"""
"""$1 request, $2 new ids, $3 partners in order, $4 by what each is there"""
_RENEW = "UPDATE rota_entry SET state = 'waiting' WHERE request_id = $1"
_ASKED = "SELECT coalesce(sum(tries), 0) FROM rota_entry WHERE request_id = $1"
_SKIP = "UPDATE rota_entry SET state = 'skipped', reason = $2, left_at = $3 WHERE id = $1"
_ACTIVATE = """
UPDATE rota_entry SET state = 'active', wire_id = $2, reason = NULL, left_at = NULL, asked_at = NULL,
    suppliers_request_id = NULL, tries = tries + 1, record_id = $3, call_number = $4, named = (
        SELECT o.scheme || ':' || o.symbol FROM partner_symbol o
        WHERE o.partner_id = rota_entry.partner_id AND 'messages' = ANY (o.preferred_for)) WHERE id = $1
"""
"""It is asked by the symbol that is preferred now; who is asked under one is not called by another half-way."""


async def _decided(case: Case) -> Decided:
    """The route that is for it, among those that the library has now."""
    routes = case.doc.routing.routes
    if not routes:
        return Decided(None)
    wanted = Wanted(
        service=case.row["service"],
        kind=kind_of_work(case.row["citation"]),
        level=case.row["service_level"],
        pickup=case.row["pickup"],
        patron_group=await routing.group_of(case.connection, case.row["patron_ref"]),
    )
    return decided([one.route for one in routes], wanted)


async def _make_rota(case: Case, told: Decided) -> dict[UUID, str]:
    """Whom it may be put to, and by what each is among them; what staff entered stands before."""
    doc, held = case.doc.routing, case.row["holding"].get("held", {})
    named = next((one.partners for one in doc.routes if told.route and one.code == told.route.code), ())
    symbols = [*named, *([doc.default_peer] if doc.default_peer else [])]
    meant = await routing.named(case.connection, [(one.scheme, one.symbol) for one in symbols])
    peer = meant[len(named)] if doc.default_peer else None
    found = await queries.candidates(
        case.connection, service=case.row["service"], level=case.row["service_level"]
    )
    order = arranged(
        told,
        named=[one for one in meant[: len(named)] if one is not None],
        default=None if str(peer) in held else peer,
        directory=[(one.partner_id, one.last_resort) for one in ranked(found, currency=case.doc.currency)],
        indexed="index" in case.row["holding"],
    )
    ids = [uuid7() for _ in order]
    await case.connection.execute(_ENTER, case.id, ids, [one for one, _ in order], [by for _, by in order])
    if symbols or doc.routes:
        _explain(
            case,
            told,
            [f"{one.scheme}:{one.symbol}" for one, who in zip(symbols, meant, strict=True) if not who],
        )
    return dict(order)


def _explain(case: Case, told: Decided, unknown: list[str]) -> None:
    """Keep with the request which route counts, and why none of the others does."""
    route = {
        "route": told.route.code if told.route else None,
        "then": told.then,
        "passed": [{"route": code, "misfits": list(misfits)} for code, misfits in told.passed],
        "unknown": unknown,
    }
    remember(case, routing=route)


async def next_supplier(case: Case) -> str:
    """The next of the rota that may be asked; the others are skipped with the reason kept."""
    index, settings = case.row["holding"].get("index"), case.doc.lookups.index
    told = await _decided(case)
    asks = index is None and told.then == "directory"
    if asks and searching.in_index(settings, case.row["citation"]) is not None:
        return "look-in-index"
    held = case.row["holding"].get("held", {})
    narrowed = (
        index == "found"
        or {"nothing": settings.when_nothing, "silent": settings.when_silent}.get(index or "", "ask-all")
        == "end"
    )
    order = await _make_rota(case, told)
    waiting = await case.connection.fetch(_ROTA, case.id)
    known = {
        one.partner_id: one
        for one in await queries.candidates(
            case.connection,
            [row["partner_id"] for row in waiting],
            service=case.row["service"],
            level=case.row["service_level"],
        )
    }
    skipped: list[tuple[UUID, str, datetime]] = []
    found = None
    for row in waiting:
        candidate = known[row["partner_id"]]
        reason = skip_reason(
            candidate,
            case.row["service"],
            now=case.now,
            max_cost=case.row["max_cost"],
            currency=case.row["currency"],
            places=() if row["chosen"] else held.get(str(candidate.partner_id), {}).get("places", ()),
        )
        if reason is None and not row["chosen"]:
            reason = _left_out(candidate, order, told, held if narrowed else None)
        if reason is None:
            found = row
            break
        skipped.append((row["id"], reason, case.now))
    await case.connection.executemany(_SKIP, skipped)
    if found is None:
        return "none-left"
    asked = await case.connection.fetchval(_ASKED, case.id)
    here = held.get(str(found["partner_id"]), {})
    wire_id = f"{case.row['number']}-{asked + 1}"
    await case.connection.execute(
        _ACTIVATE, found["id"], wire_id, here.get("record_id"), here.get("call_number")
    )
    case.row |= {"status": None, "offer": {}}
    return "supplier-found"


def _left_out(
    candidate: Candidate, order: Mapping[UUID, str], told: Decided, held: Mapping[str, Any] | None
) -> str | None:
    """Why a partner that could be asked is none of those that this request goes to; `held`: where an index decides."""
    by = order.get(candidate.partner_id)
    if by is None and told.then != "directory":
        return "not-on-route"
    if held is None or candidate.last_resort or by in ("route", "default-peer"):
        return None
    return None if str(candidate.partner_id) in held else "not-in-index"


async def renew(case: Case) -> None:
    """Everybody may be asked once more; they keep their order."""
    await case.connection.execute(_RENEW, case.id)
    case.row["holding"] = {
        name: value for name, value in case.row["holding"].items() if name not in ("index", "held")
    }
