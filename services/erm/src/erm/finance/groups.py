"""Which funds are in which group in a year, and what the budgets of a group come to."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.problems import NotFound, Reason, Refused
from erm.finance.rules import SUMS, Together, Totals, together
from erm.rows import Within
from erm.units.rules import Standing
from erm.units.standing import within


class MemberUnknown(NotFound):
    """The fund is not in the group in this year."""

    code, title = "fund-not-in-group", "The fund is not in the group in this year."


class GroupRefused(Refused):
    """The fund is not put into the group, or taken out of it."""

    code, title = "fund-group-refused", "The fund is not put into the group, or taken out of it, so."


_HOLD = (
    "SELECT FROM fund_group WHERE id = $1 FOR SHARE",
    "SELECT FROM fiscal_year WHERE id = $1 FOR SHARE",
    "SELECT FROM fund WHERE id = $1 FOR SHARE",
)
_KIND = """
SELECT f.code, l.series, l.currency FROM fund f JOIN ledger l ON l.id = f.ledger_id WHERE f.id = $1
"""
_ADD = """
INSERT INTO fund_group_member (group_id, fiscal_year_id, fund_id, added_at, added_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (group_id, fiscal_year_id, fund_id) DO NOTHING
"""
_MEMBER = "SELECT * FROM fund_group_member WHERE group_id = $1 AND fiscal_year_id = $2 AND fund_id = $3"
_TAKE_OUT = """
DELETE FROM fund_group_member WHERE group_id = $1 AND fiscal_year_id = $2 AND fund_id = $3 RETURNING fund_id
"""
_CARRY = """
INSERT INTO fund_group_member (group_id, fiscal_year_id, fund_id, added_at, added_by)
SELECT m.group_id, $3, m.fund_id, $5, $4 FROM fund_group_member m
JOIN fund_group g ON g.id = m.group_id AND g.active JOIN fund f ON f.id = m.fund_id AND f.ledger_id = $1
JOIN budget b ON b.fund_id = m.fund_id AND b.fiscal_year_id = $3
WHERE m.fiscal_year_id = $2
    AND NOT EXISTS (SELECT FROM fund_group_member n WHERE n.fund_id = m.fund_id AND n.fiscal_year_id = $3)
ON CONFLICT (group_id, fiscal_year_id, fund_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A group in a year, as a fund is put into it."""

    group_id: UUID
    group_code: str
    group_active: bool
    year_id: UUID
    year_code: str
    year_state: str
    series: str
    currency: str


async def hold(connection: Connection, group_id: UUID, year_id: UUID, fund_id: UUID) -> None:
    """Group, year and fund stay as they are until the transaction ends; read them after this."""
    for statement, row_id in zip(_HOLD, (group_id, year_id, fund_id), strict=True):
        await connection.execute(statement, row_id)


async def add(connection: Connection, place: Place, fund_id: UUID, *, actor: str, now: datetime) -> Any:
    """Put a fund that there is into a group in a year; again, it changes nothing. Raises `GroupRefused`."""
    fund = await connection.fetchrow(_KIND, fund_id)
    assert fund is not None
    reasons = _closed(place)
    if not place.group_active:
        text = f"The group {place.group_code} is not in use any more."
        reasons.append(Reason("fund-group-inactive", text, mend="Choose another group."))
    if (fund["series"], fund["currency"]) != (place.series, place.currency):
        kept, its = f"{fund['series']} in {fund['currency']}", f"{place.series} in {place.currency}"
        text = f"The ledger of {fund['code']} keeps {kept}, and the year {place.year_code} is {its}."
        reasons.append(Reason("fiscal-year-of-another-kind", text, mend="Choose a year of its kind."))
    if reasons:
        raise GroupRefused(reasons=reasons)
    await connection.execute(_ADD, place.group_id, place.year_id, fund_id, now, actor)
    return await connection.fetchrow(_MEMBER, place.group_id, place.year_id, fund_id)


async def take_out(connection: Connection, place: Place, fund_id: UUID) -> None:
    """Take a fund out of a group in a year. Raises `GroupRefused`, `MemberUnknown`."""
    if reasons := _closed(place):
        raise GroupRefused(reasons=reasons)
    if await connection.fetchval(_TAKE_OUT, place.group_id, place.year_id, fund_id) is None:
        raise MemberUnknown


def _closed(place: Place) -> list[Reason]:
    if place.year_state != "closed":
        return []
    text = f"The fiscal year {place.year_code} is closed: its groups stay as they were."
    return [Reason("fiscal-year-closed", text, mend="Have the year reopened.")]


async def carry_groups(
    connection: Connection, ledger_id: UUID, from_year: UUID, to_year: UUID, actor: str, now: datetime
) -> None:
    """A ledger goes over: its funds that have a budget in the next year are in the same groups there, but for those
    that somebody has put into groups of that year already."""
    await connection.execute(_CARRY, ledger_id, from_year, to_year, actor, now)


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """What a group has in a year, as far as somebody may see its funds."""

    funds: int
    budgets: int
    sums: Together


async def totals(
    connection: asyncpg.Pool | Connection, group_ids: Collection[UUID], year_id: UUID, standing: Standing
) -> dict[UUID, GroupTotals]:
    """What each of these groups has in a year: summed from its funds' budgets at the moment at which it is asked, and
    kept nowhere, so that it cannot differ from them."""
    seen = within(standing, "f.acquisition_unit_ids") or Within("TRUE", ())
    rows = await connection.fetch(
        f"""
        SELECT m.group_id, b.id, {", ".join(f"coalesce(b.{name}, 0) AS {name}" for name in SUMS)}
        FROM fund_group_member m JOIN fund f ON f.id = m.fund_id
        LEFT JOIN budget b ON b.fund_id = m.fund_id AND b.fiscal_year_id = m.fiscal_year_id
        WHERE m.fiscal_year_id = $1 AND m.group_id = ANY ($2::uuid[]) AND {seen.numbered(3)}
        """,  # noqa: S608 - our own words
        year_id,
        list(group_ids),
        *seen.values,
    )
    by_group: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        by_group[row["group_id"]].append(row)
    return {
        group_id: GroupTotals(
            len(by_group[group_id]),
            sum(row["id"] is not None for row in by_group[group_id]),
            together(Totals(*(row[name] for name in SUMS)) for row in by_group[group_id]),
        )
        for group_id in group_ids
    }
