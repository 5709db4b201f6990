"""What the rules need to know of a request, its patron and the partners."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.database import Connection
from ill.partners.rules import OUTSIDE, best_terms, branches_of, calendar_of, policies_of
from ill.patrons import queries as patrons
from ill.requests.rules import Candidate, Facts, Standing, split

_LOCK = "SELECT * FROM request WHERE id = $1 FOR UPDATE"
_ACTIVE = """
SELECT e.*, p.name, p.scheme, p.symbol, p.address, p.speaks, p.days_to_respond, p.respond_levels, p.closed_from,
    p.closed_until, p.zone, p.closings, p.closed_weekdays
FROM rota_entry e JOIN partner p ON p.id = e.partner_id WHERE e.request_id = $1 AND e.state = 'active'
"""
_PARTNER = "SELECT * FROM partner WHERE id = $1"
_STANDING = """
SELECT EXISTS (SELECT FROM known_patron WHERE patron_ref = $1) AS known,
    EXISTS (SELECT FROM known_block WHERE patron_ref = $1 AND NOT lifted AND (until IS NULL OR until > $4)
        AND actions && ARRAY['borrow', 'hold']) AS blocked,
    (SELECT count(*) FROM request WHERE patron_ref = $1 AND NOT ended AND id <> $2) AS open_requests,
    (SELECT count(*) FROM request WHERE patron_ref = $1 AND likeness = $3 AND id <> $2 AND created_at > $5
        AND state NOT IN ('cancelled', 'closed', 'expired', 'over-limit')) AS alike
"""
_CANDIDATES = """
SELECT p.id AS partner_id, p.name, p.active, p.lends_books, p.lends_copies, p.rank, p.last_resort, p.closed_from,
    p.closed_until, p.zone, p.closings, p.closed_weekdays, p.max_open, p.charges_currency AS currency, p.policies,
    p.branches,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('rank', n.rank, 'currency', n.currency, 'tiers', n.tiers,
            'tier', m ->> 'tier')), '[]')
        FROM jsonb_array_elements(p.networks) m JOIN network n ON n.code = m ->> 'network' AND n.active) AS memberships,
    CASE WHEN $3 = 'copy' THEN p.charges_copy ELSE p.charges_loan END AS charges,
    (SELECT count(*) FROM rota_entry e WHERE e.partner_id = p.id AND e.state = 'active') AS open_now,
    (SELECT count(*) FROM rota_entry e JOIN request r ON r.id = e.request_id
        WHERE e.partner_id = p.id AND e.asked_at IS NOT NULL AND (r.received_at IS NOT NULL OR r.state = 'delivered')
          AND (e.state = 'active' OR e.reason = ANY ($2))) AS lent,
    (SELECT count(*) FROM request r WHERE r.partner_id = p.id AND r.side = 'lending'
        AND r.status IN ('Loaned', 'Overdue', 'Recalled', 'LoanCompleted', 'CopyCompleted')) AS borrowed
FROM partner p WHERE p.id = ANY ($1::uuid[]) OR ($1 IS NULL AND p.active AND (p.lends_books OR p.lends_copies))
"""


SUPPLIED = ("supplier-completes", "supplier-charges", "hand-over", "copy-kept")
"""With these a supplier has done what it was asked for."""


async def locked(connection: Connection, request_id: UUID) -> dict[str, Any] | None:
    """The request, held against everybody else until the transaction ends."""
    row = await connection.fetchrow(_LOCK, request_id)
    return dict(row) if row is not None else None


async def active_entry(connection: Connection, request_id: UUID) -> dict[str, Any] | None:
    """The supplier that is at it, with its partner's address."""
    row = await connection.fetchrow(_ACTIVE, request_id)
    return dict(row) if row is not None else None


async def partner(connection: Connection, partner_id: UUID) -> dict[str, Any]:
    """A partner that is known to exist."""
    row = await connection.fetchrow(_PARTNER, partner_id)
    assert row is not None
    return dict(row)


async def standing(
    connection: Connection, row: Mapping[str, Any], *, in_person: bool, days: int, now: datetime
) -> Standing:
    """Who asks, and what else they have asked for. Two requests of one patron are checked one after the other."""
    await patrons.lock(connection, row["patron_ref"])
    found = await connection.fetchrow(
        _STANDING, row["patron_ref"], row["id"], row["likeness"], now, now - timedelta(days=days)
    )
    assert found is not None
    return Standing(
        known=found["known"] or in_person,
        blocked=found["blocked"],
        open_requests=found["open_requests"],
        alike=found["alike"],
    )


_ELSEWHERE = (
    "closed_from",
    "closed_until",
    "zone",
    "closings",
    "closed_weekdays",
    "policies",
    "branches",
    "memberships",
)


async def candidates(
    connection: Connection,
    partner_ids: Sequence[UUID] | None = None,
    *,
    service: str = "loan",
    level: str | None = None,
) -> list[Candidate]:
    """The partners named, or all that lend anything, on the terms that hold for a service and service level."""
    rows = await connection.fetch(_CANDIDATES, partner_ids, SUPPLIED, service)
    return [_candidate(dict(row), service, level) for row in rows]


def _candidate(row: dict[str, Any], service: str, level: str | None) -> Candidate:
    terms = best_terms(row["memberships"], service=service, level=level)
    if terms is not None and terms.charge is not None:
        row |= {"charges": terms.charge, "currency": terms.currency}
    return Candidate(
        calendar=calendar_of(row),
        policies=policies_of(row),
        branches=branches_of(row),
        network_rank=terms.rank if terms is not None else OUTSIDE,
        **{name: value for name, value in row.items() if name not in _ELSEWHERE},
    )


def facts(row: Mapping[str, Any]) -> Facts:
    """What refusals depend on."""
    return Facts(
        service=row["service"],
        received=row["received_at"] is not None,
        renewal_pending=row["renewal_pending"],
        due_at=row["due_at"],
        max_cost=row["max_cost"],
        currency=row["currency"],
        offer=row["offer"],
        has_document=row["document_id"] is not None,
        item_barcode=row["item_barcode"] if row["side"] == "lending" else None,
        electronic=any(target["licence_id"] for target in row["access"].get("targets", ())),
        volumes=tuple(volume["volume"] for volume in row["volumes"]),
        here=tuple(split(row["volumes"], "received_at")[0]),
        back=tuple(split(row["volumes"], "returned_at")[0]),
    )
