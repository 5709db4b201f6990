"""Funds that are limited to locations: whether a line's copies go where each of its funds may pay."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.problems import Reason
from erm.orders.queries import Line
from erm.orders.rules import may_bear
from erm.units.rules import Act, Standing

_LIMITED = """
SELECT id, code, location_ids, acquisition_unit_ids FROM fund WHERE id = ANY ($1::uuid[]) AND location_ids <> '{}'
"""

Borne = tuple[UUID | None, Sequence[Mapping[str, Any]], str]
"""Where a line's copies go, its shares, and where in the input it stands."""


def of_lines(lines: Iterable[Line]) -> list[Borne]:
    """Lines as they are kept."""
    return [(line.row["location_id"], line.shares, f"/lines/{line.row['position']}") for line in lines]


async def misplaced(connection: Connection, told: Sequence[Borne], standing: Standing) -> list[Reason]:
    """Every share whose fund does not pay for where its line goes. (Funds that somebody may not see are unknown to
    them, and told so elsewhere.)"""
    funds = {share["fund_id"] for _, shares, _ in told for share in shares}
    limited = {row["id"]: row for row in await connection.fetch(_LIMITED, list(funds))}
    reasons = []
    for location_id, shares, pointer in told:
        for at, share in enumerate(shares):
            fund = limited.get(share["fund_id"])
            if (
                fund is None
                or may_bear(location_id, fund["location_ids"])
                or not standing.lets(Act.READ, fund["acquisition_unit_ids"])
            ):
                continue
            where = "names no location" if location_id is None else "goes elsewhere"
            text = f"The fund {fund['code']} pays for some locations only, and this {where}."
            mend = "Choose one of its locations (location_ids), or another fund."
            where_told = f"{pointer}/shares/{at}/fund_id"
            reasons.append(Reason("fund-of-other-locations", text, where_told, mend))
    return reasons
