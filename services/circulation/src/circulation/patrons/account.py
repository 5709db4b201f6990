"""A patron's account in one call and one statement."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from chassis.problems import NotFound
from circulation.blocks.rules import Block
from circulation.fees.overdue import late
from circulation.fees.routes import FeeOut
from circulation.loans.answers import BlockOut, blocks_out
from circulation.loans.rules import (
    Borrower,
    OpenLoan,
    prospect,
    renewal_blocks,
    renewals_left,
)
from circulation.lost.rules import LoanState, loan_state
from circulation.patrons.rules import Measure, Standing
from circulation.patrons.standing import ACTIONS, in_the_way
from circulation.patrons.statements import BLOCK, FEE, HOLD, LOAN, LOOK_ACCOUNT
from circulation.places.documents import Action
from circulation.places.library import Library, Shelf
from circulation.waits.queries import Queues, queues_in


class RenewActionOut(BaseModel):
    """Whether a loan could be renewed now, until when, or why not."""

    allowed: bool
    reasons: list[BlockOut]
    new_due_at: datetime | None
    renewable_from: datetime | None = None
    """The moment from which on it may be renewed, if not yet."""
    remaining: int | None = None
    """How often more, as far as their number goes; null: as often as one likes."""


class ActionsOut(BaseModel):
    """What can be done with a loan."""

    renew: RenewActionOut


class AccountLoanOut(BaseModel):
    """A loan in the account."""

    id: UUID
    item_id: UUID
    item_barcode: str | None
    title_id: UUID
    title: str
    author: str | None
    call_number: str | None
    lent_at: datetime
    due_at: datetime
    due_zone: str
    renewals: int
    overdue: bool
    recalled: bool
    state: LoanState
    accruing_minor: int
    """The fine so far, in minor units; it becomes a fee when the item is returned or renewed."""
    actions: ActionsOut


class AccountHoldOut(BaseModel):
    """A hold in the account."""

    id: UUID
    kind: str
    title_id: UUID
    title: str | None
    item_id: UUID | None
    volume: str | None = None
    """The volume that is wanted, where it is one."""
    state: str
    position: int
    queue_length: int
    ahead: int
    """How many come before and are not suspended."""
    estimated_ready_at: datetime | None
    """When it will probably be ready; null: nobody can tell."""
    ready: bool
    suspended: bool
    suspended_until: datetime | None
    pickup_id: UUID
    pickup: str | None
    placed_at: datetime
    expires_at: datetime | None
    shelf_expires_at: datetime | None
    fulfilment: str
    """`hold-shelf`, or `delivery`: it is sent."""
    delivery_address_type: str | None


class AccountBlockOut(BaseModel):
    """A block, as the patron is told."""

    actions: list[str]
    message: str | None
    expires_at: datetime | None


class AccountLimitOut(BaseModel):
    """A limit of the patron's group that stands in the way of something now."""

    action: Action
    code: Measure
    text: str
    value: int
    limit: int


class AccountOut(BaseModel):
    """Everything a patron needs to see."""

    patron_id: UUID
    name: str
    group: str
    expires_at: datetime | None
    active: bool
    currency: str
    owed: int
    accruing: int
    loans: list[AccountLoanOut]
    holds: list[AccountHoldOut]
    fees: list[FeeOut]
    blocks: list[AccountBlockOut]
    limits: list[AccountLimitOut]
    """What the group's limits stop by themselves, beside the blocks that staff set."""
    as_of: datetime


async def account_of(pool: asyncpg.Pool, shelf: Shelf, patron_id: UUID, *, now: datetime) -> dict[str, Any]:
    """An `AccountOut` as it goes out. Raises `NotFound`, and `NotConfigured` before there is a configuration."""
    patron = await pool.fetchrow(LOOK_ACCOUNT, patron_id, now)
    assert patron is not None, "the reference row is always there"
    library = await shelf.library(patron["reference"])
    if patron["id"] is None:
        raise NotFound("There is no such patron.")
    loans = _rows(LOAN, patron["loans"])
    holds = _rows(HOLD, patron["holds"])
    blocks = _rows(BLOCK, patron["blocks"])
    queues = queues_in(patron, library)
    group = library.groups.get(patron["group_code"])
    stands = _standing(patron, loans, now)
    limits = {action: in_the_way(stands, group, action) for action in ACTIONS}
    borrower = Borrower(
        active=patron["active"],
        expires_at=patron["expires_at"],
        blocked=any("renew" in block["actions"] for block in blocks),
        owed=patron["owed"],
        open_loans=patron["open_loans"] - patron["claims_open"],
        open_loans_under_policy=0,
        max_owed=group.max_owed if group else None,
        max_loans=group.max_loans if group else None,
        beyond=limits["renew"],
        overdue_items=stands.overdue_items,
    )
    told = [_loan(library, borrower, patron["group_code"], loan, now) for loan in loans]
    return {
        "patron_id": patron_id,
        "name": ", ".join(filter(None, [patron["family_name"], patron["given_name"]])),
        "group": patron["group_code"],
        "expires_at": patron["expires_at"],
        "active": patron["active"],
        "currency": library.currency,
        "owed": patron["owed"],
        "accruing": sum(loan["accruing_minor"] for loan in told),
        "loans": told,
        "holds": [_hold(library, hold, queues, patron["group_code"], now) for hold in holds],
        "fees": [FeeOut(**fee).model_dump() for fee in _rows(FEE, patron["fees"])],
        "blocks": blocks,
        "limits": [
            {
                "action": action,
                "code": each.measure,
                "text": each.text,
                "value": each.value,
                "limit": each.limit,
            }
            for action, found in limits.items()
            for each in found
        ],
        "as_of": now,
    }


