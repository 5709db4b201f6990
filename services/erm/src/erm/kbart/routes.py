"""Title lists on the wire: into a package, what became of their rows, and out of it again."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KEY_LIMIT, Edge, Once, Tx, fingerprint, streamed
from chassis.ids import uuid7
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Reason,
    Refused,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from erm.configuration.queries import in_force
from erm.kbart.answers import ListLoadOut, ListRowOut, RemovalOut, out
from erm.kbart.exporting import exported
from erm.kbart.receiving import Received, forget, receive
from erm.kbart.rules import OPEN, Outcome, State, named
from erm.kbart.statements import MISSING, UNDER_WAY
from erm.packages.commands import PackageUnknown
from erm.packages.commands import package as read_package
from erm.rows import page, pool_of

router = new_router("/v1", tag="knowledge base")

MayRead = Annotated[Principal, Depends(may("packages:read", "packages:write"))]
MayWrite = Annotated[Principal, Depends(may("packages:write"))]
TSV = "text/tab-separated-values"
MEDIA_TYPES = (TSV, "text/plain")


class LoadUnknown(NotFound):
    """There is no such load."""

    code, title = "package-load-unknown", "There is no such load of a title list."


class LoadRefused(Refused):
    """Another load of the package is under way, the package follows no list, or the load has gone on."""

    code, title = "package-load-refused", "This cannot be done with the list."


async def _load(pool: asyncpg.Pool, load_id: UUID) -> asyncpg.Record:
    """Its row; `LoadUnknown`."""
    row = await pool.fetchrow("SELECT * FROM kbart_load WHERE id = $1 AND state <> 'receiving'", load_id)
    if row is None:
        raise LoadUnknown
    return row


_QUEUE = text("""
UPDATE kbart_load SET state = 'queued', encoding = :encoding, columns = :columns, findings = CAST(:findings AS jsonb),
    lines = :lines, size = :size, digest = :digest WHERE id = :id RETURNING *
""")


def under_way(other: object = None) -> LoadRefused:
    """The refusal of a list while another one is taken."""
    told = f"Load {other} of this package" if other else "Another load of this package"
    return LoadRefused(
        reasons=[
            Reason("load-under-way", f"{told} has not ended.", mend="Wait for it, confirm it or cancel it.")
        ]
    )


@router.post(
    "/packages/{package_id}/loads",
    status_code=202,
    response_model=ListLoadOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
        }
    },
    responses=problems(
        Unauthenticated, Forbidden, PackageUnknown, LoadRefused, Invalid, TooLarge, Unsupported
    ),
)
@streamed
async def load_list(
    request: Request,
    response: Response,
    package_id: UUID,
    by: MayWrite,
    now: Now,
    dry_run: Annotated[
        bool, Query(description="Tell what would become of each row and title; nothing is changed")
    ] = False,
    file_name: Annotated[
        str | None, Query(max_length=300, pattern=r"^[^\x00-\x1f]+$", description="What the file is called")
    ] = None,
    idempotency_key: Annotated[str | None, Header(max_length=KEY_LIMIT)] = None,
) -> ListLoadOut:
    """Send a package's title list, KBART Phase II (NISO RP-9-2014); it is taken up in the background.

    The list is the package: titles that are new in it are added, those that it leaves out have access until the day
    before. The same list again changes nothing. One that leaves out too much waits to be confirmed. A file whose
    columns are not those of KBART is refused at once.
    """
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise Unsupported(f"Send {TSV} or text/plain.")
    if (coding := request.headers.get("content-encoding", "identity")) != "identity":
        raise Unsupported(f"Content-Encoding {coding[:40]!r} is not taken here; send the file as it is.")
    edge: Edge = request.state.edge
    pool, load_id = edge.resources.pool, uuid7()
    package = await read_package(pool, package_id)
    if not package["sync"] and not dry_run:
        reason = Reason("not-followed", "The package follows no list.", mend="Set `sync` of the package.")
        raise LoadRefused(reasons=[reason])
    if (
        not dry_run
        and not (idempotency_key or "").strip()
        and (other := await pool.fetchval(UNDER_WAY, package_id))
    ):
        raise under_way(other)  # before all of it is sent; with a key it may be the answer to be given again
    try:
        received = await receive(
            pool,
            request.stream(),
            load_id=load_id,
            package_id=package_id,
            dry_run=dry_run,
            file_name=file_name,
            by=str(by.actor),
            now=now,
        )
        row = await _queue(request, edge, received, load_id, by, idempotency_key)
    except BaseException:
        await forget(pool, load_id)
        raise
    response.headers["Location"] = f"/v1/package-loads/{load_id}"
    return out(row)


async def _queue(
    request: Request, edge: Edge, received: Received, load_id: UUID, by: Principal, key: str | None
) -> Any:
    asked = None
    if key and key.strip():
        asked = Once(str(by.actor), key, fingerprint(request, received.digest))
    session = await edge.open(asked)
    told = {
        "id": load_id,
        "encoding": received.encoding,
        "columns": received.columns,
        "findings": orjson.dumps([flaw.as_json() for flaw in received.findings]).decode(),
        "lines": received.lines,
        "size": received.size,
        "digest": received.digest.hex(),
    }
    try:
        return (await session.execute(_QUEUE, told)).one()._mapping
    except IntegrityError as error:
        raise under_way() from error


@router.get(
    "/packages/{package_id}/loads",
    response_model=cursors.Page[ListLoadOut],
    responses=problems(Unauthenticated, Forbidden, PackageUnknown, Invalid),
)
async def list_loads(
    request: Request,
    response: Response,
    package_id: UUID,
    _: MayRead,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> cursors.Page[ListLoadOut]:
    """A package's title lists, newest first."""
    await read_package(pool_of(request), package_id)
    rows, more = await page(
        request,
        response,
        "SELECT * FROM kbart_load",
        {"encoding IS NOT NULL AND package_id =": package_id},
        cursor=cursor,
        limit=limit,
    )
    return cursors.Page(items=[out(row) for row in rows], next_cursor=more)


