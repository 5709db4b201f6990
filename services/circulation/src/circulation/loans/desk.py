"""What acts at the busy desk have in common: look, name the service point, set blocks aside, answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.responses import Response

from chassis.database import Connection
from chassis.edge import Once, StoredAnswer, checked
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, Reason, Refused
from circulation.blocks.rules import Block, not_overridable, overridden
from circulation.limits.rules import Reached
from circulation.loans.answers import ChargeOut, Explanation, blocks_out
from circulation.loans.facts import Seen
from circulation.overrides.demanding import demand_scopes
from circulation.overrides.rules import CONFIRMED
from circulation.patrons.rules import Beyond
from circulation.places.library import Desk, Library, Shelf
from circulation.places.routes import told
from circulation.policies.rules import LoanPolicy
from circulation.rentals.rules import Charge
from contracts.circulation import LoanFacts

LOOKS = 3
"""Before the rows are locked first."""


class UnknownServicePoint(Invalid):
    """No service point was named, and the client has none of its own."""

    code, title = "service-point-unknown", "Name a service point that exists."


@dataclass(frozen=True, slots=True)
class Override:
    """Blocks that staff set aside, and why."""

    blocks: frozenset[Block]
    comment: str
    due_at: datetime | None = None
    cancels_hold: bool = False
    """Whether the hold of the patron it was kept for ends; else it waits again."""


def overriding(
    blocks: list[Block],
    override: Override | None,
    principal: Principal,
    confirmed: Collection[Block] = (),
) -> tuple[list[Block], tuple[str, ...]]:
    """What is left of the blocks after an override; one that is not needed does no harm.

    A missing scope refuses the whole override, and is named. What is only asked may be confirmed without one.
    """
    blocks = [block for block in blocks if not (block in confirmed and block in CONFIRMED)]
    if override is None:
        return blocks, ()
    demand_scopes(override.blocks, principal)
    if fixed := not_overridable([block for block in blocks if block in override.blocks]):
        raise Invalid("These blocks cannot be overridden.", reasons=reasons_for(fixed))
    aside = overridden(blocks, override.blocks, due_named=override.due_at is not None)
    return [block for block in blocks if block not in aside], tuple(aside)


def desk_for(library: Library, principal: Principal, asked: UUID | None) -> Desk:
    """The service point a request is made at: named, else the client's own; in one of the staff's libraries."""
    chosen = asked or principal.service_point_id
    desk = library.desks.get(chosen) if chosen else None
    if desk is None:
        raise UnknownServicePoint(reasons=[_NO_SUCH_DESK])
    refuse_elsewhere(library, principal, asked)
    return desk


def refuse_elsewhere(library: Library, principal: Principal, asked: UUID | None) -> None:
    """Raise where staff act at a service point of a library that they do not work for."""
    chosen = asked or principal.service_point_id
    desk = library.desks.get(chosen) if chosen else None
    if desk is not None and principal.libraries is not None and desk.library not in principal.libraries:
        raise Forbidden(f"You do not work for the library {desk.library}.")


_NO_SUCH_DESK = Reason(
    "service-point-unknown",
    "There is no such service point.",
    "/service_point_id",
    "Name one of /v1/service-points.",
)


def desk_missing(seen: Seen, principal: Principal, asked: UUID | None) -> list[Reason]:
    """That the service point is unknown, too, for an answer that tells every reason at once."""
    chosen = asked or principal.service_point_id
    return [] if chosen in seen.library.desks else [_NO_SUCH_DESK]


def replayed(seen: Seen | asyncpg.Record | Mapping[str, Any], asked: Once) -> Response | None:
    """The stored answer of the same request; raises when the key was used for another."""
    if seen["status"] is None:
        return None
    checked(seen["fingerprint"], asked)
    return StoredAnswer(seen["status"], orjson.loads(seen["headers"]), bytes(seen["body"])).response()


def reasons_for(blocks: Sequence[Block], beyond: Sequence[Beyond | Reached] = ()) -> list[Reason]:
    """Blocks as reasons; of limits how much there is, and how much is allowed."""
    told = blocks_out(list(blocks), beyond)
    return [Reason(each.code, each.text, mend=each.mend, value=each.value, limit=each.limit) for each in told]


def policy_of(seen: Seen, refused: type[Refused]) -> LoanPolicy:
    """The loan policy of the rule that applies; a rule whose policy is no more lends and renews nothing.

    No such configuration is ever taken; what was written past us is noticed here, with a code, rather than as a bug.
    """
    rule = seen.rule
    policy = seen.library.rules.loan.get(rule.loan)
    if policy is None:
        text = f"Line {rule.line} of the rules names the loan policy {rule.loan!r}, which is none."
        raise refused(reasons=[Reason("loan-policy-unknown", text, mend="Set the rules right.")])
    return policy


def charges_out(charges: Sequence[Charge], currency: str) -> list[ChargeOut]:
    """What a loan or a renewal costs, on the wire."""
    return [ChargeOut(kind=each.kind, amount_minor=each.amount, currency=currency) for each in charges]


def explained(seen: Seen) -> Explanation:
    """The rule that won, those that lost, and the facts."""
    return Explanation(facts=seen.facts, rules=told(seen.library, seen.facts))


async def look(
    connection: Connection | asyncpg.Pool, shelf: Shelf, statement: str, *arguments: object
) -> Seen:
    """Look, and make sure that what is decided by is of the version that was seen."""
    row = await connection.fetchrow(statement, *arguments)
    assert row is not None
    holding = None if isinstance(connection, asyncpg.Pool) else connection
    return Seen(row, await shelf.library(row["reference"], by=holding))


def answer_of(told_: Any, status: int, headers: dict[str, str]) -> StoredAnswer:
    """An answer as it is sent, and stored beside the effect."""
    body = told_.model_dump_json(exclude_none=False).encode()
    return StoredAnswer(status, {"content-type": "application/json", **headers}, body)


def loan_facts(seen: Seen, **changed: Any) -> LoanFacts:
    """The loan that was seen, as events tell it."""
    row = seen.row
    told_ = {
        "loan_id": row["open_loan_id"],
        "item_id": row["item_id"],
        "title_id": row["title_id"],
        "patron_ref": row["patron_id"],
        "patron_group": row["patron_group"],
        "service_point_id": row["lent_from"],
        "lent_at": row["lent_at"],
        "due_at": row["due_at"],
        "due_zone": row["due_zone"],
        "renewals": row["renewals"],
        "policy": row["policy"],
        "rules_version": row["rules_version"],
        "proxy_ref": row["proxy_id"],
        "in_library": row["in_library"],
    }
    return LoanFacts(**told_ | changed)


def loan_fields(seen: Seen) -> dict[str, Any]:
    """The loan that was seen, as the desk is told."""
    row = seen.row
    return {
        "id": row["open_loan_id"],
        "item_id": row["item_id"],
        "item_barcode": row["item_barcode"],
        "title_id": row["title_id"],
        "title": row["short_title"],
        "patron_id": row["patron_id"],
        "proxy_id": row["proxy_id"],
        "service_point_id": row["lent_from"],
        "lent_at": row["lent_at"],
        "due_at": row["due_at"],
        "due_zone": row["due_zone"],
        "renewals": row["renewals"],
        "policy": row["policy"],
        "rules_version": row["rules_version"],
        "recalled_at": row["recalled_at"],
        "returned_at": row["returned_at"],
        "version": row["loan_version"],
        "lost_at": row["lost_at"],
        "lost_cause": row["lost_cause"],
        "claimed_at": row["claimed_at"],
        "ended": row["ended"],
        "unseen": row["unseen"],
        "in_library": row["in_library"],
        "held_until": row["held_until"],
    }


async def remember(connection: Connection, once: Once, stored: StoredAnswer) -> None:
    """Keep the answer beside its effect."""
    await connection.execute(
        "INSERT INTO idempotency (principal, key, fingerprint, status, headers, body) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        once.principal,
        once.key,
        once.fingerprint,
        stored.status,
        orjson.dumps(stored.headers).decode(),
        stored.body,
    )