def _rows(names: tuple[str, ...], found: Iterable[asyncpg.Record]) -> list[dict[str, Any]]:
    return [dict(zip(names, values, strict=True)) for values in found]


def _standing(patron: asyncpg.Record, loans: list[dict[str, Any]], now: datetime) -> Standing:
    """The same counts that the desk looks up, from the loans that the account shows; claimed ones do not count."""
    counted = [loan for loan in loans if loan["claimed_at"] is None]
    out = [loan for loan in counted if loan["in_library"] is None]
    late = [loan for loan in counted if loan["due_at"] < now]
    recalls = [loan["due_at"] for loan in late if loan["recalled_at"] is not None]
    seconds = int((now - min(recalls)).total_seconds()) if recalls else 0
    lost = sum(1 for loan in counted if loan["lost_at"] is not None)
    return Standing(
        len(out), patron["owed"], len(late), len(recalls), seconds, lost, patron["wards_owe"] or 0
    )


def _loan(
    library: Library, borrower: Borrower, group: str, loan: dict[str, Any], now: datetime
) -> dict[str, Any]:
    names = ("location", "library", "campus", "institution", "material_type", "loan_type")
    facts: dict[str, Any] = {name: loan[name] for name in names} | {"patron_group": group}
    policy = library.rules.loan[library.rules.winning(facts).loan]
    calendar = library.calendar_at(loan["service_point_id"], loan["due_zone"])
    seen = OpenLoan(
        loan["due_at"],
        loan["renewals"],
        loan["recalled_at"] is not None,
        loan["waiting_for_it"],
        loan["lent_at"],
        loan["claimed_at"] is not None,
        loan["lost_cause"],
        loan["unseen"],
        seen=False,
    )
    ahead = prospect(seen, policy, calendar, now=now, expires_at=borrower.expires_at)
    reasons = renewal_blocks(borrower, seen, policy, new_due_at=ahead.due_at, now=now, of_time=ahead.blocks)
    if loan["withdrawal_id"] is not None:
        reasons.append(Block.ITEM_WITHDRAWING)
    return {
        "id": loan["id"],
        "item_id": loan["item_id"],
        "item_barcode": loan["barcode"],
        "title_id": loan["title_id"],
        "title": loan["short_title"],
        "author": loan["short_author"],
        "call_number": loan["call_number"],
        "lent_at": loan["lent_at"],
        "due_at": loan["due_at"],
        "due_zone": loan["due_zone"],
        "renewals": loan["renewals"],
        "overdue": loan["due_at"] < now,
        "recalled": loan["recalled_at"] is not None,
        "state": loan_state(
            ended=None,
            returned=False,
            claimed=loan["claimed_at"] is not None,
            cause=loan["lost_cause"],
        ),
        "accruing_minor": _accruing(library, loan, now),
        "actions": {
            "renew": {
                "allowed": not reasons,
                "reasons": [reason.model_dump() for reason in blocks_out(reasons, borrower.beyond)],
                "new_due_at": None if reasons else ahead.due_at,
                "renewable_from": ahead.renewable_from,
                "remaining": renewals_left(seen, policy),
            }
        },
    }


def _accruing(library: Library, loan: dict[str, Any], now: datetime) -> int:
    """The fine so far: the same formula that makes it final. What is lost or claimed returned grows no more."""
    if loan["lost_at"] is not None or loan["claimed_at"] is not None:
        return 0
    found = late(library, loan | {"lent_from": loan["service_point_id"]}, now)
    return found.fine.minor if found else 0


def _hold(
    library: Library, hold: dict[str, Any], queues: Queues, group: str, now: datetime
) -> dict[str, Any]:
    wait = queues.wait_of(hold["id"], hold["title_id"], group, now=now)
    assert wait is not None, "read at one moment"
    pickup = library.desks.get(hold["pickup_id"])
    return {
        "id": hold["id"],
        "kind": hold["kind"],
        "title_id": hold["title_id"],
        "title": hold["title"],
        "item_id": hold["item_id"],
        "volume": hold["volume"],
        "state": hold["state"],
        "position": hold["position"],
        "queue_length": wait.queue_length,
        "ahead": wait.ahead,
        "estimated_ready_at": wait.estimated_ready_at,
        "ready": hold["state"] == "ready",
        "suspended": hold["suspended_at"] is not None,
        "suspended_until": hold["suspended_until"],
        "pickup_id": hold["pickup_id"],
        "pickup": pickup.name if pickup else None,
        "placed_at": hold["placed_at"],
        "expires_at": hold["expires_at"],
        "shelf_expires_at": hold["shelf_expires_at"],
        "fulfilment": hold["fulfilment"],
        "delivery_address_type": hold["delivery_address_type"],
    }
