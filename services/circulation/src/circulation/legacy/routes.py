"""Taking up what another system hands over, on the wire: slices in, records by legacy id and sums out."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, KeyMissing, Once, OnceRequired, ReadTx
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from circulation.legacy import commands, queries
from circulation.legacy.commands import MigratedPatronIn, Slice, Taken
from circulation.legacy.fees import MigratedFeeIn, fees
from circulation.legacy.holds import MigratedHoldIn, holds
from circulation.legacy.loans import MigratedLoanIn, loans
from circulation.legacy.rules import Kind, Outcome
from circulation.legacy.wire import (
    FeeSumOut,
    LegacyId,
    MigratedOut,
    MoneyOut,
    Row,
    RowOut,
    SliceIn,
    SliceOut,
    SumOut,
    reasons_out,
)
from circulation.places.library import NotConfigured, Shelf
from circulation.places.routes import TheShelf

router = new_router("/v1/migrations/{source}", tag="migrations")

MayRun = Annotated[Principal, Depends(may("migrations:run"))]
MayReadPatrons = Annotated[Principal, Depends(may("migrations:run", "patrons:read"))]
MayReadLoans = Annotated[Principal, Depends(may("migrations:run", "loans:read"))]
MayReadHolds = Annotated[Principal, Depends(may("migrations:run", "holds:read"))]
MayReadFees = Annotated[Principal, Depends(may("migrations:run", "fees:read"))]
Source = Annotated[
    str,
    Path(
        pattern=r"^[a-z][a-z0-9-]{0,39}$",
        description="The system that was migrated from, as the library calls it",
    ),
]
Ids = Annotated[list[LegacyId] | None, Query(max_length=100, description="Only these; any number up to 100")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400)]
OnlyRefused = Annotated[bool, Query(description="Only rows that were refused, with the reasons")]
R = TypeVar("R", bound=Row)


SLICES = problems(Unauthenticated, Forbidden, Invalid, KeyMissing, InFlight, NotConfigured)
MAY_READ = problems(Unauthenticated, Forbidden, Invalid)


async def _take_up(
    request: Request,
    shelf: Shelf,
    once: Once,
    source: str,
    kind: Kind,
    rows: Sequence[R],
    act: Callable[[Slice[R]], Awaitable[list[Taken]]],
    *,
    by: Principal,
    now: Any,
) -> Response:
    async def take(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        slice_, known = await commands.begin(connection, shelf, source, kind, rows, by=str(by.actor), now=now)
        taken = await act(slice_) if slice_.rows else []
        await commands.keep(slice_, taken)
        of = {each.legacy_id: each for each in [*known, *taken]}
        told = [of[row.legacy_id] for row in rows]
        counts = {outcome.value: sum(each.outcome is outcome for each in told) for outcome in Outcome}
        out = [
            RowOut(
                legacy_id=each.legacy_id,
                outcome=each.outcome,
                id=each.record_id,
                reasons=reasons_out(each.refusals),
            )
            for each in told
        ]
        return 200, SliceOut(**counts, rows=out), {}

    return await whole(request.app.state.resources.pool, once, take)


@router.post("/patrons", response_model=SliceOut, responses=SLICES)
async def migrate_patrons(
    request: Request,
    source: Source,
    body: SliceIn[MigratedPatronIn],
    by: MayRun,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Remember what patrons were known by, whom `/v1/patron-loads` has brought."""
    return await _take_up(
        request, shelf, once, source, Kind.PATRON, body.rows, commands.patrons, by=by, now=now
    )


