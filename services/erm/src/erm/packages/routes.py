"""Packages on the wire, and the titles in them."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems
from erm.packages import commands, queries
from erm.packages.commands import ItemListed, ItemUnknown, PackageTaken, PackageUnknown
from erm.packages.entering import ItemChange, ItemIn, ItemOut, PackageIn, PackageOut, WithdrawnOut
from erm.rows import page, pool_of
from erm.wire import Limit

router = new_router("/v1", tag="knowledge base")

MayRead = Annotated[Principal, Depends(may("packages:read", "packages:write"))]
MayWrite = Annotated[Principal, Depends(may("packages:write"))]
FIRST = ("", UUID(int=0))
"""Before everything that is listed by name."""


def _out(row: Any) -> PackageOut:
    return PackageOut(**dict(row))


def item_out(row: Any) -> ItemOut:
    """A row of `queries.item` on the wire."""
    told = dict(row)
    return ItemOut.model_validate(told | {"coverage": told.pop("statements")})


def named_and_id(cursor: str | None) -> tuple[str, UUID]:
    """The name and the id in a cursor of both; where the list begins without one."""
    if cursor is None:
        return FIRST
    name, told = cursors.decode(cursor, parts=2)
    try:
        if not isinstance(name, str) or "\0" in name:
            raise ValueError
        return name.encode().decode(), UUID(str(told))
    except ValueError:
        raise cursors.wrong_cursor() from None


@router.post(
    "/packages",
    status_code=201,
    response_model=PackageOut,
    responses=problems(Unauthenticated, Forbidden, PackageTaken, InFlight, Invalid),
)
async def create_package(
    request: Request, body: PackageIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter a package. Its titles come with its list: `POST /v1/packages/{id}/loads`."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.enter(connection, body, now=now)
        where = {"location": f"/v1/packages/{row['id']}", "etag": etags.etag(row["version"])}
        return 201, _out(row), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/packages",
    response_model=cursors.Page[PackageOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_packages(
    request: Request,
    response: Response,
    _: MayRead,
    source: Annotated[
        str | None, Query(max_length=60, description="Only whose list this source keeps")
    ] = None,
    reference: Annotated[str | None, Query(max_length=200, description="Only what a source calls so")] = None,
    platform_id: Annotated[UUID | None, Query(description="Only those whose titles lie there")] = None,
    provider_id: Annotated[UUID | None, Query(description="Only this organisation's")] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[PackageOut]:
    """Packages, newest first."""
    wanted = {
        "source =": source,
        "reference =": reference,
        "platform_id =": platform_id,
        "provider_id =": provider_id,
    }
    rows, more = await page(request, response, "SELECT * FROM package", wanted, cursor=cursor, limit=limit)
    return cursors.Page(items=[_out(row) for row in rows], next_cursor=more)


@router.get(
    "/packages/{package_id}",
    response_model=PackageOut,
    responses=problems(Unauthenticated, Forbidden, PackageUnknown),
)
async def get_package(request: Request, response: Response, package_id: UUID, _: MayRead) -> PackageOut:
    """One package."""
    told = _out(await commands.package(pool_of(request), package_id))
    etags.tag(response, told.version)
    return told


@router.put(
    "/packages/{package_id}",
    response_model=PackageOut,
    responses=problems(
        Unauthenticated, Forbidden, PackageUnknown, PackageTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_package(
    request: Request,
    response: Response,
    package_id: UUID,
    body: PackageIn,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> PackageOut:
    """Replace what is told of a package. What its titles are is its list's to say."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        row = await commands.change_package(connection, package_id, body, expected=expected, now=now)
    etags.tag(response, row["version"])
    return _out(row)


@router.get(
    "/packages/{package_id}/items",
    response_model=cursors.Page[ItemOut],
    responses=problems(Unauthenticated, Forbidden, PackageUnknown, Invalid),
)
async def list_package_items(
    request: Request,
    response: Response,
    package_id: UUID,
    _: MayRead,
    removed: Annotated[
        bool | None, Query(description="Only those that the list leaves out, or only the others")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Limit = 100,
) -> cursors.Page[ItemOut]:
    """The titles of a package by name, those included that it has lost."""
    pool = pool_of(request)
    await commands.package(pool, package_id)
    rows = await queries.items(pool, package_id, after=named_and_id(cursor), removed=removed, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(last["sort_name"], last["id"]) if last else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[item_out(row) for row in rows[:limit]], next_cursor=more)


@router.post(
    "/packages/{package_id}/items",
    status_code=201,
    response_model=ItemOut,
    responses=problems(Unauthenticated, Forbidden, PackageUnknown, ItemListed, InFlight, Invalid),
)
async def add_package_item(
    request: Request, package_id: UUID, body: ItemIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Put a title into a package by hand. No list removes it."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        item_id = await commands.add_item(connection, package_id, body, now=now)
        told = item_out(await queries.item(connection, item_id))
        return 201, told, {"location": f"/v1/package-items/{item_id}", "etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.get(
    "/withdrawn-items",
    response_model=cursors.Page[WithdrawnOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_withdrawn_items(
    request: Request,
    response: Response,
    _: MayRead,
    first: Annotated[date, Query(alias="from", description="The first of the last days of access")],
    last: Annotated[date, Query(alias="until", description="The last of them")],
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
) -> cursors.Page[WithdrawnOut]:
    """Titles whose access ends within these days, whatever ends it, and what of them is still to be had."""
    after = cursors.day_and_id(cursor) if cursor is not None else (date.min, UUID(int=0))
    rows = await pool_of(request).fetch(queries.WITHDRAWN, limit + 1, first, last, *after)
    end = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(end["access_end_on"].isoformat(), str(end["item_id"])) if end else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[WithdrawnOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/package-items/{item_id}",
    response_model=ItemOut,
    responses=problems(Unauthenticated, Forbidden, ItemUnknown),
)
async def get_package_item(request: Request, response: Response, item_id: UUID, _: MayRead) -> ItemOut:
    """A title in a package."""
    row = await queries.item(pool_of(request), item_id)
    if row is None:
        raise ItemUnknown
    etags.tag(response, row["version"])
    return item_out(row)


@router.put(
    "/package-items/{item_id}",
    response_model=ItemOut,
    responses=problems(
        Unauthenticated, Forbidden, ItemUnknown, ItemListed, Stale, Invalid, PreconditionRequired
    ),
)
async def change_package_item(
    request: Request,
    response: Response,
    item_id: UUID,
    body: ItemChange,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> ItemOut:
    """Replace what the library says of a title in a package: days of access and a note, and by hand the rest."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await commands.change_item(connection, item_id, body, expected=expected, now=now)
        row = await queries.item(connection, item_id)
    assert row is not None
    etags.tag(response, row["version"])
    return item_out(row)
