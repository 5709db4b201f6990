"""ONIX-PL on the wire: a licence goes out, licences come in, and each way tells what is lost."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.markup import NotXml
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    Reason,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from erm.configuration.queries import in_force
from erm.licences import commands, queries
from erm.licences.commands import LicenceUnknown
from erm.licences.routes import MayRead, MayWrite, licence_out
from erm.licences.rules import effective
from erm.licences.wire import LicenceIn, LicenceOut, TermIn
from erm.onixpl.reading import licences
from erm.onixpl.rules import LicenceRead, Loss
from erm.onixpl.writing import ToWrite, losses, written
from erm.rows import pool_of

router = new_router("/v1", tag="licences")
XML = "application/xml"
MEDIA_TYPES = (XML, "text/xml")
On = Annotated[date | None, Query(description="The day; today where left out")]


class OnixPlLossOut(BaseModel):
    """Something that the other side has no words for."""

    code: str
    text: str
    path: str
    """Where it stands: an element of the message, or a field of the licence."""


class OnixPlLicenceOut(BaseModel):
    """A licence of a message."""

    licence: LicenceOut | None
    """None: it was only tried."""
    name: str
    status: str
    terms: list[TermIn]
    losses: list[OnixPlLossOut]


class OnixPlMessageOut(BaseModel):
    """What came of a message."""

    dry_run: bool
    licences: list[OnixPlLicenceOut]


class OnixPlLossesOut(BaseModel):
    """What a licence says on a day and ONIX-PL does not."""

    licence_id: UUID
    on: date
    losses: list[OnixPlLossOut]


def _losses(told: Sequence[Loss]) -> list[OnixPlLossOut]:
    return [OnixPlLossOut(code=one.code, text=one.text, path=one.path) for one in told]


async def _to_write(request: Request, licence_id: UUID, on: date | None, now: Any) -> tuple[ToWrite, date]:
    pool = pool_of(request)
    found = await queries.licence(pool, licence_id)
    if found is None:
        raise LicenceUnknown
    day = on or (await in_force(pool)).today(now)
    licensor = None
    if found.row["licensor_id"] is not None:
        licensor = await pool.fetchval(
            "SELECT name FROM organisation WHERE id = $1", found.row["licensor_id"]
        )
    said = effective(found.texts, day) or {}
    amendments = len(found.amendments)
    return ToWrite(str(licence_id), found.row["version"], found.row, licensor, said, amendments), day


@router.get(
    "/licences/{licence_id}/onix-pl",
    response_class=Response,
    responses={
        200: {"description": "An ONIX-PL 1.0 message.", "content": {XML: {}}},
        **problems(Unauthenticated, Forbidden, LicenceUnknown, Invalid),
    },
)
async def export_onix_pl(request: Request, licence_id: UUID, _: MayRead, now: Now, on: On = None) -> Response:
    """A licence as ONIX-PL, with the terms that count on a day; what is internal is left out."""
    told, day = await _to_write(request, licence_id, on, now)
    name = f"licence-{licence_id}-{day.isoformat()}.xml"
    return Response(
        written(told, now=now, sender="Carrel"),
        media_type=XML,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get(
    "/licences/{licence_id}/onix-pl-losses",
    response_model=OnixPlLossesOut,
    responses=problems(Unauthenticated, Forbidden, LicenceUnknown, Invalid),
)
async def report_onix_pl_losses(
    request: Request, licence_id: UUID, _: MayRead, now: Now, on: On = None
) -> OnixPlLossesOut:
    """What `GET …/onix-pl` of the same day does not tell, or tells otherwise."""
    told, day = await _to_write(request, licence_id, on, now)
    return OnixPlLossesOut(licence_id=licence_id, on=day, losses=_losses(losses(told)))


async def _body(connection: Connection, read: LicenceRead) -> LicenceIn:
    """As a client would write it; a licensor or a term that is not known here is a loss."""
    licensor_id = None
    if read.licensor is not None:
        found = await connection.fetch("SELECT id FROM organisation WHERE name = $1 LIMIT 2", read.licensor)
        if len(found) == 1:
            licensor_id = found[0]["id"]
        else:
            text = f"{read.licensor[:200]!r} is {'no' if not found else 'more than one'} organisation here."
            read.losses.append(Loss("licensor-unknown", text, "LicenseDetail/LicenseRelatedAgent"))
    known = await queries.kept(connection, list(read.terms))
    for term in sorted(read.terms.keys() - known.keys()):
        text = f"The vocabulary has no term {term}."
        read.losses.append(Loss("term-not-in-vocabulary", text, f"/terms/{term}"))
    terms = [
        TermIn.model_validate(
            {
                "term": one.term,
                "value": one.value,
                "use": one.use,
                "public_note": one.public_note,
                "internal_note": one.internal_note,
            }
        )
        for term, one in read.terms.items()
        if term in known
    ]
    return LicenceIn.model_validate(
        {
            "name": read.name,
            "status": read.status,
            "licensor_id": licensor_id,
            "starts_on": read.starts_on,
            "ends_on": read.ends_on,
            "terms": terms,
        }
    )


@router.post(
    "/onix-pl-imports",
    response_model=OnixPlMessageOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string"}} for kind in MEDIA_TYPES},
        }
    },
    responses=problems(Unauthenticated, Forbidden, InFlight, Invalid, TooLarge, Unsupported),
)
async def import_onix_pl(
    request: Request,
    _: MayWrite,
    once: OnceRequired,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would come of it")] = False,
) -> Response:
    """Enter the licences of an ONIX-PL message. Whatever is not understood is told by its path; nothing is guessed.

    What bounds a usage (conditions, purposes, exceptions) is kept beside it as an internal note.
    """
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise Unsupported(f"Send {XML} or text/xml.")
    try:
        read = await asyncio.to_thread(licences, await request.body())
    except NotXml as error:
        text = f"The body is {error}."
        raise Invalid(reasons=[Reason("not-onix-pl", text[:500], "", "Send ONIX-PL 1.0.")]) from error

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = []
        for one in read:
            body = await _body(connection, one)
            made = None if dry_run else licence_out(await commands.enter(connection, body, now=now))
            told.append(
                OnixPlLicenceOut(
                    licence=made,
                    name=body.name,
                    status=body.status,
                    terms=body.terms,
                    losses=_losses(one.losses),
                )
            )
        return 200, OnixPlMessageOut(dry_run=dry_run, licences=told), {}

    return await whole(pool_of(request), once, act)