@router.post("/loans", response_model=SliceOut, responses=SLICES)
async def migrate_loans(
    request: Request,
    source: Source,
    body: SliceIn[MigratedLoanIn],
    by: MayRun,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Take up open loans as they stand, whatever rules of lending would say; the same again changes nothing."""
    return await _take_up(request, shelf, once, source, Kind.LOAN, body.rows, loans, by=by, now=now)


@router.post("/holds", response_model=SliceOut, responses=SLICES)
async def migrate_holds(
    request: Request,
    source: Source,
    body: SliceIn[MigratedHoldIn],
    by: MayRun,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Take up open holds as they stand, in the order of the old queues; the same again changes nothing."""
    return await _take_up(request, shelf, once, source, Kind.HOLD, body.rows, holds, by=by, now=now)


@router.post("/fees", response_model=SliceOut, responses=SLICES)
async def migrate_fees(
    request: Request,
    source: Source,
    body: SliceIn[MigratedFeeIn],
    by: MayRun,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Take up open fees as they stand, with what remains to be paid of them; the same again changes nothing."""
    return await _take_up(request, shelf, once, source, Kind.FEE, body.rows, fees, by=by, now=now)


async def _page(
    request: Request,
    response: Response,
    tx: ReadTx,
    source: str,
    kind: Kind,
    ids: Sequence[str] | None,
    refused: bool,
    cursor: str | None,
    limit: int,
) -> cursors.Page[MigratedOut]:
    more = None
    if ids:
        rows = list(await queries.named(tx, source, kind, ids))
    else:
        after = cursors.words_in(cursor) if cursor else ""
        rows = list(await queries.page(tx, source, kind, refused=refused, after=after, limit=limit + 1))
        if len(rows) > limit:
            rows = rows[:limit]
            more = cursors.encode(rows[-1].legacy_id)
        cursors.link_next(request, response, more)
    items = [
        MigratedOut.model_validate(dict(row._mapping) | {"reasons": reasons_out(row.reasons)}) for row in rows
    ]
    return cursors.Page[MigratedOut](items=items, next_cursor=more)


@router.get("/patrons", response_model=cursors.Page[MigratedOut], responses=MAY_READ)
async def list_migrated_patrons(
    request: Request,
    response: Response,
    source: Source,
    tx: ReadTx,
    _: MayReadPatrons,
    legacy_id: Ids = None,
    refused: OnlyRefused = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> cursors.Page[MigratedOut]:
    """Patrons by the id that they had in another system."""
    return await _page(request, response, tx, source, Kind.PATRON, legacy_id, refused, cursor, limit)


@router.get("/loans", response_model=cursors.Page[MigratedOut], responses=MAY_READ)
async def list_migrated_loans(
    request: Request,
    response: Response,
    source: Source,
    tx: ReadTx,
    _: MayReadLoans,
    legacy_id: Ids = None,
    refused: OnlyRefused = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> cursors.Page[MigratedOut]:
    """Loans by the id that they had in another system."""
    return await _page(request, response, tx, source, Kind.LOAN, legacy_id, refused, cursor, limit)


@router.get("/holds", response_model=cursors.Page[MigratedOut], responses=MAY_READ)
async def list_migrated_holds(
    request: Request,
    response: Response,
    source: Source,
    tx: ReadTx,
    _: MayReadHolds,
    legacy_id: Ids = None,
    refused: OnlyRefused = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> cursors.Page[MigratedOut]:
    """Holds by the id that they had in another system."""
    return await _page(request, response, tx, source, Kind.HOLD, legacy_id, refused, cursor, limit)


@router.get("/fees", response_model=cursors.Page[MigratedOut], responses=MAY_READ)
async def list_migrated_fees(
    request: Request,
    response: Response,
    source: Source,
    tx: ReadTx,
    _: MayReadFees,
    legacy_id: Ids = None,
    refused: OnlyRefused = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> cursors.Page[MigratedOut]:
    """Fees by the id that they had in another system."""
    return await _page(request, response, tx, source, Kind.FEE, legacy_id, refused, cursor, limit)


@router.get("/patrons/sum", response_model=SumOut, responses=MAY_READ)
async def sum_migrated_patrons(source: Source, tx: ReadTx, _: MayRun) -> SumOut:
    """How many patrons came from a system, and their checksum, to be compared with its own."""
    return SumOut(**(await queries.whole(tx, source, Kind.PATRON))._mapping)


@router.get("/loans/sum", response_model=SumOut, responses=MAY_READ)
async def sum_migrated_loans(source: Source, tx: ReadTx, _: MayRun) -> SumOut:
    """The same of loans."""
    return SumOut(**(await queries.whole(tx, source, Kind.LOAN))._mapping)


@router.get("/holds/sum", response_model=SumOut, responses=MAY_READ)
async def sum_migrated_holds(source: Source, tx: ReadTx, _: MayRun) -> SumOut:
    """The same of holds."""
    return SumOut(**(await queries.whole(tx, source, Kind.HOLD))._mapping)


@router.get("/fees/sum", response_model=FeeSumOut, responses=MAY_READ)
async def sum_migrated_fees(source: Source, tx: ReadTx, _: MayRun) -> FeeSumOut:
    """The same of fees, with what they come to."""
    amounts = [MoneyOut(**row._mapping) for row in await queries.money(tx, source)]
    return FeeSumOut(**(await queries.whole(tx, source, Kind.FEE))._mapping, amounts=amounts)