@router.get(
    "/package-loads/{load_id}",
    response_model=ListLoadOut,
    responses=problems(Unauthenticated, Forbidden, LoadUnknown),
)
async def read_load(request: Request, response: Response, load_id: UUID, _: MayRead) -> ListLoadOut:
    """How far a list has come, and what came of it."""
    told = out(await _load(pool_of(request), load_id))
    etags.tag(response, told.version)
    return told


_ROW = "SELECT line, outcome, name, item_id, coalesce(reasons, '[]') AS reasons FROM kbart_row"
_ROWS = f"{_ROW} WHERE load_id = $1 AND line > $2 AND outcome IS NOT NULL ORDER BY line LIMIT $3"
_OF_OUTCOME = f"{_ROW} WHERE load_id = $1 AND line > $2 AND outcome = $4 ORDER BY line LIMIT $3"


@router.get(
    "/package-loads/{load_id}/rows",
    response_model=cursors.Page[ListRowOut],
    responses=problems(Unauthenticated, Forbidden, LoadUnknown, Invalid),
)
async def list_rows(
    request: Request,
    response: Response,
    load_id: UUID,
    _: MayRead,
    outcome: Outcome | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> cursors.Page[ListRowOut]:
    """What became of each row that is done, in the file's order; kept for 90 days."""
    pool = pool_of(request)
    await _load(pool, load_id)
    asked = (load_id, _line(cursor), limit + 1)
    rows = await (pool.fetch(_OF_OUTCOME, *asked, outcome) if outcome else pool.fetch(_ROWS, *asked))
    more = cursors.encode(rows[limit - 1]["line"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[ListRowOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


def _line(cursor: str | None) -> int:
    if cursor is None:
        return 0
    (told,) = cursors.decode(cursor, parts=1)
    if not isinstance(told, int) or not 0 <= told < 2**31:
        raise cursors.wrong_cursor()
    return told


_WOULD_GO = f"""
SELECT i.id AS item_id, i.key, t.name {
    MISSING.replace(
        "WHERE",
        '''
JOIN platform_title pt ON pt.id = i.platform_title_id JOIN title_instance t ON t.id = pt.title_id WHERE''',
        1,
    )
}
    AND i.id > $3 ORDER BY i.id LIMIT $4
"""
_WENT = """
SELECT i.id AS item_id, i.key, t.name FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id
JOIN title_instance t ON t.id = pt.title_id
WHERE i.removed_load_id = $1 AND i.package_id = $2 AND i.id > $3 ORDER BY i.id LIMIT $4
"""


@router.get(
    "/package-loads/{load_id}/removals",
    response_model=cursors.Page[RemovalOut],
    responses=problems(Unauthenticated, Forbidden, LoadUnknown, Invalid),
)
async def list_removals(
    request: Request,
    response: Response,
    load_id: UUID,
    _: MayRead,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[RemovalOut]:
    """The titles that a list leaves out: those that went, and of one that waits or was only tried, that would go."""
    pool = pool_of(request)
    load = await _load(pool, load_id)
    after = cursors.uuid_in(cursor) if cursor else UUID(int=0)
    would = load["dry_run"] or load["state"] == State.WAITING
    rows = await pool.fetch(_WOULD_GO if would else _WENT, load_id, load["package_id"], after, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["item_id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[RemovalOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


_TROUBLE = """
SELECT line, outcome, name, reasons FROM kbart_row
WHERE load_id = $1 AND line > $2 AND reasons IS NOT NULL ORDER BY line LIMIT 1000
"""


@router.get(
    "/package-loads/{load_id}/report",
    response_class=Response,
    responses={
        200: {"description": "Lines with a tab between cells.", "content": {TSV: {}}},
        **problems(Unauthenticated, Forbidden, LoadUnknown),
    },
)
async def read_report(request: Request, load_id: UUID, _: MayRead) -> Response:
    """Everything that is wrong with a list, to be sent to whoever keeps it: a line for each error and warning."""
    pool = pool_of(request)
    await _load(pool, load_id)

    async def told() -> AsyncIterator[bytes]:
        yield b"line\tweight\tcolumn\tcode\ttext\tpublication_title\n"
        after = 0
        while rows := await pool.fetch(_TROUBLE, load_id, after):
            after = rows[-1]["line"]
            lines = (
                (
                    row["line"],
                    each["weight"],
                    each.get("column", ""),
                    each["code"],
                    each["text"],
                    row["name"] or "",
                )
                for row in rows
                for each in row["reasons"]
            )
            yield "".join("\t".join(map(str, line)) + "\n" for line in lines).encode()

    return StreamingResponse(told(), media_type=TSV)


async def _moved(request: Request, tx: Tx, load_id: UUID, change: str, states: tuple[State, ...]) -> Any:
    found = (
        await tx.execute(
            text(
                f"UPDATE kbart_load SET {change}, version = version + 1 "  # noqa: S608 - our own words
                "WHERE id = :id AND state = ANY (:states) RETURNING *"
            ),
            {"id": load_id, "states": [state.value for state in states]},
        )
    ).first()
    if found is None:
        state = (await _load(pool_of(request), load_id))["state"]
        raise LoadRefused(reasons=[Reason("load-moved-on", f"It is {state}.", mend="Read it again.")])
    return found._mapping


@router.post(
    "/package-loads/{load_id}/confirmations",
    status_code=202,
    response_model=ListLoadOut,
    responses=problems(Unauthenticated, Forbidden, LoadUnknown, LoadRefused),
)
async def confirm_load(request: Request, load_id: UUID, tx: Tx, _: MayWrite) -> ListLoadOut:
    """Take a list that waits as it is: what it leaves out is removed (`GET …/removals` tells what)."""
    return out(
        await _moved(
            request, tx, load_id, "state = 'applying', applied_to = '', confirmed = true", (State.WAITING,)
        )
    )


@router.post(
    "/package-loads/{load_id}/cancellations",
    status_code=202,
    response_model=ListLoadOut,
    responses=problems(Unauthenticated, Forbidden, LoadUnknown, LoadRefused),
)
async def cancel_load(request: Request, load_id: UUID, tx: Tx, _: MayWrite) -> ListLoadOut:
    """Stop at the end of the slice under way; what is committed stays. One that waits changes nothing at all."""
    change = "cancelling = true, state = CASE state WHEN 'waiting' THEN 'applying' ELSE state END"
    return out(await _moved(request, tx, load_id, change, OPEN))


@router.get(
    "/packages/{package_id}/kbart",
    response_class=Response,
    responses={
        200: {"description": "KBART Phase II, all 25 columns.", "content": {TSV: {}}},
        **problems(Unauthenticated, Forbidden, PackageUnknown, Invalid),
    },
)
async def export_list(
    request: Request,
    package_id: UUID,
    _: MayRead,
    now: Now,
    on: Annotated[
        date | None, Query(description="The day whose titles are told; today unless another")
    ] = None,
) -> Response:
    """A package as KBART Phase II with all 25 columns: the titles that it has on a day, by name."""
    pool = pool_of(request)
    package = await read_package(pool, package_id)
    day = on or (await in_force(pool)).today(now)
    name = named(package["source"], package["region"], package["reference"], day.isoformat())
    return StreamingResponse(
        exported(pool, package_id, on=day),
        media_type=f"{TSV}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )
