"""Patrons say whether they want their loans renewed without asking."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel, ConfigDict

from chassis import etags, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Principal
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from circulation.asking import patron_or, whose
from circulation.patrons.tables import Patron
from contracts.circulation import PatronUpdated

router = new_router(tag="patrons")


class AutomaticRenewals(BaseModel):
    """Whether loans are renewed without asking, where their policies do so."""

    model_config = ConfigDict(extra="forbid")

    wanted: bool


@router.get(
    "/v1/patrons/{patron_id}/automatic-renewals",
    response_model=AutomaticRenewals,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_automatic_renewals(
    tx: ReadTx,
    asker: Annotated[Principal, Depends(patron_or("patrons:read"))],
    patron_id: str,
    response: Response,
) -> AutomaticRenewals:
    """What the patron (`me`: oneself) wants; they do unless they said otherwise."""
    patron = await _found(tx, whose(asker, patron_id, "patrons:read"))
    etags.tag(response, patron.version)
    return AutomaticRenewals(wanted=patron.auto_renew)


@router.put(
    "/v1/patrons/{patron_id}/automatic-renewals",
    response_model=AutomaticRenewals,
    responses=problems(Unauthenticated, Forbidden, NotFound, Stale, PreconditionRequired, Invalid),
)
async def set_automatic_renewals(
    tx: Tx,
    asker: Annotated[Principal, Depends(patron_or("patrons:write"))],
    patron_id: str,
    body: AutomaticRenewals,
    expected: IfMatch,
    response: Response,
    now: Now,
) -> AutomaticRenewals:
    """Say so; it counts from the next time a loan would be renewed."""
    patron = await _found(tx, whose(asker, patron_id, "patrons:write"), lock=True)
    etags.guard(expected=expected, found=patron.version)
    if patron.auto_renew != body.wanted:
        patron.auto_renew = body.wanted
        patron.version += 1
        patron.guard += 1
        event = PatronUpdated(
            version=patron.version,
            occurred_at=now,
            patron_ref=patron.id,
            patron_group=patron.group,
            changed=("auto_renew",),
        )
        await outbox.publish(tx, event)
    etags.tag(response, patron.version)
    return body


async def _found(tx: Tx, patron_id: UUID, *, lock: bool = False) -> Patron:
    patron = await tx.get(Patron, patron_id, with_for_update=lock or None)
    if patron is None:
        raise NotFound("There is no such patron.")
    return patron
