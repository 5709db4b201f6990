"""What is set up once and known by its code (a ledger, a fund …): read, listed, set up and replaced in one way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.database import Connection
from chassis.edge import Once
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from erm.rows import change, insert, page, pool_of
from erm.units.rules import UNLIMITED, Act, Standing
from erm.units.standing import demand_units, held, within


class CodeTaken(Refused):
    """Another one has this code."""

    code, title = "code-taken", "Another one has this code."


class Versioned(BaseModel):
    """What is told of one, with the version that its ETag stands for."""

    version: int


Out = TypeVar("Out", bound=Versioned)


def taken(code: str) -> CodeTaken:
    """The problem of a code that somebody else has."""
    return CodeTaken(
        reasons=[Reason("code-taken", f"Another one is {code}.", "/code", "Choose another code.")]
    )


@dataclass(frozen=True, slots=True)
class Named(Generic[Out]):
    """A kind of thing with a table of its own."""

    table: str
    path: str
    out: type[Out]
    unknown: type[NotFound]
    of_units: bool = False
    """Whether each belongs to acquisition units."""

    async def read(
        self,
        connection: Connection | asyncpg.Pool,
        row_id: UUID,
        *,
        lock: bool = False,
        standing: Standing = UNLIMITED,
        act: Act = Act.READ,
    ) -> Out:
        """One; raises `unknown` for what somebody may not see, too, and `UnitsForbid`."""
        row = await connection.fetchrow(
            f"SELECT * FROM {self.table} WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
            row_id,
        )
        if row is None:
            raise self.unknown
        if self.of_units:
            if not standing.lets(Act.READ, row["acquisition_unit_ids"]):
                raise self.unknown
            demand_units(standing, act, row["acquisition_unit_ids"])
        return self.out(**dict(row))

    async def shown(
        self, request: Request, response: Response, row_id: UUID, seen: Standing = UNLIMITED
    ) -> Out:
        """One as an answer, with its ETag."""
        told = await self.read(pool_of(request), row_id, standing=seen)
        etags.tag(response, told.version)
        return told

    async def listed(
        self,
        request: Request,
        response: Response,
        wanted: Mapping[str, Any],
        *,
        cursor: str | None,
        limit: int,
        seen: Standing = UNLIMITED,
    ) -> cursors.Page[Out]:
        """A page of what somebody may see, newest first; `wanted` as `rows.page` has it."""
        rows, more = await page(
            request,
            response,
            f"SELECT * FROM {self.table}",  # noqa: S608 - our own words
            wanted,
            cursor=cursor,
            limit=limit,
            within=within(seen, "acquisition_unit_ids") if self.of_units else None,
        )
        return cursors.Page(items=[self.out(**dict(row)) for row in rows], next_cursor=more)

    async def set_up(self, request: Request, once: Once, now: datetime, code: str, **values: Any) -> Response:
        """Write one in a transaction of its own, once; raises `CodeTaken`."""

        async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
            return await self.made(connection, now, code, **values)

        return await whole(pool_of(request), once, act)

    async def made(
        self, connection: Connection, now: datetime, code: str, *, row_id: UUID | None = None, **values: Any
    ) -> tuple[int, BaseModel, dict[str, str]]:
        """The same in the caller's transaction: status, answer and headers."""
        row_id = row_id or uuid7()
        try:
            await insert(connection, self.table, id=row_id, created_at=now, code=code, **values)
        except asyncpg.UniqueViolationError as error:
            raise taken(code) from error
        where = {"location": f"{self.path}/{row_id}", "etag": etags.etag(1)}
        return 201, await self.read(connection, row_id), where

    async def replaced(
        self,
        request: Request,
        response: Response,
        row_id: UUID,
        expected: int,
        *,
        by: Principal | None = None,
        **values: Any,
    ) -> Out:
        """Put values in the place of those of the expected version; raises `unknown`, `UnitsForbid` (of somebody, where
        they belong to units), `Stale`, `CodeTaken`."""
        async with pool_of(request).acquire() as connection, connection.transaction():
            standing = UNLIMITED if by is None else await held(connection, by)
            found = await self.read(connection, row_id, lock=True, standing=standing, act=Act.UPDATE)
            etags.guard(expected=expected, found=found.version)
            try:
                await change(connection, self.table, row_id, **values)
            except asyncpg.UniqueViolationError as error:
                raise taken(values["code"]) from error
            told = await self.read(connection, row_id)
        etags.tag(response, told.version)
        return told
