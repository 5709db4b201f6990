"""Which units somebody is in; read for a page, held while something is written."""

from collections.abc import Collection
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import Depends, Request

from chassis.database import Connection
from chassis.principal import Principal, principal_of
from chassis.problems import Forbidden, Invalid, Reason
from erm.rows import Within, pool_of
from erm.units.rules import UNLIMITED, Act, Standing, Unit, entered_against

UNLIMITED_SCOPE: Final = "acquisition-units:unlimited"
MANAGE: Final = "acquisition-units:manage"
_STANDING = """
SELECT u.id, u.name, u.protect_read, u.protect_create, u.protect_update, u.protect_delete, m.member IS NOT NULL AS mine
FROM acquisition_unit u LEFT JOIN acquisition_unit_member m ON m.unit_id = u.id AND m.member = $1
"""
_HOLD = "LOCK TABLE acquisition_unit IN ROW SHARE MODE"
CHANGE: Final = "LOCK TABLE acquisition_unit IN EXCLUSIVE MODE"
"""Before units or members are changed: whoever writes by the old ones ends first, whoever comes waits. Reading goes
on."""


class UnitsForbid(Forbidden):
    """It belongs to acquisition units that whoever asks is not in."""

    code, title = "not-in-acquisition-unit", "This is for members of acquisition units that you are not in."


def unit_of(row: Any) -> Unit:
    """A unit's row as the rules take it."""
    return Unit(row["id"], row["name"], frozenset(act for act in Act if row[f"protect_{act.value}"]))


async def known(connection: Connection | asyncpg.Pool, by: Principal) -> Standing:
    """Where somebody stands at this moment."""
    if by.may(UNLIMITED_SCOPE):
        return UNLIMITED
    rows = await connection.fetch(_STANDING, str(by.actor))
    return Standing({row["id"]: unit_of(row) for row in rows}, frozenset(r["id"] for r in rows if r["mine"]))


async def held(connection: Connection, by: Principal) -> Standing:
    """Where somebody stands until the transaction ends: who is taken out of a unit is so after they have written, or
    they do not write."""
    if not by.may(UNLIMITED_SCOPE):
        await connection.execute(_HOLD)
    return await known(connection, by)


async def of_members(connection: Connection, units: Collection[UUID]) -> Standing:
    """Where a member of these units stands, until the transaction ends: what acts for them, acts as one."""
    await connection.execute(_HOLD)
    rows = await connection.fetch(_STANDING, "")
    return Standing({row["id"]: unit_of(row) for row in rows}, frozenset(units))


async def _reading(request: Request) -> Standing:
    return await known(pool_of(request), principal_of(request))


Seen = Annotated[Standing, Depends(_reading)]
"""What whoever asks may see."""


def clause(column: str, open_to: str, mine: str) -> str:
    """Whether a record lets somebody, by the column of its units; what has none (an outer join) is open."""
    return f"({column} <@ {open_to}::uuid[] OR {column} && {mine}::uuid[]) IS NOT FALSE"


def within(standing: Standing, *columns: str, act: Act = Act.READ) -> Within | None:
    """The condition that leaves of a list what somebody may see; none where nothing is left out."""
    if standing.unlimited:
        return None
    text = " AND ".join(clause(column, "{0}", "{1}") for column in columns)
    return Within(text, (standing.open_to(act), list(standing.mine)))


def forbidden(standing: Standing, units: Collection[UUID], pointer: str | None = None) -> UnitsForbid:
    """The refusal, with each unit by its name."""
    return UnitsForbid(
        reasons=[
            Reason(
                "not-in-acquisition-unit",
                f"It is for members of {standing.name(unit_id)}.",
                pointer,
                "Ask one of them, or ask to be made one.",
            )
            for unit_id in units
        ]
    )


def demand_units(standing: Standing, act: Act, assigned: Collection[UUID]) -> None:
    """Raise `UnitsForbid` unless somebody may. Of what they may not even see there is nothing: ask `lets` first."""
    if against := standing.against(act, assigned):
        raise forbidden(standing, against)


def demand_everything(standing: Standing, act: Act) -> None:
    """Raise `UnitsForbid` unless somebody may do this with records of whatever unit: for what is of all of them."""
    if against := standing.left_out(act):
        raise forbidden(standing, against)


async def demand_entry(connection: Connection, standing: Standing, units: Collection[UUID]) -> list[UUID]:
    """The units that a new record is entered into, each once; `Invalid` for unknown ones, `UnitsForbid`."""
    await demand_known(connection, units)
    if against := entered_against(standing, units):
        raise forbidden(standing, against, POINTER)
    return list(dict.fromkeys(units))


POINTER: Final = "/acquisition_unit_ids"


async def demand_known(connection: Connection, units: Collection[UUID]) -> None:
    """`Invalid` with every unit that there is not; those that there are stay until the transaction ends."""
    if not units:
        return
    await connection.execute(_HOLD)
    rows = await connection.fetch("SELECT id FROM acquisition_unit WHERE id = ANY ($1::uuid[])", list(units))
    there = {row["id"] for row in rows}
    if missing := [
        Reason(
            "acquisition-unit-unknown",
            f"There is no acquisition unit {unit_id}.",
            f"{POINTER}/{at}",
            "Name one that there is (GET /v1/acquisition-units).",
        )
        for at, unit_id in enumerate(units)
        if unit_id not in there
    ]:
        raise Invalid(reasons=missing)
