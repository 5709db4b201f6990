"""Where the library signs in with an organisation. What it proves itself with is sealed: it goes in, never out."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from pydantic import BaseModel, Field, SecretStr

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from erm.organisations.routes import (
    MayRead,
    MayWrite,
    OrganisationUnknown,
    demand_change,
    in_sight,
    read_organisation,
)
from erm.packages.entering import Address
from erm.rows import change, insert, page, pool_of
from erm.sources.sealing import NotSealable, demanded, seal
from erm.units.rules import Act
from erm.units.standing import Seen, held
from erm.wire import Limit, Note, Strict, Word

router = new_router("/v1/organisations/{organisation_id}/interfaces", tag="organisations")

InterfaceKind = Literal[
    "administration", "ordering", "invoices", "usage-reports", "end-user", "title-lists", "other"
]


class InterfaceUnknown(NotFound):
    """The organisation has no such interface."""

    code, title = "organisation-interface-unknown", "The organisation has no such interface."


class _Interface(Strict):
    """What is told of an interface, and may be read."""

    name: Word
    kinds: list[InterfaceKind] = Field(default=["other"], min_length=1, max_length=7)
    """What for."""
    url: Address | None = None
    user_name: Word | None = None
    note: Note | None = None
    active: bool = True


class InterfaceIn(_Interface):
    """Where the library signs in, and as whom."""

    secret: Annotated[SecretStr, Field(min_length=1, max_length=2000)] | None = None
    """A password or key. It is sealed, and nobody reads it again; none: the one that is there stays."""
    forget_secret: bool = False
    """Nothing is kept any more."""


class InterfaceOut(_Interface):
    """An interface; of its secret only since when there is one."""

    id: UUID
    organisation_id: UUID
    secret_set_at: datetime | None
    created_at: datetime
    version: int


_SHOWN = ", ".join(InterfaceOut.model_fields)
_ONE = "SELECT * FROM organisation_interface WHERE id = $1 AND organisation_id = $2"


async def _row(
    connection: Connection | asyncpg.Pool, organisation_id: UUID, row_id: UUID, *, lock: bool = False
) -> Any:
    row = await connection.fetchrow(_ONE + (" FOR UPDATE" if lock else ""), row_id, organisation_id)
    if row is None:
        raise InterfaceUnknown
    return row


def _out(row: Any) -> InterfaceOut:
    return InterfaceOut(**{name: row[name] for name in InterfaceOut.model_fields})


def _values(
    body: InterfaceIn, row_id: UUID, found: Any, sealing_key: SecretStr | None, now: datetime
) -> dict[str, Any]:
    """Columns as they are to be; a secret stays where it was given for. `Invalid`, `NotSealable`."""
    told: dict[str, Any] = body.model_dump(exclude={"secret", "forget_secret"})
    told["kinds"] = sorted(set(told["kinds"]))
    if body.forget_secret:
        if body.secret is not None:
            text = "A secret is either kept or forgotten."
            raise Invalid(
                reasons=[Reason("secret-contradicted", text, "/forget_secret", "Send one of both.")]
            )
        return told | {"sealed": None, "secret_set_at": None}
    if body.secret is not None:
        key = demanded(sealing_key, "/secret")
        return told | {"sealed": seal(key, row_id, body.secret.get_secret_value()), "secret_set_at": now}
    if found is not None and found["sealed"] is not None and found["url"] != body.url:
        text = "The secret was given for another address."
        mend = "Send it again with the new address, or `forget_secret`."
        raise Invalid(reasons=[Reason("secret-needed", text, "/secret", mend)])
    return told


@router.post(
    "",
    status_code=201,
    response_model=InterfaceOut,
    responses=problems(Unauthenticated, Forbidden, OrganisationUnknown, NotSealable, InFlight, Invalid),
)
async def create_interface(
    request: Request, organisation_id: UUID, body: InterfaceIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter where the library signs in with an organisation."""
    sealing_key = request.app.state.resources.settings.sealing_key

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await read_organisation(
            connection, organisation_id, await held(connection, by), Act.UPDATE, lock="FOR SHARE"
        )
        row_id = uuid7()
        values = _values(body, row_id, None, sealing_key, now)
        values |= {"id": row_id, "organisation_id": organisation_id, "created_at": now}
        await insert(connection, "organisation_interface", **values)
        where = {
            "location": f"/v1/organisations/{organisation_id}/interfaces/{row_id}",
            "etag": etags.etag(1),
        }
        return 201, _out(await _row(connection, organisation_id, row_id)), where

    return await whole(pool_of(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[InterfaceOut],
    responses=problems(Unauthenticated, Forbidden, OrganisationUnknown, Invalid),
)
async def list_interfaces(
    request: Request,
    response: Response,
    organisation_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[InterfaceOut]:
    """An organisation's interfaces, newest first."""
    await read_organisation(pool_of(request), organisation_id, seen)
    rows, more = await page(
        request,
        response,
        f"SELECT {_SHOWN} FROM organisation_interface",  # noqa: S608 - our own names
        {"organisation_id =": organisation_id},
        cursor=cursor,
        limit=limit,
    )
    return cursors.Page(items=[_out(row) for row in rows], next_cursor=more)


@router.get(
    "/{interface_id}",
    response_model=InterfaceOut,
    responses=problems(Unauthenticated, Forbidden, InterfaceUnknown),
)
async def get_interface(
    request: Request, response: Response, organisation_id: UUID, interface_id: UUID, _: MayRead, seen: Seen
) -> InterfaceOut:
    """One interface."""
    pool = pool_of(request)
    if not await in_sight(pool, organisation_id, seen):
        raise InterfaceUnknown
    told = _out(await _row(pool, organisation_id, interface_id))
    etags.tag(response, told.version)
    return told


@router.put(
    "/{interface_id}",
    response_model=InterfaceOut,
    responses=problems(
        Unauthenticated, Forbidden, InterfaceUnknown, NotSealable, Stale, Invalid, PreconditionRequired
    ),
)
async def change_interface(
    request: Request,
    response: Response,
    organisation_id: UUID,
    interface_id: UUID,
    body: InterfaceIn,
    by: MayWrite,
    expected: IfMatch,
    now: Now,
) -> InterfaceOut:
    """Replace what is told of an interface. Its secret stays, unless another is sent; with another address it is
    sent again, for it was given for the old one."""
    sealing_key = request.app.state.resources.settings.sealing_key
    async with pool_of(request).acquire() as connection, connection.transaction():
        await demand_change(connection, organisation_id, await held(connection, by), InterfaceUnknown())
        found = await _row(connection, organisation_id, interface_id, lock=True)
        etags.guard(expected=expected, found=found["version"])
        values = _values(body, interface_id, found, sealing_key, now)
        await change(connection, "organisation_interface", interface_id, **values)
        told = _out(await _row(connection, organisation_id, interface_id))
    etags.tag(response, told.version)
    return told


@router.delete(
    "/{interface_id}",
    status_code=204,
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, InterfaceUnknown),
)
async def remove_interface(
    request: Request, organisation_id: UUID, interface_id: UUID, by: MayWrite
) -> Response:
    """The library does not sign in there any more; its secret goes, too."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        await demand_change(connection, organisation_id, standing, InterfaceUnknown(), Act.DELETE)
        await _row(connection, organisation_id, interface_id, lock=True)
        await connection.execute("DELETE FROM organisation_interface WHERE id = $1", interface_id)
    return Response(status_code=204)
