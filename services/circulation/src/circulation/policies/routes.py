"""Why it is decided as it is: the rule that wins, those that lose, and what the policies come to."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.blocks.rules import Block
from circulation.calendars.rules import NeverOpen
from circulation.configuration.drafts import version_of
from circulation.limits.rules import too_new
from circulation.loans.answers import BlockOut, ChargeOut, blocks_out
from circulation.loans.desk import charges_out
from circulation.loans.rules import due_at
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import ConsideredOut, TheLibrary, told
from circulation.policies.documents import FinePolicyDoc, HoldPolicyDoc, LoanPolicyDoc, LostPolicyDoc
from circulation.policies.rules import OutsideSchedule
from circulation.rentals.rules import charges_of_loan

router = new_router(tag="policies")


class Action(StrEnum):
    """What somebody wants to do."""

    CHECK_OUT = "check-out"
    HOLD = "hold"


class DecidedOut(BaseModel):
    """What the policies come to for an action, were nothing in the patron's or the item's way."""

    action: Action
    allowed: bool
    blocks: list[BlockOut] = []
    due_at: datetime | None = None
    due_zone: str | None = None
    kinds: list[str] | None = None
    """Kinds of holds that may be placed."""
    charges: list[ChargeOut] = []
    """What the loan would cost."""


class PoliciesOut(BaseModel):
    """The policies of the rule that wins, as they stand in the configuration."""

    loan: LoanPolicyDoc
    fine: FinePolicyDoc
    hold: HoldPolicyDoc
    lost: LostPolicyDoc | None = None


class ExplainedOut(BaseModel):
    """The facts, every rule considered, the winner first, its policies, and what they come to."""

    rules_version: int
    facts: dict[str, str | None]
    rules: list[ConsideredOut]
    policies: PoliciesOut
    decided: DecidedOut | None = None


Fact = Annotated[str | None, Query(max_length=200)]


@router.get(
    "/v1/rules:explain",
    response_model=ExplainedOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid, NotConfigured),
)
async def explain_rules(
    tx: ReadTx,
    library: TheLibrary,
    _: Annotated[Principal, Depends(may("configuration:read", "loans:read"))],
    now: Now,
    item_id: UUID | None = None,
    item_barcode: Fact = None,
    location: Fact = None,
    of_library: Annotated[str | None, Query(alias="library", max_length=200)] = None,
    campus: Fact = None,
    institution: Fact = None,
    material_type: Fact = None,
    loan_type: Fact = None,
    patron_id: UUID | None = None,
    patron_barcode: Fact = None,
    patron_group: Fact = None,
    action: Annotated[Action | None, Query(description="What the policies come to for this")] = None,
    service_point_id: Annotated[UUID | None, Query(description="Whose calendar tells the due time")] = None,
) -> ExplainedOut:
    """Which rule applies to an item (or to any with these facts) for a patron or a group, and why no other does.

    Nothing is lent and nothing is written. Facts that are named go before those of the item.
    """
    named = {
        "location": location,
        "library": of_library,
        "campus": campus,
        "institution": institution,
        "material_type": material_type,
        "loan_type": loan_type,
    }
    item = await _item(tx, item_id, item_barcode)
    new_since = item.pop("new_since", None)
    facts: dict[str, str | None] = {
        "patron_group": await _group(tx, patron_id, patron_barcode, patron_group),
        **item,
    }
    facts |= {name: value for name, value in named.items() if value is not None}
    rule = library.rules.winning(facts)
    decided = None
    if action is not None:
        decided = _decided(library, facts, action, service_point_id, new_since, now=now)
    doc = await version_of(tx, library.version)
    return ExplainedOut(
        rules_version=library.version,
        facts=facts,
        rules=told(library, facts),
        policies=PoliciesOut(
            loan=next(policy for policy in doc.loan_policies if policy.code == rule.loan),
            fine=next(policy for policy in doc.fine_policies if policy.code == rule.fine),
            hold=next(policy for policy in doc.hold_policies if policy.code == rule.hold),
            lost=next((policy for policy in doc.lost_policies if policy.code == rule.lost), None),
        ),
        decided=decided,
    )


_ITEM = text(
    "SELECT location, library, campus, institution, material_type, loan_type, new_since FROM item "
    "WHERE id = :id OR barcode = :barcode"
)


async def _item(tx: AsyncSession, item_id: UUID | None, barcode: str | None) -> dict[str, Any]:
    """The facts of an item; none of them where none is named."""
    if item_id is None and barcode is None:
        return dict.fromkeys(("location", "library", "campus", "institution", "material_type", "loan_type"))
    if item_id is not None and barcode is not None:
        raise Invalid(reasons=[Reason("named-twice", "Name the item once.", "query/item_barcode")])
    item = (await tx.execute(_ITEM, {"id": item_id, "barcode": barcode})).first()
    if item is None:
        raise NotFound("There is no such item.")
    return dict(item._mapping)


async def _group(
    tx: AsyncSession, patron_id: UUID | None, barcode: str | None, named: str | None
) -> str | None:
    """The patron's group, or the one that is named."""
    if len([told for told in (patron_id, barcode, named) if told is not None]) > 1:
        raise Invalid(reasons=[Reason("named-twice", "Name one: a patron or a group.", "query/patron_group")])
    if patron_id is None and barcode is None:
        return named
    group: str | None = await tx.scalar(
        text("SELECT group_code FROM patron WHERE id = :id OR barcode = :barcode"),
        {"id": patron_id, "barcode": barcode},
    )
    if group is None:
        raise NotFound("There is no such patron.")
    return group


def _decided(
    library: Library,
    facts: Mapping[str, str | None],
    action: Action,
    service_point_id: UUID | None,
    new_since: datetime | None,
    *,
    now: datetime,
) -> DecidedOut:
    """What the winning policies come to now, by the calendar of the desk (without one: the item's own)."""
    rule = library.rules.winning(facts)
    if action is Action.HOLD:
        kinds = sorted(library.rules.hold[rule.hold].kinds)
        return DecidedOut(action=action, allowed=bool(kinds), kinds=kinds)
    desk = (
        library.desks.get(service_point_id) if service_point_id else library.homes.get(facts["library"] or "")
    )
    if desk is None:
        raise Invalid(
            reasons=[
                Reason(
                    "service-point-unknown",
                    "There is no such service point.",
                    "query/service_point_id",
                    "Name one of /v1/service-points.",
                )
            ]
        )
    policy = library.rules.loan[rule.loan]
    blocks = [] if policy.loanable else [Block.ITEM_NOT_LOANABLE]
    local = (facts["library"] or "") in desk.serves
    new = too_new(policy.new_items, desk.calendar, new_since=new_since, local=local, now=now)
    if new is not None:
        blocks.append(Block.NEW_ITEM_LOCAL)
    due: datetime | None = None
    try:
        due = due_at(policy, desk.calendar, lent_at=now, expires_at=None)
    except NeverOpen:
        blocks.append(Block.NO_OPEN_DAY)
    except OutsideSchedule:
        blocks.append(Block.OUTSIDE_SCHEDULE)
    return DecidedOut(
        action=action,
        allowed=not blocks,
        blocks=blocks_out(blocks, [new] if new else []),
        due_at=due if policy.loanable else None,
        due_zone=desk.calendar.zone,
        charges=[]
        if due is None
        else charges_out(
            charges_of_loan(policy.rental, policy.deposit, desk.calendar, lent_at=now, due_at=due),
            library.currency,
        ),
    )
